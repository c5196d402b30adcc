/** The example for browsers: the packed package, used by a page under a strict content security policy. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import type { Page } from "playwright-core";

import { tarball } from "../consumers/workshop.js";
import { fromTop } from "../support/files.js";
import { Browser, SITE_DATA_BLOCKED } from "./browser.js";

/** Amount, date, external id, who. */
const REFUNDS = [
  ["12.1", "2024-02-10", "ticket-1001", "Ada"],
  ["24.20", "2024-02-17", "ticket-1002", "Grace"],
  ["0.99", "2024-02-24", "ticket-1003", "Ada"],
] as const;

const ROWS = [
  ["12.10", "EUR", "2024-02-10", "ticket-1001", "Ada"],
  ["24.20", "EUR", "2024-02-17", "ticket-1002", "Grace"],
  ["0.99", "EUR", "2024-02-24", "ticket-1003", "Ada"],
];

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

let folder: string;
let browser: Browser;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "refund-ledger-example-"));
  await cp(fromTop("bindings/npm/examples/browser"), folder, { recursive: true });
  execFileSync("npm", ["install", "--offline", "--no-save", tarball()], { cwd: folder });
  browser = await Browser.start(folder);
});

beforeEach(() => browser.clearData());

after(async () => {
  await browser.close();
  await rm(folder, { recursive: true });
});

/** Waits until the page is done with what it was asked for. */
async function settled(page: Page): Promise<void> {
  await page.locator("main[aria-busy=false]").waitFor();
}

async function opened(within = browser): Promise<Page> {
  const page = await within.open();
  await settled(page);
  return page;
}

async function book(page: Page, [amount, date, externalId, who]: readonly string[]): Promise<void> {
  await page.getByLabel("Amount with taxes").fill(amount ?? "");
  await page.getByLabel("Date").fill(date ?? "");
  await page.getByLabel("External id").fill(externalId ?? "");
  await page.getByLabel("Who").fill(who ?? "");
  await page.getByRole("button", { name: "Book" }).click();
  await settled(page);
}

/** What the page says: the rows of its table without the ids, the ids, and the rest. */
async function shown(page: Page) {
  const cells = await page
    .locator("#refunds tr")
    .evaluateAll((rows) => rows.map((row) => [...row.children].map(({ textContent }) => textContent)));
  const text = (id: string): Promise<string> => page.locator(id).innerText();
  return {
    rows: cells.map((row) => row.toSpliced(4, 1)),
    ids: cells.map((row) => row[4] ?? ""),
    verdict: await text("#verdict"),
    balance: [await text("#amount"), await text("#refunded"), await text("#refundable")],
    error: await text("#error"),
  };
}

test("three refunds are there when the page is loaded again, and when the browser is started anew", async () => {
  const page = await opened();
  for (const refund of REFUNDS) {
    await book(page, refund);
  }
  const booked = await shown(page);
  assert.deepEqual(
    { ...booked, ids: [] },
    {
      rows: ROWS,
      ids: [],
      verdict: "Verified: valid, entries: 4, movements: 1",
      balance: ["121.00 EUR", "37.29 EUR", "83.71 EUR"],
      error: "",
    },
  );
  assert.equal(new Set(booked.ids.filter((id) => UUID.test(id))).size, 3, `${booked.ids.join()} are three ids`);
  await page.reload();
  await settled(page);
  assert.deepEqual(await shown(page), booked);
  await browser.restart();
  const again = await opened();
  assert.deepEqual(await shown(again), booked);
  await photograph(again);
  await again.close();
  assert.deepEqual(browser.complaints, []);
});

/** Pictures for people: of the page on a desk, in the dark and on a phone, where it must fit as well. */
async function photograph(page: Page): Promise<void> {
  const pictures = fromTop("target/npm/screenshots");
  await mkdir(pictures, { recursive: true });
  for (const [name, width, colorScheme] of [
    ["three-refunds", 1100, "light"],
    ["three-refunds-dark", 1100, "dark"],
    ["three-refunds-phone", 390, "light"],
  ] as const) {
    await page.setViewportSize({ width, height: 700 });
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `at a width of ${width}, the page is ${overflow} too wide`);
  }
}

test("what the policy keeps back is noticed", async () => {
  const page = await opened();
  const complained = page.waitForEvent("console");
  await page.evaluate(() => document.body.setAttribute("style", "color: red"));
  await complained;
  assert.match(browser.complaints.splice(0).join(), /Content Security Policy/);
  await page.close();
});

test("the page says why a refund is refused", async () => {
  const page = await opened();
  await book(page, ["121.01", "2024-02-10", "ticket-1001", "Ada"]);
  const { rows, error } = await shown(page);
  assert.deepEqual(rows, []);
  assert.match(error, /^over_refund: /);
  await book(page, ["121", "2024-02-10", "ticket-1001", "Ada"]);
  const { rows: after, error: none } = await shown(page);
  assert.deepEqual([after.length, none], [1, ""]);
  await page.close();
});

test("the page says why it has no ledger", async (t) => {
  const blocked = await Browser.start(folder, SITE_DATA_BLOCKED);
  t.after(() => blocked.close());
  const { error } = await shown(await opened(blocked));
  assert.match(error, /^StoreError: IndexedDB can't be used here .*allow site data for this page/);
});

test("the page notices an amount that was changed behind the ledger's back", async () => {
  const page = await opened();
  await book(page, REFUNDS[0]);
  await page.evaluate(changeAmount);
  await page.reload();
  await settled(page);
  const { rows, ids, verdict } = await shown(page);
  assert.equal(rows[0]?.[0], "11.10");
  assert.match(verdict, /^Verified: divergent/);
  const finding = `acme / sub-7 / mov-42: refund ${ids[0]}: its row is not what the journal says, in amount`;
  assert.ok(verdict.includes(finding), verdict);
  await page.close();
});

/** In the page: makes the one refund there is cheaper. */
function changeAmount(): Promise<void> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("refund-ledger");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const transaction = opening.result.transaction("refunds", "readwrite");
      const refunds = transaction.objectStore("refunds");
      const all = refunds.getAll();
      all.onsuccess = () => refunds.put({ ...all.result[0], with_taxes_minor: "1110" });
      transaction.oncomplete = () => {
        opening.result.close();
        resolve();
      };
      transaction.onabort = () => reject(transaction.error);
    };
  });
}
