/** The handles of two libraries, told apart by what they have, as one. */
import { StoreError } from "../store.js";

/** A value as it is bound. */
export type SqliteValue = null | bigint | number | string | Uint8Array;

/** What a statement that ran has done. */
export interface RunResult {
  changes: number | bigint;
  lastInsertRowid: number | bigint;
}

/** What the statements of both libraries have. */
export interface PreparedStatement {
  run(...values: SqliteValue[]): RunResult;
  get(...values: SqliteValue[]): unknown;
  iterate(...values: SqliteValue[]): Iterable<unknown>;
  columns(): { name: string }[];
}

/** What the store uses of a statement of `better-sqlite3`. */
export interface BetterSqlite3Statement extends PreparedStatement {
  readonly reader: boolean;
  raw(on: boolean): unknown;
  safeIntegers(on: boolean): unknown;
}

/** What the store uses of a `Database` of `better-sqlite3`. */
export interface BetterSqlite3Database {
  readonly open: boolean;
  readonly inTransaction: boolean;
  exec(sql: string): unknown;
  /** Each library's types describe its statements in their own way; {@link adapt} says what is used. */
  prepare(sql: string): object;
}

/** What the store uses of a statement of `node:sqlite`. */
export interface NodeSqliteStatement extends PreparedStatement {
  setReadBigInts(on: boolean): unknown;
  setReturnArrays(on: boolean): unknown;
}

/** What the store uses of a `DatabaseSync` of `node:sqlite`. */
export interface NodeSqliteDatabase {
  readonly isOpen: boolean;
  readonly isTransaction: boolean;
  exec(sql: string): unknown;
  prepare(sql: string): object;
  enableDefensive?(on: boolean): unknown;
}

/** An open database of either library. */
export type SqliteHandle = BetterSqlite3Database | NodeSqliteDatabase;

/** A handle, without the differences between the libraries. */
export interface Handle {
  isOpen(): boolean;
  isInTransaction(): boolean;
  exec(sql: string): void;
  /** A statement that answers rows as arrays, and every integer as a `bigint`. */
  prepare(sql: string): PreparedStatement;
  /** Forbids statements that could damage the file. */
  defend(): void;
}

/** Throws a {@link StoreError} `unsupported` for what is a handle of neither library. */
export function adapt(handle: SqliteHandle): Handle {
  // What comes from JavaScript may be anything.
  const isObject = typeof handle === "object" && (handle as unknown) !== null;
  if (isObject && "inTransaction" in handle) {
    return {
      isOpen: () => handle.open,
      isInTransaction: () => handle.inTransaction,
      exec: (sql) => void handle.exec(sql),
      prepare: (sql) => {
        const statement = handle.prepare(sql) as BetterSqlite3Statement;
        statement.safeIntegers(true);
        if (statement.reader) {
          statement.raw(true);
        }
        return statement;
      },
      // Its handles are defensive from the start.
      defend: () => undefined,
    };
  }
  if (isObject && "isTransaction" in handle) {
    return {
      isOpen: () => handle.isOpen,
      isInTransaction: () => handle.isTransaction,
      exec: (sql) => void handle.exec(sql),
      prepare: (sql) => {
        const statement = handle.prepare(sql) as NodeSqliteStatement;
        statement.setReadBigInts(true);
        statement.setReturnArrays(true);
        return statement;
      },
      defend: () => void handle.enableDefensive?.(true),
    };
  }
  throw new StoreError(
    "unsupported",
    "the handle is of no library that is known here; give a `Database` of better-sqlite3, " +
      "or a `DatabaseSync` of node:sqlite, from Node.js 22.16 on",
  );
}
