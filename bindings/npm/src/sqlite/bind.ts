/** Rows written: the values of a row in the order of their columns. */
import type { MovementRow, RefundRow } from "../store.js";
import type { SqliteValue } from "./handle.js";
import { instantParts, unhex } from "./values.js";

function optionalInstant(text: string | null): [SqliteValue, SqliteValue] {
  return text === null ? [null, null] : instantParts(text);
}

function amount(row: MovementRow | RefundRow): SqliteValue[] {
  return [
    row.currency,
    BigInt(row.with_taxes_minor),
    BigInt(row.without_taxes_minor),
    row.tax_type,
    row.tax_ten_thousandths,
  ];
}

/** What a movement is, but for its ids. */
export function movementContent(row: MovementRow, textPosition: bigint): SqliteValue[] {
  return [
    ...instantParts(row.occurred_at),
    ...amount(row),
    textPosition,
    ...instantParts(row.recorded_at),
    Number(row.voided),
  ];
}

/** What every change of a movement or of its refunds moves. */
export function movementSums(row: MovementRow, chainPosition: bigint): SqliteValue[] {
  return [
    BigInt(row.refunded_with_taxes_minor),
    BigInt(row.refunded_without_taxes_minor),
    row.refunded_count,
    row.chain_length,
    chainPosition,
    unhex(row.chain_hash),
    ...instantParts(row.chain_recorded_at),
  ];
}

/** What a refund is, but for its id and what it keeps for ever. */
export function refundContent(row: RefundRow, textPosition: bigint): SqliteValue[] {
  return [
    row.transaction_type_id,
    ...instantParts(row.refund_datetime),
    ...optionalInstant(row.period_start_datetime),
    ...optionalInstant(row.period_end_datetime),
    ...amount(row),
    Number(row.billable),
    row.external_invoice_id,
    textPosition,
    row.revision,
    ...instantParts(row.created_at),
    ...instantParts(row.updated_at),
    Number(row.deleted),
  ];
}
