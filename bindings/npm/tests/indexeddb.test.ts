import assert from "node:assert/strict";
import { test } from "node:test";

import type { IndexedDbStore } from "../src/indexeddb.js";
import type { MovementRow } from "../src/rows.js";
import { contents, emptyStore, isStoreError, refuses, twoStores } from "./support/indexeddb.js";
import {
  batch,
  create,
  createWithinCap,
  entryRow,
  externalIdFree,
  movementAt,
  movementKey,
  movementRow,
  onlyMovement,
  record,
  refundId,
  refundRow,
  wanted,
} from "./support/rows.js";

const KEY = movementKey("m");

async function rowOf(store: IndexedDbStore, key = KEY): Promise<MovementRow> {
  return onlyMovement(await store.load(wanted(key)));
}

/** Creates refunds 1, 2, … on a new movement, one commit each. */
async function furnish(store: IndexedDbStore, refunds: number, key = KEY): Promise<void> {
  await store.commit(record(key));
  for (let number = 1; number <= refunds; number += 1) {
    await store.commit(create(await rowOf(store, key), refundId(number), { external_id: `ext-${number}` }));
  }
}

test("a load answers in the order of its questions, with null for what is not there", async () => {
  const store = await emptyStore();
  await furnish(store, 2);
  const lookup = { org_id: "acme", id: null, external_id: null, revisions: [] };
  const found = await store.load({
    movements: [movementKey("none"), KEY],
    refunds: [
      { ...lookup, external_id: "ext-2" },
      { ...lookup, external_id: "none" },
      { ...lookup, id: refundId(1) },
      { ...lookup, id: refundId(9) },
      { ...lookup, org_id: "other", id: refundId(1) },
      { ...lookup, org_id: "other", external_id: "ext-1" },
      lookup,
    ],
  });
  assert.deepEqual(found.movements, [
    null,
    {
      row: movementRow(KEY, {
        chain_length: 3,
        refunded_count: 2,
        refunded_with_taxes_minor: "200",
        refunded_without_taxes_minor: "200",
      }),
      text: entryRow(KEY, 1, null, "movement m"),
    },
  ]);
  const refund = (number: number) => ({
    row: refundRow(KEY, refundId(number), { external_id: `ext-${number}`, text_sequence: number + 1 }),
    text: entryRow(KEY, number + 1, refundId(number), `refund ${refundId(number)}`),
    chain: [],
  });
  assert.deepEqual(found.refunds, [refund(2), null, refund(1), null, null, null, null]);
});

test("a load brings the refund's and the movement's entries where a past revision is asked for", async () => {
  const store = await emptyStore();
  await furnish(store, 2);
  await furnish(store, 0, movementKey("another"));
  const lookup = { org_id: "acme", external_id: null };
  const { refunds } = await store.load({
    movements: [],
    refunds: [
      { ...lookup, id: refundId(1), revisions: [1, 2] },
      { ...lookup, id: refundId(2), revisions: [1] },
      { ...lookup, id: refundId(2), revisions: [3] },
    ],
  });
  const lengths = refunds.map((found) => found?.chain.map(({ sequence }) => sequence));
  assert.deepEqual(lengths, [[1, 2], [], [1, 3]]);
});

test("what one connection commits another sees, and a store opened later too", async () => {
  const [one, two] = await twoStores();
  await furnish(one, 1);
  assert.deepEqual(await contents(two), await contents(one));
  await two.commit(create(await rowOf(two), refundId(2)));
  assert.equal((await rowOf(one)).chain_length, 3);
});

test("a movement must have the version that a batch was decided on", async () => {
  const store = await emptyStore();
  await furnish(store, 1);
  const row = await rowOf(store);
  for (const version of [0, 1, 3]) {
    await refuses(store, create({ ...row, chain_length: version }, refundId(2)));
  }
  await refuses(store, record(KEY));
  await refuses(store, batch({ preconditions: [movementAt(movementKey("none"), 1)] }));
  await store.commit(create(row, refundId(2)));
  await refuses(store, create(row, refundId(3)));
});

test("an external id is taken in its org, byte for byte and for ever", async () => {
  const store = await emptyStore();
  await store.commit(record(KEY));
  const create1 = create(await rowOf(store), refundId(1), { external_id: "é" });
  await store.commit(create1);
  const deleted = refundRow(KEY, refundId(1), { external_id: "é", deleted: true, revision: 2 });
  await store.commit(batch({ refunds: [{ insert: false, row: deleted }] }));

  await refuses(store, create(await rowOf(store), refundId(2), { external_id: "é" }));
  // Also where nobody asked beforehand whether it is free.
  const row = refundRow(KEY, refundId(2), { external_id: "é" });
  await refuses(store, batch({ refunds: [{ insert: true, row }] }));

  const free = ["e\u0301", "É", "é "].map((id) => externalIdFree("acme", id));
  await store.commit(batch({ preconditions: [...free, externalIdFree("acme 2", "é")] }));
  await store.commit(create(await rowOf(store), refundId(2), { external_id: "e\u0301" }));
});

test("a refund's id is inserted once and replaced only where it is there", async () => {
  const store = await emptyStore();
  await furnish(store, 1);
  await refuses(store, create(await rowOf(store), refundId(1)));
  await refuses(store, batch({ refunds: [{ insert: false, row: refundRow(KEY, refundId(2)) }] }));
});

test("a batch with one precondition that does not hold changes nothing, wherever it stands", async () => {
  const store = await emptyStore();
  await furnish(store, 1);
  const planned = create(await rowOf(store), refundId(2));
  const erasing = { ...KEY, owner: refundId(1), through_sequence: 3 };
  for (const unmet of [externalIdFree("acme", "ext-1"), movementAt(movementKey("none"), 1)]) {
    for (const preconditions of [
      [unmet, ...planned.preconditions],
      [...planned.preconditions, unmet],
    ]) {
      await refuses(store, { ...planned, preconditions, erasures: [erasing] });
    }
  }
});

test("an empty batch writes nothing", async () => {
  const store = await emptyStore();
  await furnish(store, 1);
  const before = await contents(store);
  await store.commit(batch({}));
  assert.deepEqual(await contents(store), before);
});

test("of two commits that were decided on one version, one conflicts", async () => {
  const [one, two] = await twoStores();
  await furnish(one, 0);
  const row = await rowOf(one);
  const answers = await Promise.allSettled([
    one.commit(create(row, refundId(1))),
    two.commit(create(row, refundId(2))),
  ]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    ["fulfilled", "rejected"],
  );
  assert.ok(answers[1].status === "rejected" && isStoreError("conflict")(answers[1].reason));
  assert.equal((await rowOf(two)).chain_length, 2);
});

test("of two that transact at once, both land, and the second sees the first", async () => {
  const [one, two] = await twoStores();
  await furnish(one, 0);
  const seen: number[] = [];
  const decide = (id: number) => (snapshot: Parameters<typeof onlyMovement>[0]) => {
    seen.push(onlyMovement(snapshot).chain_length);
    return createWithinCap(snapshot, refundId(id), {});
  };
  await Promise.all([one.transact(wanted(KEY), decide(1)), two.transact(wanted(KEY), decide(2))]);
  assert.deepEqual(seen, [1, 2]);
  const { chain_length, refunded_count } = await rowOf(one);
  assert.deepEqual([chain_length, refunded_count], [3, 2]);
});

test("a decision that is null commits nothing", async () => {
  const store = await emptyStore();
  await furnish(store, 1);
  const before = await contents(store);
  await store.transact(wanted(KEY), () => null);
  await store.transact(wanted(), () => null);
  assert.deepEqual(await contents(store), before);
});

test("a decision may write without having read", async () => {
  const store = await emptyStore();
  await store.transact(wanted(), () => record(KEY));
  assert.equal((await rowOf(store)).chain_length, 1);
});

test("whatever a decision throws is what the caller gets, and nothing is written", async () => {
  const store = await emptyStore();
  await furnish(store, 1);
  const before = await contents(store);
  for (const thrown of [new RangeError("no"), "a text", undefined, new DOMException("no", "DataError")]) {
    for (const read of [wanted(KEY), wanted()]) {
      const rejected = await store
        .transact(read, () => {
          throw thrown;
        })
        .then(
          () => "nothing was thrown",
          (error: unknown) => error,
        );
      assert.equal(rejected, thrown);
    }
  }
  assert.deepEqual(await contents(store), before);
  await store.commit(create(await rowOf(store), refundId(2)));
});

test("a decision's own precondition is checked too", async () => {
  const store = await emptyStore();
  await furnish(store, 1);
  const before = await contents(store);
  const stale = create(movementRow(KEY), refundId(2));
  await assert.rejects(
    store.transact(wanted(KEY), () => stale),
    isStoreError("conflict"),
  );
  assert.deepEqual(await contents(store), before);
});

test("an erasure blanks its owner's texts up to its sequence, those of the same batch included", async () => {
  const store = await emptyStore();
  await furnish(store, 2);
  const other = movementKey("m2");
  await furnish(store, 0, other);
  const texts = async () => (await store.journal(0, 100)).map(({ text }) => text?.split(" ")[0] ?? null);
  const [first, second] = [refundId(1), refundId(2)];
  const erasing = batch({
    movements: [movementRow(KEY, { chain_length: 6 })],
    entries: [
      entryRow(KEY, 4, first, "gone"),
      entryRow(KEY, 5, second, "kept"),
      entryRow(KEY, 6, first, "later"),
    ],
    erasures: [{ ...KEY, owner: first, through_sequence: 4 }],
  });
  await store.commit(erasing);
  assert.deepEqual(await texts(), ["movement", null, "refund", "movement", null, "kept", "later"]);
  await store.commit(batch({ erasures: [{ ...KEY, owner: null, through_sequence: 6 }] }));
  assert.deepEqual(await texts(), [null, null, "refund", "movement", null, "kept", "later"]);

  const journal = await store.journal(0, 100);
  for (const { salt, text } of journal) {
    assert.equal(salt === null, text === null, "a salt goes with its text");
  }
  assert.deepEqual(
    journal.map(({ bytes }) => bytes),
    [1, 2, 3, 1, 4, 5, 6].map((sequence) => `524c4501${sequence}`),
    "erasing changes no attested byte",
  );
  const loaded = await store.load({
    movements: [KEY],
    refunds: [{ org_id: "acme", id: first, external_id: null, revisions: [] }],
  });
  assert.equal(loaded.movements[0]?.text.text, null, "a text is stored once");
  assert.equal(loaded.refunds[0]?.text.text, null, "a text is stored once");
});

test("the journal has every entry in the order of the batches, at positions from 1 on", async () => {
  const store = await emptyStore();
  assert.deepEqual(await store.journal(0, 10), []);
  const [z, a] = [movementKey("z"), movementKey("a")];
  await store.commit(
    batch({
      movements: [movementRow(z), movementRow(a)],
      entries: [entryRow(z, 1, null, "z1"), entryRow(a, 1, null, "a1"), entryRow(z, 2, null, "z2")],
    }),
  );
  await store.commit(batch({ entries: [entryRow(a, 2, null, "a2"), entryRow(z, 3, null, "z3")] }));
  const all = await store.journal(0, 100);
  assert.deepEqual(
    all.map(({ position, text }) => [position, text]),
    [
      [1, "z1"],
      [2, "a1"],
      [3, "z2"],
      [4, "a2"],
      [5, "z3"],
    ],
  );
  assert.deepEqual(all[1], { ...entryRow(a, 1, null, "a1"), position: 2 });
  for (const [after, limit, expected] of [
    [0, 2, [1, 2]],
    [3, 2, [4, 5]],
    [4, 2, [5]],
    [5, 2, []],
    [Number.MAX_SAFE_INTEGER, 2, []],
    [0, 0, []],
    [2, Number.MAX_SAFE_INTEGER, [3, 4, 5]],
  ] as const) {
    const page = await store.journal(after, limit);
    assert.deepEqual(
      page.map(({ position }) => position),
      expected,
      `${limit} after ${after}`,
    );
  }
});

test("an entry that a movement's chain has already is damage, not a conflict", async () => {
  const store = await emptyStore();
  await furnish(store, 1);
  const before = await contents(store);
  const misplaced = batch({ entries: [entryRow(KEY, 2, null, "again")] });
  await assert.rejects(store.commit(misplaced), isStoreError("corrupted", /end of a movement's chain/));
  assert.deepEqual(await contents(store), before);
});

test("a batch of thousands lands at once", async () => {
  const store = await emptyStore();
  const keys = Array.from({ length: 3000 }, (_, number) => movementKey(`m-${number}`));
  const all = keys.map((key) => record(key));
  await store.commit(
    batch({
      preconditions: all.flatMap(({ preconditions }) => preconditions),
      movements: all.flatMap(({ movements }) => movements),
      entries: all.flatMap(({ entries }) => entries),
    }),
  );
  assert.equal((await store.journal(0, 10_000)).length, 3000);
});
