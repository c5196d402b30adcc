/** The end of a scan of everything: what it should have come by and did not. */
import type { EntryRow, MovementKey, ScanRange } from "../rows.js";
import { sortKey } from "../store.js";
import type { Visit } from "./scan.js";
import { answer, type Steps } from "./steps.js";
import { AFTER_ALL, ids, type Lookup, type Tables } from "./tables.js";

/** How many rows of each object store a scan came by. */
export interface Counts {
  movements: number;
  journal: number;
  refunds: number;
}

/** An index by movement, of which only the keys are read. */
type ByMovement = Pick<Lookup<EntryRow>, "openKeyCursor">;

/** Looks for what belongs to no movement, in the object stores that hold more than the scan came by. */
export function* visitStrays(tables: Tables, range: ScanRange, visit: Visit, seen: Counts): Steps<void> {
  const checks: { store: keyof Counts; wasRead: boolean; byMovement: ByMovement | null }[] = [
    { store: "movements", wasRead: true, byMovement: null },
    { store: "journal", wasRead: range.entries, byMovement: tables.chains },
    { store: "refunds", wasRead: range.refunds, byMovement: tables.refundsByMovement },
  ];
  for (const { store, wasRead, byMovement } of checks) {
    const count = yield* answer(tables[store].count());
    if (!wasRead || count === seen[store]) {
      continue;
    }
    const reason = `\`${store}\` holds ${count} rows; ${seen[store]} were found by movement`;
    const goesOn =
      visit({ kind: "invalid", movement: null, reason }) &&
      (byMovement === null || (yield* visitOrphans(tables, store, byMovement, visit)));
    if (!goesOn) {
      return;
    }
  }
  yield* visitGap(tables, visit);
}

/** Visits each movement that rows name and that is not there; `false` once the visitor has broken off. */
function* visitOrphans(
  tables: Tables,
  store: keyof Counts,
  byMovement: ByMovement,
  visit: Visit,
): Steps<boolean> {
  const request = byMovement.openKeyCursor(null, "next");
  for (let cursor = yield* answer(request); cursor !== null; cursor = yield* answer(request)) {
    const movement = movementOf(cursor.key);
    const found = movement && (yield* answer(tables.movements.getKey(sortKey(movement))));
    if (movement === null || found === undefined) {
      const reason = `rows of \`${store}\` belong to no movement`;
      if (!visit({ kind: "invalid", movement, reason })) {
        return false;
      }
    }
    // The other rows of the same movement are passed over.
    cursor.continue(movement === null ? undefined : [...ids(movement), AFTER_ALL]);
  }
  return true;
}

/** The movement that a key of an index by movement begins with. */
function movementOf(key: IDBValidKey): MovementKey | null {
  if (!Array.isArray(key)) {
    return null;
  }
  const [org_id, subscription_id, movement_id] = key;
  return typeof org_id === "string" && typeof subscription_id === "string" && typeof movement_id === "string"
    ? { org_id, subscription_id, movement_id }
    : null;
}

/** Positions are not hashed, but they ascend from 1 without gaps. */
function* visitGap(tables: Tables, visit: Visit): Steps<void> {
  const count = yield* answer(tables.journal.count());
  const first = yield* answer(tables.journal.openKeyCursor(null, "next"));
  const last = yield* answer(tables.journal.openKeyCursor(null, "prev"));
  if (first !== null && last !== null && (first.key !== 1 || last.key !== count)) {
    const at = `at positions ${first.key} to ${last.key}, not 1 to ${count}`;
    visit({ kind: "invalid", movement: null, reason: `the journal's ${count} entries are ${at}` });
  }
}
