// Made from bindings/wasm/src/rows.rs by `UPDATE_GOLDEN=1 cargo test -p refund-wasm`.

/**
 * A movement's three ids: at most 255 bytes of UTF-8 each, without control characters.
 */
export type MovementKey = { org_id: string, subscription_id: string, movement_id: string, };

/**
 * A movement as it is stored. Instants are UTC, RFC 3339 in 30 characters to the nanosecond
 * (`2022-02-24T13:45:10.000000000Z`), so they sort as text. Money is in minor units of the
 * currency, as decimal digits, since it may pass 2^53. Hashes are lower-case hexadecimal.
 */
export type MovementRow = { org_id: string, subscription_id: string, movement_id: string, occurred_at: string, currency: string, with_taxes_minor: string, without_taxes_minor: string, tax_type: string | null, tax_ten_thousandths: number | null, 
/**
 * The sequence, in this movement's chain, of the entry that brought the description.
 */
text_sequence: number, recorded_at: string, voided: boolean, refunded_with_taxes_minor: string, refunded_without_taxes_minor: string, refunded_count: number, 
/**
 * The version of the movement: how many entries its chain has.
 */
chain_length: number, chain_hash: string, chain_recorded_at: string, };

/**
 * A refund as it is stored; units are those of `MovementRow`.
 */
export type RefundRow = { 
/**
 * A UUID in lower case with hyphens. Sorts as its bytes do.
 */
id: string, org_id: string, subscription_id: string, movement_id: string, 
/**
 * The external id, or the idempotency key that takes its place. Unique in an org, for ever.
 */
external_id: string | null, external_id_is_key: boolean, 
/**
 * `null` for a standard refund.
 */
transaction_type_id: string | null, refund_datetime: string, period_start_datetime: string | null, period_end_datetime: string | null, currency: string, with_taxes_minor: string, without_taxes_minor: string, tax_type: string | null, tax_ten_thousandths: number | null, billable: boolean, external_invoice_id: string | null, 
/**
 * The sequence, in its movement's chain, of the entry that brought the description.
 */
text_sequence: number, revision: number, created_at: string, updated_at: string, deleted: boolean, };

/**
 * An entry of a movement's chain.
 */
export type EntryRow = { org_id: string, subscription_id: string, movement_id: string, 
/**
 * 1, 2, … in its movement.
 */
sequence: number, 
/**
 * The bytes that its hash is over, in hexadecimal digits.
 */
bytes: string, 
/**
 * The refund whose text it may bring; `null` for the movement's own.
 */
owner: string | null, 
/**
 * 16 bytes in hexadecimal digits, where the entry brought a text that was not erased.
 */
salt: string | null, text: string | null, };

/**
 * An entry with its store-wide position.
 */
export type JournalRow = { position: number, org_id: string, subscription_id: string, movement_id: string, 
/**
 * 1, 2, … in its movement.
 */
sequence: number, 
/**
 * The bytes that its hash is over, in hexadecimal digits.
 */
bytes: string, 
/**
 * The refund whose text it may bring; `null` for the movement's own.
 */
owner: string | null, 
/**
 * 16 bytes in hexadecimal digits, where the entry brought a text that was not erased.
 */
salt: string | null, text: string | null, };

/**
 * One refund to look up in an org: by id or by external id; the other is `null`.
 */
export type RefundLookup = { org_id: string, id: string | null, external_id: string | null, 
/**
 * Past revisions that are asked for.
 */
revisions: Array<number>, };

/**
 * What a decision reads.
 */
export type ReadSet = { movements: Array<MovementKey>, refunds: Array<RefundLookup>, };

/**
 * A movement that was found.
 */
export type FoundMovement = { row: MovementRow, 
/**
 * The entry at `row.text_sequence` of its chain.
 */
text: EntryRow, };

/**
 * A refund that was found.
 */
export type FoundRefund = { row: RefundRow, 
/**
 * The entry at `row.text_sequence` of its movement's chain.
 */
text: EntryRow, 
/**
 * Where a revision other than `row.revision` is asked for: those entries of its movement's
 * chain whose `owner` it is, in order of sequence. Those of others do no harm, but a batch about
 * many refunds of one movement would have them once for each.
 */
chain: Array<EntryRow>, };

/**
 * What was found, in the order in which it was asked for; `null` where there is nothing.
 */
export type Snapshot = { movements: Array<FoundMovement | null>, refunds: Array<FoundRefund | null>, };

/**
 * What must hold for a batch to be applied.
 */
export type Precondition = { "kind": "movement_at", org_id: string, subscription_id: string, movement_id: string, version: number, } | { "kind": "external_id_free", org_id: string, external_id: string, };

/**
 * A refund to write.
 */
export type RefundWrite = { 
/**
 * Whether the refund is new.
 */
insert: boolean, row: RefundRow, };

/**
 * Texts to erase: of the entries of this owner up to this sequence, those of the batch included.
 */
export type Erasure = { org_id: string, subscription_id: string, movement_id: string, 
/**
 * The refund whose texts they are; `null` for the movement's own.
 */
owner: string | null, through_sequence: number, };

/**
 * What to write: all of it or nothing. There is one row per movement and refund.
 */
export type WriteBatch = { preconditions: Array<Precondition>, movements: Array<MovementRow>, refunds: Array<RefundWrite>, 
/**
 * In the order of their positions.
 */
entries: Array<EntryRow>, 
/**
 * Applied behind the entries.
 */
erasures: Array<Erasure>, };

/**
 * Which refunds a list has; `null` is any.
 */
export type RefundFilter = { org_id: string | null, subscription_id: string | null, movement_id: string | null, refund_id: string | null, 
/**
 * Inclusive.
 */
from: string | null, 
/**
 * Exclusive.
 */
to: string | null, 
/**
 * Idempotency keys are not found.
 */
external_id: string | null, external_invoice_id: string | null, kind: "standard" | "non_subscribable" | null, billable: boolean | null, include_deleted: boolean, };

/**
 * A place in a list: right behind this refund, whether it is there or not.
 */
export type ListAfter = { refund_datetime: string, id: string, };

/**
 * One refund of a list.
 */
export type ListedRefund = { row: RefundRow, 
/**
 * The entry at `row.text_sequence` of its movement's chain.
 */
text: EntryRow, };

/**
 * A page of a list.
 */
export type RefundPage = { items: Array<ListedRefund>, more: boolean, };

/**
 * Which movements a scan visits, and how much of each.
 */
export type ScanRange = { org_id: string | null, 
/**
 * Only this movement.
 */
only: MovementKey | null, 
/**
 * Only movements behind this key.
 */
after: MovementKey | null, entries: boolean, refunds: boolean, };

/**
 * What a scan visits.
 */
export type ScanRow = { "kind": "movement", row: MovementRow, text: EntryRow, } | { "kind": "entry" } & JournalRow | { "kind": "refund", row: RefundRow, text: EntryRow, holder: string | null, } | { "kind": "invalid", movement: MovementKey | null, reason: string, };
