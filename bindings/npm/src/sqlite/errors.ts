/** What SQLite reports, as what a store can say. */
import { StoreError } from "../store.js";

/** Something stored that is not what it should be, before the file is named. */
export class Damage extends Error {
  override readonly name = "Damage";

  /** The damage as the store's callers see it. */
  in(file: string): StoreError {
    return new StoreError("corrupted", `${file}: ${this.message}`, { cause: this });
  }
}

/** What was read, or the damage that was found; passes on whatever kept SQLite from reading. */
export function attempt<T>(read: () => T | Damage): T | Damage {
  try {
    return read();
  } catch (error) {
    if (error instanceof Damage) {
      return error;
    }
    throw error;
  }
}

export function conflict(): StoreError {
  return new StoreError("conflict", "the state changed between reading and writing");
}

/** The result codes that say more than others, by the numbers that `node:sqlite` reports. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [1, "SQLITE_ERROR"],
  [3, "SQLITE_PERM"],
  [5, "SQLITE_BUSY"],
  [6, "SQLITE_LOCKED"],
  [8, "SQLITE_READONLY"],
  [10, "SQLITE_IOERR"],
  [11, "SQLITE_CORRUPT"],
  [13, "SQLITE_FULL"],
  [14, "SQLITE_CANTOPEN"],
  [15, "SQLITE_PROTOCOL"],
  [18, "SQLITE_TOOBIG"],
  [26, "SQLITE_NOTADB"],
  [778, "SQLITE_IOERR_WRITE"],
  [1034, "SQLITE_IOERR_FSYNC"],
  [1555, "SQLITE_CONSTRAINT_PRIMARYKEY"],
  [2067, "SQLITE_CONSTRAINT_UNIQUE"],
]);

/** SQLite's code of an error of either library, by name; `null` for an error of something else. */
function resultCode(error: object): string | null {
  if ("errcode" in error && typeof error.errcode === "number") {
    return NAMES.get(error.errcode) ?? NAMES.get(error.errcode & 0xff) ?? `SQLite error ${error.errcode}`;
  }
  if ("code" in error && typeof error.code === "string" && error.code.startsWith("SQLITE_")) {
    return error.code;
  }
  return null;
}

/** Whether it is the code or an extended form of it. */
function isA(code: string, ...primary: string[]): boolean {
  return primary.some((name) => code === name || code.startsWith(`${name}_`));
}

/** What a library threw, as the error of the store in `file`. */
export function storeError(error: unknown, file: string): StoreError {
  if (!(error instanceof Error)) {
    return new StoreError("failed", `${file}: ${String(error)}`, { cause: error });
  }
  const say = (kind: StoreError["kind"], text: string): StoreError =>
    new StoreError(kind, text, { cause: error });
  const code = resultCode(error);
  if (code === null) {
    return say("failed", `${file}: ${error.message}`);
  }
  const what = `${error.message}, ${code}`;
  if (isA(code, "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")) {
    return say("busy", "the store is locked by others");
  }
  // `SQLITE_ERROR`, since the tables were as they must be when the store was made.
  if (isA(code, "SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_TOOBIG", "SQLITE_ERROR")) {
    return say("corrupted", `${file}: ${what}`);
  }
  if (isA(code, "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY")) {
    return say("conflict", "somebody else has the id or the external id");
  }
  if (isA(code, "SQLITE_FULL")) {
    const advice = "the disk, or the file's limit, is full; make room and try again";
    return say("failed", `${file} can't grow: ${advice}`);
  }
  if (isA(code, "SQLITE_READONLY")) {
    const advice = "check how it was opened, and the permissions of the file and its directory";
    return say("failed", `${file} can't be written, it is read-only here; ${advice} (${what})`);
  }
  if (isA(code, "SQLITE_CANTOPEN")) {
    const advice = "check the permissions of the file and its directory";
    return say("failed", `${file} can't be opened; ${advice} (${what})`);
  }
  if (isA(code, "SQLITE_IOERR_WRITE")) {
    const advice = "the disk, or the limit of the process on files, may be full";
    return say("failed", `${file} can't be written; ${advice} (${what})`);
  }
  if (isA(code, "SQLITE_IOERR")) {
    return say("failed", `${file} can't be read or written: ${what}`);
  }
  if (isA(code, "SQLITE_PERM")) {
    return say("failed", `${file}: permission denied (${what})`);
  }
  return say("failed", `${file}: ${what}`);
}

/** Whether a store's error is SQLite's of this code. */
export function hasCode(error: unknown, code: string): error is StoreError {
  return error instanceof StoreError && error.cause instanceof Error && resultCode(error.cause) === code;
}
