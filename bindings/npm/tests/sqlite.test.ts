/** One file, three programs: what the command `refunds` wrote is read, and goes on, here and there. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { Ledger } from "../src/node.js";
import { SqliteStore } from "../src/sqlite.js";
import type { EntryRow, RefundRow } from "../src/store.js";
import { goldenLines, head, importLines, refundsJson, verify } from "./support/refunds.js";
import { difference } from "./support/replay.js";
import { keyOf } from "./support/rows.js";
import {
  everything,
  filledFile,
  libraries,
  listAll,
  newFile,
  scanAll,
} from "./support/ledger-files.js";

const EXPONENTS: Readonly<Record<string, number>> = { EUR: 2, JPY: 0, BHD: 3 };

function value(minor: string, currency: string): number {
  const exponent = EXPONENTS[currency] ?? assert.fail(`${currency} is in no golden command`);
  return Number(minor) / 10 ** exponent;
}

/** As the command writes an instant: no more digits than it needs. */
function shortest(instant: string): string {
  return instant.replace(/\.?0*Z$/, "Z");
}

/** A refund as the command lists it. */
function listed(row: RefundRow, text: EntryRow): Record<string, unknown> {
  const amount = {
    value_with_taxes: value(row.with_taxes_minor, row.currency),
    value_without_taxes: value(row.without_taxes_minor, row.currency),
    ...(row.tax_type === null
      ? {}
      : { tax: { type: row.tax_type, percentage: (row.tax_ten_thousandths ?? 0) / 10_000 } }),
    currency: row.currency,
  };
  const { period_start_datetime: start, period_end_datetime: end, transaction_type_id: type } = row;
  return {
    id: row.id,
    ...keyOf(row),
    kind: type === null ? "standard" : "non_subscribable",
    refund_datetime: shortest(row.refund_datetime),
    ...(start === null ? {} : { period_start_datetime: shortest(start) }),
    ...(end === null ? {} : { period_end_datetime: shortest(end) }),
    amount: type === null ? amount : { ...amount, billable: row.billable },
    ...(type === null ? { billable: row.billable } : { transaction_type_id: type }),
    ...(row.external_invoice_id === null ? {} : { external_invoice_id: row.external_invoice_id }),
    ...(row.external_id === null || row.external_id_is_key
      ? {}
      : { external_refund_unique_id: row.external_id }),
    description: text.text,
    revision: row.revision,
    created_at: shortest(row.created_at),
    updated_at: shortest(row.updated_at),
    ...(row.deleted ? { deleted: true } : {}),
  };
}

for (const library of libraries) {
  const { open } = library;

  test(`${library.name}: every refund is listed as the command lists it`, () => {
    const path = filledFile();
    const rust = refundsJson(path, "list", "--include-deleted", "--format", "jsonl");
    const store = new SqliteStore(open(path));
    const { items, more } = store.listRefunds(everything, null, 1000);
    assert.equal(more, false);
    assert.ok(items.length >= 5, "the golden commands make several refunds");
    assert.deepEqual(
      items.map(({ row, text }) => listed(row, text)),
      rust,
    );
  });

  test(`${library.name}: the journal is the one that the command prints`, () => {
    const path = filledFile();
    const rust = refundsJson(path, "journal");
    const salts = refundsJson(path, "export").map(({ preserved }) => (preserved as { salt?: string }).salt);
    const store = new SqliteStore(open(path));
    const rows = store.journal(0, 1000);
    assert.equal(rows.length, rust.length);
    for (const [at, row] of rows.entries()) {
      const printed = rust[at] ?? {};
      const content = printed["content"] as Record<string, unknown>;
      assert.equal(row.position, printed["position"]);
      assert.equal(row.sequence, printed["sequence"]);
      assert.deepEqual(keyOf(row), {
        org_id: printed["org_id"],
        subscription_id: printed["subscription_id"],
        movement_id: printed["movement_id"],
      });
      assert.equal(
        createHash("sha256").update(Buffer.from(row.bytes, "hex")).digest("hex"),
        printed["hash"],
        "the hash is over these bytes",
      );
      assert.equal(row.owner, printed["refund_id"] ?? null);
      if (printed["text_sequence"] === row.sequence) {
        assert.equal(row.text, content["description"] ?? null, "the text that the entry brought");
        assert.equal(row.salt, salts[at] ?? null);
      }
    }
    assert.deepEqual(store.journal(3, 2), rows.slice(3, 5), "from behind a position, so many");
    assert.deepEqual(store.journal(rows.length, 10), []);
  });

  test(`${library.name}: a scan visits what lists, journal and look-ups show`, () => {
    const store = new SqliteStore(open(filledFile()));
    const rows = scanAll(store);
    const journal = store.journal(0, 1000);
    const entries = rows.filter((row) => row.kind === "entry").map(({ kind: _, ...entry }) => entry);
    assert.deepEqual(
      entries.sort((a, b) => a.position - b.position),
      journal,
    );
    const refunds = rows.filter((row) => row.kind === "refund");
    assert.deepEqual(
      refunds.map(({ row }) => row.id).sort(),
      listAll(store)
        .map(({ id }) => id)
        .sort(),
    );
    for (const { row, text, holder } of refunds) {
      assert.equal(holder, row.external_id === null ? null : row.id);
      const { org_id, id, external_id } = row;
      const byId = store.load({ movements: [], refunds: [{ org_id, id, external_id: null, revisions: [] }] });
      assert.deepEqual(byId.refunds, [{ row, text, chain: [] }]);
      if (external_id !== null) {
        const byKey = { org_id, id: null, external_id, revisions: [row.revision] };
        const alone = store.load({ movements: [], refunds: [byKey] });
        assert.deepEqual(alone.refunds, byId.refunds);
        // One movement and one external id, as a new refund asks.
        const both = store.load({ movements: [keyOf(row)], refunds: [byKey] });
        assert.deepEqual(both.refunds, byId.refunds);
        assert.deepEqual(
          both.movements[0],
          store.load({ movements: [keyOf(row)], refunds: [] }).movements[0],
        );
      }
    }
    for (const visited of rows) {
      assert.notEqual(visited.kind, "invalid", "the ledger is sound");
      if (visited.kind === "movement") {
        const { row, text } = visited;
        assert.deepEqual(store.load({ movements: [row], refunds: [] }).movements, [{ row, text }]);
        const ofMovement = journal.filter(
          (entry) => JSON.stringify(keyOf(entry)) === JSON.stringify(keyOf(row)),
        );
        assert.equal(row.chain_length, ofMovement.length);
        const { position: _, ...brought } = ofMovement[row.text_sequence - 1] ?? assert.fail("no text");
        assert.deepEqual(text, brought);
      }
    }
  });

  test(`${library.name}: past revisions come with the entries of the refund and of its movement`, () => {
    const store = new SqliteStore(open(filledFile()));
    const updated = listAll(store).find((row) => row.revision > 1) ?? assert.fail("some are updated");
    const { org_id, id, revision } = updated;
    const load = (...revisions: number[]) =>
      store.load({ movements: [], refunds: [{ org_id, id, external_id: null, revisions }] }).refunds[0];
    assert.deepEqual(load(revision)?.chain, [], "the current revision needs no chain");
    const chain = load(1, revision)?.chain ?? [];
    const journal = store.journal(0, 1000).map(({ position: _, ...entry }) => entry);
    const ofMovement = journal.filter((entry) => JSON.stringify(keyOf(entry)) === JSON.stringify(keyOf(updated)));
    const about = (owner: string | null) => ofMovement.filter((entry) => entry.owner === owner);
    assert.deepEqual(chain, [...about(null), ...about(id)]);
  });

  test(`${library.name}: what is not there is null, also under another org`, () => {
    const store = new SqliteStore(open(filledFile()));
    const [refund = assert.fail("there is a refund")] = listAll(store);
    const { id, external_id } = refund;
    const movements = [
      { ...keyOf(refund), org_id: "nobody" },
      { ...keyOf(refund), movement_id: "none" },
    ];
    const refunds = [
      { org_id: "nobody", id, external_id: null, revisions: [1] },
      { org_id: refund.org_id === "acme" ? "acmé" : "acme", id, external_id: null, revisions: [] },
      { org_id: "nobody", id: null, external_id, revisions: [] },
      { org_id: refund.org_id, id: null, external_id: "none", revisions: [] },
    ];
    assert.deepEqual(store.load({ movements, refunds }), {
      movements: [null, null],
      refunds: [null, null, null, null],
    });
    assert.deepEqual(store.load({ movements: [], refunds: [] }), { movements: [], refunds: [] });
    for (const lookup of refunds) {
      const one = store.load({ movements: movements.slice(0, 1), refunds: [lookup] });
      assert.deepEqual(one, { movements: [null], refunds: [null] });
    }
  });

  test(`${library.name}: a copy, command by command, is the same ledger`, () => {
    const original = newFile();
    const copy = newFile();
    const source = new SqliteStore(open(original));
    const target = new SqliteStore(open(copy));
    for (const line of goldenLines()) {
      importLines(original, [line]);
      const batch = difference(source, target);
      if (batch.entries.length > 0) {
        target.commit(batch);
      }
    }
    assert.deepEqual(scanAll(target), scanAll(source), "every row, every text, every position");
    assert.equal(verify(copy).verdict, "valid", JSON.stringify(verify(copy)));
    assert.deepEqual(head(copy), head(original));
  });

  test(`${library.name}: a copy in one batch, decided under the lock, is the same ledger`, () => {
    const original = filledFile();
    const copy = newFile();
    const source = new SqliteStore(open(original));
    const target = new SqliteStore(open(copy));
    const batch = difference(source, target);
    const wanted = { movements: batch.movements.map(keyOf), refunds: [] };
    target.transact(wanted, (snapshot) => {
      assert.deepEqual(
        snapshot.movements,
        batch.movements.map(() => null),
      );
      return batch;
    });
    assert.deepEqual(scanAll(target), scanAll(source));
    assert.equal(verify(copy).verdict, "valid", JSON.stringify(verify(copy)));
    assert.deepEqual(head(copy), head(original));
  });

  test(`${library.name}: each program goes on where the other stopped, both with the file open`, async () => {
    const path = newFile();
    const ledger = await Ledger.open({ store: new SqliteStore(open(path)) });
    const lines = goldenLines();
    for (const [at, line] of lines.entries()) {
      if (at % 2 === 0) {
        await ledger.executeAll([line], { atomicity: "per_item" });
      } else {
        importLines(path, [line]);
      }
    }
    const alone = newFile();
    importLines(alone, lines);
    assert.equal(verify(path).verdict, "valid", JSON.stringify(verify(path)));
    assert.equal((await ledger.verify()).verdict, "valid");
    const { position, entries, movements } = head(path);
    assert.deepEqual(
      { position, entries, movements },
      { position: entries, entries: head(alone).entries, movements: head(alone).movements },
      "by turns it comes to as much as alone",
    );
    assert.deepEqual(await ledger.head(), head(path));
    assert.deepEqual(booked(path), booked(alone));
  });
}

/** The refunds of a ledger, but for what depends on who booked them when. */
function booked(path: string): string[] {
  const refunds = refundsJson(path, "list", "--include-deleted", "--format", "jsonl");
  const same = refunds.map((refund) => ({ ...refund, id: "", created_at: "", updated_at: "" }));
  return same.map((refund) => JSON.stringify(refund)).sort();
}
