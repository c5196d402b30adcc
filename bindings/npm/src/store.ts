/**
 * The interface that every store implements, and what passes through it.
 *
 * A store knows no rules. It finds the rows that a {@link ReadSet} names, and it applies a
 * {@link WriteBatch} in full or not at all, after checking its preconditions. Every row is a plain
 * JSON object with all of its fields, so whatever keeps JSON can keep a ledger.
 *
 * @module
 */
import type {
  JournalRow,
  ListAfter,
  MovementKey,
  RefundFilter,
  RefundPage,
  RefundRow,
  ReadSet,
  ScanRange,
  ScanRow,
  Snapshot,
  WriteBatch,
} from "./rows.js";

export type {
  EntryRow,
  Erasure,
  FoundMovement,
  FoundRefund,
  JournalRow,
  ListAfter,
  MovementKey,
  MovementRow,
  Precondition,
  ReadSet,
  RefundFilter,
  RefundLookup,
  RefundPage,
  RefundRow,
  RefundWrite,
  ScanRange,
  ScanRow,
  Snapshot,
  WriteBatch,
} from "./rows.js";

/** A value now, or a promise of it: a store may answer either way. */
export type MaybePromise<T> = T | PromiseLike<T>;

/** What a store can say when it can't do what it was asked. */
export type StoreErrorKind =
  /** A precondition did not hold; nothing was changed. Once the attempts are used up: `timeout`. */
  | "conflict"
  /** Others kept the store locked past its limit; nothing was changed: `timeout`. */
  | "busy"
  /** The commit may have happened or not. The ledger looks into the journal for what came of it. */
  | "outcome_unknown"
  /** The store cannot be reached; nothing was changed: `store_unavailable`. */
  | "unavailable"
  /** What the store holds is damaged: `store_corrupted`. */
  | "corrupted"
  /** The store is not one that this version can use: not ours, or newer: `internal`. */
  | "unsupported"
  /** Anything else (a full disk, say); nothing was changed: `internal`. */
  | "failed";

/** A store's error. Whatever else a store throws or rejects with counts as `failed`. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly kind: StoreErrorKind;

  constructor(kind: StoreErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/**
 * Where a ledger keeps what it knows. Each method answers at once or with a promise.
 *
 * Implement the first five, then run the suite of `refund-ledger/conformance` against the store: it
 * is the contract in executable form.
 *
 * What a method throws or rejects with fails the call that needed it, whose error has it as `cause`;
 * an answer that is not what it should be counts as `corrupted`. The ledger goes on after either. It
 * sets no limit of time: a call waits for its store as long as that takes, while others are answered.
 * A store that may hang has a time limit of its own, and then throws `busy` where it is sure that
 * nothing was changed, and `outcome_unknown` where it is not.
 *
 * `decide` and `visit` are for as long as the method runs that was given them, and throw afterwards.
 * What they throw before is the ledger's verdict on a row: it fails the call, even if it is caught.
 */
export interface RefundStore {
  /** One consistent view of what `wanted` names: for each movement and refund, in order, what is there or `null`. */
  load(wanted: ReadSet): MaybePromise<Snapshot>;

  /**
   * Checks every precondition and applies every write, durably, or changes nothing. Throws a
   * {@link StoreError} `conflict` where a precondition does not hold, an inserted refund's id is
   * taken, or a replaced refund is not there. Entries get ascending positions in the order in which
   * they stand in the batch, and a reader that has seen a position never sees a smaller one appear
   * later.
   */
  commit(batch: WriteBatch): MaybePromise<void>;

  /** Refunds that match a filter, ordered by `refund_datetime`, then `id`, from right behind `after`: at most `limit`, and whether there are more. */
  listRefunds(filter: RefundFilter, after: ListAfter | null, limit: number): MaybePromise<RefundPage>;

  /** At most `limit` journal entries with positions above `after`, in order of position. */
  journal(after: number, limit: number): MaybePromise<JournalRow[]>;

  /**
   * Visits movements in key order (see {@link sortKey}), all in one consistent view, until the
   * visitor answers `false`: for each its row, then its entries in order of sequence, then its
   * refunds in order of id, as far as `range` asks for them. Answers with the last position of the
   * view, 0 for an empty journal. What is there but can't be read is visited as `invalid`.
   */
  scan(range: ScanRange, visit: (row: ScanRow) => boolean): MaybePromise<number>;

  /**
   * Loads, decides and commits, so that nobody can write in between. `decide` is synchronous; where
   * it answers `null`, nothing is committed. It is called once at least; where it is called again, the
   * last batch is the one to commit. Without this method the ledger calls `load` and
   * `commit`, and starts over where others were faster, a bounded number of times.
   */
  transact?(wanted: ReadSet, decide: (snapshot: Snapshot) => WriteBatch | null): MaybePromise<void>;

  /** Makes sure that text erased by earlier commits is in none of the store's files any more. */
  scrub?(): MaybePromise<void>;

  /** Gives back what the store holds open. The ledger calls it once, after the last call was answered. */
  close?(): MaybePromise<void>;
}

const utf8 = new TextEncoder();

/** The bytes that order movements: every store and every head has this one order. */
export function sortKey(key: MovementKey): Uint8Array<ArrayBuffer> {
  // No id contains a NUL, and NUL sorts before everything else.
  return utf8.encode(`${key.org_id}\0${key.subscription_id}\0${key.movement_id}`);
}

/** Whether a refund is one that a filter asks for. */
export function matches(filter: RefundFilter, refund: RefundRow): boolean {
  const is = <T>(wanted: T | null, have: T | null): boolean => wanted === null || wanted === have;
  return (
    is(filter.org_id, refund.org_id) &&
    is(filter.subscription_id, refund.subscription_id) &&
    is(filter.movement_id, refund.movement_id) &&
    is(filter.refund_id, refund.id) &&
    is(filter.external_id, refund.external_id_is_key ? null : refund.external_id) &&
    is(filter.external_invoice_id, refund.external_invoice_id) &&
    is(filter.kind, refund.transaction_type_id === null ? "standard" : "non_subscribable") &&
    is(filter.billable, refund.billable) &&
    (filter.from === null || refund.refund_datetime >= filter.from) &&
    (filter.to === null || refund.refund_datetime < filter.to) &&
    (filter.include_deleted || !refund.deleted)
  );
}
