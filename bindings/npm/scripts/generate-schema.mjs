/**
 * Writes `src/generated/schema.ts`: the tables of a ledger file as the Rust store makes them, so that
 * they are written down once. Run it before the TypeScript compiler.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const store = new URL("../../../src/store/sqlite/", import.meta.url);
const target = new URL("../src/generated/", import.meta.url);

/** The only group of a pattern that must be in a Rust file. */
function find(text, pattern, what) {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) {
    throw new Error(`\`schema.rs\` says no ${what} that this script can read: teach it the new form`);
  }
  return found;
}

const rust = readFileSync(new URL("schema.rs", store), "utf8");
const applicationId = Number(
  find(rust, /const APPLICATION_ID: i32 = (0x[0-9a-f_]+);/, "application id").replaceAll("_", ""),
);
const migrations = find(rust, /static MIGRATIONS: [^=]*= Migrations::new\(&\[([^\]]*)\]\);/, "migrations");
const scripts = [...migrations.matchAll(/include_str!\("([^"]+)"\)/g)].map(([, name]) => name);
if (scripts.join() !== "schema_v1.sql") {
  throw new Error(
    `\`schema.rs\` names the scripts ${scripts.join(", ") || "of none"}, not \`schema_v1.sql\` alone: ` +
      "teach `src/sqlite/open.ts` to bring an older file up, then this script",
  );
}

mkdirSync(target, { recursive: true });
writeFileSync(
  new URL("schema.ts", target),
  `// Made by scripts/generate-schema.mjs from src/store/sqlite of the Rust crate.

/** Marks a file as a ledger, in its header. */
export const APPLICATION_ID = ${applicationId};

/** The version of the tables that {@link SCHEMA_V1} makes, kept as the file's \`user_version\`. */
export const SCHEMA_VERSION = ${scripts.length};

/** The script that makes the tables in an empty file. */
export const SCHEMA_V1 = ${JSON.stringify(readFileSync(new URL("schema_v1.sql", store), "utf8"))};
`,
);
console.log(`wrote ${fileURLToPath(new URL("schema.ts", target))}`);
