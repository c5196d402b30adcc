/** Opening, migrating and deleting a database, and waiting for other tabs no longer than asked. */
import { StoreError } from "../store.js";
import { deniedError, openError } from "./errors.js";
import { createTables, STORES, tables } from "./tables.js";

/** One step from a version of the database to the next. */
export type Migration = (database: IDBDatabase, transaction: IDBTransaction) => void;

/** The migration at index v makes version v + 1 of version v. One that was released never changes. */
export const MIGRATIONS: readonly Migration[] = [createTables];

/** The browser's IndexedDB, if it has one and lets this page use it. */
export function platformFactory(): IDBFactory {
  let factory: IDBFactory | null | undefined;
  try {
    factory = globalThis.indexedDB;
  } catch (cause) {
    throw deniedError("the browser denies it to this page", { cause });
  }
  if (factory === undefined || factory === null) {
    throw deniedError("there is no `indexedDB`");
  }
  return factory;
}

/** Opens a ledger's database, made or migrated to the version that the last of the migrations makes. */
export function openDatabase(
  factory: IDBFactory,
  name: string,
  migrations: readonly Migration[],
  timeoutMs: number,
): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = begin(name, () => factory.open(name, migrations.length));
    let refusal: unknown = null;
    const refuse = (reason: unknown): void => {
      refusal = reason;
      reject(reason);
    };
    const timer = setTimeout(() => refuse(waitedError(name, "then try again")), timeoutMs);
    request.onupgradeneeded = ({ oldVersion }) => {
      // From here on the time is that of the migration, not of waiting for others.
      clearTimeout(timer);
      const { result: database, transaction } = request;
      if (transaction === null) {
        return;
      }
      if (refusal !== null) {
        // The caller was told that nothing happened.
        transaction.abort();
        return;
      }
      try {
        if (oldVersion > 0) {
          assertLedger(name, () => transaction);
        }
        for (const migrate of migrations.slice(oldVersion)) {
          migrate(database, transaction);
        }
      } catch (thrown) {
        refuse(thrown);
        transaction.abort();
      }
    };
    request.onsuccess = () => {
      clearTimeout(timer);
      const database = request.result;
      try {
        assertLedger(name, () => database.transaction(STORES));
      } catch (thrown) {
        refuse(thrown);
      }
      if (refusal === null) {
        resolve(database);
      } else {
        database.close();
      }
    };
    request.onerror = (event) => {
      clearTimeout(timer);
      event.preventDefault();
      reject(openError(name, request.error));
    };
  });
}

/** Deletes a database with all that it holds, once no tab has it open. */
export function deleteDatabase(factory: IDBFactory, name: string, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = begin(name, () => factory.deleteDatabase(name));
    const timer = setTimeout(() => reject(waitedError(name, "and it will be deleted")), timeoutMs);
    request.onsuccess = () => {
      clearTimeout(timer);
      resolve();
    };
    request.onerror = (event) => {
      clearTimeout(timer);
      event.preventDefault();
      reject(openError(name, request.error));
    };
  });
}

function begin(name: string, call: () => IDBOpenDBRequest): IDBOpenDBRequest {
  try {
    return call();
  } catch (cause) {
    throw openError(name, cause);
  }
}

function assertLedger(name: string, transaction: () => IDBTransaction): void {
  try {
    tables(transaction());
  } catch (cause) {
    const message = `database \`${name}\` is not a refund ledger; choose another name, or delete it`;
    throw new StoreError("unsupported", message, { cause });
  }
}

/** The browser tells nobody what a request to open waits for; an older version or a deletion it must be. */
function waitedError(name: string, andThen: string): StoreError {
  const message =
    `database \`${name}\` is held open by another tab, in an older version or to be deleted; close the ` +
    `other tabs of this site, ${andThen}`;
  return new StoreError("busy", message);
}
