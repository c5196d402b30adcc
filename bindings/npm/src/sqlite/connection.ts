/** A handle in use: its statements, prepared once each, and its transactions. */
import { StoreError } from "../store.js";
import { Columns } from "./columns.js";
import { Damage, isFailedSync, storeError } from "./errors.js";
import { FilePlace } from "./file.js";
import type { Handle, PreparedStatement, SqliteValue } from "./handle.js";

/**
 * Every error that leaves a method is a {@link StoreError} that names the file, but for the
 * {@link Damage} that a read inside of a transaction finds, and for what callbacks throw.
 */
export class Connection {
  readonly #handle: Handle;
  readonly #statements = new Map<string, PreparedStatement>();
  readonly #place: FilePlace;
  #closed = false;

  constructor(handle: Handle) {
    this.#handle = handle;
    // Until the handle has said which file it is of.
    this.#place = new FilePlace(null);
    this.checkUsable();
    const path = this.#call(() => this.#prepare("PRAGMA database_list").get());
    const [, , file]: readonly unknown[] = Array.isArray(path) ? path : [];
    this.#place = new FilePlace(typeof file === "string" && file !== "" ? file : null);
  }

  /** The file, in back-ticks, as messages name it. */
  get file(): string {
    return this.#place.name;
  }

  /** Whether the database is in memory, or in a file without a name, and goes with its handle. */
  get isPrivate(): boolean {
    return this.#place.path === null;
  }

  #call<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw storeError(error, this.file);
    }
  }

  #prepare(sql: string): PreparedStatement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#handle.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Runs a script, which must not be one that repeats often. */
  script(sql: string): void {
    this.#call(() => {
      this.#handle.exec(sql);
    });
  }

  /** Runs a statement that answers no rows; says how many rows it changed. */
  run(sql: string, ...values: SqliteValue[]): number {
    return Number(this.#call(() => this.#prepare(sql).run(...values)).changes);
  }

  /** Inserts a row; says which number it got. */
  insert(sql: string, ...values: SqliteValue[]): number {
    return Number(this.#call(() => this.#prepare(sql).run(...values)).lastInsertRowid);
  }

  /** The first row, where there is one. */
  get(sql: string, ...values: SqliteValue[]): Columns | null {
    return this.#call(() => {
      const statement = this.#prepare(sql);
      return this.#columns(statement, statement.get(...values));
    });
  }

  /** The first row of what always has one. */
  one(sql: string, ...values: SqliteValue[]): Columns {
    const row = this.get(sql, ...values);
    if (row === null) {
      throw new Damage(`\`${sql}\` answers nothing`);
    }
    return row;
  }

  /** The rows, one after the other. The statement must not run again in between. */
  *rows(sql: string, ...values: SqliteValue[]): Generator<Columns, void, void> {
    try {
      const statement = this.#prepare(sql);
      for (const row of statement.iterate(...values)) {
        const columns = this.#columns(statement, row);
        if (columns !== null) {
          yield columns;
        }
      }
    } catch (error) {
      throw storeError(error, this.file);
    }
  }

  #columns(statement: PreparedStatement, row: unknown): Columns | null {
    return Array.isArray(row) ? new Columns(row, () => statement.columns()) : null;
  }

  /** Throws where the handle can't be used, or not now. */
  checkUsable(): void {
    if (this.#closed) {
      throw new StoreError("failed", `the store in ${this.file} is closed; make a new one`);
    }
    if (!this.#handle.isOpen()) {
      throw new StoreError("failed", `the handle of ${this.file} is closed; open it and make a new store`);
    }
    if (this.#handle.isInTransaction()) {
      throw new StoreError(
        "failed",
        `the handle of ${this.file} is in a transaction: commit or roll back what was begun, and call no ` +
          "method of the store from a visitor of its scan or a decision of its transaction",
      );
    }
  }

  /** Throws where the file is not the one that was opened any more. */
  checkInPlace(): void {
    this.#place.check();
  }

  /** Reads in one consistent view. */
  read<T>(work: () => T): T {
    return this.#transaction("BEGIN", work);
  }

  /** Writes under the write lock: all of it where `work` answers `true`, else nothing. */
  write(work: () => boolean): void {
    this.#transaction("BEGIN IMMEDIATE", () => {
      if (work()) {
        this.#commit();
      }
    });
  }

  #transaction<T>(begin: string, work: () => T): T {
    this.checkUsable();
    this.run(begin);
    try {
      return work();
    } catch (error) {
      throw error instanceof Damage ? error.in(this.file) : error;
    } finally {
      this.#rollBack();
    }
  }

  #commit(): void {
    try {
      this.run("COMMIT");
    } catch (error) {
      if (error instanceof StoreError && isFailedSync(error)) {
        throw new StoreError("outcome_unknown", `a sync failed: ${error.message}`, { cause: error });
      }
      throw error;
    }
  }

  /** Ends what was not committed. Some failures (a full disk) end a transaction by themselves. */
  #rollBack(): void {
    if (this.#handle.isOpen() && this.#handle.isInTransaction()) {
      try {
        this.run("ROLLBACK");
      } catch {
        // What led here says more. The handle stays in its transaction, and the next call says so.
      }
    }
  }

  /** Lets go of the statements. The handle stays as it is: it is its owner's. */
  close(): void {
    this.#closed = true;
    this.#statements.clear();
  }
}
