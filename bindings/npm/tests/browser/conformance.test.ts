/** The suite, over IndexedDB in a real browser; and that it catches stores that are wrong there too. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";

import { storeCases } from "../../src/conformance-node.js";
import { type Wrong, WRONG_STORES } from "../support/wrong-stores.js";
import { Browser, caller } from "./browser.js";

const call = caller<typeof import("./pages/conformance.js")>("/tests/browser/pages/conformance.js");

let browser: Browser;
let page: Page;

before(async () => {
  browser = await Browser.start(fileURLToPath(new URL("../../", import.meta.url)));
  page = await browser.open();
});

after(() => browser.close());

for (const { name } of await storeCases()) {
  test(`IndexedDbStore in Chromium: ${name}`, () => call(page, "runCase", name));
}

for (const [wrong, { says }] of Object.entries(WRONG_STORES)) {
  test(`${wrong} is caught in Chromium`, () => assert.rejects(call(page, "runOnWrong", wrong as Wrong), says));
}
