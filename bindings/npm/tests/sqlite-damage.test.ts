/** A damaged file is judged as the Rust store judges it, and never taken for something that it was not. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import Database from "better-sqlite3";
import { Ledger, RefundLedgerError, type Report } from "../src/node.js";
import { SqliteStore } from "../src/sqlite.js";
import { StoreError } from "../src/store.js";
import {
  everything,
  filledFile,
  libraries,
  type Library,
  listAll,
  newFile,
  scanAll,
  storeError,
  tamper,
} from "./support/ledger-files.js";
import { verify } from "./support/refunds.js";

const intact = new SqliteStore(new Database(filledFile()));
const sound = scanAll(intact);
const journal = intact.journal(0, 1000);
const listed = listAll(intact);

interface Judgement {
  verdict: string;
  /** The movements that something is wrong with. */
  named: string[];
}

/** What a verification comes to, but for how it says it. */
function judged({ verdict, findings }: Report): Judgement {
  const named = findings.flatMap(({ org_id, subscription_id, movement_id }) =>
    org_id === undefined ? [] : [`${org_id}/${subscription_id}/${movement_id}`],
  );
  return { verdict, named };
}

async function judgedHere(library: Library, path: string): Promise<Judgement> {
  const handle = library.open(path);
  try {
    return judged(await (await Ledger.open({ store: new SqliteStore(handle) })).verify());
  } finally {
    handle.close();
  }
}

/** Other values for a column, as SQL: near ones, and some of another type. */
function others(column: string): string[] {
  const text = ["'x'", `CAST(x'61c328' AS TEXT)`, "''", `${column} || 'x'`];
  const number = [`${column} + 1`, "-1000", "4611686018427387904", "NULL"];
  const bytes = ["zeroblob(16)", "x''", `substr(${column}, 2)`];
  if (/_(id|type)$|^(name|currency|text)$/.test(column) && !/^(tax_ten)/.test(column)) {
    return [...text, "NULL"];
  }
  return /^(id|bytes|salt|chain_hash)$/.test(column) ? [...bytes, "NULL"] : number;
}

/** Every column of every table changed, in one row each. */
function changes(): string[] {
  const handle = new Database(filledFile());
  const tables = handle
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
    .pluck()
    .all() as string[];
  const statements = tables.flatMap((table) => {
    const columns = handle
      .prepare(`SELECT name FROM pragma_table_info('${table}')`)
      .pluck()
      .all() as string[];
    const key = columns[0] ?? assert.fail(`${table} has columns`);
    return columns.flatMap((column) =>
      others(column).map(
        (value) =>
          `UPDATE ${table} SET ${column} = ${value} WHERE ${key} =
           (SELECT ${key} FROM ${table} WHERE ${column} IS NOT NULL ORDER BY ${key} DESC LIMIT 1)`,
      ),
    );
  });
  handle.close();
  return statements;
}

/** Rows that are gone, and rows that belong to nothing. */
const rows = [
  "DELETE FROM orgs WHERE number = 1",
  "DELETE FROM movements WHERE number = 1",
  "DELETE FROM journal WHERE position = 1",
  "DELETE FROM journal WHERE position = 3",
  "DELETE FROM journal WHERE position = (SELECT max(position) FROM journal)",
  "DELETE FROM refunds WHERE id = (SELECT min(id) FROM refunds)",
  "INSERT INTO orgs (name) VALUES ('empty')",
  "UPDATE journal SET movement = 77 WHERE position = 2",
  "UPDATE journal SET movement = 2 WHERE position = 2",
  "UPDATE journal SET position = 1000 WHERE position = (SELECT max(position) FROM journal)",
  "UPDATE journal SET position = -5 WHERE position = 1",
  "UPDATE journal SET previous_position = NULL WHERE position = (SELECT max(position) FROM journal)",
  "UPDATE refunds SET movement = 77",
  "UPDATE refunds SET text_position = 77",
  "UPDATE movements SET org = 77",
  "UPDATE movements SET text_position = 2, chain_position = 2",
  "UPDATE journal SET salt = NULL, text = NULL WHERE text IS NOT NULL",
  "UPDATE journal SET text = NULL WHERE text IS NOT NULL",
  "INSERT INTO journal (movement, sequence, bytes) VALUES (1, 99, x'00')",
];

for (const library of libraries) {
  test(`${library.name}: every changed column is judged as the Rust store judges it`, async () => {
    let changed = 0;
    let found = 0;
    for (const sql of [...changes(), ...rows]) {
      const path = filledFile();
      try {
        tamper(path, sql);
      } catch {
        // Some values are taken, or can't be: then there is nothing to find.
        continue;
      }
      changed += 1;
      const here = await judgedHere(library, path);
      const there = judged(verify(path));
      assert.equal(here.verdict, there.verdict, sql);
      found += Number(there.verdict !== "valid");
      // Bytes that are no UTF-8 are read as others here, and a movement goes by the name that is read.
      const isRenamed = /_id = CAST|name = CAST/.test(sql);
      if (!isRenamed) {
        assert.deepEqual(new Set(here.named), new Set(there.named), `who is named after ${sql}`);
      }
    }
    assert.ok(changed > 150 && found > changed * 0.9, `${found} of ${changed} were found`);
  });

  test(`${library.name}: what is damaged is told by every way of reading it`, () => {
    const path = filledFile();
    tamper(path, "UPDATE journal SET salt = NULL WHERE salt IS NOT NULL");
    const store = new SqliteStore(library.open(path));
    const damaged = storeError("corrupted", /refunds\.db`: .*column `text` holds what can't be there/);
    assert.throws(() => store.journal(0, 100), damaged);
    assert.throws(() => store.listRefunds(everything, null, 100), damaged);
    const described = sound.filter((row) => row.kind === "movement").filter(({ text }) => text.text !== null);
    assert.ok(described.length > 0);
    for (const { row } of described) {
      assert.throws(() => store.load({ movements: [row], refunds: [] }), damaged);
    }
    const invalid = scanAll(store).filter((row) => row.kind === "invalid");
    assert.ok(invalid.length > 0, "a scan goes on");
  });

  test(`${library.name}: no text is erased of whom is unknown`, () => {
    const path = filledFile();
    tamper(path, "UPDATE journal SET bytes = x'00' WHERE text IS NOT NULL");
    const store = new SqliteStore(library.open(path));
    const before = store.journal(0, 1000);
    const [{ row } = assert.fail()] = sound.filter((visited) => visited.kind === "movement");
    const texts = before.filter(({ movement_id, text }) => movement_id === row.movement_id && text !== null);
    assert.ok(texts.length > 0, "there is a text that could be taken for the movement's");
    const { org_id, subscription_id, movement_id } = row;
    const erasure = { org_id, subscription_id, movement_id, owner: null, through_sequence: 1000 };
    assert.throws(
      () => {
        store.commit({ preconditions: [], movements: [], refunds: [], entries: [], erasures: [erasure] });
      },
      storeError("corrupted", /may be anybody's/),
    );
    assert.deepEqual(store.journal(0, 1000), before);
  });

  test(`${library.name}: a row that belongs to nobody is visited with the name in its journal`, () => {
    const path = filledFile();
    tamper(path, "UPDATE journal SET movement = 77 WHERE position = 2");
    const { org_id, subscription_id, movement_id } = journal[1] ?? assert.fail("there are two entries");
    const invalid = scanAll(new SqliteStore(library.open(path))).filter((row) => row.kind === "invalid");
    const stray = invalid.find(({ reason }) => reason === "an entry belongs to no movement");
    assert.deepEqual(stray?.movement, { org_id, subscription_id, movement_id });
    let visited = 0;
    const range = { org_id: null, only: null, after: null, entries: true, refunds: true };
    new SqliteStore(library.open(path)).scan(range, (row) => {
      visited += 1;
      return row.kind !== "invalid";
    });
    assert.ok(visited < scanAll(new SqliteStore(library.open(path))).length, "it ends where it is told to");
  });

  test(`${library.name}: a flipped bit is found or changes nothing`, async () => {
    const content = readFileSync(filledFile());
    let valid = 0;
    let tried = 0;
    for (let at = 16; at < content.length; at += 211) {
      const bytes = Uint8Array.from(content);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (tried % 8));
      const path = newFile();
      writeFileSync(path, bytes);
      tried += 1;
      const handle = library.open(path);
      try {
        const store = new SqliteStore(handle);
        const { verdict } = await (await Ledger.open({ store })).verify();
        if (verdict === "valid") {
          valid += 1;
          assert.deepEqual(scanAll(store), sound, `bit ${tried % 8} of byte ${at}`);
          assert.deepEqual(store.journal(0, 1000), journal);
          assert.deepEqual(listAll(store), listed);
        }
      } catch (thrown) {
        if (!(thrown instanceof StoreError || thrown instanceof RefundLedgerError)) {
          throw thrown;
        }
      } finally {
        handle.close();
      }
    }
    assert.ok(valid > 0 && valid < tried, `${valid} of ${tried} bits did not matter`);
  });
}
