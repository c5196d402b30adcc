/** Where a browser keeps IndexedDB for a while only, or not at all. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { Frame, Page } from "playwright-core";

import { Browser, caller, SITE_DATA_BLOCKED } from "./browser.js";

const call = caller<typeof import("./pages/ledger.js")>("/tests/browser/pages/ledger.js");

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

async function started(t: TestContext, preferences: object = {}): Promise<Browser> {
  const browser = await Browser.start(ROOT, preferences);
  t.after(() => browser.close());
  return browser;
}

const valid = (count: number) => ({
  count,
  report: { verdict: "valid", movements: 1, entries: 1 + count, findings: [] },
});

/** The page is told why it has no store, and can have a ledger in memory. */
async function isDenied(page: Page | Frame, why: RegExp): Promise<void> {
  for (const [kind, message] of await call(page, "refusals")) {
    assert.equal(kind, "unavailable", message);
    assert.match(message, /IndexedDB can't be used here .*allow site data for this page.*a ledger in memory/);
    assert.match(message, why);
  }
  assert.deepEqual(await call(page, "bookInMemory", ["a"]), valid(1));
}

test("in a private window the ledger works for all its tabs, and is gone with it", async (t) => {
  const browser = await started(t);
  assert.deepEqual(await call(await browser.open(), "book", ["a", "b", "c"]), valid(3));
  await browser.withPrivateWindow(async (open) => {
    assert.deepEqual(await call(await open(), "book", ["a"]), valid(1), "it shares nothing with other windows");
    assert.deepEqual(await call(await open(), "book", ["a", "b"]), valid(2), "its tabs share a ledger");
  });
  await browser.withPrivateWindow(async (open) => {
    assert.deepEqual(await call(await open(), "book", []), valid(0));
  });
  assert.deepEqual(await call(await browser.open(), "book", []), valid(3));
});

test("a sandboxed frame is told that it has no IndexedDB", async (t) => {
  const browser = await started(t);
  await isDenied(await browser.openSandboxed(), /SecurityError/);
});

test("where the user blocks site data, the page is told so", async (t) => {
  const browser = await started(t, SITE_DATA_BLOCKED);
  await isDenied(await browser.open(), /denied permission/);
});
