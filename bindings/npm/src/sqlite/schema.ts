/** How a file is seen to have the tables of a ledger and nothing else. */
import { SCHEMA_V1 } from "../generated/schema.js";
import type { Connection } from "./connection.js";

/** An object of a schema. */
interface SchemaObject {
  type: string;
  name: string;
  table: string;
  /** `null` for an index that SQLite makes by itself. */
  sql: string | null;
}

/** What {@link SCHEMA_V1} makes, as SQLite keeps it. */
const WANTED: readonly SchemaObject[] = SCHEMA_V1.split(";\n").flatMap(objectsOf);

function objectsOf(statement: string): SchemaObject[] {
  const found = /^CREATE (?:UNIQUE )?(TABLE|INDEX) (\w+)(?: ON (\w+))?[^]*/m.exec(statement);
  const [sql, type, name, on] = found ?? [];
  if (sql === undefined || type === undefined || name === undefined) {
    return [];
  }
  const objects: SchemaObject[] = [{ type: type.toLowerCase(), name, table: on ?? name, sql }];
  if (type === "TABLE") {
    // Each UNIQUE in a table is an index of its own, which must not be missing.
    for (const [at] of [...sql.matchAll(/\bUNIQUE\b/g)].entries()) {
      objects.push({ type: "index", name: `sqlite_autoindex_${name}_${at + 1}`, table: name, sql: null });
    }
  }
  return objects;
}

/** All objects but those that an administrator's `ANALYZE` leaves: plain tables of figures. */
const SCHEMA =
  "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE (type, name, coalesce(sql, '')) NOT IN (VALUES " +
  "('table', 'sqlite_stat1', 'CREATE TABLE sqlite_stat1(tbl,idx,stat)'), " +
  "('table', 'sqlite_stat4', 'CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)')) ORDER BY 1, 2";

export function readSchema(connection: Connection): SchemaObject[] {
  return [...connection.rows(SCHEMA)].map((columns) => ({
    type: columns.text(),
    name: columns.text(),
    table: columns.text(),
    sql: columns.optionalText(),
  }));
}

/**
 * What a file of this version holds, lacks, or holds in another form than it should; `null` where
 * nothing. A hostile or half-restored file could hold a view in a table's place, a trigger, or lack the
 * index that keeps external ids unique.
 */
export function differenceOf(have: readonly SchemaObject[]): string | null {
  const isNamed = (a: SchemaObject, b: SchemaObject): boolean => a.type === b.type && a.name === b.name;
  const isSame = (a: SchemaObject, b: SchemaObject): boolean =>
    isNamed(a, b) && a.table === b.table && a.sql === b.sql;
  const unknown = have.find((object) => !WANTED.some((wanted) => isNamed(object, wanted)));
  if (unknown !== undefined) {
    return `holds the ${unknown.type} \`${unknown.name}\`, which no ledger has`;
  }
  const missing = WANTED.find((wanted) => !have.some((object) => isNamed(object, wanted)));
  if (missing !== undefined) {
    return `lacks the ${missing.type} \`${missing.name}\``;
  }
  const other = have.find((object) => !WANTED.some((wanted) => isSame(object, wanted)));
  return other === undefined ? null : `holds the ${other.type} \`${other.name}\` in another form`;
}
