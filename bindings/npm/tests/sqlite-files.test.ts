/** What the store does with handles and files that it may not use: it says why, and leaves them alone. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { Ledger } from "../src/node.js";
import { hasWalResetFix } from "../src/sqlite/open.js";
import { type SqliteHandle, SqliteStore } from "../src/sqlite.js";
import {
  everything,
  filledFile,
  libraries,
  newFile,
  scanAll,
  storeError,
  tamper,
} from "./support/ledger-files.js";
import { verify } from "./support/refunds.js";
import { as, isInvalid, MOVEMENT } from "./support/refusals.js";

const SCOPE = { org_id: "acme", subscription_id: "sub-7", movement_id: "mov-new" };

test("only libraries that mend the log's race are accepted", () => {
  for (const sound of ["3.44.6", "3.44.7", "3.50.7", "3.51.3", "3.52.0", "3.54.1", "4.0.0"]) {
    assert.ok(hasWalResetFix(sound), `${sound} has the fix`);
  }
  for (const broken of [
    "3.7.0",
    "3.43.2",
    "3.44.5",
    "3.45.0",
    "3.49.2",
    "3.50.6",
    "3.51.0",
    "3.51.2",
    "2.8.17",
    "",
  ]) {
    assert.ok(!hasWalResetFix(broken), `${broken} lacks the fix`);
  }
});

test("an iterator of the owner's that is open keeps better-sqlite3 from a transaction", () => {
  const handle = new Database(filledFile());
  const store = new SqliteStore(handle);
  const rows = handle.prepare("SELECT position FROM journal").iterate();
  rows.next();
  assert.throws(() => store.journal(0, 1), storeError("failed", /busy executing a query/));
  rows.return?.();
  assert.equal(store.journal(0, 1).length, 1);
});

test("a refused handle keeps its settings", () => {
  const path = newFile();
  tamper(path, "CREATE TABLE customers (name TEXT)");
  const handle = new Database(path);
  const settings = [
    "synchronous",
    "secure_delete",
    "trusted_schema",
    "foreign_keys",
    "busy_timeout",
    "journal_mode",
  ];
  const read = () => settings.map((name) => handle.pragma(name, { simple: true }));
  const before = read();
  assert.throws(() => new SqliteStore(handle), storeError("unsupported"));
  assert.deepEqual(read(), before);
});

for (const library of libraries) {
  const { open } = library;

  /** The file is refused for this reason, and stays byte for byte. */
  function assertLeftAlone(path: string, kind: string, reason: RegExp): void {
    const handle = open(path);
    const before = readFileSync(path);
    assert.throws(() => new SqliteStore(handle), storeError(kind, reason));
    assert.deepEqual(readFileSync(path), before, "not a byte is touched");
    handle.close();
  }

  test(`${library.name}: a handle on an old library is refused`, () => {
    const handle = open(":memory:");
    const old = new Proxy(handle, {
      get: (target, name) => {
        const value: unknown =
          name === "prepare"
            ? (sql: string) => target.prepare(sql === "SELECT sqlite_version()" ? "SELECT '3.51.2'" : sql)
            : Reflect.get(target, name);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
    assert.throws(() => new SqliteStore(old), storeError("unsupported", /SQLite 3\.51\.2 can damage/));
  });

  test(`${library.name}: a file that is no database is left alone`, () => {
    for (const content of [
      "id,amount\n1,12.10\n",
      "SQLite format 2\0",
      "x".repeat(8192),
      "\0".repeat(8192),
    ]) {
      const path = newFile();
      writeFileSync(path, content);
      assertLeftAlone(path, "unsupported", /not even a SQLite database/);
      assert.deepEqual(readdirSync(dirname(path)), ["refunds.db"], "nothing appears beside it");
    }
  });

  test(`${library.name}: a database of something else is left alone`, () => {
    for (const sql of [
      "CREATE TABLE customers (name TEXT)",
      "PRAGMA journal_mode = WAL; CREATE TABLE customers (name TEXT)",
      "PRAGMA application_id = 77; PRAGMA user_version = 1; CREATE TABLE customers (name TEXT)",
    ]) {
      const path = newFile();
      tamper(path, sql);
      assertLeftAlone(path, "unsupported", /the SQLite database of something else/);
    }
  });

  test(`${library.name}: a ledger of a newer version, of another encoding, or changed is left alone`, () => {
    for (const [sql, named] of [
      ["PRAGMA user_version = 2", /newer version/],
      ["PRAGMA user_version = 0", /something else/],
      ["PRAGMA user_version = -1", /something else/],
      ["PRAGMA application_id = 0", /something else/],
      ["CREATE TRIGGER steal AFTER INSERT ON refunds BEGIN DELETE FROM journal; END", /the trigger `steal`/],
      ["CREATE TABLE more (a)", /the table `more`/],
      ["CREATE VIEW peek AS SELECT * FROM refunds", /the view `peek`/],
      ["CREATE INDEX slow ON refunds (billable)", /the index `slow`/],
      ["DROP INDEX refunds_by_external_id", /lacks the index `refunds_by_external_id`/],
      [
        "DROP INDEX refunds_by_org; CREATE INDEX refunds_by_org ON refunds (org)",
        /the index `refunds_by_org` in another form/,
      ],
      ["ALTER TABLE refunds ADD COLUMN note TEXT", /the table `refunds` in another form/],
      [
        "PRAGMA writable_schema = ON; " +
          "DELETE FROM sqlite_schema WHERE name = 'sqlite_autoindex_movements_1'",
        /lacks the index `sqlite_autoindex_movements_1`/,
      ],
      [
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema " +
          "SET sql = replace(sql, 'CHECK (amount_with > 0)', '') WHERE name = 'refunds'",
        /the table `refunds` in another form/,
      ],
      [
        "ANALYZE; PRAGMA writable_schema = ON; UPDATE sqlite_schema " +
          "SET sql = 'CREATE TABLE sqlite_stat1(tbl,idx,stat,CHECK(tbl>1))' WHERE name = 'sqlite_stat1'",
        /the table `sqlite_stat1`/,
      ],
    ] as const) {
      const path = filledFile();
      tamper(path, sql);
      assertLeftAlone(path, "unsupported", named);
    }
    const path = newFile();
    tamper(path, "PRAGMA encoding = 'UTF-16le'; CREATE TABLE a (b); PRAGMA user_version = 1");
    tamper(path, `PRAGMA application_id = ${0x52464c44}`);
    assertLeftAlone(path, "unsupported", /UTF-16le; a ledger does in UTF-8/);
  });

  test(`${library.name}: figures of ANALYZE do no harm`, () => {
    const path = filledFile();
    tamper(path, "ANALYZE");
    const store = new SqliteStore(open(path));
    assert.ok(scanAll(store).every(({ kind }) => kind !== "invalid"));
  });

  test(`${library.name}: a handle that can't be used is told from one that can`, () => {
    const path = filledFile();
    const closed = open(path);
    closed.close();
    assert.throws(() => new SqliteStore(closed), storeError("failed", /is closed/));

    const handle = open(path);
    const store = new SqliteStore(handle);
    const before = scanAll(store);
    handle.exec("BEGIN");
    assert.throws(() => new SqliteStore(handle), storeError("failed", /in a transaction/));
    assert.throws(() => store.journal(0, 1), storeError("failed", /in a transaction/));
    assert.throws(
      () => {
        store.scrub();
      },
      storeError("failed", /in a transaction/),
    );
    handle.exec("COMMIT");
    assert.deepEqual(scanAll(store), before, "the store goes on");
    handle.close();
    assert.throws(() => store.journal(0, 1), storeError("failed", /is closed/));

    for (const none of [undefined, null, path, {}, { exec: 1 }]) {
      assert.throws(
        () => new SqliteStore(none as unknown as SqliteHandle),
        storeError("unsupported", /better-sqlite3.*node:sqlite/),
      );
    }
  });

  test(`${library.name}: an option that is none is refused by its name`, async () => {
    const handle = open(newFile());
    const store = (options: unknown) => () => new SqliteStore(handle, as(options));
    for (const busyTimeoutMs of [-1, 0.5, Number.NaN, 2 ** 31]) {
      await isInvalid(store({ busyTimeoutMs }), "busyTimeoutMs", "out_of_range");
    }
    for (const busyTimeoutMs of ["5", null, 5n]) {
      await isInvalid(store({ busyTimeoutMs }), "busyTimeoutMs", "wrong_type");
    }
    for (const options of [null, 5, "5", () => 1, new Map()]) {
      await isInvalid(store(options), "options", "wrong_type");
    }
    await isInvalid(store({ busyTimeout: 5 }), "busyTimeout", "not_allowed");
    assert.deepEqual(store({ busyTimeoutMs: undefined })().journal(0, 1), []);
  });

  test(`${library.name}: a closed store lets go of the handle, which stays open`, () => {
    const path = filledFile();
    const handle = open(path);
    const store = new SqliteStore(handle);
    store.close();
    assert.throws(() => store.journal(0, 1), storeError("failed", /the store .* is closed/));
    assert.ok(scanAll(new SqliteStore(handle)).length > 0, "another store on the same handle");
  });

  test(`${library.name}: a visitor and a decision can't call the store, and do no harm`, () => {
    const store = new SqliteStore(open(filledFile()));
    const refused = storeError("failed", /no method of the store from a visitor/);
    const range = { org_id: null, only: null, after: null, entries: true, refunds: true };
    let visited = 0;
    store.scan(range, () => {
      visited += 1;
      assert.throws(() => store.journal(0, 1), refused);
      return true;
    });
    assert.ok(visited > 10);
    store.transact({ movements: [], refunds: [] }, () => {
      assert.throws(() => store.load({ movements: [], refunds: [] }), refused);
      return null;
    });
    const thrown = new RangeError("a mistake");
    assert.throws(
      () =>
        store.scan(range, () => {
          throw thrown;
        }),
      thrown,
    );
    assert.equal(scanAll(store).length, visited);
  });

  test(`${library.name}: through a handle that may only read, everything can be read`, async () => {
    const path = filledFile();
    const store = new SqliteStore(open(path, { readOnly: true }));
    const ledger = await Ledger.open({ store });
    assert.equal((await ledger.verify()).verdict, "valid");
    assert.ok(store.listRefunds(everything, null, 10).items.length > 0);
    await assert.rejects(ledger.recordMovement(SCOPE, MOVEMENT), ({ cause }: { cause: unknown }) =>
      storeError("failed", /read-only/)(cause),
    );
    const empty = newFile();
    writeFileSync(empty, "");
    assert.throws(() => new SqliteStore(open(empty, { readOnly: true })), storeError("failed", /read-only/));
    const unlogged = filledFile();
    tamper(unlogged, "PRAGMA journal_mode = DELETE");
    const reading = new SqliteStore(open(unlogged, { readOnly: true }));
    assert.deepEqual(scanAll(reading), scanAll(new SqliteStore(open(unlogged))));
  });

  test(`${library.name}: what is set on the handle is what is documented`, () => {
    const handle = open(newFile());
    const setting = (name: string): unknown => {
      const statement = handle.prepare(`PRAGMA ${name}`) as { get(): Record<string, unknown> };
      return Object.values(statement.get())[0];
    };
    handle.exec("PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA busy_timeout = 1234");
    new SqliteStore(handle);
    const wanted = {
      busy_timeout: 1234,
      synchronous: 2,
      foreign_keys: 1,
      secure_delete: 1,
      trusted_schema: 0,
      cell_size_check: 1,
      journal_mode: "wal",
      application_id: 0x52464c44,
      user_version: 1,
    };
    const found = Object.fromEntries(Object.keys(wanted).map((name) => [name, setting(name)]));
    assert.deepEqual(found, wanted);
    new SqliteStore(handle, { busyTimeoutMs: 77 });
    assert.equal(setting("busy_timeout"), 77);
    new SqliteStore(handle, { busyTimeoutMs: 0 });
    assert.equal(setting("busy_timeout"), 0);
    new SqliteStore(handle);
    assert.equal(setting("busy_timeout"), 5000, "a handle that does not wait");
    handle.exec("PRAGMA writable_schema = ON");
    assert.throws(() => {
      handle.exec("UPDATE sqlite_schema SET sql = ''");
    }, /may not be modified/);
  });

  test(`${library.name}: nothing is written once the file is not in its place`, async () => {
    for (const displace of [
      (path: string) => {
        rmSync(path);
      },
      (path: string) => {
        renameSync(path, `${path}.moved`);
        writeFileSync(path, readFileSync(`${path}.moved`));
      },
      (path: string) => {
        rmSync(`${path}-wal`);
      },
    ]) {
      const path = filledFile();
      const store = new SqliteStore(open(path));
      const ledger = await Ledger.open({ store });
      await ledger.recordMovement(SCOPE, MOVEMENT);
      displace(path);
      await assert.rejects(
        ledger.recordMovement({ ...SCOPE, movement_id: "mov-lost" }, MOVEMENT),
        ({ cause }: { cause: unknown }) => storeError("failed", /removed, replaced or emptied/)(cause),
      );
    }
  });

  test(`${library.name}: many handles that make the same file all get it`, async () => {
    const path = newFile();
    const handles = Array.from({ length: 5 }, () => open(path));
    for (const [n, handle] of handles.entries()) {
      const ledger = await Ledger.open({ store: new SqliteStore(handle) });
      await ledger.recordMovement({ ...SCOPE, movement_id: `mov-${n}` }, MOVEMENT);
    }
    assert.equal(verify(path).movements, 5);
    assert.equal(verify(path).verdict, "valid");
  });

  test(`${library.name}: a creation that was cut off is taken back and done again`, async () => {
    // SQLite's own journal of a transaction on an empty file, caught in the middle.
    const unfinished = newFile();
    const maker = new Database(unfinished);
    maker.exec("PRAGMA cache_size = 1; BEGIN; CREATE TABLE a (b); INSERT INTO a VALUES (zeroblob(100000))");
    const path = newFile();
    writeFileSync(path, new Uint8Array(20 * 4096));
    writeFileSync(`${path}-journal`, readFileSync(`${unfinished}-journal`));
    maker.close();
    const ledger = await Ledger.open({ store: new SqliteStore(open(path)) });
    await ledger.recordMovement(SCOPE, MOVEMENT);
    assert.equal(verify(path).verdict, "valid");
  });

  test(`${library.name}: a locked file is busy, also while the store is made`, () => {
    const path = filledFile();
    const locker = open(path);
    locker.exec("BEGIN IMMEDIATE");
    const store = new SqliteStore(open(path), { busyTimeoutMs: 0 });
    assert.throws(() => {
      store.transact({ movements: [], refunds: [] }, () => null);
    }, storeError("busy"));
    assert.ok(store.journal(0, 1).length === 1, "reading does not wait");

    const fresh = newFile();
    const first = open(fresh);
    first.exec("BEGIN IMMEDIATE");
    assert.throws(() => new SqliteStore(open(fresh), { busyTimeoutMs: 0 }), storeError("busy"));
    first.exec("ROLLBACK");
    assert.deepEqual(scanAll(new SqliteStore(open(fresh))), []);
  });
}
