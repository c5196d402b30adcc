/** The file of a handle, and whether it is still the one at its path. */
import { existsSync, statSync } from "node:fs";
import { StoreError } from "../store.js";

/** A file, whatever its names. */
interface FileId {
  dev: number;
  ino: number;
  size: number;
}

function look(path: string): FileId | null {
  return statSync(path, { throwIfNoEntry: false }) ?? null;
}

export class FilePlace {
  /** From the root; `null` for a database in memory. */
  readonly path: string | null;
  /** As messages name it. */
  readonly name: string;
  /** `null` or empty until something was written: only then does SQLite fill the file. */
  #opened: FileId | null;

  constructor(path: string | null) {
    this.path = path;
    this.name = path === null ? "the database" : `\`${path}\``;
    this.#opened = path === null ? null : look(path);
  }

  /**
   * Throws where the file, or its log, is not the one that was opened any more. SQLite would go on
   * writing to one that was removed or replaced, and nobody would ever find what it wrote.
   */
  check(): void {
    if (this.path === null) {
      return;
    }
    if (this.#opened === null || this.#opened.size === 0) {
      this.#opened = look(this.path);
      return;
    }
    if (this.#isInPlace(this.path)) {
      return;
    }
    throw new StoreError(
      "failed",
      `${this.name}, or its \`-wal\`, was removed, replaced or emptied while it was open; nothing is ` +
        "written any more: put it back, or restore a backup, and open it anew",
    );
  }

  #isInPlace(path: string): boolean {
    const now = look(path);
    return (
      now !== null &&
      now.size > 0 &&
      now.dev === this.#opened?.dev &&
      now.ino === this.#opened.ino &&
      // Not by its metadata: where somebody has seen a file's times, Linux gives its next write a time of
      // its own, and each sync then writes these times too.
      existsSync(`${path}-wal`)
    );
  }
}
