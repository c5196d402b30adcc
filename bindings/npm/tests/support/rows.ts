/**
 * Rows and batches for the tests of stores. They are what a ledger would write in shape and in how they
 * refer to each other; hashes and attested bytes are made up, since no store looks into them.
 */
import type {
  EntryRow,
  MovementKey,
  MovementRow,
  Precondition,
  ReadSet,
  RefundFilter,
  RefundRow,
  ScanRange,
  ScanRow,
  Snapshot,
  WriteBatch,
} from "../../src/rows.js";
import type { RefundStore } from "../../src/store.js";

export const NOW = "2024-05-01T12:00:00.000000000Z";

export function movementKey(movement_id: string, org_id = "acme", subscription_id = "sub"): MovementKey {
  return { org_id, subscription_id, movement_id };
}

/** A refund's id, ascending with its number. */
export function refundId(number: number): string {
  return `018f0000-0000-7000-8000-${number.toString(16).padStart(12, "0")}`;
}

/** A movement of 100.00 EUR, as its first entry leaves it. */
export function movementRow(key: MovementKey, fields: Partial<MovementRow> = {}): MovementRow {
  return {
    ...key,
    occurred_at: NOW,
    currency: "EUR",
    with_taxes_minor: "10000",
    without_taxes_minor: "10000",
    tax_type: null,
    tax_ten_thousandths: null,
    text_sequence: 1,
    recorded_at: NOW,
    voided: false,
    refunded_with_taxes_minor: "0",
    refunded_without_taxes_minor: "0",
    refunded_count: 0,
    chain_length: 1,
    chain_hash: "00".repeat(32),
    chain_recorded_at: NOW,
    ...fields,
  };
}

/** A refund of 1.00 EUR whose description the movement's second entry brought. */
export function refundRow(key: MovementKey, id: string, fields: Partial<RefundRow> = {}): RefundRow {
  return {
    ...key,
    id,
    external_id: null,
    external_id_is_key: false,
    transaction_type_id: null,
    refund_datetime: NOW,
    period_start_datetime: null,
    period_end_datetime: null,
    currency: "EUR",
    with_taxes_minor: "100",
    without_taxes_minor: "100",
    tax_type: null,
    tax_ten_thousandths: null,
    billable: false,
    external_invoice_id: null,
    text_sequence: 2,
    revision: 1,
    created_at: NOW,
    updated_at: NOW,
    deleted: false,
    ...fields,
  };
}

/** An entry that brings a text of its owner. */
export function entryRow(key: MovementKey, sequence: number, owner: string | null, text: string): EntryRow {
  return { ...key, sequence, bytes: `524c4501${sequence}`, owner, salt: "ab".repeat(16), text };
}

/** A batch with nothing in it but what is given. */
export function batch(parts: Partial<WriteBatch>): WriteBatch {
  return { preconditions: [], movements: [], refunds: [], entries: [], erasures: [], ...parts };
}

export function movementAt(key: MovementKey, version: number): Precondition {
  return { kind: "movement_at", ...key, version };
}

export function externalIdFree(org_id: string, external_id: string): Precondition {
  return { kind: "external_id_free", org_id, external_id };
}

/** Records a movement that was not there. */
export function record(key: MovementKey, fields: Partial<MovementRow> = {}): WriteBatch {
  return batch({
    preconditions: [movementAt(key, 0)],
    movements: [movementRow(key, fields)],
    entries: [entryRow(key, 1, null, `movement ${key.movement_id}`)],
  });
}

/** Creates a refund on a movement whose row is known. */
export function create(of: MovementRow, id: string, fields: Partial<RefundRow> = {}): WriteBatch {
  const sequence = of.chain_length + 1;
  const key = keyOf(of);
  const row = refundRow(key, id, { text_sequence: sequence, ...fields });
  const { external_id } = row;
  const isFree = external_id === null ? [] : [externalIdFree(key.org_id, external_id)];
  return batch({
    preconditions: [movementAt(key, of.chain_length), ...isFree],
    movements: [
      {
        ...of,
        chain_length: sequence,
        refunded_count: of.refunded_count + 1,
        refunded_with_taxes_minor: plus(of.refunded_with_taxes_minor, row.with_taxes_minor),
        refunded_without_taxes_minor: plus(of.refunded_without_taxes_minor, row.without_taxes_minor),
      },
    ],
    refunds: [{ insert: true, row }],
    entries: [entryRow(key, sequence, id, `refund ${id}`)],
  });
}

/** Decides as the ledger does whether a refund is within its movement's amount: `null` where it is not. */
export function createWithinCap(
  snapshot: Snapshot,
  id: string,
  fields: Partial<RefundRow>,
): WriteBatch | null {
  const of = onlyMovement(snapshot);
  const planned = create(of, id, fields);
  const [after] = planned.movements;
  return after && BigInt(after.refunded_with_taxes_minor) <= BigInt(of.with_taxes_minor) ? planned : null;
}

/** The row of the one movement that was wanted, which must be there. */
export function onlyMovement(snapshot: Snapshot): MovementRow {
  const [found] = snapshot.movements;
  if (!found) {
    throw new Error("the movement must be there");
  }
  return found.row;
}

export function keyOf({ org_id, subscription_id, movement_id }: MovementKey): MovementKey {
  return { org_id, subscription_id, movement_id };
}

export function wanted(...movements: MovementKey[]): ReadSet {
  return { movements, refunds: [] };
}

/** Every refund, deleted ones included, but for what is given. */
export function filter(fields: Partial<RefundFilter> = {}): RefundFilter {
  return {
    org_id: null,
    subscription_id: null,
    movement_id: null,
    refund_id: null,
    from: null,
    to: null,
    external_id: null,
    external_invoice_id: null,
    kind: null,
    billable: null,
    include_deleted: true,
    ...fields,
  };
}

/** Everything, but for what is given. */
export function range(fields: Partial<ScanRange> = {}): ScanRange {
  return { org_id: null, only: null, after: null, entries: true, refunds: true, ...fields };
}

/** All that a scan visits, and the position it answers. */
export async function scanned(
  store: RefundStore,
  within: ScanRange = range(),
): Promise<{ rows: ScanRow[]; position: number }> {
  const rows: ScanRow[] = [];
  const position = await store.scan(within, (row) => {
    rows.push(row);
    return true;
  });
  return { rows, position };
}

function plus(one: string, other: string): string {
  return String(BigInt(one) + BigInt(other));
}
