/** The refunds that are measured: a hundred movements, refunded in turn. */
import type { MovementRequest, RefundRequest, Scope } from "../../src/types.js";

const MOVEMENTS = 100;

export const MOVEMENT = {
  currency: "EUR",
  occurred_at: "2022-02-01T00:00:00Z",
  amount: { value_with_taxes: 9_999_999, value_without_taxes: 9_999_999 },
  description: "February",
} satisfies MovementRequest;

/** The movements, each with room for far more than is refunded. */
export function movements(): Scope[] {
  return Array.from({ length: MOVEMENTS }, (_, at) => scopeOf(at));
}

export function scopeOf(refund: number): Scope {
  return { org_id: "acme", subscription_id: "sub-7", movement_id: `mov-${refund % MOVEMENTS}` };
}

export type Request = ReturnType<typeof request>;

export function request(refund: number) {
  return {
    refund_datetime: "2022-02-24T13:45:10Z",
    period_start_datetime: "2022-01-31T23:00:00Z",
    period_end_datetime: "2022-02-28T22:59:59.999999999Z",
    amount: { value_with_taxes: 12.1, value_without_taxes: 10, tax: { type: "IVA", percentage: 21 } },
    external_invoice_id: "inv-9",
    external_refund_unique_id: `r-${refund}`,
    billable: false,
    description: "Two days without service",
  } satisfies RefundRequest;
}

/** Prints how many seconds it takes to book so many refunds, as the command line says. */
export async function measure(book: (refund: number) => unknown): Promise<void> {
  const refunds = Number(process.argv[2]);
  const start = performance.now();
  for (let refund = 0; refund < refunds; refund += 1) {
    await book(refund);
  }
  console.log((performance.now() - start) / 1_000);
}
