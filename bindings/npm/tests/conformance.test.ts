/** The suite, over each store that runs in Node; and that it catches stores that are wrong. */
import assert from "node:assert/strict";
import { test } from "node:test";
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { type StoreFixture, storeCases } from "../src/conformance-node.js";
import { REPLACED } from "../src/conformance/suite.js";
import { IndexedDbStore } from "../src/indexeddb.js";
import { caseNames } from "../src/wasm/conformance.js";
import { MapStore } from "./support/map-store.js";
import { WRONG_STORES } from "./support/wrong-stores.js";

const cases = await storeCases();

const stores: Record<string, () => StoreFixture | Promise<StoreFixture>> = {
  "a store in maps": () => {
    const store = new MapStore();
    return { handle: () => store };
  },
  "IndexedDbStore over fake-indexeddb": () => {
    const indexedDB = new IDBFactory();
    return { handle: () => IndexedDbStore.open("suite", { indexedDB }) };
  },
};

for (const [store, open] of Object.entries(stores)) {
  for (const { name, run } of cases) {
    test(`${store}: ${name}`, () => run(open));
  }
}

test("each case of the suite is run or replaced", () => {
  const names = new Set(cases.map(({ name }) => name));
  for (const name of caseNames()) {
    const runs = REPLACED[name] ?? name;
    assert.ok(names.has(runs), `\`${name}\` is neither run nor replaced`);
  }
});

for (const [what, { plant, caughtBy, says }] of Object.entries(WRONG_STORES)) {
  test(`${what} is caught`, async () => {
    const found = cases.find(({ name }) => name === caughtBy);
    assert.ok(found !== undefined, `the suite has a case \`${caughtBy}\``);
    await assert.rejects(
      found.run(() => {
        const store = plant(new MapStore());
        return { handle: () => store };
      }),
      says,
    );
  });
}
