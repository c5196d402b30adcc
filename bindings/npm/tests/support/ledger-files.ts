/** Ledger files, the libraries that open them, and what tests read of them. */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import Database from "better-sqlite3";
import type { SqliteHandle, SqliteStore } from "../../src/sqlite.js";
import {
  type RefundFilter,
  type RefundRow,
  type ScanRow,
  StoreError,
} from "../../src/store.js";
import { folder, goldenLines, importLines } from "./refunds.js";
import { filter, range } from "./rows.js";

export interface Library {
  name: string;
  open(path: string, options?: { readOnly?: boolean }): SqliteHandle & { close(): unknown };
}

export const libraries: readonly Library[] = [
  {
    name: "better-sqlite3",
    open: (path, { readOnly = false } = {}) => new Database(path, { readonly: readOnly }),
  },
  {
    name: "node:sqlite",
    open: (path, { readOnly = false } = {}) => new DatabaseSync(path, { readOnly }),
  },
];

let filled: string | undefined;

/** A new file with the ledger of the golden commands, made by the command `refunds`. */
export function filledFile(): string {
  if (filled === undefined) {
    filled = join(folder(), "refunds.db");
    importLines(filled, goldenLines());
  }
  const copy = join(folder(), "refunds.db");
  copyFileSync(filled, copy);
  return copy;
}

/** A place for a new file. */
export function newFile(): string {
  return join(folder(), "refunds.db");
}

/** Runs SQL on a file through a handle of its own, without the checks that keep a ledger sound. */
export function tamper(path: string, sql: string): void {
  const handle = new Database(path);
  handle.unsafeMode(true);
  handle.exec("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF;");
  handle.exec(sql);
  handle.close();
}

export const everything: RefundFilter = filter();

/** All that a scan of everything visits. */
export function scanAll(store: SqliteStore): ScanRow[] {
  const rows: ScanRow[] = [];
  store.scan(range(), (row) => {
    rows.push(row);
    return true;
  });
  return rows;
}

/** All refunds in the order of lists. */
export function listAll(store: SqliteStore): RefundRow[] {
  return store.listRefunds(everything, null, 1_000_000).items.map(({ row }) => row);
}

/** For `assert.throws`: a store's error of this kind whose message matches. */
export function storeError(kind: string, message = /./): (thrown: unknown) => boolean {
  return (thrown) => {
    if (thrown instanceof StoreError && thrown.kind === kind && message.test(thrown.message)) {
      return true;
    }
    throw thrown;
  };
}
