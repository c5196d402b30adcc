/** Lists of refunds: every page is read from an index, in its order, from where the one before ended. */
import type { ListAfter, RefundFilter, RefundPage, RefundRow } from "../rows.js";
import { matches } from "../store.js";
import { requestText, requireText } from "./load.js";
import { answer, type Steps } from "./steps.js";
import { AFTER_ALL, beginsWith, ids, type Lookup, type Tables } from "./tables.js";

/** Rows are read so many at a time: few enough to be held, enough for filters that pass over most. */
const READ_AT_ONCE = { min: 32, max: 256 };

/** One page, read as of one transaction. */
export function* list(
  tables: Tables,
  filter: RefundFilter,
  after: ListAfter | null,
  limit: number,
): Steps<RefundPage> {
  const few = yield* named(tables, filter);
  // One more than the page, to know whether there are more.
  const rows =
    few === null
      ? yield* inOrder(tables, filter, after, limit + 1)
      : few.filter((row) => matches(filter, row) && isBehind(row, after)).sort(byPlace);
  const texts = rows.slice(0, limit).map((row) => ({ row, request: requestText(tables, row) }));
  const items = [];
  for (const { row, request } of texts) {
    items.push({ row, text: requireText(row, yield* answer(request)) });
  }
  return { items, more: rows.length > limit };
}

/**
 * The refunds that the filter names by an id of their own or by all three of their movement, where it
 * does: an index finds them, and they are few, since a movement is one charge.
 */
function* named(tables: Tables, filter: RefundFilter): Steps<RefundRow[] | null> {
  const { org_id, subscription_id, movement_id, refund_id, external_id } = filter;
  if (refund_id !== null) {
    const row = yield* answer(tables.refunds.get(refund_id));
    return row === undefined ? [] : [row];
  }
  if (external_id !== null) {
    const range = org_id === null ? beginsWith([external_id]) : IDBKeyRange.only([external_id, org_id]);
    return yield* answer(tables.refundsByExternalId.getAll(range));
  }
  if (org_id !== null && subscription_id !== null && movement_id !== null) {
    const range = beginsWith(ids({ org_id, subscription_id, movement_id }));
    return yield* answer(tables.refundsByMovement.getAll(range));
  }
  return null;
}

function* inOrder(
  tables: Tables,
  filter: RefundFilter,
  after: ListAfter | null,
  wanted: number,
): Steps<RefundRow[]> {
  const { org_id, from, to } = filter;
  const [index, prefix]: [Lookup<RefundRow>, string[]] =
    org_id === null ? [tables.refundsByDate, []] : [tables.refundsByOrg, [org_id]];
  const end = [...prefix, to ?? AFTER_ALL];
  const atOnce = Math.min(Math.max(wanted, READ_AT_ONCE.min), READ_AT_ONCE.max);
  const found: RefundRow[] = [];
  let start: string[] = from === null ? [] : [from];
  let isBehindStart = false;
  if (after !== null && (from === null || after.refund_datetime >= from)) {
    start = [after.refund_datetime, after.id];
    isBehindStart = true;
  }
  while (to === null || start[0] === undefined || start[0] < to) {
    const range = IDBKeyRange.bound([...prefix, ...start], end, isBehindStart);
    const rows = yield* answer(index.getAll(range, atOnce));
    for (const row of rows) {
      if (matches(filter, row) && found.push(row) === wanted) {
        return found;
      }
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < atOnce) {
      break;
    }
    start = [last.refund_datetime, last.id];
    isBehindStart = true;
  }
  return found;
}

function isBehind(row: RefundRow, after: ListAfter | null): boolean {
  return after === null || byPlace(row, after) > 0;
}

/** The list's order; both parts of a place are ASCII of fixed width. */
function byPlace(one: ListAfter, other: ListAfter): number {
  if (one.refund_datetime !== other.refund_datetime) {
    return one.refund_datetime < other.refund_datetime ? -1 : 1;
  }
  return one.id < other.id ? -1 : Number(one.id > other.id);
}
