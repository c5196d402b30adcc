import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";

import { IndexedDbStore } from "../src/indexeddb.js";
import { abortError, openError, requestError } from "../src/indexeddb/errors.js";
import { contents, emptyStore, isStoreError, NAME, Watched } from "./support/indexeddb.js";
import { create, filter, movementKey, movementRow, range, record, refundId, wanted } from "./support/rows.js";

const KEY = movementKey("m");

async function furnished(): Promise<IndexedDbStore> {
  const store = await emptyStore();
  await store.commit(record(KEY));
  return store;
}

/** Has the browser abort every transaction that adds a row, before all of its requests are answered. */
function abortWrites(t: TestContext, reason: string): void {
  const add = IDBObjectStore.prototype.add;
  t.mock.method(
    IDBObjectStore.prototype,
    "add",
    function (this: IDBObjectStore, ...row: [unknown, IDBValidKey?]) {
      const request = add.apply(this, row);
      const { transaction } = this;
      queueMicrotask(() => Reflect.apply(Reflect.get(transaction, "_abort"), transaction, [reason]));
      return request;
    },
  );
}

/** Has the browser say, once all requests of a transaction that writes are answered, that it was aborted. */
function abortCommits(t: TestContext, reason: string | null): void {
  const dispatch = IDBTransaction.prototype.dispatchEvent;
  t.mock.method(IDBTransaction.prototype, "dispatchEvent", function (this: IDBTransaction, event: Event) {
    if (event.type !== "complete" || this.mode === "readonly") {
      return dispatch.call(this, event);
    }
    Reflect.set(this, "error", reason === null ? null : new DOMException("planted", reason));
    this.onabort?.(event);
    return true;
  });
}

test("a used-up quota fails the commit, says so, and writes nothing", async (t) => {
  const store = await furnished();
  const before = await contents(store);
  abortWrites(t, "QuotaExceededError");
  const planned = create(movementRow(KEY), refundId(1));
  const isQuota = isStoreError("failed", /quota for this site is used up, and nothing was written/);
  await assert.rejects(store.commit(planned), isQuota);
  await assert.rejects(
    store.transact(wanted(KEY), () => planned),
    isQuota,
  );
  t.mock.restoreAll();
  assert.deepEqual(await contents(store), before);
  await store.commit(planned);
});

test("a quota that is found to be used up in committing fails the commit too", async (t) => {
  const store = await furnished();
  abortCommits(t, "QuotaExceededError");
  await assert.rejects(store.commit(create(movementRow(KEY), refundId(1))), isStoreError("failed", /quota/));
});

test("a transaction that is aborted without a reason before it commits has failed", async (t) => {
  const store = await furnished();
  const before = await contents(store);
  abortWrites(t, "AbortError");
  const commit = store.commit(create(movementRow(KEY), refundId(1)));
  await assert.rejects(
    commit,
    isStoreError("failed", /aborted the transaction without a reason; nothing was written/),
  );
  t.mock.restoreAll();
  assert.deepEqual(await contents(store), before);
});

test("a transaction that is aborted while it commits may have been applied", async (t) => {
  for (const reason of [null, "AbortError", "UnknownError"]) {
    const store = await furnished();
    abortCommits(t, reason);
    const commit = store.commit(create(movementRow(KEY), refundId(1)));
    await assert.rejects(commit, isStoreError("outcome_unknown", /did not say whether it committed/));
    t.mock.restoreAll();
  }
});

test("a transaction of which the browser says no more ends with its connection", async (t) => {
  for (const [silenced, kind, message] of [
    [["success", "complete"], "unavailable", /it closed the database.*nothing was written/],
    [["complete"], "outcome_unknown", /did not say whether it committed: it closed the database/],
  ] as const) {
    const indexedDB = new Watched();
    const store = await IndexedDbStore.open(NAME, { indexedDB });
    await store.commit(record(KEY));
    for (const target of [IDBRequest, IDBTransaction]) {
      const dispatch = target.prototype.dispatchEvent;
      t.mock.method(target.prototype, "dispatchEvent", function (this: EventTarget, event: Event) {
        return silenced.some((type) => type === event.type) || dispatch.call(this, event);
      });
    }
    const commit = store.commit(create(movementRow(KEY), refundId(1)));
    indexedDB.takeAway();
    await assert.rejects(commit, isStoreError(kind, message));
    t.mock.restoreAll();
  }
});

test("what a browser reports has one meaning each", () => {
  const named = (name: string): DOMException => new DOMException("told", name);
  for (const [name, kind] of [
    ["QuotaExceededError", "failed"],
    ["ConstraintError", "corrupted"],
    ["DataError", "corrupted"],
    ["NotReadableError", "corrupted"],
    ["UnknownError", "failed"],
  ] as const) {
    assert.equal(requestError(named(name)).kind, kind, name);
    assert.equal(abortError(named(name), false).kind, kind, name);
    assert.equal(requestError(named(name)).cause instanceof DOMException, true);
  }
  for (const [name, kind] of [
    ["VersionError", "unsupported"],
    ["SecurityError", "unavailable"],
    ["NotAllowedError", "unavailable"],
    ["InvalidStateError", "unavailable"],
    ["QuotaExceededError", "failed"],
    ["UnknownError", "failed"],
  ] as const) {
    assert.equal(openError("ledger", named(name)).kind, kind, name);
  }
  const blocked = new DOMException("The user denied permission to access the database.", "UnknownError");
  assert.equal(openError("ledger", blocked).kind, "unavailable");
});

test("each call is one transaction, and those that write ask for strict durability", async (t) => {
  const store = await furnished();
  const begin = t.mock.method(IDBDatabase.prototype, "transaction");
  const calls: [string, () => Promise<unknown>][] = [
    ["readwrite", () => store.commit(create(movementRow(KEY), refundId(1)))],
    ["readwrite", () => store.transact(wanted(KEY), () => null)],
    ["readonly", () => store.load(wanted(KEY))],
    ["readonly", () => store.listRefunds(filter(), null, 1)],
    ["readonly", () => store.journal(0, 1)],
    ["readonly", () => store.scan(range(), () => true)],
  ];
  for (const [mode, call] of calls) {
    begin.mock.resetCalls();
    await call();
    const options = mode === "readwrite" ? { durability: "strict" } : {};
    assert.deepEqual(
      begin.mock.calls.map(({ arguments: [, ...rest] }) => rest),
      [[mode, options]],
    );
  }
});

test("a commit resolves once the transaction is complete, not before", async (t) => {
  const store = await furnished();
  const dispatch = IDBTransaction.prototype.dispatchEvent;
  const order: string[] = [];
  const held = new Promise<() => void>((resolve) => {
    t.mock.method(IDBTransaction.prototype, "dispatchEvent", function (this: IDBTransaction, event: Event) {
      order.push(event.type);
      resolve(() => dispatch.call(this, event));
      return true;
    });
  });
  const commit = store.commit(create(movementRow(KEY), refundId(1))).then(() => order.push("resolved"));
  const dispatchHeld = await held;
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(order, ["complete"]);
  dispatchHeld();
  await commit;
  assert.deepEqual(order, ["complete", "resolved"]);
});
