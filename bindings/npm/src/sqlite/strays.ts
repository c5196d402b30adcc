/** The end of a scan of everything: what belongs to no movement, and what no movement's scan can see. */
import { entryMovement } from "../owner.js";
import type { MovementKey, ScanRange } from "../store.js";
import type { Columns } from "./columns.js";
import type { Connection } from "./connection.js";
import { attempt, Damage } from "./errors.js";
import type { Visit } from "./scan.js";

/** How many rows of each table a scan came by. */
export interface Counts {
  movements: number;
  entries: number;
  refunds: number;
}

/** Rows whose parent or only child is missing, as the bytes of a journal entry that tells whose they are. */
const ORPHANS: readonly { reason: string; sql: string }[] = [
  {
    reason: "an org has no movements",
    sql: "SELECT NULL FROM orgs o WHERE NOT EXISTS (SELECT 1 FROM movements m WHERE m.org = o.number)",
  },
  {
    reason: "a movement belongs to no org",
    sql:
      "SELECT j.bytes FROM movements m LEFT JOIN journal j ON j.position = m.chain_position " +
      "WHERE NOT EXISTS (SELECT 1 FROM orgs o WHERE o.number = m.org)",
  },
  {
    reason: "an entry belongs to no movement",
    sql:
      "SELECT bytes FROM journal j " +
      "WHERE NOT EXISTS (SELECT 1 FROM movements m WHERE m.number = j.movement)",
  },
  {
    reason: "a refund belongs to no movement",
    sql:
      "SELECT j.bytes FROM refunds r LEFT JOIN journal j ON j.position = r.text_position " +
      "WHERE NOT EXISTS (SELECT 1 FROM movements m WHERE m.number = r.movement)",
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
export function visitStrays(connection: Connection, range: ScanRange, counts: Counts, visit: Visit): boolean {
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

/** The movement that a journal entry names, whose bytes are in the next column. */
export function movementNamed(columns: Columns): MovementKey | null {
  const bytes = attempt(() => columns.bytes());
  return bytes instanceof Damage ? null : entryMovement(bytes);
}

function visitOrphans(connection: Connection, visit: Visit): boolean {
  for (const { reason, sql } of ORPHANS) {
    for (const columns of connection.rows(sql)) {
      if (!visit({ kind: "invalid", movement: movementNamed(columns), reason })) {
        return false;
      }
    }
  }
  return true;
}

function visitMisplaced(connection: Connection, visit: Visit): boolean {
  const count = connection.one(COUNT_ENTRIES).count();
  for (const sql of MISPLACED) {
    for (const columns of connection.rows(sql, count)) {
      const position = columns.integer();
      const movement = movementNamed(columns);
      const reason = `an entry is at position ${position}, the journal has ${count}`;
      if (!visit({ kind: "invalid", movement, reason })) {
        return false;
      }
    }
  }
  return true;
}

/** A movement that its key does not find was not visited; neither was what belongs to it. */
function visitCount(connection: Connection, table: string, found: number, visit: Visit): boolean {
  const stored = connection.one(`SELECT count(*) FROM ${table}`).count();
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
