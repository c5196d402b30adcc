/** The page `examples/web`: the packed package, built by Vite, used by a person in Chromium. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import type { BrowserContextOptions } from "playwright-core";

import type { ReconcileReport } from "../../src/reconcile.js";
import { browserForTests } from "../consumers/page.js";
import { type Project, Workshop } from "../consumers/workshop.js";
import { contrastFaults, overflow, structureFaults } from "../support/accessible.js";
import { fromTop } from "../support/files.js";
import { manyLines } from "../support/many-lines.js";
import {
  commands,
  database,
  file,
  ledger,
  ofTwoOrgs,
  reportsOfCommand,
  statement,
  table,
} from "./reconcile-files.js";
import { assertSame } from "../support/same.js";
import { builtPage, PageOfUser, type UserFile } from "./reconcile-page.js";

const browser = browserForTests();
let workshop: Workshop;
let project: Project;

before(() => {
  workshop = new Workshop();
  project = builtPage(workshop);
});

after(() => workshop.remove());

function opened(t: TestContext, options: BrowserContextOptions = {}): Promise<PageOfUser> {
  return PageOfUser.open(t, browser(), project, options);
}

/** Says what is compared, but for the files. */
async function fillIn({ page }: PageOfUser, source = "stripe"): Promise<void> {
  await page.getByLabel("Where it comes from").selectOption(source);
  await page.getByLabel("From", { exact: true }).fill("2022-03-01");
  await page.getByLabel("Before").fill("2022-04-01");
}

async function compareDemo(user: PageOfUser): Promise<void> {
  await fillIn(user);
  await user.choose("statement", statement);
  await user.choose("ledger", ledger);
  await user.compare();
  await user.done();
}

test("two files are dropped, and the report is that of the command, seen and saved", async (t) => {
  const user = await opened(t);
  await fillIn(user);
  await user.drop("statement", statement);
  await user.drop("ledger", ledger);
  await user.compare();
  await user.done();
  const { paths, texts } = reportsOfCommand();

  const saved = [await user.saved("HTML"), await user.saved("CSV"), await user.saved("JSON")];
  assert.deepEqual(
    saved.map(({ name }) => name),
    ["statement-report.html", "statement-report.csv", "statement-report.json"],
  );
  saved.forEach(({ text }, at) => assertSame(text, texts[at] ?? ""));
  assert.ok((texts[0] ?? "").includes("Missing in the ledger"), "there is something to compare");

  const frame = await user.report();
  const alone = await user.context.browser()?.newPage({ viewport: { width: 1100, height: 850 } });
  assert.ok(alone !== undefined);
  await alone.goto(pathToFileURL(paths[0] ?? "").href);
  const seen = (place: typeof frame | typeof alone): Promise<string> => place.locator("body").innerText();
  assertSame(await seen(frame), await seen(alone));
  await alone.close();

  // Its style and its script are let in.
  assert.equal(await frame.locator("th button").first().isVisible(), true);
  await frame.getByRole("searchbox").fill("987654399");
  await frame.locator("#found").filter({ hasText: /^1 of/ }).waitFor();
  assert.match(await user.page.title(), /^\d lines agree, \d+ breaks; the result is incomplete\. – /);
  assert.deepEqual(user.complaints, []);
});

test("the ledger that the browser keeps is compared as its export is", async (t) => {
  const user = await opened(t);
  const lines = commands.flatMap((path) => readFileSync(path, "utf8").trim().split("\n"));
  const exported = await user.page.evaluate(async (lines) => {
    const from = "/node_modules/refund-ledger/dist";
    const { Ledger } = (await import(`${from}/index.js`)) as typeof import("../../src/index.js");
    const { IndexedDbStore } = (await import(`${from}/indexeddb.js`)) as typeof import("../../src/indexeddb.js");
    const store = await IndexedDbStore.open();
    const ledger = await Ledger.open({ store });
    await ledger.executeAll(lines.map((line) => JSON.parse(line) as import("../../src/index.js").Command));
    let text = "";
    for await (const line of ledger.exportCommands()) {
      text += `${line}\n`;
    }
    store.close();
    return text;
  }, lines);

  await fillIn(user);
  await user.choose("statement", statement);
  await user.page.getByLabel("The ledger that this browser keeps").check();
  await user.compare();
  await user.done();
  const [html, json] = [await user.saved("HTML"), await user.saved("JSON")];
  assert.ok(html.text.includes("refund-ledger in this browser"));

  await user.page.getByRole("button", { name: "Compare again" }).click();
  await user.page.getByLabel("A file that was exported").check();
  await user.choose("ledger", file("ledger.jsonl", exported));
  await user.compare();
  await user.done();
  assert.equal((await user.saved("JSON")).text, json.text);
  assert.ok(Number((JSON.parse(json.text) as ReconcileReport).matched) > 0);
  assert.deepEqual(user.complaints, []);
});

test("a ledger that the browser does not keep is not made", async (t) => {
  const user = await opened(t);
  await fillIn(user);
  await user.choose("statement", statement);
  await user.page.getByLabel("The ledger that this browser keeps").check();
  await user.page.getByLabel("Name of the ledger").fill("other");
  await user.compare();
  const message = `This browser keeps no ledger \`other\` for pages of ${user.origin}.`;
  assert.deepEqual(await user.refused(), { database: message });
  assert.deepEqual(await user.page.evaluate(() => indexedDB.databases()), []);
});

test("what is missing is said where it belongs, and unsaid once it is there", async (t) => {
  const user = await opened(t);
  const { page } = user;
  await user.compare();
  assert.deepEqual(await user.refused(), {
    statement: "Choose the file of the provider or bank.",
    source: "Choose where the statement comes from.",
    ledger: "Choose the export of the ledger.",
  });
  assert.equal(await page.locator("#statement").evaluate((field) => field === document.activeElement), true);
  assert.equal(await page.locator("#source").getAttribute("aria-invalid"), "true");
  assert.equal(await page.locator("#source").getAttribute("aria-describedby"), "source-error");

  await user.choose("statement", table);
  await user.choose("ledger", ledger);
  await page.getByLabel("Where it comes from").selectOption("csv");
  assert.deepEqual(await user.wrong(), {});
  assert.equal(await page.locator("#source").getAttribute("aria-invalid"), "false");
  await page.getByLabel("From", { exact: true }).fill("2022-04-01");
  await page.getByLabel("Before").fill("2022-03-01");
  await page.getByText("More options").click();
  await page.getByLabel("Days that a refund").fill("-1");
  await page.getByText("More options").click();
  await user.compare();
  assert.deepEqual(await user.refused(), {
    "column-key": "Name the column with the reference.",
    "column-amount": "Name the column with the amount.",
    "column-date": "Name the column with the date.",
    "column-currency": "Name the column with the currency, or give one currency.",
    to: "The period must begin before it ends; it begins at 2022-04-01.",
    window_days: "Write a whole number, or nothing.",
  });
  assert.equal(await page.locator("#window_days").isVisible(), true, "what is folded away is shown");
});

test("the columns of a table are named, and offered from its header", async (t) => {
  const user = await opened(t);
  const { page } = user;
  await fillIn(user, "csv");
  await user.choose("statement", table);
  await user.choose("ledger", ledger);
  await page.locator("#column-names option").first().waitFor({ state: "attached" });
  const offered = await page.locator("#column-names option").evaluateAll((all) =>
    all.map((option) => (option as HTMLOptionElement).value),
  );
  assert.deepEqual(offered, ["Ref", 'Amount; "EUR"', "Day"]);
  await page.getByLabel("Column with the reference").fill("Ref");
  await page.getByLabel("Column with the amount").fill('Amount; "EUR"');
  await page.getByLabel("A refund is written as").selectOption("negative");
  await page.getByLabel("Decimals stand behind").selectOption(",");
  await page.getByLabel("Column with the date").fill("Day");
  await page.getByLabel("Dates are written as").selectOption("%d/%m/%Y");
  const currency = page.getByLabel("Or the currency of all lines");
  await currency.fill("EURO");
  await page.getByLabel("More about its form").fill("delimiter=;");
  await user.compare();
  const { map } = await user.refused();
  assert.match(map ?? "", /^`fixed_currency` is `EURO`; it must be /);
  await currency.fill("EUR");
  await user.compare();
  await user.done();
  const report = JSON.parse((await user.saved("JSON")).text) as ReconcileReport;
  assert.equal(report.matched, 1);
  const [first] = report.breaks;
  assert.deepEqual([first?.reason, first?.key, first?.statement_minor], ["missing_in_ledger", "nobody", 100]);
});

test("a wrong file is named, with what is wrong with it", async (t) => {
  const user = await opened(t);
  const twoOrgs = file("both.jsonl", ofTwoOrgs());
  const adyen = readFileSync(fromTop("crates/reconcile/tests/fixtures/adyen/settlement_details.csv"));
  const keys = file("keys.csv", "re_02,987654331,more\n");
  const cases: [field: string, said: RegExp, files: Record<string, UserFile>][] = [
    ["statement", /^Can't be read: .*empty/, { statement: file("empty.csv", "") }],
    ["statement", /^Can't be read: .*/, { statement: file("photo.csv", Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1])) }],
    ["statement", /balance_transaction_id|currency|gross/, { statement: file("other.csv", "One,Two\n1,2\n") }],
    ["statement", /not an itemised balance report of Stripe/, { statement: file("adyen.csv", adyen) }],
    ["ledger", /^Can't be read: line 1: /, { ledger: file("notes.txt", "These are no commands.\n") }],
    ["ledger", /SQLite file; `refunds --ledger FILE export`/, { ledger: file("refunds.db", readFileSync(database)) }],
    ["keys", /line 1: /, { keys }],
    ["org_id", /several orgs: `acme`, `zeta`/, { ledger: twoOrgs }],
  ];
  await fillIn(user);
  await user.page.getByText("More options").click();
  for (const [field, said, files] of cases) {
    for (const [name, content] of Object.entries({ statement, ledger, keys: undefined, ...files })) {
      if (content === undefined) {
        await user.page.locator(`#${name}`).setInputFiles([]);
      } else {
        await user.choose(name, content);
      }
    }
    await user.compare();
    const wrong = await user.refused();
    assert.deepEqual(Object.keys(wrong), [field], JSON.stringify(wrong));
    assert.match(wrong[field] ?? "", said);
    assert.equal(await user.page.evaluate(() => document.activeElement?.id), field, "its field is gone to");
  }
  await user.page.getByLabel("Org").fill("acme");
  await user.compare();
  await user.done();
  const { text } = await user.saved("HTML");
  assert.ok(text.includes("org <b>acme</b>"));
  assert.deepEqual(user.complaints, []);
});

test("it works with the network off and its server gone", async (t) => {
  const user = await opened(t);
  await user.page.getByText("it also works with the network off").waitFor();
  await user.stopServer();
  await user.context.setOffline(true);
  await user.page.reload();
  await compareDemo(user);
  const { texts } = reportsOfCommand();
  assert.equal((await user.saved("JSON")).text, texts[2]);
  assert.deepEqual(user.complaints, []);
});

test("neither the page nor its worker can reach another server", async (t) => {
  let reached = 0;
  const other = createServer((_request, response) => {
    reached += 1;
    response.end();
  });
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  t.after(() => other.close());
  const address = other.address();
  assert.ok(typeof address === "object" && address !== null);
  const send = (url: string): Promise<string> =>
    fetch(url, { method: "POST", mode: "no-cors", body: "amounts" }).then(
      () => "sent",
      () => "kept back",
    );
  const url = `http://127.0.0.1:${address.port}/`;

  const user = await opened(t, { serviceWorkers: "block" });
  await user.stall();
  const free = await user.context.newPage();
  await free.goto(user.origin);
  assert.equal(await free.evaluate(send, url), "sent", "a page without a policy reaches it");
  assert.equal(reached, 1);
  await free.close();

  assert.equal(await user.page.evaluate(send, url), "kept back");
  await fillIn(user);
  await user.choose("statement", statement);
  await user.choose("ledger", ledger);
  const starting = user.page.waitForEvent("worker");
  await user.compare();
  const worker = await starting;
  assert.equal(await worker.evaluate(send, url), "kept back");
  assert.equal(reached, 1);
});

test("the work is cancelled, and what was filled in is still there", async (t) => {
  const user = await opened(t);
  const { page } = user;
  await chooseMany(user);
  const starting = page.waitForEvent("worker");
  await user.compare();
  const worker = await starting;
  const ended = new Promise<void>((resolve) => worker.once("close", () => resolve()));
  await page.locator("#step").filter({ hasText: "Reading the ledger" }).waitFor();
  await page.getByRole("button", { name: "Cancel" }).press("Enter");
  await ended;
  assert.equal(await page.getByRole("status").innerText(), "Cancelled. Nothing was kept.");
  assert.equal(await page.locator("#working").isVisible(), false);
  const chosen = page.locator("#statement").evaluate((field) => (field as HTMLInputElement).files?.[0]?.name);
  assert.equal(await chosen, "lines.csv");
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Compare");
  await compareDemo(user);
  assert.deepEqual(user.complaints, []);
});

let made: ReturnType<typeof manyLines> | undefined;

/** Chooses 100,000 lines, and the ledger that they are about. */
async function chooseMany(user: PageOfUser): Promise<void> {
  made ??= manyLines();
  const { statement, ledger } = await made;
  await fillIn(user);
  await user.choose("statement", statement);
  await user.choose("ledger", ledger);
}

/** In the page: notes the longest time in which it could do nothing, and what is said of the progress. */
function watch(): void {
  const watched = { longest: 0, steps: [] as string[] };
  let last = performance.now();
  const tick = (): void => {
    const now = performance.now();
    watched.longest = Math.max(watched.longest, now - last);
    last = now;
  };
  setInterval(tick, 10);
  const step = document.getElementById("step");
  if (step !== null) {
    new MutationObserver(() => watched.steps.push(step.textContent ?? "")).observe(step, { childList: true });
  }
  Object.assign(globalThis, { watched });
}

/**
 * How long the page may do nothing, as a share of the whole: as all of it is slower on a machine that is busy, a
 * time would say more about the machine. A page that read or compared by itself would stand still for longer.
 */
const FREEZE_SHARE_MAX = 1 / 3;

test("100,000 lines never freeze the page, and progress is seen", async (t) => {
  const user = await opened(t);
  const { page } = user;
  await chooseMany(user);
  await page.evaluate(watch);
  const watched = (): Promise<{ longest: number; steps: string[] }> =>
    page.evaluate(() => (globalThis as unknown as { watched: { longest: number; steps: string[] } }).watched);
  const start = performance.now();
  await user.compare();
  await user.done();
  const frame = await user.report();
  assert.equal(await frame.locator("#missing_in_ledger").isVisible(), true);
  const whole = performance.now() - start;
  await page.waitForTimeout(200);
  const { longest, steps } = await watched();
  t.diagnostic(`the longest time in which the page did nothing: ${Math.round(longest)} of ${Math.round(whole)} ms`);
  assert.ok(longest < FREEZE_SHARE_MAX * whole, `the page did nothing for ${longest} of ${whole} ms`);
  const counted = (of: RegExp): number[] =>
    steps.flatMap((step) => (of.exec(step)?.[1] ?? "").replaceAll(",", "") || []).map(Number);
  for (const [part, differentMin] of [
    [/^Reading the ledger: ([\d,]+) entries/, 3],
    // It is read in less time than a person takes to look.
    [/^Reading the statement: (\d+) %/, 1],
  ] as const) {
    const numbers = counted(part);
    assert.ok(new Set(numbers).size >= differentMin, `${String(part)} is seen to move: ${numbers.join(" ")}`);
    assert.deepEqual(numbers, numbers.toSorted((one, other) => one - other), "it never goes back");
  }
  assert.deepEqual(
    [...new Set(steps.map((step) => step.split(":")[0]))],
    [
      "Beginning",
      "Opening the ledger",
      "Reading the ledger",
      "Reading the statement",
      "Comparing both sides",
      "Writing the report",
    ],
  );

  await page.evaluate((ms) => {
    const until = performance.now() + ms;
    while (performance.now() < until);
  }, FREEZE_SHARE_MAX * whole);
  await page.waitForTimeout(50);
  assert.ok((await watched()).longest >= FREEZE_SHARE_MAX * whole, "a page that freezes is noticed");
  assert.deepEqual(user.complaints, []);
});

/** Pictures for people, on a desk, in the dark and on a phone, each of which is looked at by the rules as well. */
async function photograph({ page }: PageOfUser, name: string): Promise<void> {
  const pictures = fromTop("target/npm/screenshots");
  mkdirSync(pictures, { recursive: true });
  for (const [kind, width, colorScheme] of [
    ["", 1100, "light"],
    ["-dark", 1100, "dark"],
    ["-phone", 390, "light"],
  ] as const) {
    await page.setViewportSize({ width, height: 844 });
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(pictures, `reconcile-${name}${kind}.png`), fullPage: true });
    const { measured, faults } = await contrastFaults(page);
    assert.ok(measured > 5);
    assert.deepEqual(faults, [], `${name}${kind}`);
    assert.ok((await overflow(page)) <= 0, `${name}${kind} is ${await overflow(page)} too wide`);
  }
  await page.setViewportSize({ width: 1100, height: 850 });
  assert.deepEqual(await structureFaults(page), []);
}

test("everybody can read it while it works", async (t) => {
  const user = await opened(t, { serviceWorkers: "block" });
  await user.stall();
  await fillIn(user);
  await user.choose("statement", statement);
  await user.choose("ledger", ledger);
  await user.compare();
  await user.page.locator("#step").filter({ hasText: "Opening the ledger" }).waitFor();
  await photograph(user, "working");
  await user.page.getByRole("button", { name: "Cancel" }).click();
  assert.equal(await user.page.locator("#form").isVisible(), true);
});

test("everybody can read it: as it is opened, filled in, refused, and done", async (t) => {
  const user = await opened(t);
  await user.page.getByText("it also works with the network off").waitFor();
  await photograph(user, "empty");
  await user.page.getByLabel("Where it comes from").selectOption("csv");
  await user.page.getByText("More options").click();
  await user.compare();
  await user.refused();
  await photograph(user, "refused");
  await compareDemo(user);
  await user.report();
  await photograph(user, "done");
});

test("all of the report is printed, and nothing else", async (t) => {
  const user = await opened(t);
  await compareDemo(user);
  const frame = await user.report();
  const { page } = user;
  const height = (): Promise<number> => page.locator("#report").evaluate((shown) => shown.clientHeight);
  const whole = await frame.evaluate(() => document.documentElement.scrollHeight);
  assert.ok((await height()) < whole, "on the screen the report is longer than the window");
  const sheets = (await page.pdf()).toString("latin1").match(/\/Type \/Page\b/g) ?? [];
  assert.ok(sheets.length >= 3, `it is printed on ${sheets.length} sheets`);
  assert.ok((await height()) < whole, "after that it is seen as before");
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.getByRole("button", { name: "Print" }).isVisible(), false);
});

test("a user gets the tools and the package that it is tested with", () => {
  type Manifest = Record<string, Record<string, string>>;
  const read = (path: string): Manifest => JSON.parse(readFileSync(fromTop(path), "utf8")) as Manifest;
  const page = read("examples/web/package.json");
  const { typescript, vite } = read("bindings/npm/tests/consumers/tools/package.json")["devDependencies"] ?? {};
  assert.deepEqual(page["devDependencies"], { typescript, vite });
  const { version } = read("bindings/npm/package.json");
  const packed = `file:../../target/npm/refund-ledger-${String(version)}.tgz`;
  assert.deepEqual(page["dependencies"], { "refund-ledger": packed });
});
