/** The scan: movements in key order, a page of rows at a time, all read as of one transaction. */
import type { EntryRow, MovementKey, MovementRow, RefundRow, ScanRange, ScanRow } from "../rows.js";
import { sortKey } from "../store.js";
import { isPosition, lastPosition } from "./journal.js";
import { missingText, requestText } from "./load.js";
import { answer, type Steps } from "./steps.js";
import { type Counts, visitStrays } from "./strays.js";
import { AFTER_ALL, beginsWith, ids, restOf, type Tables } from "./tables.js";

/** How many rows are read at once. */
const PAGE = 128;

/** Answers `false` to break off. */
export type Visit = (row: ScanRow) => boolean;

/** Visits what lies in the range, and answers with the last position. */
export function* scan(tables: Tables, range: ScanRange, visit: Visit): Steps<number> {
  const last = yield* lastPosition(tables);
  const scan = new Scan(tables, range, visit);
  const isFull = range.org_id === null && range.only === null && range.after === null;
  if ((yield* scan.movements()) && isFull) {
    yield* visitStrays(tables, range, visit, scan.counts);
  }
  return last;
}

/** Its methods answer `false` once the visitor has broken off. */
class Scan {
  readonly counts: Counts = { movements: 0, journal: 0, refunds: 0 };
  readonly #tables: Tables;
  readonly #range: ScanRange;
  readonly #visit: Visit;

  constructor(tables: Tables, range: ScanRange, visit: Visit) {
    this.#tables = tables;
    this.#range = range;
    this.#visit = visit;
  }

  *movements(): Steps<boolean> {
    const { movements } = this.#tables;
    let range = keyRange(this.#range);
    while (range !== null) {
      const keysAsked = movements.getAllKeys(range, PAGE);
      const rows = yield* answer(movements.getAll(range, PAGE));
      const keys = yield* answer(keysAsked);
      const asked = rows.map((row) => ({ row, text: requestText(this.#tables, row) }));
      for (const [at, { row, text }] of asked.entries()) {
        this.counts.movements += 1;
        if (!(yield* this.#movement(row, keys[at], yield* answer(text)))) {
          return false;
        }
      }
      range = rest(range, keys.at(-1), rows.length);
    }
    return true;
  }

  *#movement(row: MovementRow, key: IDBValidKey | undefined, text: EntryRow | undefined): Steps<boolean> {
    const name = ids(row).join("/");
    if (!(key instanceof ArrayBuffer) || compare(new Uint8Array(key), sortKey(row)) !== 0) {
      return this.#invalid(null, `the row of movement \`${name}\` is filed under another key`);
    }
    if (text === undefined) {
      return this.#invalid(row, missingText(row));
    }
    return (
      this.#visit({ kind: "movement", row, text }) &&
      (!this.#range.entries || (yield* this.#entries(row))) &&
      (!this.#range.refunds || (yield* this.#refunds(row)))
    );
  }

  *#entries(of: MovementKey): Steps<boolean> {
    const { chains } = this.#tables;
    let range: IDBKeyRange | null = beginsWith(ids(of));
    while (range !== null) {
      const positionsAsked = chains.getAllKeys(range, PAGE);
      const rows = yield* answer(chains.getAll(range, PAGE));
      const positions = yield* answer(positionsAsked);
      for (const [at, row] of rows.entries()) {
        this.counts.journal += 1;
        const position = positions[at];
        const goesOn = isPosition(position)
          ? this.#visit({ kind: "entry", ...row, position })
          : this.#invalid(of, `entry ${row.sequence} of a movement's chain is at no position`);
        if (!goesOn) {
          return false;
        }
      }
      const last: EntryRow | undefined = rows.at(-1);
      range = rest(range, last && [...ids(of), last.sequence], rows.length);
    }
    return true;
  }

  *#refunds(of: MovementKey): Steps<boolean> {
    const { refundsByMovement } = this.#tables;
    let range: IDBKeyRange | null = beginsWith(ids(of));
    while (range !== null) {
      const rows: RefundRow[] = yield* answer(refundsByMovement.getAll(range, PAGE));
      const looked = rows.map((row) => ({
        row,
        text: requestText(this.#tables, row),
        holder: this.#requestHolder(row),
      }));
      for (const { row, ...asked } of looked) {
        this.counts.refunds += 1;
        const text = yield* answer(asked.text);
        const holder = asked.holder && (yield* answer(asked.holder));
        const goesOn =
          text === undefined
            ? this.#invalid(of, missingText(row))
            : this.#visit({ kind: "refund", row, text, holder: typeof holder === "string" ? holder : null });
        if (!goesOn) {
          return false;
        }
      }
      const last = rows.at(-1);
      range = rest(range, last && [...ids(of), last.id], rows.length);
    }
    return true;
  }

  /** Asks whom a look-up of the refund's external id finds. */
  #requestHolder({ external_id, org_id }: RefundRow): IDBRequest<IDBValidKey | undefined> | null {
    return external_id === null ? null : this.#tables.refundsByExternalId.getKey([external_id, org_id]);
  }

  #invalid(movement: MovementKey | null, reason: string): boolean {
    return this.#visit({ kind: "invalid", movement: movement && keyOf(movement), reason });
  }
}

/** The range of the next page, if this page was full. */
function rest(range: IDBKeyRange, last: IDBValidKey | undefined, count: number): IDBKeyRange | null {
  return last === undefined || count < PAGE ? null : restOf(range, last);
}

function keyOf({ org_id, subscription_id, movement_id }: MovementKey): MovementKey {
  return { org_id, subscription_id, movement_id };
}

/** The keys that a range includes, `null` where it can include none. */
function keyRange({ org_id, only, after }: ScanRange): IDBKeyRange | null {
  if (only !== null) {
    const key = sortKey(only);
    const isIncluded =
      (org_id === null || only.org_id === org_id) && (after === null || compare(key, sortKey(after)) > 0);
    return isIncluded ? IDBKeyRange.only(key) : null;
  }
  const utf8 = new TextEncoder();
  // NUL ends the org in a key; no id begins with a control character, or is empty.
  const start = utf8.encode(`${org_id ?? ""}\0`);
  const end = org_id === null ? null : utf8.encode(`${org_id}\x01`);
  const behind = after && sortKey(after);
  if (behind === null || compare(behind, start) < 0) {
    return IDBKeyRange.bound(start, end ?? AFTER_ALL);
  }
  return end !== null && compare(behind, end) > 0 ? null : IDBKeyRange.bound(behind, end ?? AFTER_ALL, true);
}

/** Which of two keys comes first, byte by byte. */
function compare(one: Uint8Array, other: Uint8Array): number {
  const at = one.findIndex((byte, index) => byte !== other[index]);
  const [a, b] = [one[at], other[at]];
  return a === undefined || b === undefined ? one.length - other.length : a - b;
}
