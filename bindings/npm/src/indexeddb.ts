/**
 * A ledger that lasts in a browser: in IndexedDB, shared by all tabs and workers of a site.
 *
 * @module
 */
import { apply } from "./indexeddb/apply.js";
import { feed } from "./indexeddb/journal.js";
import { list } from "./indexeddb/list.js";
import { load } from "./indexeddb/load.js";
import { deleteDatabase, MIGRATIONS, openDatabase, platformFactory } from "./indexeddb/open.js";
import { scan } from "./indexeddb/scan.js";
import { run, type Steps } from "./indexeddb/steps.js";
import { STORES, type Tables, tables } from "./indexeddb/tables.js";
import { invalidField } from "./errors.js";
import { checkMilliseconds, fieldsOf } from "./options.js";
import type {
  JournalRow,
  ListAfter,
  ReadSet,
  RefundFilter,
  RefundPage,
  ScanRange,
  ScanRow,
  Snapshot,
  WriteBatch,
} from "./rows.js";
import { type RefundStore, StoreError } from "./store.js";

/** The database that is opened where no name is given. */
const DEFAULT_NAME = "refund-ledger";

/** How long other tabs are waited for where nothing else is asked. */
const TIMEOUT_MS = 10_000;

/** How to open or delete a database. */
export interface IndexedDbOptions {
  /** Where databases are kept: the browser's `indexedDB` unless given. */
  indexedDB?: IDBFactory;
  /**
   * How long, in milliseconds, to wait for other tabs that hold the database open in an older version
   * or are about to delete it: 10,000 unless given.
   */
  timeoutMs?: number;
}

/**
 * A store in a browser's IndexedDB. What `commit` and `transact` resolved outlives the tab, a crash of
 * the browser, and, as far as the device keeps its word, a loss of power: each is one `readwrite`
 * transaction with strict durability, so the browser reports it complete once it has told the operating
 * system to write it to the device, and only then does the promise resolve. All that a transaction reads
 * and checks it reads itself, so any number of tabs and workers may use one database at once; writers
 * wait for each other, and for scans.
 *
 * The browser may drop a site's data when the device runs out of room, and some do so when the site was
 * not visited for a while. Ask it not to, best from a click, and tell users where it refuses:
 *
 * ```ts
 * const isKept = await navigator.storage.persist();
 * ```
 *
 * In a private window the ledger works as elsewhere, but the browser keeps it in memory, deletes it with the
 * window, and tells no page so.
 *
 * Users who clear their site data delete the ledger; keep an export elsewhere. Erased texts are
 * overwritten in the database; when the browser removes the old bytes from its files, no page can tell.
 *
 * Where a later version of the ledger upgrades the database, or somebody deletes it, stores that have it
 * open give it up: their calls then fail with `unavailable`, and the page should be loaded anew.
 */
export class IndexedDbStore implements RefundStore {
  readonly #database: IDBDatabase;
  /** Why the connection is closed, once it is. */
  #closed: string | null = null;

  private constructor(database: IDBDatabase) {
    this.#database = database;
    database.onversionchange = () => {
      this.#end("another tab upgrades or deletes its database; load the page anew");
    };
    database.onclose = () => {
      this.#end("the browser took its database away, as when site data is cleared; load the page anew");
    };
  }

  /**
   * Opens a database of this name, and makes it where there is none.
   *
   * Rejects with a {@link StoreError}: `unavailable` where the browser has no IndexedDB for this page
   * (as in some private windows, in sandboxed frames, or where its user blocks site data), `unsupported` where the database is of a newer version or not a
   * ledger, `busy` where other tabs kept it from being opened in time, `failed` where there is no room.
   * What is no option is a `RefundLedgerError` `invalid_request` that names it.
   */
  static async open(name: string = DEFAULT_NAME, options: IndexedDbOptions = {}): Promise<IndexedDbStore> {
    const { indexedDB = platformFactory(), timeoutMs = TIMEOUT_MS } = optionsOf(name, options);
    return new IndexedDbStore(await openDatabase(indexedDB, name, MIGRATIONS, timeoutMs));
  }

  /**
   * Deletes a database of this name with all that it holds. Stores that have it open give it up. Rejects
   * as `open` does; where other programs of the site keep it open (`busy`), it is deleted once they stop.
   */
  static async delete(name: string = DEFAULT_NAME, options: IndexedDbOptions = {}): Promise<void> {
    const { indexedDB = platformFactory(), timeoutMs = TIMEOUT_MS } = optionsOf(name, options);
    await deleteDatabase(indexedDB, name, timeoutMs);
  }

  load(wanted: ReadSet): Promise<Snapshot> {
    return this.#run("readonly", (tables) => load(tables, wanted));
  }

  commit(batch: WriteBatch): Promise<void> {
    return this.#run("readwrite", (tables) => apply(tables, batch));
  }

  transact(wanted: ReadSet, decide: (snapshot: Snapshot) => WriteBatch | null): Promise<void> {
    return this.#run("readwrite", function* (tables) {
      const batch = decide(yield* load(tables, wanted));
      if (batch !== null) {
        yield* apply(tables, batch);
      }
    });
  }

  listRefunds(filter: RefundFilter, after: ListAfter | null, limit: number): Promise<RefundPage> {
    return this.#run("readonly", (tables) => list(tables, filter, after, limit));
  }

  journal(after: number, limit: number): Promise<JournalRow[]> {
    return this.#run("readonly", (tables) => feed(tables, after, limit));
  }

  scan(range: ScanRange, visit: (row: ScanRow) => boolean): Promise<number> {
    return this.#run("readonly", (tables) => scan(tables, range, visit));
  }

  /** Gives the connection back once what was begun is done; later calls fail with `unavailable`. */
  close(): void {
    this.#end("it was closed");
  }

  #end(why: string): void {
    this.#closed = why;
    this.#database.close();
  }

  async #run<T>(mode: "readonly" | "readwrite", steps: (tables: Tables) => Steps<T>): Promise<T> {
    const transaction = this.#begin(mode);
    return run(transaction, steps(tables(transaction)));
  }

  #begin(mode: "readonly" | "readwrite"): IDBTransaction {
    if (this.#closed !== null) {
      throw closedError(this.#closed);
    }
    try {
      return this.#database.transaction(STORES, mode, mode === "readwrite" ? { durability: "strict" } : {});
    } catch (cause) {
      // The connection is lost, and the event that says so is on its way.
      throw closedError("its connection is closed; load the page anew", { cause });
    }
  }
}

/** The options, and the name as well: options in its place would name a database `[object Object]`. */
function optionsOf(name: unknown, options: unknown): IndexedDbOptions {
  if (typeof name !== "string" || name === "") {
    throw invalidField("name", "wrong_type", "must be a string that is not empty");
  }
  const given = fieldsOf<IndexedDbOptions>(options, ["indexedDB", "timeoutMs"]);
  checkMilliseconds(given.timeoutMs, "timeoutMs");
  const factory: unknown = given.indexedDB;
  if (factory !== undefined && (typeof factory !== "object" || factory === null || !("open" in factory))) {
    throw invalidField("indexedDB", "wrong_type", "must be an `IDBFactory`");
  }
  return given;
}

function closedError(why: string, options?: ErrorOptions): StoreError {
  return new StoreError("unavailable", `the store can't be used any more: ${why}`, options);
}
