/** IndexedDB in Node, and what its tests share. */
import "fake-indexeddb/auto";
import { forceCloseDatabase } from "fake-indexeddb";
import assert from "node:assert/strict";

import { IndexedDbStore } from "../../src/indexeddb.js";
import type { WriteBatch } from "../../src/rows.js";
import { StoreError, type StoreErrorKind } from "../../src/store.js";
import { filter, scanned } from "./rows.js";

export const NAME = "test";

/** Two stores that share one empty database, as two tabs do. */
export async function twoStores(): Promise<[IndexedDbStore, IndexedDbStore]> {
  const indexedDB = new IDBFactory();
  return [await IndexedDbStore.open(NAME, { indexedDB }), await IndexedDbStore.open(NAME, { indexedDB })];
}

/** A store of an empty database of its own. */
export async function emptyStore(): Promise<IndexedDbStore> {
  return IndexedDbStore.open(NAME, { indexedDB: new IDBFactory() });
}

/** Whether an error is a store's, of this kind and with this in its message. */
export function isStoreError(kind: StoreErrorKind, message = /./): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof StoreError, `expected a StoreError, got ${String(error)}`);
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, message);
    return true;
  };
}

/** Everything that can be read, to tell whether anything was changed. */
export async function contents(store: IndexedDbStore): Promise<unknown> {
  return {
    scan: await scanned(store),
    journal: await store.journal(0, 1000),
    list: await store.listRefunds(filter(), null, 1000),
  };
}

/** The batch must be refused and leave everything as it was. */
export async function refuses(store: IndexedDbStore, refused: WriteBatch): Promise<void> {
  const before = await contents(store);
  await assert.rejects(store.commit(refused), isStoreError("conflict"));
  assert.deepEqual(await contents(store), before, "a refused batch changes nothing");
}

/** Calls a database directly, as a program does that knows nothing of ledgers. */
export function opened(request: IDBOpenDBRequest): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** IndexedDB that can take the database away which it opened last, as a browser does. */
export class Watched extends IDBFactory {
  #last: IDBDatabase | null = null;

  override open(name: string, version?: number): IDBOpenDBRequest {
    const request = super.open(name, version);
    request.addEventListener("success", () => {
      this.#last = request.result;
    });
    return request;
  }

  takeAway(): void {
    // The types of this call ask for the class where an instance is meant.
    Reflect.apply(forceCloseDatabase, undefined, [this.#last]);
  }
}

/** Does something to the stored rows behind the store's back. */
export async function tamper(
  indexedDB: IDBFactory,
  change: (transaction: IDBTransaction) => void,
): Promise<void> {
  const database = await opened(indexedDB.open(NAME));
  const transaction = database.transaction([...database.objectStoreNames], "readwrite");
  change(transaction);
  await new Promise((resolve) => {
    transaction.oncomplete = resolve;
  });
  database.close();
}
