/** Lists: every filter, every page, in the one order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import { Ledger } from "../src/node.js";
import * as statements from "../src/sqlite/statements.js";
import { SqliteStore } from "../src/sqlite.js";
import { type ListAfter, matches, type RefundFilter, type RefundRow } from "../src/store.js";
import { everything, libraries, listAll, newFile } from "./support/ledger-files.js";
import { importLines } from "./support/refunds.js";

/** Refunds of three orgs that share days, seconds and movements' names. */
async function spread(store: SqliteStore): Promise<void> {
  const ledger = await Ledger.open({ store });
  for (const [at, org_id] of ["acme", "globex", "\u{ff5e}"].entries()) {
    for (const movement_id of ["mov-1", "mov-2"]) {
      const scope = { org_id, subscription_id: `sub-${at % 2}`, movement_id };
      await ledger.recordMovement(scope, {
        currency: "EUR",
        occurred_at: "2022-02-01T00:00:00Z",
        amount: { value_with_taxes: 1000 },
        description: "February",
      });
      for (let n = 0; n < 12; n += 1) {
        const external = `${movement_id}-${n}`;
        const nanos = n % 3 === 0 ? "" : `.00000000${n % 3}`;
        const refund_datetime = `2022-02-${String(10 + (n % 4)).padStart(2, "0")}T00:00:00${nanos}Z`;
        const common = { refund_datetime, description: "a refund" };
        const invoice = n % 5 === 0 ? { external_invoice_id: `inv-${n % 2}` } : {};
        if (n % 4 === 1) {
          await ledger.createNonSubscribableRefund(
            scope,
            { ...common, ...invoice, amount: { value_with_taxes: 1, billable: n % 2 === 0 }, transaction_type_id: "t" },
            { idempotency_key: external },
          );
        } else {
          await ledger.createRefund(scope, {
            ...common,
            ...invoice,
            amount: { value_with_taxes: 1 },
            billable: n % 2 === 0,
            external_refund_unique_id: external,
          });
        }
        if (n % 6 === 2) {
          await ledger.deleteRefund(scope, { external_refund_unique_id: external });
        }
      }
    }
  }
}

/** Filters of every kind, and many pairs of them. */
function filters(some: RefundRow): RefundFilter[] {
  const parts: Partial<RefundFilter>[] = [
    {},
    { org_id: "acme" },
    { org_id: "nobody" },
    { org_id: "globex", subscription_id: "sub-1", movement_id: "mov-2" },
    { org_id: "globex", subscription_id: "sub-1", movement_id: "none" },
    { subscription_id: "sub-0" },
    { movement_id: "mov-2" },
    { refund_id: some.id },
    { refund_id: "00000000-0000-7000-8000-000000000000" },
    { from: "2022-02-11T00:00:00.000000001Z" },
    { to: "2022-02-12T00:00:00.000000001Z" },
    { external_id: "mov-1-3" },
    { external_id: "mov-1-1" },
    { external_invoice_id: "inv-1" },
    { kind: "standard" },
    { kind: "non_subscribable" },
    { billable: true },
    { billable: false },
    { include_deleted: false },
  ];
  return parts.flatMap((a) => parts.map((b) => ({ ...everything, ...a, ...b })));
}

for (const library of libraries) {
  const { open } = library;

  test(`${library.name}: every filter finds what matches it, in order, page by page`, async () => {
    const store = new SqliteStore(open(":memory:"));
    await spread(store);
    const all = listAll(store);
    assert.equal(all.length, 72);
    const ordered = all.toSorted((a, b) => (a.refund_datetime + a.id < b.refund_datetime + b.id ? -1 : 1));
    assert.deepEqual(all, ordered);
    for (const filter of filters(all[7] ?? assert.fail("there are refunds"))) {
      const wanted = all.filter((row) => matches(filter, row));
      for (const limit of [1, 3, 100]) {
        const found: RefundRow[] = [];
        let after: ListAfter | null = null;
        for (let more = true; more; ) {
          const page = store.listRefunds(filter, after, limit);
          found.push(...page.items.map(({ row }) => row));
          const last = page.items.at(-1)?.row;
          assert.ok(last !== undefined || !page.more, "a page with more behind it is not empty");
          after = last === undefined ? null : { refund_datetime: last.refund_datetime, id: last.id };
          more = page.more;
        }
        assert.deepEqual(found, wanted, `${JSON.stringify(filter)}, ${limit} at once`);
      }
    }
  });

  test(`${library.name}: a page begins behind any place, held by a refund or not`, async () => {
    const store = new SqliteStore(open(":memory:"));
    await spread(store);
    const all = listAll(store);
    const places = [
      { refund_datetime: "2022-02-11T00:00:00.000000001Z", id: "00000000-0000-0000-0000-000000000000" },
      { refund_datetime: "2022-02-11T00:00:00.000000001Z", id: "ffffffff-ffff-ffff-ffff-ffffffffffff" },
      { refund_datetime: "0001-01-01T00:00:00.000000000Z", id: "00000000-0000-0000-0000-000000000000" },
      { refund_datetime: "9999-12-31T23:59:59.999999999Z", id: "ffffffff-ffff-ffff-ffff-ffffffffffff" },
    ];
    for (const after of places) {
      for (const from of [null, "2022-02-12T00:00:00.000000000Z"]) {
        const filter = { ...everything, from };
        const wanted = all.filter(
          (row) =>
            matches(filter, row) &&
            (row.refund_datetime > after.refund_datetime ||
              (row.refund_datetime === after.refund_datetime && row.id > after.id)),
        );
        const page = store.listRefunds(filter, after, 1000);
        assert.deepEqual(page, { items: page.items, more: false });
        assert.deepEqual(page.items.map(({ row }) => row), wanted);
      }
    }
  });

  test(`${library.name}: a scan goes in key order, from behind any key, as far as it is asked`, async () => {
    const store = new SqliteStore(open(":memory:"));
    // Byte for byte, U+FF5E comes before U+1F980, though its UTF-16 does not.
    const orgs = ["acme", "acme2", "\u{e9}", "\u{ff5e}", "\u{1f980}"];
    const ledger = await Ledger.open({ store });
    for (const org_id of orgs.toReversed()) {
      for (const subscription_id of ["sub", "sub2"]) {
        await ledger.recordMovement({ org_id, subscription_id, movement_id: "m" }, {
          currency: "EUR",
          occurred_at: "2022-02-01T00:00:00Z",
          amount: { value_with_taxes: 1 },
          description: "x",
        });
      }
    }
    const keys = orgs.flatMap((org_id) =>
      ["sub", "sub2"].map((subscription_id) => ({ org_id, subscription_id, movement_id: "m" })),
    );
    const visited = (part: object, stopAfter = Infinity): string[] => {
      const names: string[] = [];
      const range = { org_id: null, only: null, after: null, entries: false, refunds: false, ...part };
      const last = store.scan(range, (row) => {
        names.push(row.kind === "movement" ? `${row.row.org_id}/${row.row.subscription_id}` : row.kind);
        return names.length < stopAfter;
      });
      assert.equal(last, keys.length, "the last position of the view");
      return names;
    };
    const names = keys.map(({ org_id, subscription_id }) => `${org_id}/${subscription_id}`);
    assert.deepEqual(visited({}), names);
    assert.deepEqual(visited({}, 3), names.slice(0, 3));
    for (const [at, key] of keys.entries()) {
      assert.deepEqual(visited({ after: key }), names.slice(at + 1));
      assert.deepEqual(visited({ only: key }), [names[at]]);
      assert.deepEqual(visited({ only: key, after: key }), []);
      assert.deepEqual(visited({ only: key, org_id: "none" }), []);
      for (const org_id of [...orgs, "none"]) {
        const wanted = keys.slice(at + 1).filter((other) => other.org_id === org_id);
        assert.equal(visited({ after: key, org_id }).length, wanted.length);
      }
    }
    assert.deepEqual(visited({ after: { org_id: "b", subscription_id: "x", movement_id: "y" } }), names.slice(4));
  });
}

test("every statement reads by key, and is not prepared anew for a value", () => {
  const handle = new Database(newFile());
  new SqliteStore(handle);
  for (const [name, sql] of Object.entries(statements)) {
    const whole = name === "LIST_REFUNDS" ? `${sql} ORDER BY r.refund_datetime_s LIMIT +?` : sql;
    const nulls = Array<null>(whole.split("?").length - 1).fill(null);
    const plan = JSON.stringify(handle.prepare(`EXPLAIN QUERY PLAN ${whole}`).all(...nulls));
    if (name !== "ALL_ORGS") {
      assert.ok(!plan.includes("SCAN"), `${name} scans: ${plan}`);
    }
    assert.ok(!plan.includes("TEMP B-TREE"), `${name} sorts: ${plan}`);
    const compared = sql.replace(/^INSERT.*| SET .* WHERE /s, "");
    assert.ok(!/[^+]\?/.test(compared), `${name} compares a bare parameter: ${compared}`);
  }
});

test("a list over many orgs keeps the order", async () => {
  const [library] = libraries;
  const path = newFile();
  const lines = Array.from({ length: 40 }, (_, n) => ({ org_id: `org-${n}`, subscription_id: "s", movement_id: "m" }));
  importLines(
    path,
    lines.flatMap((scope, at) => [
      {
        op: "record_movement" as const,
        ...scope,
        body: { currency: "EUR", occurred_at: "2022-02-01T00:00:00Z", amount: { value_with_taxes: 100 }, description: "x" },
      },
      ...Array.from({ length: 3 }, (_, n) => ({
        op: "create_refund" as const,
        ...scope,
        body: {
          refund_datetime: `2022-03-${String(1 + ((at * 7 + n * 11) % 28)).padStart(2, "0")}T00:00:00Z`,
          amount: { value_with_taxes: 1 },
          external_refund_unique_id: `${n}`,
          billable: true,
          description: "x",
        },
      })),
    ]),
  );
  const store = new SqliteStore((library ?? assert.fail("there is a library")).open(path));
  const all = listAll(store);
  assert.equal(all.length, 120);
  const place = (row: RefundRow): string => row.refund_datetime + row.id;
  assert.deepEqual(all.map(place), all.map(place).toSorted());
  const page = store.listRefunds(everything, null, 50);
  assert.deepEqual([page.items.map(({ row }) => row), page.more], [all.slice(0, 50), true]);
});
