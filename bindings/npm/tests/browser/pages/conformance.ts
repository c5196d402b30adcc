/** What the tests of the suite run inside pages. */
import { type StoreCase, storeCases } from "../../../src/conformance.js";
import { IndexedDbStore } from "../../../src/indexeddb.js";
import type { RefundStore } from "../../../src/store.js";
import { type Wrong, WRONG_STORES } from "../../support/wrong-stores.js";

const NAME = "suite";

let cases: readonly StoreCase[] | null = null;

/** Runs a case over an empty database. Rejects with what was expected and what was found. */
export function runCase(name: string): Promise<void> {
  return run(name, (store) => store);
}

/** Runs the case that should catch a planted bug; rejects where it does. */
export function runOnWrong(wrong: Wrong): Promise<void> {
  const { plant, caughtBy } = WRONG_STORES[wrong];
  return run(caughtBy, plant);
}

async function run(name: string, plant: (store: RefundStore) => RefundStore): Promise<void> {
  cases ??= await storeCases();
  const found = cases.find((each) => each.name === name);
  if (found === undefined) {
    throw new Error(`the suite has no case \`${name}\``);
  }
  await IndexedDbStore.delete(NAME);
  await found.run(() => ({ handle: async () => plant(await IndexedDbStore.open(NAME)) }));
}
