/** The suite, over each store that runs in Node; and that it catches stores that are wrong. */
import assert from "node:assert/strict";
import { test } from "node:test";
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { REPLACED, type StoreFixture, storeCases } from "../src/conformance-node.js";
import { IndexedDbStore } from "../src/indexeddb.js";
import { caseNames } from "../src/wasm/conformance.js";
import { MapStore } from "./support/map-store.js";

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

/** Stores with a planted bug, each caught by a case. */
const wrong: Record<string, { open: () => MapStore; caughtBy: string }> = {
  "a store that ignores preconditions": {
    open: () =>
      new (class extends MapStore {
        override commit(batch: Parameters<MapStore["commit"]>[0]): void {
          super.commit({ ...batch, preconditions: [] });
        }
      })(),
    caughtBy: "commit::conflicts_on_another_version_of_a_movement",
  },
  "a store that lets a race pass the cap": {
    open: () =>
      new (class extends MapStore {
        async transact(...[wanted, decide]: Parameters<NonNullable<IndexedDbStore["transact"]>>): Promise<void> {
          const batch = decide(this.load(wanted));
          await Promise.resolve();
          if (batch !== null) {
            super.commit({ ...batch, preconditions: [] });
          }
        }
      })(),
    caughtBy: "race::never_passes_the_cap_on_one_handle",
  },
  "a store that forgets erasures": {
    open: () =>
      new (class extends MapStore {
        override commit(batch: Parameters<MapStore["commit"]>[0]): void {
          super.commit({ ...batch, erasures: [] });
        }
      })(),
    caughtBy: "erasure::blanks_all_texts_of_a_refund_and_no_others",
  },
  "a store that scans on": {
    open: () =>
      new (class extends MapStore {
        override scan(...[range, visit]: Parameters<MapStore["scan"]>): number {
          return super.scan(range, (row) => visit(row) || true);
        }
      })(),
    caughtBy: "scan::stops_where_the_visitor_answers_false",
  },
};

for (const [what, { open, caughtBy }] of Object.entries(wrong)) {
  test(`${what} is caught`, async () => {
    const found = cases.find(({ name }) => name === caughtBy);
    assert.ok(found !== undefined, `the suite has a case \`${caughtBy}\``);
    await assert.rejects(
      found.run(() => {
        const store = open();
        return { handle: () => store };
      }),
    );
  });
}
