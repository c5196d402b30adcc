import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import Database from "better-sqlite3";
import type { StoreFixture } from "../../src/conformance.js";
import { type SqliteHandle, SqliteStore } from "../../src/sqlite.js";

/** A fixture for each driver. */
export const sqliteFixtures: Record<string, () => StoreFixture> = {
  "SqliteStore over better-sqlite3": () => fixture((path) => new Database(path)),
  "SqliteStore over node:sqlite": () => fixture((path) => new DatabaseSync(path)),
};

function fixture(open: (path: string) => SqliteHandle & { close(): unknown }): StoreFixture {
  const folder = mkdtempSync(join(tmpdir(), "refund-ledger-"));
  const handles: { close(): unknown }[] = [];
  return {
    handle: () => {
      const handle = open(join(folder, "refunds.db"));
      handles.push(handle);
      return new SqliteStore(handle);
    },
    close: () => {
      for (const handle of handles) {
        handle.close();
      }
      rmSync(folder, { recursive: true });
    },
  };
}
