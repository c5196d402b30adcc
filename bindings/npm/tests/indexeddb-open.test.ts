import assert from "node:assert/strict";
import { test } from "node:test";

import { IndexedDbStore } from "../src/indexeddb.js";
import { MIGRATIONS, openDatabase } from "../src/indexeddb/open.js";
import { contents, isStoreError, NAME, opened, Watched } from "./support/indexeddb.js";
import { as, isInvalid } from "./support/refusals.js";
import { movementKey, movementRow, onlyMovement, range, record, wanted } from "./support/rows.js";

const KEY = movementKey("m");

/** Long enough for whatever is not blocked, short enough to wait for. */
const TIMEOUT_MS = 1_000;

/** A second version of the database, which adds an index. */
const NEXT_VERSION = [
  ...MIGRATIONS,
  (_: IDBDatabase, transaction: IDBTransaction) => {
    transaction.objectStore("refunds").createIndex("by_revision", "revision");
  },
];

/** A database that is not a ledger's. */
async function foreign(indexedDB: IDBFactory, stores: string[]): Promise<void> {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => {
    for (const store of stores) {
      request.result.createObjectStore(store);
    }
  };
  (await opened(request)).close();
}

async function versionOf(indexedDB: IDBFactory): Promise<number> {
  const database = await opened(indexedDB.open(NAME));
  database.close();
  return database.version;
}

test("without IndexedDB, or where it is denied, the store is unavailable", async (t) => {
  const property = Object.getOwnPropertyDescriptor(globalThis, "indexedDB");
  assert.ok(property);
  t.after(() => Object.defineProperty(globalThis, "indexedDB", property));
  const denied = (): never => {
    throw new DOMException("denied", "SecurityError");
  };
  class Denied extends IDBFactory {
    override open = denied;
    override deleteDatabase = denied;
  }
  for (const instead of [{ value: undefined }, { value: null }, { get: denied }, { value: new Denied() }]) {
    Object.defineProperty(globalThis, "indexedDB", { configurable: true, ...instead });
    for (const call of [IndexedDbStore.open(), IndexedDbStore.delete()]) {
      await assert.rejects(call, isStoreError("unavailable", /^IndexedDB can't be used here \(/));
    }
  }
});

test("where a browser denies it only once it is asked, the store is unavailable", async () => {
  // As Firefox did in private windows.
  const error = new DOMException("a database that did not allow mutations", "InvalidStateError");
  const deny = (): IDBOpenDBRequest => {
    const request = Object.defineProperty(new IDBOpenDBRequest(), "error", { value: error });
    setTimeout(() => request.onerror?.(new Event("error")));
    return request;
  };
  const indexedDB = Object.assign(new IDBFactory(), { open: deny, deleteDatabase: deny });
  for (const call of [IndexedDbStore.open(NAME, { indexedDB }), IndexedDbStore.delete(NAME, { indexedDB })]) {
    await assert.rejects(call, isStoreError("unavailable", /did not allow mutations.*leave private browsing/));
  }
});

test("the database is called refund-ledger unless named", async (t) => {
  const property = Object.getOwnPropertyDescriptor(globalThis, "indexedDB");
  assert.ok(property);
  t.after(() => Object.defineProperty(globalThis, "indexedDB", property));
  const indexedDB = new IDBFactory();
  Object.defineProperty(globalThis, "indexedDB", { configurable: true, value: indexedDB });
  const store = await IndexedDbStore.open();
  assert.deepEqual(await indexedDB.databases(), [{ name: "refund-ledger", version: 1 }]);
  await IndexedDbStore.delete();
  assert.deepEqual(await indexedDB.databases(), []);
  store.close();
});

test("an option that is none is refused by its name", async () => {
  for (const call of [IndexedDbStore.open, IndexedDbStore.delete]) {
    for (const options of [null, 5, new IDBFactory()]) {
      await isInvalid(() => call(NAME, as(options)), "options", "wrong_type");
    }
    await isInvalid(() => call(NAME, as({ timeout: 5 })), "timeout", "not_allowed");
    await isInvalid(() => call(NAME, as({ timeoutMs: "5" })), "timeoutMs", "wrong_type");
    await isInvalid(() => call(NAME, { timeoutMs: -1 }), "timeoutMs", "out_of_range");
  }
});

test("a database of a newer version is refused and stays as it is", async () => {
  const indexedDB = new IDBFactory();
  (await openDatabase(indexedDB, NAME, NEXT_VERSION, TIMEOUT_MS)).close();
  await assert.rejects(
    IndexedDbStore.open(NAME, { indexedDB }),
    isStoreError("unsupported", /newer version/),
  );
  assert.equal(await versionOf(indexedDB), 2);
});

test("a database that is no ledger is refused and stays as it is", async () => {
  for (const stores of [[], ["songs"], ["movements", "refunds"], ["movements", "refunds", "journal"]]) {
    for (const migrations of [MIGRATIONS, NEXT_VERSION]) {
      const indexedDB = new IDBFactory();
      await foreign(indexedDB, stores);
      const open = openDatabase(indexedDB, NAME, migrations, TIMEOUT_MS);
      await assert.rejects(open, isStoreError("unsupported", /`test` is not a refund ledger/));
      const database = await opened(indexedDB.open(NAME));
      assert.deepEqual([...database.objectStoreNames], [...stores].sort());
      assert.equal(database.version, 1);
      database.close();
      // Whoever was refused does not hold it open either.
      await IndexedDbStore.delete(NAME, { indexedDB, timeoutMs: TIMEOUT_MS });
    }
  }
});

test("an older database is migrated with all that it holds", async () => {
  const indexedDB = new IDBFactory();
  const store = await IndexedDbStore.open(NAME, { indexedDB });
  await store.commit(record(KEY));
  store.close();
  const database = await openDatabase(indexedDB, NAME, NEXT_VERSION, TIMEOUT_MS);
  const transaction = database.transaction(["movements", "refunds"]);
  assert.ok(transaction.objectStore("refunds").indexNames.contains("by_revision"));
  const count = transaction.objectStore("movements").count();
  await new Promise((resolve) => {
    count.onsuccess = resolve;
  });
  assert.equal(count.result, 1);
});

test("a migration that fails leaves the database as it was", async () => {
  const indexedDB = new IDBFactory();
  const store = await IndexedDbStore.open(NAME, { indexedDB });
  await store.commit(record(KEY));
  const before = await contents(store);
  store.close();
  const failure = new RangeError("a mistake in a migration");
  const failing = [
    ...NEXT_VERSION,
    () => {
      throw failure;
    },
  ];
  await assert.rejects(openDatabase(indexedDB, NAME, failing, TIMEOUT_MS), failure);
  assert.equal(await versionOf(indexedDB), 1);
  assert.deepEqual(await contents(await IndexedDbStore.open(NAME, { indexedDB })), before);
});

test("an upgrade that another tab blocks is given up for good after a while", async () => {
  const indexedDB = new IDBFactory();
  (await IndexedDbStore.open(NAME, { indexedDB })).close();
  const holding = await opened(indexedDB.open(NAME));
  await assert.rejects(
    openDatabase(indexedDB, NAME, NEXT_VERSION, TIMEOUT_MS),
    isStoreError(
      "busy",
      /`test` is held open by another tab.*close the other tabs of this site, then try again/,
    ),
  );
  holding.close();
  assert.equal(await versionOf(indexedDB), 1, "what was given up does not happen later");
  (await openDatabase(indexedDB, NAME, NEXT_VERSION, TIMEOUT_MS)).close();
});

test("an upgrade that is let through in time goes through", async () => {
  const indexedDB = new IDBFactory();
  (await IndexedDbStore.open(NAME, { indexedDB })).close();
  const holding = await opened(indexedDB.open(NAME));
  const upgrade = openDatabase(indexedDB, NAME, NEXT_VERSION, 10_000);
  setTimeout(() => holding.close(), 20);
  assert.equal((await upgrade).version, 2);
});

test("a migration may take longer than others are waited for", async () => {
  const indexedDB = new IDBFactory();
  (await IndexedDbStore.open(NAME, { indexedDB })).close();
  const slow = () => {
    for (const end = performance.now() + 2 * TIMEOUT_MS; performance.now() < end;);
  };
  assert.equal((await openDatabase(indexedDB, NAME, [...MIGRATIONS, slow], TIMEOUT_MS)).version, 2);
});

test("a store makes room for a later version, and then says so", async () => {
  const indexedDB = new IDBFactory();
  const store = await IndexedDbStore.open(NAME, { indexedDB });
  const begun = store.commit(record(KEY));
  const database = await openDatabase(indexedDB, NAME, NEXT_VERSION, TIMEOUT_MS);
  assert.equal(database.version, 2);
  await begun;
  for (const call of [
    () => store.load(wanted(KEY)),
    () => store.commit(record(KEY)),
    () => store.transact(wanted(KEY), () => null),
    () => store.journal(0, 1),
    () => store.scan(range(), () => true),
  ]) {
    await assert.rejects(call, isStoreError("unavailable", /another tab upgrades or deletes/));
  }
});

test("a deleted database is empty when it is opened again", async () => {
  const indexedDB = new IDBFactory();
  const store = await IndexedDbStore.open(NAME, { indexedDB });
  await store.commit(record(KEY));
  await IndexedDbStore.delete(NAME, { indexedDB });
  await assert.rejects(store.load(wanted(KEY)), isStoreError("unavailable", /upgrades or deletes/));
  assert.deepEqual(await (await IndexedDbStore.open(NAME, { indexedDB })).journal(0, 1), []);
  await IndexedDbStore.delete("never made", { indexedDB });
});

test("a deletion that another tab blocks is busy, and so is whoever opens behind it", async () => {
  const indexedDB = new IDBFactory();
  const holding = await opened(indexedDB.open(NAME));
  const options = { indexedDB, timeoutMs: TIMEOUT_MS };
  await assert.rejects(IndexedDbStore.delete(NAME, options), isStoreError("busy", /and it will be deleted/));
  await assert.rejects(IndexedDbStore.open(NAME, options), isStoreError("busy", /or to be deleted/));
  holding.close();
  await (await IndexedDbStore.open(NAME, options)).commit(record(KEY));
});

test("a closed store finishes what was begun and refuses the rest", async () => {
  const indexedDB = new IDBFactory();
  const store = await IndexedDbStore.open(NAME, { indexedDB });
  const begun = store.commit(record(KEY));
  store.close();
  store.close();
  await begun;
  await assert.rejects(store.load(wanted(KEY)), isStoreError("unavailable", /it was closed/));
  const again = await IndexedDbStore.open(NAME, { indexedDB });
  assert.deepEqual(onlyMovement(await again.load(wanted(KEY))), movementRow(KEY));
});

test("where the browser takes the database away, calls say so", async (t) => {
  for (const isTold of [true, false]) {
    const indexedDB = new Watched();
    const store = await IndexedDbStore.open(NAME, { indexedDB });
    await store.commit(record(KEY));
    if (!isTold) {
      // The connection may be closed before the event that says so has come.
      t.mock.method(IDBDatabase.prototype, "dispatchEvent", () => true);
    }
    indexedDB.takeAway();
    const message = isTold ? /the browser took its database away/ : /its connection is closed/;
    await assert.rejects(store.load(wanted(KEY)), isStoreError("unavailable", message));
  }
});

test("what is no name and no factory is refused", async () => {
  for (const name of ["", 5, null, { timeoutMs: 5 }]) {
    await isInvalid(() => IndexedDbStore.open(as(name)), "name", "wrong_type");
    await isInvalid(() => IndexedDbStore.delete(as(name)), "name", "wrong_type");
  }
  for (const indexedDB of [5, null, {}]) {
    await isInvalid(() => IndexedDbStore.open(NAME, as({ indexedDB })), "indexedDB", "wrong_type");
  }
});
