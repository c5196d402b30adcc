import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A file of the repository, by its path from the top. */
export function fromTop(path: string): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "Cargo.lock"))) {
    folder = dirname(folder);
  }
  return join(folder, path);
}
