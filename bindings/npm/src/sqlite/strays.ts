/** The end of a scan of everything: what belongs to no movement, and what no movement's scan can see. */
import { entryMovement } from "../owner.js";
import type { MovementKey, ScanRange } from "../store.js";
import type { Connection } from "./connection.js";
import { attempt, Damage } from "./errors.js";
import type { SqliteValue } from "./handle.js";
import type { Visit } from "./scan.js";

/** How many rows of each table a scan came by. */
export interface Counts {
  movements: number;
  entries: number;
  refunds: number;
}

/** The bytes of a movement's last entry. */
export const LAST_ENTRY =
  "SELECT bytes FROM journal WHERE position = (SELECT chain_position FROM movements WHERE number = +?)";

/** Rows whose parent or only child is missing, and the bytes of a journal entry that tells whose they are. */
const ORPHANS: readonly { reason: string; orphans: string; entry: string | null }[] = [
  {
    reason: "an org has no movements",
    orphans: "SELECT number FROM orgs o WHERE NOT EXISTS (SELECT 1 FROM movements m WHERE m.org = o.number)",
    entry: null,
  },
  {
    reason: "a movement belongs to no org",
    orphans: "SELECT number FROM movements m WHERE NOT EXISTS (SELECT 1 FROM orgs o WHERE o.number = m.org)",
    entry: LAST_ENTRY,
  },
  {
    reason: "an entry belongs to no movement",
    orphans:
      "SELECT position FROM journal j " +
      "WHERE NOT EXISTS (SELECT 1 FROM movements m WHERE m.number = j.movement)",
    entry: "SELECT bytes FROM journal WHERE position = +?",
  },
  {
    reason: "a refund belongs to no movement",
    orphans:
      "SELECT r.id FROM refunds r WHERE NOT EXISTS (SELECT 1 FROM movements m WHERE m.number = r.movement)",
    entry:
      "SELECT d.bytes FROM refunds r JOIN journal d ON d.position = r.text_position WHERE r.id = +?",
  },
];

const COUNT_ENTRIES = "SELECT count(*) FROM journal";
/** Positions are not hashed, but they ascend from 1 without gaps: any beyond the count is out of place. */
const MISPLACED = [
  "SELECT position, bytes FROM journal WHERE position < 1 AND position <= +?",
  "SELECT position, bytes FROM journal WHERE position > +?",
];

/** How many lines of SQLite's own check are passed on. */
const CHECK_LINES_MAX = 16;

/** Answers whether the scan goes on. */
export function visitStrays(
  connection: Connection,
  range: ScanRange,
  counts: Counts,
  visit: Visit,
): boolean {
  const tables = [
    { table: "movements", found: counts.movements, wasVisited: true },
    { table: "journal", found: counts.entries, wasVisited: range.entries },
    { table: "refunds", found: counts.refunds, wasVisited: range.refunds },
  ];
  return (
    visitOrphans(connection, visit) &&
    visitMisplaced(connection, visit) &&
    tables.every(
      ({ table, found, wasVisited }) => !wasVisited || visitCount(connection, table, found, visit),
    ) &&
    (!(range.entries && range.refunds) || checkFile(connection, visit))
  );
}

/** The movement that the journal entry names whose bytes a query answers. */
export function namedBy(connection: Connection, sql: string, of: SqliteValue): MovementKey | null {
  const bytes = attempt(() => connection.get(sql, of)?.optionalBytes() ?? null);
  return bytes === null || bytes instanceof Damage ? null : entryMovement(bytes);
}

function visitOrphans(connection: Connection, visit: Visit): boolean {
  for (const { reason, orphans, entry } of ORPHANS) {
    for (const columns of connection.rows(orphans)) {
      const movement = entry === null ? null : namedBy(connection, entry, columns.value());
      if (!visit({ kind: "invalid", movement, reason })) {
        return false;
      }
    }
  }
  return true;
}

function visitMisplaced(connection: Connection, visit: Visit): boolean {
  const count = connection.one(COUNT_ENTRIES).integer();
  for (const sql of MISPLACED) {
    for (const columns of connection.rows(sql, count)) {
      const position = columns.value();
      const bytes = attempt(() => columns.bytes());
      const movement = bytes instanceof Damage ? null : entryMovement(bytes);
      const reason = `an entry is at position ${String(position)}, the journal has ${count}`;
      if (!visit({ kind: "invalid", movement, reason })) {
        return false;
      }
    }
  }
  return true;
}

/** A movement that its key does not find was not visited; neither was what belongs to it. */
function visitCount(connection: Connection, table: string, found: number, visit: Visit): boolean {
  const stored = connection.one(`SELECT count(*) FROM ${table}`).integer();
  const reason = `table \`${table}\` has ${stored} rows; ${found} were found by movement`;
  return stored === found || visit({ kind: "invalid", movement: null, reason });
}

/**
 * SQLite's own check of every page, every index against its table, and every constraint. It is what
 * sees an index that lists read and a scan by movement does not. It reads the file once and looks every
 * row up in its indexes, which takes no longer than the scan did.
 */
function checkFile(connection: Connection, visit: Visit): boolean {
  for (const columns of connection.rows(`PRAGMA integrity_check(${CHECK_LINES_MAX})`)) {
    const line = columns.text();
    const reason = `the file is damaged: ${line}`;
    if (line !== "ok" && !visit({ kind: "invalid", movement: null, reason })) {
      return false;
    }
  }
  return true;
}
