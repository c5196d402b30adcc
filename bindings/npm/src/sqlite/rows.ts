/** Rows read: what a table holds, as the row of the store's interface that it must be. */
import { textOwner } from "../owner.js";
import type { EntryRow, MovementKey, MovementRow, RefundRow } from "../store.js";
import type { Columns } from "./columns.js";
import { Damage } from "./errors.js";

/** The largest count of refunds, of revisions, and of anything of 32 bits. */
const U32_MAX = 0xffff_ffff;

/** A movement with what only the tables know of it. */
export interface StoredMovement {
  number: bigint;
  org: bigint;
  textPosition: bigint;
  /** Where its chain ends. */
  chainPosition: bigint;
  row: MovementRow;
  text: EntryRow;
}

/** A refund with what only the tables know of it. */
export interface StoredRefund {
  org: bigint;
  movement: bigint;
  textPosition: bigint;
  row: RefundRow;
  text: EntryRow;
}

interface AmountColumns {
  currency: string;
  with_taxes_minor: string;
  without_taxes_minor: string;
  tax_type: string | null;
  tax_ten_thousandths: number | null;
}

/** The three columns of a movement's key. */
export function readKey(columns: Columns): MovementKey {
  const org = columns.optionalText();
  const subscription = columns.optionalText();
  const movement = columns.optionalText();
  if (org === null || subscription === null || movement === null) {
    throw new Damage("its movement is missing");
  }
  return makeKey(org, subscription, movement);
}

export function makeKey(org: string, subscription: string, movement: string): MovementKey {
  if (org === "" || subscription === "" || movement === "") {
    throw new Damage("a movement is stored under ids that can't be: one of them is empty");
  }
  return { org_id: org, subscription_id: subscription, movement_id: movement };
}

function readAmount(columns: Columns): AmountColumns {
  const amount = {
    currency: columns.text(),
    with_taxes_minor: columns.minorUnits(),
    without_taxes_minor: columns.minorUnits(),
    tax_type: columns.optionalText(),
    tax_ten_thousandths: columns.optionalCount(U32_MAX),
  };
  if ((amount.tax_type === null) !== (amount.tax_ten_thousandths === null)) {
    throw columns.fault();
  }
  return amount;
}

function readEntry(columns: Columns, key: MovementKey, owner: (bytes: string) => string | null): EntryRow {
  const sequence = columns.count();
  const bytes = columns.bytes();
  const salt = columns.optionalBytes(16);
  const text = columns.optionalText();
  if ((salt === null) !== (text === null)) {
    throw columns.fault();
  }
  const { org_id, subscription_id, movement_id } = key;
  return { org_id, subscription_id, movement_id, sequence, bytes, owner: owner(bytes), salt, text };
}

/** The entry of this movement that brought a description. */
function readText(columns: Columns, movement: bigint, key: MovementKey, owner: string | null): EntryRow {
  const of = columns.optionalInteger();
  if (of !== movement) {
    throw new Damage(
      of === null
        ? "the entry that brought the description is missing"
        : "the description is another movement's",
    );
  }
  return readEntry(columns, key, () => owner);
}

/** The movement columns; `null` where an outer join found no movement. */
export function readMovement(columns: Columns, key: MovementKey): StoredMovement | null {
  const number = columns.optionalInteger();
  if (number === null) {
    return null;
  }
  const org = columns.integer();
  const textPosition = columns.integer();
  const chainPosition = columns.integer();
  const row: MovementRow = {
    org_id: key.org_id,
    subscription_id: key.subscription_id,
    movement_id: key.movement_id,
    occurred_at: columns.instant(),
    ...readAmount(columns),
    text_sequence: 0,
    recorded_at: columns.instant(),
    voided: columns.flag(),
    refunded_with_taxes_minor: columns.minorUnits(),
    refunded_without_taxes_minor: columns.minorUnits(),
    refunded_count: columns.count(U32_MAX),
    chain_length: columns.count(),
    chain_hash: columns.bytes(32),
    chain_recorded_at: columns.instant(),
  };
  const text = readText(columns, number, key, null);
  row.text_sequence = text.sequence;
  return { number, org, textPosition, chainPosition, row, text };
}

/** The refund columns. */
export function readRefund(columns: Columns, key: MovementKey): StoredRefund {
  const id = columns.refundId();
  try {
    return readRefundContent(columns, id, key);
  } catch (error) {
    throw error instanceof Damage ? new Damage(`refund ${id}: ${error.message}`) : error;
  }
}

function readRefundContent(columns: Columns, id: string, key: MovementKey): StoredRefund {
  const org = columns.integer();
  const movement = columns.integer();
  const textPosition = columns.integer();
  const externalId = columns.optionalText();
  const isKey = columns.optionalFlag();
  if ((externalId === null) !== (isKey === null)) {
    throw columns.fault();
  }
  const row: RefundRow = {
    org_id: key.org_id,
    subscription_id: key.subscription_id,
    movement_id: key.movement_id,
    id,
    external_id: externalId,
    external_id_is_key: isKey ?? false,
    transaction_type_id: columns.optionalText(),
    refund_datetime: columns.instant(),
    period_start_datetime: columns.optionalInstant(),
    period_end_datetime: columns.optionalInstant(),
    ...readAmount(columns),
    billable: columns.flag(),
    external_invoice_id: columns.optionalText(),
    text_sequence: 0,
    revision: columns.count(U32_MAX),
    created_at: columns.instant(),
    updated_at: columns.instant(),
    deleted: columns.flag(),
  };
  const text = readText(columns, movement, key, id);
  row.text_sequence = text.sequence;
  return { org, movement, textPosition, row, text };
}

/** The record columns: an entry and where it is in the journal. */
export function readRecord(columns: Columns, key: MovementKey): { position: number; entry: EntryRow } {
  const position = columns.count();
  try {
    return { position, entry: readEntry(columns, key, textOwner) };
  } catch (error) {
    throw error instanceof Damage
      ? new Damage(`the journal entry at position ${position}: ${error.message}`)
      : error;
  }
}
