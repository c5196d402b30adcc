import assert from "node:assert/strict";
import { test } from "node:test";

import type { IndexedDbStore } from "../src/indexeddb.js";
import type { ListAfter, RefundFilter, RefundRow } from "../src/rows.js";
import { matches } from "../src/store.js";
import { emptyStore, isStoreError } from "./support/indexeddb.js";
import { batch, entryRow, filter, movementKey, movementRow, refundId, refundRow } from "./support/rows.js";

const DATES = [
  "0001-01-01T00:00:00.000000000Z",
  "1969-12-31T23:59:59.999999999Z",
  "2024-01-15T12:00:00.000000000Z",
  "2024-01-15T12:00:00.000000001Z",
  "9999-12-31T23:59:59.999999999Z",
];

/** Refunds of two orgs in which every filter tells some from others, in the order of the list. */
async function furnish(store: IndexedDbStore): Promise<RefundRow[]> {
  const rows: RefundRow[] = [];
  for (const org of ["acme", "acme 2"]) {
    for (const [subscription, movement] of [
      ["sub", "m"],
      ["sub", "m2"],
      ["sub 2", "m"],
    ] as const) {
      const key = movementKey(movement, org, subscription);
      const entries = [entryRow(key, 1, null, "a movement")];
      const refunds = Array.from({ length: 8 }, (_, at) => {
        const number = rows.length + at;
        const id = refundId(number);
        entries.push(entryRow(key, at + 2, id, `refund ${number}`));
        return refundRow(key, id, {
          text_sequence: at + 2,
          // In an order that is neither that of the ids nor its reverse, with ties.
          refund_datetime: DATES[(number * 7) % 5] ?? "",
          external_id: at === 0 ? null : `ext-${subscription}-${movement}-${at}`,
          external_id_is_key: at === 3,
          external_invoice_id: number % 4 === 0 ? null : `inv-${number % 3}`,
          transaction_type_id: number % 3 === 0 ? null : "type",
          billable: number % 2 === 0,
          deleted: at === 4,
        });
      });
      await store.commit(
        batch({
          movements: [movementRow(key, { chain_length: 9 })],
          refunds: refunds.map((row) => ({ insert: true, row })),
          entries,
        }),
      );
      rows.push(...refunds);
    }
  }
  return rows.sort(byPlace);
}

function byPlace(one: ListAfter, other: ListAfter): number {
  const [a, b] = [one.refund_datetime + one.id, other.refund_datetime + other.id];
  return a < b ? -1 : Number(a > b);
}

/** Every filter that one field can ask for, with values that match some and none. */
function singleFilters(all: RefundRow[]): Partial<RefundFilter>[] {
  return [
    {},
    ...["acme", "acme 2", "ACME", "acm"].map((org_id) => ({ org_id })),
    ...["sub", "sub 2", "su"].map((subscription_id) => ({ subscription_id })),
    ...["m", "m2", "M"].map((movement_id) => ({ movement_id })),
    ...[all[7]?.id ?? "", refundId(999)].map((refund_id) => ({ refund_id })),
    ...DATES.map((from) => ({ from })),
    ...DATES.map((to) => ({ to })),
    { from: DATES[2] ?? "", to: DATES[4] ?? "" },
    { from: DATES[4] ?? "", to: DATES[2] ?? "" },
    { from: DATES[2] ?? "", to: DATES[2] ?? "" },
    ...["ext-sub-m-1", "ext-sub-m-3", "ext-sub-m-4", "EXT-sub-m-1"].map((external_id) => ({ external_id })),
    ...["inv-0", "inv-2", "inv"].map((external_invoice_id) => ({ external_invoice_id })),
    { kind: "standard" },
    { kind: "non_subscribable" },
    { billable: true },
    { billable: false },
    { include_deleted: false },
  ];
}

async function paged(store: IndexedDbStore, wanted: RefundFilter, limit: number): Promise<RefundRow[]> {
  const rows: RefundRow[] = [];
  for (let after: ListAfter | null = null; ; after = rows.at(-1) ?? null) {
    const { items, more } = await store.listRefunds(wanted, after, limit);
    rows.push(...items.map(({ row }) => row));
    assert.equal(items.length, more ? limit : items.length);
    if (!more) {
      return rows;
    }
  }
}

test("refunds are listed by date, then id, each with its text", async () => {
  const store = await emptyStore();
  assert.deepEqual(await store.listRefunds(filter(), null, 10), { items: [], more: false });
  const all = await furnish(store);
  const { items, more } = await store.listRefunds(filter(), null, 100);
  assert.deepEqual(
    items.map(({ row }) => row),
    all,
  );
  assert.equal(more, false);
  for (const { row, text } of items) {
    assert.equal(text.owner, row.id);
  }
});

test("filters leave what matches them, alone and together, in pages of any size", async () => {
  const store = await emptyStore();
  const all = await furnish(store);
  const singles = singleFilters(all);
  for (const one of singles) {
    for (const two of singles) {
      const both = filter({ ...one, ...two });
      const { items } = await store.listRefunds(both, null, 100);
      const expected = all.filter((row) => matches(both, row));
      assert.deepEqual(
        items.map(({ row }) => row.id),
        expected.map(({ id }) => id),
        JSON.stringify(both),
      );
    }
  }
  for (const one of singles) {
    const expected = all.filter((row) => matches(filter(one), row));
    assert.deepEqual(await paged(store, filter(one), 2), expected, JSON.stringify(one));
  }
});

test("a page tells whether there are more", async () => {
  const store = await emptyStore();
  const all = await furnish(store);
  for (const wanted of [
    filter(),
    filter({ external_invoice_id: "inv-1" }),
    filter({ external_id: "ext-sub-m-1" }),
  ]) {
    const count = all.filter((row) => matches(wanted, row)).length;
    for (const limit of [0, 1, count - 1, count, count + 1, Number.MAX_SAFE_INTEGER]) {
      const page = await store.listRefunds(wanted, null, limit);
      assert.equal(page.items.length, Math.min(limit, count));
      assert.equal(page.more, limit < count, `${limit} of ${count}`);
    }
  }
});

test("a page begins behind a place, whether a refund is there or not", async () => {
  const store = await emptyStore();
  const all = await furnish(store);
  for (const refund_datetime of DATES) {
    for (const id of [refundId(0), all[20]?.id ?? "", "ffffffff-ffff-ffff-ffff-ffffffffffff"]) {
      const after = { refund_datetime, id };
      for (const fields of [
        {},
        { org_id: "acme" },
        { from: DATES[3] ?? "" },
        { external_id: "ext-sub-m-1" },
      ]) {
        const expected = all.filter((row) => matches(filter(fields), row) && byPlace(row, after) > 0);
        const { items } = await store.listRefunds(filter(fields), after, 100);
        assert.deepEqual(
          items.map(({ row }) => row),
          expected,
          JSON.stringify({ after, fields }),
        );
      }
    }
  }
});

test("a filter passes over thousands of rows without losing any", async () => {
  const store = await emptyStore();
  const key = movementKey("m");
  const rows = Array.from({ length: 2000 }, (_, number) =>
    refundRow(key, refundId(number), {
      text_sequence: 1,
      refund_datetime: `2024-01-01T00:00:00.${String(number >> 2).padStart(9, "0")}Z`,
      external_invoice_id: number % 611 === 0 ? "rare" : null,
    }),
  );
  await store.commit(
    batch({
      movements: [movementRow(key)],
      refunds: rows.map((row) => ({ insert: true, row })),
      entries: [entryRow(key, 1, null, "a movement")],
    }),
  );
  const wanted = filter({ org_id: "acme", external_invoice_id: "rare" });
  const rare = rows.filter((row) => row.external_invoice_id === "rare");
  assert.equal(rare.length, 4);
  assert.deepEqual(await paged(store, wanted, 1), rare);
  assert.deepEqual(await paged(store, wanted, 3), rare);
  assert.deepEqual(await paged(store, filter(), 300), rows);
});

test("a refund whose date changes stands at its new place only", async () => {
  const store = await emptyStore();
  const all = await furnish(store);
  const moved = { ...(all[3] ?? assert.fail()), refund_datetime: DATES[4] ?? "", revision: 2 };
  await store.commit(batch({ refunds: [{ insert: false, row: moved }] }));
  const expected = all.map((row) => (row.id === moved.id ? moved : row)).sort(byPlace);
  assert.deepEqual(await paged(store, filter(), 5), expected);
  assert.deepEqual(
    await paged(store, filter({ org_id: moved.org_id }), 5),
    expected.filter(({ org_id }) => org_id === moved.org_id),
  );
});

test("a refund whose description's entry is missing is damage", async () => {
  const store = await emptyStore();
  const row = refundRow(movementKey("m"), refundId(1));
  await store.commit(batch({ refunds: [{ insert: true, row }] }));
  await assert.rejects(store.listRefunds(filter(), null, 1), isStoreError("corrupted", /entry 2 /));
  const lookup = { org_id: "acme", id: row.id, external_id: null, revisions: [] };
  await assert.rejects(
    store.load({ movements: [], refunds: [lookup] }),
    isStoreError("corrupted", /entry 2 /),
  );
});
