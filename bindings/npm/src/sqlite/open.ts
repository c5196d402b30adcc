/** Taking over a handle: what is looked at before anything is changed, and how it is set up. */
import { APPLICATION_ID, SCHEMA_V1, SCHEMA_VERSION } from "../generated/schema.js";
import { StoreError } from "../store.js";
import { Connection } from "./connection.js";
import { hasCode } from "./errors.js";
import type { Handle } from "./handle.js";
import { differenceOf, readSchema } from "./schema.js";

function unsupported(reason: string): StoreError {
  return new StoreError("unsupported", reason);
}

/**
 * Sees that a handle is of a ledger of this version, makes the ledger in an empty file, and sets the
 * handle up. Throws a {@link StoreError} `unsupported` where it is of something else, which is left as
 * it was.
 */
export function open(handle: Handle, busyTimeoutMs: number | undefined): Connection {
  const connection = new Connection(handle);
  const version = firstLook(connection);
  setUp(connection, handle, busyTimeoutMs);
  if (version < SCHEMA_VERSION) {
    connection.write(() => {
      // Somebody else may have been faster.
      if (checkedVersion(connection) === SCHEMA_VERSION) {
        return false;
      }
      connection.script(SCHEMA_V1);
      connection.script(
        `PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION};`,
      );
      return true;
    });
  }
  useWriteAheadLog(connection);
  return connection;
}

/** The version of the file, before anything is changed. */
function firstLook(connection: Connection): number {
  try {
    checkLibrary(connection);
    return connection.read(() => checkedVersion(connection));
  } catch (error) {
    if (hasCode(error, "SQLITE_NOTADB")) {
      throw unsupported(`${connection.file} is not a ledger: it is not even a SQLite database`);
    }
    throw error;
  }
}

/** Refuses to run on a library that can damage a file. */
function checkLibrary(connection: Connection): void {
  const version = connection.one("SELECT sqlite_version()").text();
  if (!hasWalResetFix(version)) {
    throw unsupported(
      `SQLite ${version} can damage a file when its write-ahead log starts over; 3.51.3, 3.50.7, ` +
        "3.44.6 or a later version of one of these is needed: update better-sqlite3 or Node.js",
    );
  }
}

/**
 * Whether this version resets its write-ahead log without the race that loses committed pages, mended in
 * 2026 and carried back to two older branches.
 */
export function hasWalResetFix(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  if (major !== 3) {
    return major > 3;
  }
  return (
    minor > 51 || (minor === 51 && patch >= 3) || (minor === 50 && patch >= 7) || (minor === 44 && patch >= 6)
  );
}

function pragma(connection: Connection, name: string): number {
  return Number(connection.one(`PRAGMA ${name}`).integer());
}

/** The version of a file that can be used, with the tables that it must have; 0 for an empty one. */
function checkedVersion(connection: Connection): number {
  const { file } = connection;
  const version = pragma(connection, "user_version");
  if (version > SCHEMA_VERSION) {
    throw unsupported(
      `${file} was written by a newer version of this program (its tables are version ${version}, this ` +
        `program knows ${SCHEMA_VERSION}); use that version or a later one`,
    );
  }
  const schema = readSchema(connection);
  if (version === 0 && schema.length === 0) {
    return 0;
  }
  if (version < 1 || pragma(connection, "application_id") !== APPLICATION_ID) {
    throw unsupported(`${file} is not a ledger: it is the SQLite database of something else`);
  }
  const encoding = connection.one("PRAGMA encoding").text();
  if (encoding !== "UTF-8") {
    throw unsupported(`${file} keeps its texts in ${encoding}; a ledger does in UTF-8`);
  }
  const difference = differenceOf(schema);
  if (difference !== null) {
    throw unsupported(`${file} is not a ledger as this program makes them: it ${difference}`);
  }
  return version;
}

/** How long a call waits for others unless it is said, as in the Rust store. */
const BUSY_TIMEOUT_MS = 5_000;

function setUp(connection: Connection, handle: Handle, busyTimeoutMs: number | undefined): void {
  handle.defend();
  connection.script(
    `PRAGMA trusted_schema = OFF;
     PRAGMA cell_size_check = ON;
     PRAGMA foreign_keys = ON;
     PRAGMA secure_delete = ON;
     PRAGMA synchronous = FULL;`,
  );
  const timeoutMs = busyTimeoutMs ?? (pragma(connection, "busy_timeout") || BUSY_TIMEOUT_MS);
  connection.script(`PRAGMA busy_timeout = ${timeoutMs}`);
}

/** How often it is tried to have the file alone for a moment. */
const ATTEMPTS_MAX = 16;

/**
 * Switches a file to the write-ahead log, for good. That needs the file alone for a moment, which SQLite
 * does not wait for by itself; taking the write lock does.
 */
function useWriteAheadLog(connection: Connection): void {
  for (let attempt = 1; !hasWriteAheadLog(connection); attempt += 1) {
    if (attempt === ATTEMPTS_MAX) {
      throw new StoreError("busy", "others keep the file from being switched to a write-ahead log");
    }
    connection.write(() => false);
  }
}

/** Whether the file has its log, or can do without; `false` where others are in the way. */
function hasWriteAheadLog(connection: Connection): boolean {
  try {
    // The mode is only committed behind the row that names it.
    const [mode] = [...connection.rows("PRAGMA journal_mode = WAL")].map((columns) => columns.text());
    // What is nobody else's needs no log.
    if (mode === "wal" || connection.isPrivate) {
      return true;
    }
    throw unsupported(
      `the file system can't share a write-ahead log (SQLite stays in mode \`${mode}\`); keep the ` +
        "ledger on a local disk",
    );
  } catch (error) {
    if (error instanceof StoreError && error.kind === "busy") {
      return false;
    }
    if (hasCode(error, "SQLITE_READONLY")) {
      // The file is as it was left, and can be read.
      return true;
    }
    throw error;
  }
}

/** Copies the log into the file and cuts it to nothing. */
export function emptyWriteAheadLog(connection: Connection): void {
  connection.checkUsable();
  if (connection.one("PRAGMA wal_checkpoint(TRUNCATE)").flag()) {
    throw new StoreError("busy", "others keep the write-ahead log from being emptied; call again");
  }
}
