/** The report that the library writes, as a person sees it who opens the file in Chromium. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import type { BrowserContextOptions, Page } from "playwright-core";

import { browserForTests } from "../consumers/page.js";
import { contrastFaults, overflow, structureFaults } from "../support/accessible.js";
import { fromTop } from "../support/files.js";

/** The golden reports of the library. */
const REPORTS = ["all_kinds", "incomplete", "agreeing", "empty", "hostile"] as const;

type ReportName = (typeof REPORTS)[number];

const browser = browserForTests();
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "refund-ledger-report-"));
  const from = fromTop("crates/reconcile");
  const style = await readFile(join(from, "src/render/html/report.css"), "utf8");
  const script = await readFile(join(from, "src/render/html/report.js"), "utf8");
  for (const name of REPORTS) {
    const golden = await readFile(join(from, `tests/golden/reports/${name}.html`), "utf8");
    // The golden files leave out what has files of its own.
    const whole = golden
      .replace("<style>…</style>", () => `<style>${style}</style>`)
      .replace("<script>…</script>", () => `<script>${script}</script>`);
    await writeFile(join(folder, `${name}.html`), whole);
  }
});

after(() => rm(folder, { recursive: true }));

/** A window of a browser that shows reports, each opened as a file. */
interface Window {
  page: Page;
  show(name: ReportName): Promise<void>;
  /** What the reports asked for and complained about. */
  complaints: string[];
}

/** Opens a window for a test, and closes it behind it. */
async function windowFor(t: TestContext, options: BrowserContextOptions = {}): Promise<Window> {
  const context = await browser().newContext({ viewport: { width: 1200, height: 900 }, ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  let url = "";
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    if (request.url() !== url) {
      complaints.push(`it asked for ${request.url()}`);
    }
  });
  const show = async (name: ReportName): Promise<void> => {
    url = pathToFileURL(join(folder, `${name}.html`)).href;
    await page.goto(url);
  };
  return { page, show, complaints };
}

/** How many rows of the lists are seen. */
function rowsSeen(page: Page): Promise<number> {
  return page.locator("table.list tbody tr:visible").count();
}

test("without scripts all of it is read", async (t) => {
  const { page, show, complaints } = await windowFor(t, { javaScriptEnabled: false });
  await show("all_kinds");
  assert.equal(await page.locator("h1").innerText(), "Refunds of March 2026");
  const breaks = (await page.locator("nav li b").allInnerTexts()).map(Number);
  const proposals = await page.locator("table.proposals tbody tr").count();
  const all = breaks.reduce((sum, count) => sum + count, proposals);
  assert.equal(proposals, 1);
  assert.equal(await rowsSeen(page), all);
  assert.equal(await page.locator("#find").isVisible(), false, "no search is offered that would not work");
  assert.equal(await page.locator("th button").count(), 0, "no sorting is offered that would not work");
  await page.getByRole("link", { name: "Dates too far apart" }).click();
  assert.equal(await page.locator("#date_outside_window").isVisible(), true);
  assert.deepEqual(complaints, []);
});

test("with scripts the lists are searched", async (t) => {
  const { page, show, complaints } = await windowFor(t);
  await show("all_kinds");
  const all = await rowsSeen(page);
  const find = page.getByRole("searchbox", { name: "Find in the lists" });
  const found = page.locator("#found");
  await find.fill("12000");
  await found.filter({ hasText: `of ${all} rows` }).waitFor();
  const seen = await rowsSeen(page);
  assert.ok(seen > 0 && seen < all, `${seen} of ${all} rows hold an amount of 12,000`);
  assert.match(await page.locator("table.list tbody tr:visible").first().innerText(), /12,000/);
  await find.fill("nothing is called this");
  await found.filter({ hasText: `0 of ${all} rows` }).waitFor();
  assert.equal(await page.locator(".reason:visible").count(), 0, "lists without a row that fits are hidden");
  await find.fill("");
  await found.filter({ hasText: /^$/ }).waitFor({ state: "attached" });
  assert.equal(await rowsSeen(page), all);
  assert.deepEqual(complaints, []);
});

test("with scripts a list is sorted by its columns", async (t) => {
  const { page, show, complaints } = await windowFor(t);
  await show("all_kinds");
  const table = page.locator("table.breaks").first();
  const header = table.locator("th", { hasText: "Difference" });
  const differences = async (): Promise<number[]> => {
    const cells = table.locator("tbody td:last-child data");
    const values = await cells.evaluateAll((all) => all.map((cell) => (cell as HTMLDataElement).value));
    return values.map(Number);
  };
  const before = await differences();
  assert.ok(new Set(before).size > 1, "there is something to sort");
  await header.getByRole("button").press("Enter");
  assert.equal(await header.getAttribute("aria-sort"), "ascending");
  assert.deepEqual(await differences(), before.toSorted((one, other) => one - other));
  await header.getByRole("button").press("Enter");
  assert.equal(await header.getAttribute("aria-sort"), "descending");
  assert.deepEqual(await differences(), before.toSorted((one, other) => other - one));
  assert.deepEqual(complaints, []);
});

test("it asks for nothing, and its policy keeps it so", async (t) => {
  const { page, show, complaints } = await windowFor(t);
  for (const name of REPORTS) {
    await show(name);
    assert.deepEqual(complaints, [], name);
  }
  const refused = page.waitForEvent("console");
  await page.evaluate(() => {
    const image = document.createElement("img");
    image.src = "http://127.0.0.1:9/seen.png";
    document.body.append(image);
  });
  await refused;
  assert.match(complaints.join(), /Content Security Policy/, "what is kept back is noticed");
});

test("its structure is told: one first heading, no level left out, headers with scope, captions", async (t) => {
  const { page, show } = await windowFor(t);
  for (const name of REPORTS) {
    await show(name);
    assert.deepEqual(await structureFaults(page), [], name);
  }
  await show("all_kinds");
  await page.evaluate(() => {
    document.querySelector("h2")?.replaceWith(document.createElement("h4"));
    document.querySelector("th")?.removeAttribute("scope");
    document.querySelector("caption")?.remove();
  });
  assert.equal((await structureFaults(page)).length, 3, "what is broken is found");
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`its text stands out from what is behind it, ${colorScheme}`, async (t) => {
    const { page, show } = await windowFor(t, { colorScheme });
    for (const name of REPORTS) {
      await show(name);
      const { measured, faults } = await contrastFaults(page);
      assert.ok(measured > 20, `${name}: ${measured} texts are measured`);
      assert.deepEqual(faults, [], name);
    }
    await page.evaluate(() => document.querySelector("h1")?.style.setProperty("color", "#777"));
    const { faults } = await contrastFaults(page);
    assert.equal(faults.length, 1, "what is too pale is found");
  });
}

test("a phone shows it without scrolling sideways", async (t) => {
  const { page, show } = await windowFor(t, { viewport: { width: 360, height: 740 } });
  for (const name of REPORTS) {
    await show(name);
    const wider = await overflow(page);
    assert.ok(wider <= 0, `${name} is ${wider} pixels too wide`);
  }
  await page.evaluate(() => document.querySelector("h1")?.style.setProperty("width", "600px"));
  assert.ok((await overflow(page)) > 0, "what is too wide is found");
});

test("it prints all rows in black on white, also where the screen is dark", async (t) => {
  const { page, show } = await windowFor(t, { colorScheme: "dark" });
  await show("all_kinds");
  const all = await rowsSeen(page);
  await page.emulateMedia({ media: "print" });
  assert.equal(await rowsSeen(page), all);
  assert.equal(await page.locator("#find").isVisible(), false, "a search is nothing on paper");
  const colours = await page.evaluate(() => {
    const { backgroundColor, color } = getComputedStyle(document.body);
    return [backgroundColor, color];
  });
  assert.deepEqual(colours, ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]);
  assert.deepEqual((await contrastFaults(page)).faults, []);
  const sheets = (await page.pdf({ preferCSSPageSize: true })).toString("latin1").match(/\/Type \/Page\b/g) ?? [];
  assert.ok(sheets.length >= 2, `it is ${sheets.length} sheets long`);
});

test("there are pictures of it for people", async (t) => {
  const pictures = fromTop("target/npm/screenshots");
  await mkdir(pictures, { recursive: true });
  const { page, show } = await windowFor(t);
  for (const [name, width, colorScheme] of [
    ["report", 1200, "light"],
    ["report-dark", 1200, "dark"],
    ["report-phone", 390, "light"],
  ] as const) {
    await page.setViewportSize({ width, height: 844 });
    await page.emulateMedia({ colorScheme });
    await show("all_kinds");
    await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
  }
});
