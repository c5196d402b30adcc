/** A movement, a refund of it, and what is expected of calls that are refused. */
import assert from "node:assert/strict";
import { Ledger, type LedgerOptions, type MovementRequest, RefundLedgerError, type RefundRequest } from "../../src/node.js";

export const SCOPE = { org_id: "acme", subscription_id: "sub-7", movement_id: "mov-42" };

export const MOVEMENT: MovementRequest = {
  currency: "EUR",
  occurred_at: "2022-02-01T00:00:00Z",
  amount: { value_with_taxes: 121 },
  description: "February",
};

export function refund(external_refund_unique_id: string): RefundRequest {
  return {
    external_refund_unique_id,
    refund_datetime: "2022-02-24T13:45:10Z",
    amount: { value_with_taxes: 0.01 },
    billable: false,
    description: "spilt milk",
  };
}

/** A ledger with the movement. */
export async function opened(options: LedgerOptions = {}): Promise<Ledger> {
  const ledger = await Ledger.open(options);
  await ledger.recordMovement(SCOPE, MOVEMENT);
  return ledger;
}

/** Whatever a program in JavaScript passes, as the type that a call wants. */
export function as<T>(value: unknown): T {
  return value as T;
}

/** What a call is refused with, where it is: an error of the package, whatever happens. */
export async function outcome(call: () => unknown): Promise<RefundLedgerError | undefined> {
  try {
    await call();
    return undefined;
  } catch (thrown) {
    assert.ok(thrown instanceof RefundLedgerError, `it threw ${describe(thrown)}`);
    return thrown;
  }
}

/** The error that a call is refused with. */
export async function refusal(call: () => unknown): Promise<RefundLedgerError> {
  return (await outcome(call)) ?? assert.fail("nothing was refused");
}

/** A call is refused as `invalid_request` for this field. */
export async function isInvalid(call: () => unknown, field: string, code?: string): Promise<void> {
  const error = await refusal(call);
  assert.equal(error.code, "invalid_request", error.message);
  assert.equal(error.details[0]?.field, field, error.message);
  if (code !== undefined) {
    assert.equal(error.details[0].code, code, error.message);
  }
}

/** The call is refused for a field that is not known. */
export async function isUnknown(call: () => unknown, field: string): Promise<void> {
  const { code, details, message } = await refusal(call);
  assert.equal(code, "malformed_request", message);
  assert.deepEqual(
    details.map((detail) => [detail.field, detail.code]),
    [[field, "not_allowed"]],
    message,
  );
}

function describe(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : typeof thrown;
}
