/** The page `examples/web` where things are out of the ordinary: drops, servers, browsers that keep nothing. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { chromium, type Page } from "playwright-core";

import { browserForTests } from "../consumers/page.js";
import { type Project, Workshop } from "../consumers/workshop.js";
import { overflow } from "../support/accessible.js";
import { fromTop } from "../support/files.js";
import { CHROMIUM } from "../support/pages.js";
import { SITE_DATA_BLOCKED } from "./browser.js";
import { file, ledger, statement } from "./reconcile-files.js";
import { builtPage, PageOfUser } from "./reconcile-page.js";

const browser = browserForTests();
let workshop: Workshop;
let project: Project;

before(() => {
  workshop = new Workshop();
  project = builtPage(workshop);
});

after(() => workshop.remove());

function opened(t: TestContext): Promise<PageOfUser> {
  return PageOfUser.open(t, browser(), project);
}

async function compare(user: PageOfUser, named = statement.name): Promise<void> {
  await user.page.getByLabel("Where it comes from").selectOption("stripe");
  await user.choose("statement", { ...statement, name: named });
  await user.choose("ledger", ledger);
  await user.compare();
  await user.done();
}

function chosen(page: Page): Promise<string | undefined> {
  return page.locator("#statement").evaluate((field) => (field as HTMLInputElement).files?.[0]?.name);
}

/** Drops a file or folder of the disk at a place of the window. */
async function dropFrom(page: Page, path: string, x: number, y: number): Promise<void> {
  const client = await page.context().newCDPSession(page);
  const data = { items: [], files: [path], dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    await client.send("Input.dispatchDragEvent", { type, x, y, data });
  }
}

test("several files and folders are not dropped on a field, and text is not in its way", async (t) => {
  const user = await opened(t);
  const { page } = user;
  await user.drop("statement", statement);
  const two = await page.evaluateHandle(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(["a"], "one.csv"));
    transfer.items.add(new File(["b"], "two.csv"));
    return transfer;
  });
  const zone = page.locator(".drop", { has: page.locator("#statement") });
  await zone.dispatchEvent("drop", { dataTransfer: two });
  assert.deepEqual(await user.wrong(), { statement: "One file is compared at a time; these are 2." });
  assert.equal(await chosen(page), statement.name, "what was chosen stays");
  await user.drop("statement", file("other.csv", "a"));
  assert.deepEqual(await user.wrong(), {});
  assert.equal(await chosen(page), "other.csv");

  const folder = mkdtempSync(join(tmpdir(), "refund-ledger-folder-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const box = (await zone.boundingBox()) ?? assert.fail("the field is not seen");
  const [x, y] = [box.x + 5, box.y + 5];
  await dropFrom(page, folder, x, y);
  await page.locator("#statement-error:not(:empty)").waitFor();
  assert.deepEqual(await user.wrong(), { statement: "This is a folder; drop a file." });
  assert.equal(await chosen(page), "other.csv");

  const left = await page.locator("#org_id").evaluate((field) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.setData("text/plain", "acme");
    const events = ["dragover", "drop"].map((type) => new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
    return events.map((event) => field.dispatchEvent(event));
  });
  assert.deepEqual(left, [true, true], "the browser puts text where it is dropped");
  assert.deepEqual(user.complaints, []);
});

test("a file that is dropped on the report does not take its place", async (t) => {
  const user = await opened(t);
  await compare(user);
  const frame = await user.report();
  let tabs = 0;
  user.context.on("page", () => (tabs += 1));
  const [x, y] = [400, 400];
  assert.equal(await user.page.evaluate(([x, y]) => document.elementFromPoint(x, y)?.id, [x, y] as const), "report");
  await dropFrom(user.page, fromTop("crates/cli/demo/statement.csv"), x, y);
  await user.page.waitForTimeout(500);
  assert.equal(tabs, 0);
  assert.equal(frame.isDetached(), false);
  assert.ok((await frame.locator("body").innerText()).includes("Missing in the ledger"));
  assert.deepEqual(user.complaints, []);
});

test("reports are no steps of the browser's history", async (t) => {
  const user = await opened(t);
  const { page } = user;
  const steps = (): Promise<number> => page.evaluate(() => history.length);
  const before = await steps();
  for (let times = 0; times < 3; times += 1) {
    await compare(user);
    assert.ok((await (await user.report()).locator("body").innerText()).includes("Missing in the ledger"));
    assert.equal(page.frames().length, 2);
    await page.getByRole("button", { name: "Compare again" }).click();
    assert.equal(await page.locator("#form").isVisible(), true);
  }
  assert.equal(await steps(), before);
  assert.deepEqual(user.complaints, []);
});

test("who comes back to the page finds what was filled in, and what belongs to it", async (t) => {
  const user = await opened(t);
  const { page } = user;
  await user.choose("statement", statement);
  await page.getByLabel("Where it comes from").selectOption("csv");
  await page.getByLabel("The ledger that this browser keeps").check();
  await page.goto(`${user.origin}/`);
  await page.goBack();
  assert.equal(await page.getByLabel("Where it comes from").inputValue(), "csv");
  await page.getByLabel("Column with the amount").waitFor();
  assert.equal(await page.getByLabel("Name of the ledger").isVisible(), true);
  assert.equal(await page.locator("#ledger").isVisible(), false);
});

test("names are shown as they are, and nothing in them runs", async (t) => {
  const user = await opened(t);
  const { page } = user;
  const evil = `<img src=x onerror=document.title=1>'"&\u202Egpj.\u05D0.csv`;
  await page.getByLabel("Where it comes from").selectOption("csv");
  await user.choose("statement", file(evil, `${evil},<script>document.title=1</script>\n1,2\n`));
  await user.choose("ledger", file(evil, "<svg onload=document.title=1>"));
  for (const label of ["Column with the reference", "Column with the amount", "Column with the date", "Column with the currency"]) {
    await page.getByLabel(label).fill(evil);
  }
  await user.compare();
  await user.refused();
  await page.getByLabel("Column with the reference").fill("");
  await compare(user, evil);
  const frame = await user.report();
  assert.equal(await frame.locator("img, svg[onload]").count(), 0);
  assert.equal(await page.locator("img").count(), 0);
  const long = `${"x".repeat(240)}.csv`;
  await page.getByRole("button", { name: "Compare again" }).click();
  await compare(user, long);
  assert.ok((await user.saved("CSV")).name.endsWith("-report.csv"));
  await page.setViewportSize({ width: 320, height: 256 });
  assert.ok((await overflow(page)) <= 0);
  await page.getByRole("button", { name: "Compare again" }).click();
  assert.ok((await overflow(page)) <= 0);
  assert.deepEqual(user.complaints, []);
});

test("what is cancelled is not heard of again, however often", async (t) => {
  const user = await opened(t);
  const { page } = user;
  await page.getByLabel("Where it comes from").selectOption("stripe");
  await user.choose("statement", statement);
  await user.choose("ledger", ledger);
  await page.evaluate(() => {
    const click = (button: string): void => document.querySelector<HTMLElement>(button)?.click();
    for (let times = 0; times < 20; times += 1) {
      click("button.main");
      click("#cancel");
    }
    click("button.main");
  });
  await user.done();
  assert.equal(page.frames().length, 2);
  for (const end = performance.now() + 30_000; page.workers().length > 0 && performance.now() < end; ) {
    await page.waitForTimeout(20);
  }
  assert.equal(page.workers().length, 0);
  assert.deepEqual(user.complaints, []);
});

const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".css": "text/css",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
};

interface Site {
  url: string;
  /** The folder that is served; another one is another version. */
  folder: string;
  /** What is answered with 404. */
  missing: RegExp | undefined;
  close: () => Promise<void>;
}

/** A site under a path, of a server that sends `index.html` to its folder and varies by everything. */
async function site(t: TestContext, folder: string): Promise<Site> {
  const served: Site = { url: "", folder, missing: undefined, close: () => Promise.resolve() };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const path = pathname.replace(/^\/tools\/reconcile\//, "");
    response.setHeader("vary", "*");
    response.setHeader("x-content-type-options", "nosniff");
    if (path === pathname || served.missing?.test(path)) {
      response.writeHead(404).end();
    } else if (path === "index.html") {
      response.writeHead(308, { location: "./" }).end();
    } else {
      const name = path === "" ? "index.html" : path;
      response.setHeader("content-type", TYPES[extname(name)] ?? "application/octet-stream");
      response.end(readFileSync(join(served.folder, name)));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  let closed: Promise<void> | undefined;
  served.close = () =>
    (closed ??= new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    }));
  t.after(served.close);
  served.url = `http://127.0.0.1:${address.port}/tools/reconcile/`;
  return served;
}

async function tab(t: TestContext): Promise<Page> {
  const context = await browser().newContext();
  t.after(() => context.close());
  return context.newPage();
}

test("it is kept under any path, whatever the server says beside its files", async (t) => {
  const { url, close } = await site(t, join(project.folder, "dist"));
  const page = await tab(t);
  await page.goto(url);
  await page.getByText("it also works with the network off").waitFor();
  await page.reload();
  assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), "Reconcile refunds");
  await close();
  for (const way of ["", "?a=b#c", "index.html"]) {
    await page.goto(url + way);
    assert.equal(await page.getByRole("button", { name: "Compare", exact: true }).isVisible(), true);
  }
});

test("where it can't be kept, it says so", async (t) => {
  const served = await site(t, join(project.folder, "dist"));
  served.missing = /\.svg$/;
  const page = await tab(t);
  await page.goto(served.url);
  await page.getByText("The browser does not keep this page").waitFor();
});

test("a new version is taken once no tab has the old one, and until then the old one works", async (t) => {
  const served = await site(t, join(project.folder, "dist"));
  const newer = mkdtempSync(join(tmpdir(), "refund-ledger-newer-"));
  t.after(() => rmSync(newer, { recursive: true }));
  cpSync(served.folder, newer, { recursive: true });
  const edit = (name: string, from: RegExp, to: string): void => {
    const path = join(newer, name);
    const edited = readFileSync(path, "utf8").replace(from, to);
    assert.notEqual(edited, readFileSync(path, "utf8"));
    writeFileSync(path, edited);
  };
  edit("index.html", /(<h1[^>]*>)[^<]*/, "$1Another version");
  edit("offline.js", /VERSION = "[^"]*"/, 'VERSION = "another"');

  const first = await tab(t);
  const heading = (page: Page): Promise<string> => page.getByRole("heading", { level: 1 }).innerText();
  await first.goto(served.url);
  await first.getByText("it also works with the network off").waitFor();
  served.folder = newer;
  const second = await first.context().newPage();
  await second.goto(served.url);
  const waits = () => navigator.serviceWorker.getRegistration().then((found) => found?.waiting !== null);
  await second.evaluate(() => navigator.serviceWorker.getRegistration().then((found) => found?.update()));
  await second.waitForFunction(waits);
  await first.reload();
  for (const page of [first, second]) {
    assert.equal(await heading(page), "Reconcile refunds");
  }
  await first.goto("about:blank");
  await second.close();
  await first.waitForTimeout(500);
  await first.goto(served.url);
  assert.equal(await heading(first), "Another version");
  assert.deepEqual(await first.evaluate(() => caches.keys()), ["refund-ledger-web-another"]);
});

test("where the user blocks site data, it compares files, and says why it sees no ledger of the browser", async (t) => {
  const { url } = await site(t, join(project.folder, "dist"));
  const profile = mkdtempSync(join(tmpdir(), "refund-ledger-browser-"));
  mkdirSync(join(profile, "Default"));
  writeFileSync(join(profile, "Default/Preferences"), JSON.stringify(SITE_DATA_BLOCKED));
  const context = await chromium.launchPersistentContext(profile, CHROMIUM);
  t.after(async () => {
    await context.close();
    rmSync(profile, { recursive: true });
  });
  const page = await context.newPage();
  await page.goto(url);
  await page.getByText("The browser does not keep this page").waitFor();
  const upload = ({ name, content }: typeof statement) => ({ name, mimeType: "text/plain", buffer: Buffer.from(content) });
  await page.getByLabel("Where it comes from").selectOption("stripe");
  await page.locator("#statement").setInputFiles(upload(statement));
  await page.getByLabel("The ledger that this browser keeps").check();
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  await page.locator("#database-error:not(:empty)").waitFor();
  assert.match(await page.locator("#database-error").innerText(), /does not let this page see .*: allow site data/);
  await page.getByLabel("A file that was exported").check();
  await page.locator("#ledger").setInputFiles(upload(ledger));
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  await page.locator("body[data-state=done]").waitFor();
});
