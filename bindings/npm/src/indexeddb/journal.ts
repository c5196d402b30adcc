/** The journal by position. */
import type { JournalRow } from "../rows.js";
import { StoreError } from "../store.js";
import { answer, type Steps } from "./steps.js";
import type { Tables } from "./tables.js";

/** The most that IndexedDB lets one ask for. */
const AT_ONCE_MAX = 2 ** 32 - 1;

/** At most `limit` entries behind a position. */
export function* feed(tables: Tables, after: number, limit: number): Steps<JournalRow[]> {
  if (limit < 1) {
    // To IndexedDB a count of 0 means everything.
    return [];
  }
  const range = IDBKeyRange.lowerBound(after, true);
  const count = Math.min(limit, AT_ONCE_MAX);
  const keysAsked = tables.journal.getAllKeys(range, count);
  const rows = yield* answer(tables.journal.getAll(range, count));
  const keys = yield* answer(keysAsked);
  return rows.map((row, at) => ({ ...row, position: requirePosition(keys[at]) }));
}

/** The position of the last entry, 0 where there is none. */
export function* lastPosition(tables: Tables): Steps<number> {
  const last = yield* answer(tables.journal.openKeyCursor(null, "prev"));
  return last === null ? 0 : requirePosition(last.key);
}

/** Whether a key of the journal is a position. */
export function isPosition(key: IDBValidKey | undefined): key is number {
  return typeof key === "number" && Number.isSafeInteger(key);
}

function requirePosition(key: IDBValidKey | undefined): number {
  if (isPosition(key)) {
    return key;
  }
  throw new StoreError("corrupted", "an entry of the journal is at no position");
}
