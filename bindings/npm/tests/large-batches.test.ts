/** Batches about many refunds of one movement: what is read and walked for them grows with the batch, not with its square. */
import assert from "node:assert/strict";
import { test } from "node:test";
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { IndexedDbStore } from "../src/indexeddb.js";
import type { Command, ReadSet, RefundStore, Snapshot, WriteBatch } from "../src/node.js";
import { MapStore } from "./support/map-store.js";
import { opened, refund, refusal, SCOPE } from "./support/refusals.js";

/** How many refunds, and how many entries their movement's chain has per refund at most. */
const REFUNDS = 60;

/** A store that tells the longest chain that it handed over. */
function watched(inner: RefundStore): { store: RefundStore; longest: () => number } {
  let longest = 0;
  const see = (snapshot: Snapshot): Snapshot => {
    longest = Math.max(longest, ...snapshot.refunds.map((found) => found?.chain.length ?? 0));
    return snapshot;
  };
  const store: RefundStore = {
    load: async (wanted: ReadSet) => see(await inner.load(wanted)),
    commit: (batch) => inner.commit(batch),
    listRefunds: (filter, after, limit) => inner.listRefunds(filter, after, limit),
    journal: (after, limit) => inner.journal(after, limit),
    scan: (range, visit) => inner.scan(range, visit),
  };
  if (inner.transact !== undefined) {
    const transact = inner.transact.bind(inner);
    store.transact = (wanted: ReadSet, decide: (snapshot: Snapshot) => WriteBatch | null) =>
      transact(wanted, (snapshot) => decide(see(snapshot)));
  }
  return { store, longest: () => longest };
}

const STORES: readonly (readonly [name: string, open: () => Promise<RefundStore>])[] = [
  ["in maps", async () => new MapStore()],
  ["in IndexedDB", () => IndexedDbStore.open("large-batches", { indexedDB: new IDBFactory() })],
];

const ids = Array.from({ length: REFUNDS }, (_, at) => `r-${at}`);
const creates: Command[] = ids.map((id) => ({ op: "create_refund", ...SCOPE, body: refund(id) }));
const updates: Command[] = ids.map((id) => ({
  op: "update_refund",
  ...SCOPE,
  external_refund_unique_id: id,
  body: { ...refund(id), description: "another" },
}));
const erasures: Command[] = ids.map((id) => ({ op: "erase_text", ...SCOPE, external_refund_unique_id: id }));

for (const [name, open] of STORES) {
  test(`${name}: refunds that were updated are replayed and erased together`, async () => {
    const { store, longest } = watched(await open());
    const ledger = await opened({ store });
    await ledger.executeAll(creates);
    await ledger.executeAll(updates);
    const replays = await ledger.executeAll(creates);
    assert.deepEqual(new Set(replays.map((receipt) => "replayed" in receipt && receipt.replayed)), new Set([true]));
    // Its own two, and the movement's.
    assert.ok(longest() <= 3, `a chain of ${longest()} entries was handed over`);

    await ledger.executeAll(erasures);
    const left = (await ledger.journal({ limit: 500 })).items.filter((entry) => JSON.stringify(entry).includes("another"));
    assert.deepEqual(left, []);
    assert.equal((await ledger.verify()).verdict, "valid");
  });
}

test("what is too long for a string is not told as damage", async () => {
  class Endless extends MapStore {
    override listRefunds(): never {
      return { toJSON: () => "x".repeat(2 ** 30) } as never;
    }
  }
  const ledger = await opened({ store: new Endless() });
  const { code, message } = await refusal(() => ledger.listRefunds());
  assert.equal(code, "internal", message);
});

test("more writers than there are attempts get their turn on a store without a lock", async () => {
  const ledger = await opened({ store: new MapStore() });
  const written = await Promise.all(ids.map((id) => ledger.createRefund(SCOPE, refund(id))));
  assert.equal(written.filter(({ replayed }) => !replayed).length, REFUNDS);
});
