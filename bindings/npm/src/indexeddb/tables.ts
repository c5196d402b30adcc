/**
 * What the database holds: three object stores, whose values are the rows as they are.
 *
 * | store | key | index |
 * |---|---|---|
 * | `movements` | the bytes of `sortKey` | |
 * | `refunds` | `id` | by date, by org and date, by movement, by external id |
 * | `journal` | the position: 1, 2, … | by movement and sequence |
 *
 * IndexedDB orders strings by UTF-16 code units, which is not the order of UTF-8 beyond the Basic
 * Multilingual Plane. So strings serve as keys only where equality matters, or where they are ASCII
 * (dates, UUIDs); movements, whose order matters, have keys of bytes.
 *
 * @module
 */
import type { EntryRow, MovementKey, MovementRow, RefundRow } from "../rows.js";

/** Reading rows of one kind by one key, of their own or of an index. */
export interface Lookup<Row> {
  get(key: IDBValidKey): IDBRequest<Row | undefined>;
  /** The primary key of the row. */
  getKey(key: IDBValidKey): IDBRequest<IDBValidKey | undefined>;
  getAll(range: IDBKeyRange, limit?: number): IDBRequest<Row[]>;
  /** The primary keys of what `getAll` answers. */
  getAllKeys(range: IDBKeyRange, limit?: number): IDBRequest<IDBValidKey[]>;
  openCursor(range: IDBKeyRange): IDBRequest<IDBCursorWithValue | null>;
  openKeyCursor(range: null, direction: "next" | "prev"): IDBRequest<IDBCursor | null>;
}

/** An object store. */
export interface Table<Row> extends Lookup<Row> {
  count(): IDBRequest<number>;
  add(row: Row, key?: IDBValidKey): IDBRequest;
  put(row: Row, key?: IDBValidKey): IDBRequest;
}

/** The object stores and indexes of a transaction. */
export interface Tables {
  movements: Table<MovementRow>;
  refunds: Table<RefundRow>;
  /** By `[refund_datetime, id]`. */
  refundsByDate: Lookup<RefundRow>;
  /** By `[org_id, refund_datetime, id]`. */
  refundsByOrg: Lookup<RefundRow>;
  /** By `[...ids of the movement, id]`. */
  refundsByMovement: Lookup<RefundRow>;
  /** By `[external_id, org_id]`, unique; refunds without one are not in it. */
  refundsByExternalId: Lookup<RefundRow>;
  journal: Table<EntryRow>;
  /** The journal by `[...ids of the movement, sequence]`, unique. */
  chains: Lookup<EntryRow>;
}

const MOVEMENTS = "movements";
const REFUNDS = "refunds";
const JOURNAL = "journal";

/** Every object store. */
export const STORES = [MOVEMENTS, REFUNDS, JOURNAL];

const BY_DATE = "by_date";
const BY_ORG = "by_org_and_date";
const BY_MOVEMENT = "by_movement";
const BY_EXTERNAL_ID = "by_external_id";

/** Makes the tables in an empty database. */
export function createTables(database: IDBDatabase): void {
  database.createObjectStore(MOVEMENTS);
  const refunds = database.createObjectStore(REFUNDS, { keyPath: "id" });
  refunds.createIndex(BY_DATE, ["refund_datetime", "id"]);
  refunds.createIndex(BY_ORG, ["org_id", "refund_datetime", "id"]);
  refunds.createIndex(BY_MOVEMENT, ["org_id", "subscription_id", "movement_id", "id"]);
  refunds.createIndex(BY_EXTERNAL_ID, ["external_id", "org_id"], { unique: true });
  const journal = database.createObjectStore(JOURNAL);
  journal.createIndex(BY_MOVEMENT, ["org_id", "subscription_id", "movement_id", "sequence"], {
    unique: true,
  });
}

/** The tables as a transaction sees them. Throws `NotFoundError` where one of them is not there. */
export function tables(transaction: IDBTransaction): Tables {
  const refunds = transaction.objectStore(REFUNDS);
  const journal = transaction.objectStore(JOURNAL);
  return {
    movements: transaction.objectStore(MOVEMENTS),
    refunds,
    refundsByDate: refunds.index(BY_DATE),
    refundsByOrg: refunds.index(BY_ORG),
    refundsByMovement: refunds.index(BY_MOVEMENT),
    refundsByExternalId: refunds.index(BY_EXTERNAL_ID),
    journal,
    chains: journal.index(BY_MOVEMENT),
  };
}

/** A movement's ids, as keys of indexes begin. */
export function ids(key: MovementKey): [string, string, string] {
  return [key.org_id, key.subscription_id, key.movement_id];
}

/** Arrays sort behind every other key. */
export const AFTER_ALL: IDBValidKey = [];

/** Every key of an index that begins with these parts and goes on. */
export function beginsWith(parts: IDBValidKey[]): IDBKeyRange {
  return IDBKeyRange.bound(parts, [...parts, AFTER_ALL]);
}

/** What is left of a range behind a key in it. */
export function restOf(range: IDBKeyRange, behind: IDBValidKey): IDBKeyRange {
  return IDBKeyRange.bound(behind, range.upper, true, range.upperOpen);
}
