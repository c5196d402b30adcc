import assert from "node:assert/strict";
import { test } from "node:test";

import { IndexedDbStore } from "../src/indexeddb.js";
import type { MovementKey, ScanRow } from "../src/rows.js";
import { sortKey } from "../src/store.js";
import { emptyStore, NAME, tamper } from "./support/indexeddb.js";
import {
  batch,
  create,
  entryRow,
  movementKey,
  movementRow,
  onlyMovement,
  range,
  record,
  refundId,
  refundRow,
  scanned,
  wanted,
} from "./support/rows.js";

/** Ids that sort by bytes otherwise than by letters, by length, by locale or by UTF-16. */
const NAMES = ["a", "a b", "a!", "aa", "aé", "A", "é", "\uffff", "\u{10000}", "10"];

function furnishedKeys(): MovementKey[] {
  return NAMES.flatMap((org) =>
    NAMES.flatMap((movement) => ["a", "a!", "\u{10000}"].map((sub) => movementKey(movement, org, sub))),
  );
}

async function recordAll(store: IndexedDbStore, keys: MovementKey[]): Promise<void> {
  const all = keys.map((key) => record(key));
  await store.commit(
    batch({
      movements: all.flatMap(({ movements }) => movements),
      entries: all.flatMap(({ entries }) => entries),
    }),
  );
}

function inOrder(keys: MovementKey[]): MovementKey[] {
  return [...keys].sort((one, other) => Buffer.compare(sortKey(one), sortKey(other)));
}

function keysOf(rows: ScanRow[]): MovementKey[] {
  return rows.flatMap((row) => {
    if (row.kind !== "movement") {
      return [];
    }
    const { org_id, subscription_id, movement_id } = row.row;
    return [{ org_id, subscription_id, movement_id }];
  });
}

/** Three movements whose entries and refunds were written in turns. */
async function history(store: IndexedDbStore): Promise<[MovementKey, MovementKey, MovementKey]> {
  const keys: [MovementKey, MovementKey, MovementKey] = [
    movementKey("a"),
    movementKey("b"),
    movementKey("a", "bcme"),
  ];
  for (const key of [...keys].reverse()) {
    await store.commit(record(key));
  }
  for (const [number, at] of [
    [5, 0],
    [4, 2],
    [3, 0],
    [2, 2],
    [1, 0],
  ] as const) {
    const key = keys[at] ?? assert.fail();
    const row = onlyMovement(await store.load(wanted(key)));
    await store.commit(create(row, refundId(number), number > 2 ? { external_id: `ext-${number}` } : {}));
  }
  return keys;
}

/** What a scan of everything calls invalid. */
async function invalid(store: IndexedDbStore): Promise<[string | undefined, string][]> {
  const { rows } = await scanned(store);
  return rows.flatMap((row) => (row.kind === "invalid" ? [[row.movement?.movement_id, row.reason]] : []));
}

test("movements are visited in the order of their keys' UTF-8 bytes, over all pages", async () => {
  const store = await emptyStore();
  const keys = furnishedKeys();
  await recordAll(store, keys);
  const { rows, position } = await scanned(store, range({ entries: false, refunds: false }));
  assert.deepEqual(keysOf(rows), inOrder(keys));
  assert.equal(position, keys.length);
  // UTF-16 has it the other way round.
  assert.ok("\u{10000}" < "\uffff");
  const ids = keysOf(rows).map(({ org_id }) => org_id);
  assert.ok(ids.indexOf("\uffff") < ids.indexOf("\u{10000}"));
});

test("a range's org, place and movement narrow each other", async () => {
  const store = await emptyStore();
  const keys = inOrder(furnishedKeys());
  await recordAll(store, keys);
  const absent = [movementKey("none", "a!!"), movementKey("z", "~"), movementKey("0", "\u{1ffff}")];
  const [shorter, longer] = [movementKey("a", "a", "a"), movementKey("aa", "a", "a")];
  const places = [...keys.filter((_, at) => at % 29 === 0), shorter, longer, ...absent];
  for (const org_id of [null, ...NAMES, "none"]) {
    for (const after of [null, ...places]) {
      for (const only of [null, shorter, longer, movementKey("none")]) {
        const { rows } = await scanned(store, range({ org_id, after, only, entries: false, refunds: false }));
        const expected = keys.filter(
          (key) =>
            (org_id === null || key.org_id === org_id) &&
            (after === null || Buffer.compare(sortKey(key), sortKey(after)) > 0) &&
            (only === null || Buffer.compare(sortKey(key), sortKey(only)) === 0),
        );
        assert.deepEqual(keysOf(rows), expected, JSON.stringify({ org_id, after, only }));
      }
    }
  }
});

test("each movement's row comes first, then its entries by sequence, then its refunds by id", async () => {
  const store = await emptyStore();
  const [a, b, c] = await history(store);
  const { rows, position } = await scanned(store);
  assert.equal(position, 8);
  const told = rows.map((row) => {
    switch (row.kind) {
      case "movement":
        return [row.row.org_id, row.row.movement_id, row.text.sequence];
      case "entry":
        return [row.org_id, row.movement_id, "entry", row.sequence, "at", row.position];
      case "refund":
        return [row.row.id, "held by", row.holder, row.text.owner === row.row.id];
      case "invalid":
        return [row.reason];
    }
  });
  assert.deepEqual(told, [
    ["acme", "a", 1],
    ["acme", "a", "entry", 1, "at", 3],
    ["acme", "a", "entry", 2, "at", 4],
    ["acme", "a", "entry", 3, "at", 6],
    ["acme", "a", "entry", 4, "at", 8],
    [refundId(1), "held by", null, true],
    [refundId(3), "held by", refundId(3), true],
    [refundId(5), "held by", refundId(5), true],
    ["acme", "b", 1],
    ["acme", "b", "entry", 1, "at", 2],
    ["bcme", "a", 1],
    ["bcme", "a", "entry", 1, "at", 1],
    ["bcme", "a", "entry", 2, "at", 5],
    ["bcme", "a", "entry", 3, "at", 7],
    [refundId(2), "held by", null, true],
    [refundId(4), "held by", refundId(4), true],
  ]);
  for (const entries of [true, false]) {
    for (const refunds of [true, false]) {
      for (const only of [null, a, b, c]) {
        const { rows: some } = await scanned(store, range({ entries, refunds, only }));
        const expected = rows.filter((row) => {
          const of = row.kind === "entry" ? row : row.kind === "invalid" ? null : row.row;
          const isOf = only === null || (of?.org_id === only.org_id && of.movement_id === only.movement_id);
          return isOf && (row.kind === "movement" || (row.kind === "entry" ? entries : refunds));
        });
        assert.deepEqual(some, expected);
      }
    }
  }
});

test("long chains and many refunds of one movement are visited whole", async () => {
  const store = await emptyStore();
  const key = movementKey("m");
  const ids = Array.from({ length: 300 }, (_, number) => refundId(number));
  await store.commit(
    batch({
      movements: [movementRow(key, { chain_length: 301 })],
      refunds: ids.map((id, at) => ({ insert: true, row: refundRow(key, id, { text_sequence: at + 2 }) })),
      entries: [entryRow(key, 1, null, "m"), ...ids.map((id, at) => entryRow(key, at + 2, id, id))],
    }),
  );
  const { rows } = await scanned(store);
  const sequences = rows.flatMap((row) => (row.kind === "entry" ? [row.sequence] : []));
  assert.deepEqual(
    sequences,
    Array.from({ length: 301 }, (_, at) => at + 1),
  );
  assert.deepEqual(
    rows.flatMap((row) => (row.kind === "refund" ? [row.row.id] : [])),
    ids,
  );
  assert.equal(rows.length, 602);
});

test("a visitor who answers false is not visited again, and the store goes on", async () => {
  const store = await emptyStore();
  await history(store);
  const { rows: all } = await scanned(store);
  for (let stopAt = 1; stopAt <= all.length; stopAt += 1) {
    const rows: ScanRow[] = [];
    const position = await store.scan(range(), (row) => rows.push(row) < stopAt);
    assert.deepEqual(rows, all.slice(0, stopAt));
    assert.equal(position, 8);
  }
  await store.commit(record(movementKey("later")));
});

test("whatever a visitor throws is what the caller gets", async () => {
  const store = await emptyStore();
  await history(store);
  const thrown = new RangeError("no");
  const scan = store.scan(range(), () => {
    throw thrown;
  });
  assert.equal(
    await scan.then(
      () => "nothing was thrown",
      (error: unknown) => error,
    ),
    thrown,
  );
});

test("a scan is one view, whatever is written meanwhile", async () => {
  const store = await emptyStore();
  const keys = await history(store);
  const before = await scanned(store);
  const rows: ScanRow[] = [];
  let written: Promise<void> | null = null;
  const position = await store.scan(range(), (row) => {
    written ??= store.commit(record(movementKey("z", "zcme")));
    rows.push(row);
    return true;
  });
  assert.deepEqual({ rows, position }, before);
  await written;
  assert.equal(keysOf((await scanned(store)).rows).length, keys.length + 1);
});

test("a sound store has nothing invalid, and an empty one nothing", async () => {
  const store = await emptyStore();
  assert.deepEqual(await scanned(store), { rows: [], position: 0 });
  await history(store);
  assert.deepEqual(await invalid(store), []);
});

const DAMAGES: [string, (transaction: IDBTransaction) => void, [string | undefined, RegExp][]][] = [
  [
    "a movement's row that is gone",
    (transaction) => transaction.objectStore("movements").delete(sortKey(movementKey("a"))),
    [
      [undefined, /`journal` holds 8 rows; 4 were found by movement/],
      ["a", /rows of `journal` belong to no movement/],
      [undefined, /`refunds` holds 5 rows; 2 were found by movement/],
      ["a", /rows of `refunds` belong to no movement/],
    ],
  ],
  [
    "a movement's row under another key",
    (transaction) => {
      const movements = transaction.objectStore("movements");
      movements.delete(sortKey(movementKey("b")));
      movements.put(movementRow(movementKey("b")), sortKey(movementKey("B")));
    },
    [
      [undefined, /movement `acme\/sub\/b` is filed under another key/],
      [undefined, /`journal` holds 8 rows; 7 were found by movement/],
      ["b", /rows of `journal` belong to no movement/],
    ],
  ],
  [
    "an entry that brought a movement's text and is gone",
    (transaction) => transaction.objectStore("journal").delete(2),
    [
      ["b", /entry 1 of a movement's chain is missing, which brought a description/],
      [undefined, /the journal's 7 entries are at positions 1 to 8, not 1 to 7/],
    ],
  ],
  [
    "an entry that brought a refund's text and is gone",
    (transaction) => transaction.objectStore("journal").delete(4),
    [
      ["a", /entry 2 of a movement's chain is missing, which brought a description/],
      [undefined, /the journal's 7 entries are at positions 1 to 8, not 1 to 7/],
    ],
  ],
  [
    "a row that does not say where its text is",
    (transaction) => {
      const { text_sequence: _, ...row } = movementRow(movementKey("b"));
      transaction.objectStore("movements").put(row, sortKey(movementKey("b")));
    },
    [
      ["b", /entry undefined of a movement's chain is missing/],
      [undefined, /`journal` holds 8 rows; 7 were found by movement/],
    ],
  ],
  [
    "an entry of no movement",
    (transaction) => transaction.objectStore("journal").add(entryRow(movementKey("x"), 1, null, "x"), 9),
    [
      [undefined, /`journal` holds 9 rows; 8 were found by movement/],
      ["x", /rows of `journal` belong to no movement/],
    ],
  ],
  [
    "an entry whose key is no position",
    (transaction) => {
      const journal = transaction.objectStore("journal");
      journal.delete(2);
      journal.put(entryRow(movementKey("b"), 1, null, "b"), 2.5);
    },
    [["b", /entry 1 of a movement's chain is at no position/]],
  ],
  [
    "a refund of no movement",
    (transaction) => transaction.objectStore("refunds").add(refundRow(movementKey("x"), refundId(9))),
    [
      [undefined, /`refunds` holds 6 rows; 5 were found by movement/],
      ["x", /rows of `refunds` belong to no movement/],
    ],
  ],
  [
    "rows that name no movement at all",
    (transaction) => transaction.objectStore("movements").put({}, "not a key"),
    [[undefined, /`movements` holds 4 rows; 3 were found by movement/]],
  ],
];

for (const [what, change, expected] of DAMAGES) {
  test(`a scan tells of ${what}`, async () => {
    const indexedDB = new IDBFactory();
    const store = await IndexedDbStore.open(NAME, { indexedDB });
    await history(store);
    await tamper(indexedDB, change);
    const found = await invalid(store);
    assert.equal(found.length, expected.length, JSON.stringify(found));
    for (const [at, [movement, reason]] of expected.entries()) {
      assert.equal(found[at]?.[0], movement);
      assert.match(found[at]?.[1] ?? "", reason);
    }
    // Whoever breaks off there is not visited again.
    for (let stopAt = 1; stopAt <= found.length; stopAt += 1) {
      let visits = 0;
      await store.scan(range(), ({ kind }) => kind !== "invalid" || (visits += 1) < stopAt);
      assert.equal(visits, stopAt);
    }
  });
}
