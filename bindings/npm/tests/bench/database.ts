/**
 * The database of one measurement: in memory, or with `file` as the second argument in a new file, in
 * which each transaction is on the disk when it is committed. The file goes with the program.
 *
 * @module
 */
import Database from "better-sqlite3";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const isInFile = process.argv[3] === "file";

export function openDatabase(): Database.Database {
  const database = new Database(isInFile ? newFile() : ":memory:");
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  return database;
}

function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "refunds-"));
  process.on("exit", () => rmSync(folder, { recursive: true }));
  return join(folder, "refunds.db");
}
