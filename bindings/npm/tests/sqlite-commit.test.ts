/** What a commit checks and writes: all of it or nothing, once, and durably. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Ledger } from "../src/node.js";
import { type SqliteHandle, SqliteStore } from "../src/sqlite.js";
import type { WriteBatch } from "../src/store.js";
import { libraries, newFile, scanAll, storeError } from "./support/ledger-files.js";
import { importLines, verify } from "./support/refunds.js";
import { MOVEMENT } from "./support/refusals.js";
import { difference } from "./support/replay.js";
import { keyOf } from "./support/rows.js";

const SCOPE = { org_id: "acme", subscription_id: "sub-7", movement_id: "mov-1" };

const february = {
  ...MOVEMENT,
  amount: { value_with_taxes: 100 },
  description: "February\0, with a NUL",
};

const ten = {
  refund_datetime: "2022-02-24T13:45:10Z",
  amount: { value_with_taxes: 10 },
  external_refund_unique_id: "ext-1",
  billable: false,
  description: "ten",
};

/** A movement with a refund, as one batch for an empty ledger. */
async function small(): Promise<WriteBatch> {
  const memory = libraries[0] ?? assert.fail("there is a library");
  const store = new SqliteStore(memory.open(":memory:"));
  const ledger = await Ledger.open({ store });
  await ledger.recordMovement(SCOPE, february);
  await ledger.createRefund(SCOPE, ten);
  return difference(store, new SqliteStore(memory.open(":memory:")));
}

const batch = await small();

/** The handle, on which a statement fails. */
function failing(handle: SqliteHandle, sql: string, error: Error): SqliteHandle {
  const nothing = (): void => undefined;
  const run = (): never => {
    throw error;
  };
  const broken = {
    reader: false,
    run,
    safeIntegers: nothing,
    setReadBigInts: nothing,
    setReturnArrays: nothing,
  };
  return preparing(handle, (text) => (text === sql ? broken : handle.prepare(text)));
}

/** The handle, with statements of the test's. */
function preparing(handle: SqliteHandle, prepare: (sql: string) => object): SqliteHandle {
  return new Proxy(handle, {
    get: (target, name) => {
      const value: unknown = name === "prepare" ? prepare : Reflect.get(target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

for (const library of libraries) {
  const { open } = library;
  const store = (path = ":memory:"): SqliteStore => new SqliteStore(open(path));

  test(`${library.name}: a text is kept as it is, with a NUL in it`, () => {
    const kept = store();
    kept.commit(batch);
    assert.equal(kept.journal(0, 1)[0]?.text, "February\0, with a NUL");
    const [found] = kept.load({ movements: [SCOPE], refunds: [] }).movements;
    assert.deepEqual(found?.row, batch.movements[0]);
  });

  test(`${library.name}: a text can be erased in memory too`, async () => {
    const kept = store();
    const ledger = await Ledger.open({ store: kept });
    await ledger.recordMovement(SCOPE, february);
    await ledger.eraseText(SCOPE);
    assert.equal(kept.journal(0, 1)[0]?.text, null);
  });

  test(`${library.name}: a batch is applied once`, () => {
    const kept = store();
    kept.commit(batch);
    const before = scanAll(kept);
    assert.throws(() => kept.commit(batch), storeError("conflict"));
    assert.deepEqual(scanAll(kept), before);
  });

  test(`${library.name}: what breaks a precondition or a key changes nothing`, () => {
    const [movement, write] = [batch.movements[0], batch.refunds[0]];
    assert.ok(movement !== undefined && write !== undefined);
    const other = { ...movement, movement_id: "mov-2" };
    const moved = (entry: WriteBatch["entries"][number]) => ({ ...entry, movement_id: "mov-2" });
    const at = { kind: "movement_at", ...keyOf(other), version: 0 } as const;
    const valid: WriteBatch = {
      preconditions: [at],
      movements: [other],
      refunds: [
        {
          insert: true,
          row: {
            ...write.row,
            movement_id: "mov-2",
            id: "7".repeat(8) + write.row.id.slice(8),
            external_id: "ext-2",
          },
        },
      ],
      entries: batch.entries.map(moved),
      erasures: [],
    };
    const changed = (row: object): WriteBatch["refunds"] =>
      valid.refunds.map(({ insert, row: before }) => ({ insert, row: { ...before, ...row } }));
    const wrong: Record<string, Partial<WriteBatch>> = {
      "the movement is there": { preconditions: [{ ...at, ...SCOPE }] },
      "the movement is not there": { preconditions: [{ ...at, version: 2 }] },
      "the movement is at another version": {
        preconditions: [at, { kind: "movement_at", ...SCOPE, version: 1 }],
      },
      "somebody has the external id": {
        preconditions: [at, { kind: "external_id_free", org_id: "acme", external_id: "ext-1" }],
      },
      "the new refund's external id is taken": { refunds: changed({ external_id: "ext-1" }) },
      "the new refund's id is taken": { refunds: changed({ id: write.row.id }) },
      "the refund to replace is not there": {
        refunds: changed({}).map(({ row }) => ({ insert: false, row })),
      },
    };
    for (const [what, part] of Object.entries(wrong)) {
      const kept = store();
      kept.commit(batch);
      const before = scanAll(kept);
      assert.throws(() => kept.commit({ ...valid, ...part }), storeError("conflict"), what);
      assert.deepEqual(scanAll(kept), before, what);
      kept.commit(valid);
      assert.equal(scanAll(kept).length, 2 * before.length, `${what}, and without that it is applied`);
    }
    const kept = store();
    kept.commit(batch);
    const broken: Record<string, Partial<WriteBatch>> = {
      "the movement comes without the entries of its chain": { entries: [], refunds: [] },
      "an entry names no movement": { preconditions: [], movements: [], refunds: [] },
      "a refund names no movement": { preconditions: [], movements: [], entries: [] },
      "a sum is beyond the amount": { movements: [{ ...other, refunded_with_taxes_minor: "10001" }] },
    };
    for (const [what, part] of Object.entries(broken)) {
      const before = scanAll(kept);
      assert.throws(() => kept.commit({ ...valid, ...part }), storeError("failed"), what);
      assert.deepEqual(scanAll(kept), before, what);
    }
  });

  test(`${library.name}: what a decision throws is passed on, and nothing is kept`, () => {
    const kept = store();
    const thrown = new TypeError("a mistake");
    const decide = (): never => {
      throw thrown;
    };
    assert.throws(() => kept.transact({ movements: [SCOPE], refunds: [] }, decide), thrown);
    kept.transact({ movements: [SCOPE], refunds: [] }, () => null);
    kept.transact({ movements: [SCOPE], refunds: [] }, () => ({ ...batch, entries: [] }));
    assert.deepEqual(scanAll(kept), []);
    kept.commit(batch);
    assert.equal(scanAll(kept).length, 4, "the store goes on");
  });

  test(`${library.name}: nobody writes between reading and writing`, () => {
    const path = newFile();
    const ours = store(path);
    const others = new SqliteStore(open(path), { busyTimeoutMs: 0 });
    ours.transact({ movements: [SCOPE], refunds: [] }, () => {
      assert.throws(() => others.commit(batch), storeError("busy"));
      assert.deepEqual(others.journal(0, 10), [], "reading goes on meanwhile");
      return batch;
    });
    assert.deepEqual(scanAll(others), scanAll(ours));

    // The same, on a store whose transactions don't lock: the other one gets in between.
    const unlocked = newFile();
    const handle = open(unlocked);
    const lax = new SqliteStore(
      preparing(handle, (sql) => handle.prepare(sql === "BEGIN IMMEDIATE" ? "BEGIN" : sql)),
    );
    const second = new SqliteStore(open(unlocked), { busyTimeoutMs: 0 });
    assert.throws(() => {
      lax.transact({ movements: [SCOPE], refunds: [] }, () => {
        second.commit(batch);
        return batch;
      });
    }, storeError("busy"));
    assert.equal(scanAll(second).length, 4, "this is what the lock keeps from happening");
  });

  test(`${library.name}: a failed sync leaves the outcome unknown, other failures don't`, () => {
    const sync = Object.assign(new Error("disk I/O error"), { code: "SQLITE_IOERR_FSYNC" });
    const full = Object.assign(new Error("database or disk is full"), {
      code: "ERR_SQLITE_ERROR",
      errcode: 13,
    });
    const nodeSync = Object.assign(new Error("disk I/O error"), { code: "ERR_SQLITE_ERROR", errcode: 1034 });
    const cases = [
      [sync, "outcome_unknown"],
      [nodeSync, "outcome_unknown"],
      [full, "failed"],
    ] as const;
    for (const [error, kind] of cases) {
      const path = newFile();
      store(path);
      const unlucky = new SqliteStore(failing(open(path), "COMMIT", error));
      assert.throws(() => unlucky.commit(batch), storeError(kind));
      assert.deepEqual(scanAll(unlucky), [], "what was begun is taken back here");
    }
  });

  test(`${library.name}: a full file is refused, and the ledger stays whole`, async () => {
    const path = newFile();
    const handle = open(path);
    const ledger = await Ledger.open({ store: new SqliteStore(handle) });
    handle.exec("PRAGMA max_page_count = 24");
    let refused: unknown;
    for (let n = 0; n < 1000 && refused === undefined; n += 1) {
      const scope = { ...SCOPE, movement_id: `mov-${n}` };
      await ledger
        .recordMovement(scope, { ...february, description: "x".repeat(1000) })
        .catch((thrown: unknown) => {
          refused = thrown;
        });
    }
    assert.match(String((refused as { cause?: unknown }).cause), /make room and try again/);
    assert.equal(verify(path).verdict, "valid");
    handle.exec("PRAGMA max_page_count = 1000000");
    await ledger.recordMovement({ ...SCOPE, movement_id: "mov-last" }, february);
    assert.equal(verify(path).verdict, "valid");
  });

  test(`${library.name}: an erased text is in no file after a scrub`, async () => {
    const path = newFile();
    const kept = store(path);
    const ledger = await Ledger.open({ store: kept });
    const scope = { ...SCOPE, movement_id: "mov-e" };
    const secret = "a most personal description";
    const isKept = () => [path, `${path}-wal`].some((file) => readFileSync(file).includes(secret));
    await ledger.recordMovement(scope, { ...february, description: secret });
    const { id } = await ledger.createRefund(scope, { ...ten, description: `${secret}, of a refund` });
    await ledger.updateRefund(scope, id, { ...ten, description: `${secret}, again` });
    assert.ok(isKept(), "the files hold it until then");
    await ledger.eraseText(scope, id);
    assert.deepEqual(
      kept.journal(0, 10).map(({ text }) => text !== null),
      [true, false, false, false],
      "the refund's texts go, the movement's stays",
    );
    await ledger.eraseText(scope);
    kept.scrub();
    assert.ok(!isKept(), "neither the file nor its log holds it");
    assert.equal(verify(path).verdict, "valid");

    // Of the same library: two of them in one process don't see each other's locks.
    const reader = open(path);
    reader.exec("BEGIN; SELECT count(*) FROM journal;");
    await ledger.recordMovement({ ...scope, movement_id: "mov-f" }, february);
    const impatient = new SqliteStore(open(path), { busyTimeoutMs: 0 });
    assert.throws(() => impatient.scrub(), storeError("busy"));
    reader.exec("COMMIT");
    impatient.scrub();
  });

  test(`${library.name}: a batch of thousands is as good as one of one`, async () => {
    const [original, path] = [newFile(), newFile()];
    const movements = Array.from({ length: 50 }, (_, n) => ({ ...SCOPE, movement_id: `mov-${n}` }));
    importLines(
      original,
      movements.flatMap((scope) => [
        { op: "record_movement" as const, ...scope, body: february },
        ...Array.from({ length: 60 }, (_, n) => ({
          op: "create_refund" as const,
          ...scope,
          body: {
            ...ten,
            external_refund_unique_id: `${scope.movement_id}/${n}`,
            amount: { value_with_taxes: 1 },
          },
        })),
      ]),
    );
    const source = store(original);
    const target = store(path);
    const big = difference(source, target);
    assert.equal(big.refunds.length, 3000);
    target.commit({ ...big, refunds: big.refunds.toReversed() });
    assert.deepEqual(scanAll(target), scanAll(source));
    assert.equal(verify(path).verdict, "valid");
  });
}
