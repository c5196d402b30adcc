/**
 * The durable store of a Node program: one SQLite file, shared with the Rust store and the command
 * `refunds`. Each goes on where the other stopped, also while both have the file open.
 *
 * @module
 */
// Has the WebAssembly module read from its file, also where the store is used without a ledger.
import "./node.js";
import {
  type JournalRow,
  type ListAfter,
  type ReadSet,
  type RefundFilter,
  type RefundPage,
  type RefundStore,
  type ScanRange,
  type ScanRow,
  type Snapshot,
  StoreError,
  type WriteBatch,
} from "./store.js";
import { apply } from "./sqlite/apply.js";
import type { Connection } from "./sqlite/connection.js";
import { adapt, type SqliteHandle } from "./sqlite/handle.js";
import { listRefunds } from "./sqlite/list.js";
import { type Known, load, nothingKnown } from "./sqlite/load.js";
import { emptyWriteAheadLog, open } from "./sqlite/open.js";
import { readKey, readRecord } from "./sqlite/rows.js";
import { scan } from "./sqlite/scan.js";
import { LOAD_JOURNAL } from "./sqlite/statements.js";
import { checkMilliseconds, fieldsOf } from "./options.js";

export type { BetterSqlite3Database, NodeSqliteDatabase, SqliteHandle } from "./sqlite/handle.js";

/** How a {@link SqliteStore} behaves. */
export interface SqliteStoreOptions {
  /**
   * How many milliseconds a call waits for other handles and processes before it throws a
   * {@link StoreError} `busy`; nothing else runs in this thread meanwhile. Unless given, as the handle
   * was opened, or 5,000 where it was opened not to wait.
   */
  busyTimeoutMs?: number;
}

/**
 * A ledger in the SQLite database of an open handle: a `Database` of `better-sqlite3` or a
 * `DatabaseSync` of `node:sqlite`. In an empty database the ledger is made.
 *
 * ```ts
 * import Database from "better-sqlite3";
 * import { Ledger } from "refund-ledger";
 * import { SqliteStore } from "refund-ledger/sqlite";
 * const ledger = await Ledger.open({ store: new SqliteStore(new Database("refunds.db")) });
 * ```
 *
 * Every method answers at once. What a call has answered is durable: the write-ahead log is synced before
 * a commit returns. A database in memory (`:memory:`) works too, and goes with its handle.
 *
 * **The handle.** It is best the ledger's own; statements of yours may run on it between calls, as long
 * as they write nothing into the ledger's tables. A call while the handle is in a transaction or an
 * iterator of yours is open, a call from inside a visitor of {@link SqliteStore.scan} or a decision of
 * {@link SqliteStore.transact}, and a call on a closed handle throw a {@link StoreError} `failed`.
 * Through a handle that was opened to read only, everything can be read.
 *
 * Several handles on one file, in one process or many, are safe, as long as one process opens the file
 * through one library: where it has two copies of SQLite, they don't see each other's locks.
 *
 * On the handle these are set: `foreign_keys`, `secure_delete` and `cell_size_check` on,
 * `trusted_schema` off, `synchronous` full, `busy_timeout` (see {@link SqliteStoreOptions}), and the
 * defensive mode of `node:sqlite`; `better-sqlite3` has it on from the start. In the file,
 * `journal_mode` becomes `WAL`, for good. A handle of something that is no ledger is left as it was.
 */
export class SqliteStore implements RefundStore {
  readonly #connection: Connection;

  /**
   * Throws a {@link StoreError}: `unsupported` where the database is not a ledger, or one of a newer
   * version, and where its SQLite library can damage files (older than 3.51.3, but for 3.50.7 and
   * 3.44.6); `corrupted`; `busy`; `failed` where the file or the handle can't be used. What is no option
   * throws a `RefundLedgerError` `invalid_request` that names it.
   */
  constructor(handle: SqliteHandle, options: SqliteStoreOptions = {}) {
    const { busyTimeoutMs } = fieldsOf<SqliteStoreOptions>(options, ["busyTimeoutMs"]);
    checkMilliseconds(busyTimeoutMs, "busyTimeoutMs");
    this.#connection = open(adapt(handle), busyTimeoutMs);
  }

  load(wanted: ReadSet): Snapshot {
    return this.#connection.read(() => load(this.#connection, wanted).snapshot);
  }

  commit(batch: WriteBatch): void {
    this.#connection.write(() => this.#apply(batch, nothingKnown()));
  }

  /** Holds the write lock from before it loads until after it commits. */
  transact(wanted: ReadSet, decide: (snapshot: Snapshot) => WriteBatch | null): void {
    this.#connection.write(() => {
      const { snapshot, known } = load(this.#connection, wanted);
      const batch = decide(snapshot);
      return batch !== null && batch.entries.length > 0 && this.#apply(batch, known);
    });
  }

  #apply(batch: WriteBatch, known: Known): true {
    apply(this.#connection, batch, known);
    this.#connection.checkInPlace();
    return true;
  }

  listRefunds(filter: RefundFilter, after: ListAfter | null, limit: number): RefundPage {
    return this.#connection.read(() => listRefunds(this.#connection, filter, after, limit));
  }

  journal(after: number, limit: number): JournalRow[] {
    return this.#connection.read(() =>
      [...this.#connection.rows(LOAD_JOURNAL, after, limit)].map((columns) => {
        const { position, entry } = readRecord(columns, readKey(columns));
        return { position, ...entry };
      }),
    );
  }

  scan(range: ScanRange, visit: (row: ScanRow) => boolean): number {
    return this.#connection.read(() => scan(this.#connection, range, visit));
  }

  /**
   * Empties the write-ahead log into the file. Throws a {@link StoreError} `busy` where readers of an
   * older state keep it from that; call again.
   */
  scrub(): void {
    emptyWriteAheadLog(this.#connection);
  }

  /** Lets go of the handle, which stays open: whoever opened it closes it. The store is of no use then. */
  close(): void {
    this.#connection.close();
  }
}
