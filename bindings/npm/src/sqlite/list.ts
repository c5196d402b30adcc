/**
 * Lists of refunds: every page is read from an index, in the list's order, from where the page before
 * ended.
 */
import { type ListAfter, matches, type RefundFilter, type RefundPage } from "../store.js";
import { readEntryAt, wholeChain } from "./chain.js";
import type { Connection } from "./connection.js";
import type { SqliteValue } from "./handle.js";
import { findHolder, findRefund, orgNumber } from "./load.js";
import { makeKey, readKey, readRefund, type StoredRefund } from "./rows.js";
import { ALL_ORGS, LIST_REFUNDS, MOVEMENT_NUMBER } from "./statements.js";
import { instantParts, uuidBytes } from "./values.js";

/** One page. The connection must be in a transaction. */
export function listRefunds(
  connection: Connection,
  filter: RefundFilter,
  after: ListAfter | null,
  limit: number,
): RefundPage {
  const list = new List(connection, filter);
  const few = list.few();
  // One more than the page, to know whether there are more.
  const found = few === null ? list.mergeOrgs(after, limit + 1) : among(few, filter, after);
  const items = found.slice(0, limit).map(({ row, text }) => ({ row, text }));
  return { items, more: found.length > limit };
}

/** Those of a few refunds that are on the page or behind it, in the list's order. */
function among(found: StoredRefund[], filter: RefundFilter, after: ListAfter | null): StoredRefund[] {
  return found
    .filter(({ row }) => matches(filter, row) && (after === null || compare(row, after) > 0))
    .sort((a, b) => compare(a.row, b.row));
}

/** The order of lists. Instants and ids are of one width each, so they sort as text. */
function compare(a: ListAfter, b: ListAfter): number {
  if (a.refund_datetime !== b.refund_datetime) {
    return a.refund_datetime < b.refund_datetime ? -1 : 1;
  }
  return a.id === b.id ? 0 : a.id < b.id ? -1 : 1;
}

/** What was read of an org, and how far it was given out. */
interface Queue {
  org: bigint;
  found: StoredRefund[];
  next: number;
}

class List {
  readonly #connection: Connection;
  readonly #filter: RefundFilter;

  constructor(connection: Connection, filter: RefundFilter) {
    this.#connection = connection;
    this.#filter = filter;
  }

  /** The refunds among which the filter picks, where it names what only a few can have. */
  few(): StoredRefund[] | null {
    const { refund_id, external_id, org_id, subscription_id, movement_id } = this.#filter;
    if (refund_id !== null) {
      return this.#byIds([refund_id]);
    }
    if (external_id !== null) {
      return this.#byIds(this.#orgs().map((org) => findHolder(this.#connection, org, external_id)));
    }
    if (org_id !== null && subscription_id !== null && movement_id !== null) {
      return this.#byIds(this.#idsOfMovement(org_id, subscription_id, movement_id));
    }
    return null;
  }

  #byIds(ids: Iterable<string | null>): StoredRefund[] {
    const found: StoredRefund[] = [];
    for (const id of ids) {
      const refund = id === null ? null : findRefund(this.#connection, id);
      if (refund !== null) {
        found.push(refund);
      }
    }
    return found;
  }

  /** The org of the filter, or every org. */
  #orgs(): bigint[] {
    if (this.#filter.org_id !== null) {
      const number = orgNumber(this.#connection, this.#filter.org_id);
      return number === null ? [] : [number];
    }
    return [...this.#connection.rows(ALL_ORGS)].map((columns) => columns.integer());
  }

  /** The refunds that a movement's chain names. A movement is one charge, so they are few. */
  #idsOfMovement(org: string, subscription: string, movement: string): Set<string | null> {
    const ids = new Set<string | null>();
    const number = orgNumber(this.#connection, org);
    const columns =
      number === null ? null : this.#connection.get(MOVEMENT_NUMBER, number, subscription, movement);
    if (columns === null) {
      return ids;
    }
    const movementNumber = columns.integer();
    columns.integer(); // the chain's length
    const key = makeKey(org, subscription, movement);
    for (const position of wholeChain(this.#connection, movementNumber, columns.integer())) {
      ids.add(readEntryAt(this.#connection, position, key).owner);
    }
    return ids;
  }

  /**
   * Reads the orgs' ranges side by side, each a few rows at a time, and takes the first of all their
   * first rows until the page is full: nothing is sorted but one row per org.
   */
  mergeOrgs(after: ListAfter | null, wanted: number): StoredRefund[] {
    const orgs = this.#orgs();
    const share = Math.floor(wanted / Math.max(orgs.length, 1)) * 2;
    const atOnce = Math.min(Math.max(share, 8), wanted);
    // The queue whose first row comes first stands last, where taking it off is cheapest.
    const queues = orgs
      .map((org): Queue => ({ org, found: this.#read(org, after, atOnce), next: 0 }))
      .filter((queue) => queue.found.length > 0)
      .sort((a, b) => -compareQueues(a, b));
    const items: StoredRefund[] = [];
    while (items.length < wanted) {
      const queue = queues.pop();
      const first = queue?.found[queue.next];
      if (queue === undefined || first === undefined) {
        break;
      }
      items.push(first);
      queue.next += 1;
      if (queue.next === queue.found.length && items.length < wanted) {
        queue.found = this.#read(queue.org, first.row, atOnce);
        queue.next = 0;
      }
      if (queue.next < queue.found.length) {
        putBack(queues, queue);
      }
    }
    return items;
  }

  /** The first matching refunds of an org behind `after`. */
  #read(org: bigint, after: ListAfter | null, wanted: number): StoredRefund[] {
    const { sql, values } = this.#query(org, after, wanted);
    return [...this.#connection.rows(sql, ...values)].map((columns) => readRefund(columns, readKey(columns)));
  }

  #query(org: bigint, after: ListAfter | null, wanted: number): { sql: string; values: SqliteValue[] } {
    const filter = this.#filter;
    const conditions: string[] = [];
    const values: SqliteValue[] = [org];
    const and = (condition: string, ...bound: SqliteValue[]): void => {
      conditions.push(`AND ${condition}`);
      values.push(...bound);
    };
    if (after !== null && (filter.from === null || after.refund_datetime >= filter.from)) {
      const behind = [...instantParts(after.refund_datetime), uuidBytes(after.id)];
      and("(r.refund_datetime_s, r.refund_datetime_ns, r.id) > (+?, +?, +?)", ...behind);
    } else if (filter.from !== null) {
      and("(r.refund_datetime_s, r.refund_datetime_ns) >= (+?, +?)", ...instantParts(filter.from));
    }
    if (filter.to !== null) {
      and("(r.refund_datetime_s, r.refund_datetime_ns) < (+?, +?)", ...instantParts(filter.to));
    }
    if (!filter.include_deleted) {
      and("r.deleted = 0");
    }
    if (filter.kind !== null) {
      and(`r.transaction_type_id IS ${filter.kind === "standard" ? "NULL" : "NOT NULL"}`);
    }
    if (filter.billable !== null) {
      and("r.billable = +?", Number(filter.billable));
    }
    if (filter.external_invoice_id !== null) {
      and("r.external_invoice_id = +?", filter.external_invoice_id);
    }
    if (filter.subscription_id !== null) {
      and("m.subscription_id = +?", filter.subscription_id);
    }
    if (filter.movement_id !== null) {
      and("m.movement_id = +?", filter.movement_id);
    }
    const order = "ORDER BY r.refund_datetime_s, r.refund_datetime_ns, r.id LIMIT +?";
    values.push(wanted);
    return { sql: [LIST_REFUNDS, ...conditions, order].join(" "), values };
  }
}

function compareQueues(a: Queue, b: Queue): number {
  const [first, second] = [a.found[a.next], b.found[b.next]];
  return first === undefined || second === undefined ? 0 : compare(first.row, second.row);
}

/** Puts a queue where its first row belongs. */
function putBack(queues: Queue[], queue: Queue): void {
  let [low, high] = [0, queues.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = queues[middle];
    if (at !== undefined && compareQueues(at, queue) > 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  queues.splice(low, 0, queue);
}
