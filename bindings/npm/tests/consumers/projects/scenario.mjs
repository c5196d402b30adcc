// What every consumer does, with what it imports in its own way, and the line it has to come to.
export async function scenario({ Ledger, RefundLedgerError }, options) {
  const ledger = await Ledger.open(options);
  const scope = { org_id: "acme", subscription_id: "sub-7", movement_id: "mov-42" };
  await ledger.recordMovement(scope, {
    currency: "EUR",
    occurred_at: "2022-02-01T00:00:00Z",
    amount: { value_with_taxes: 121 },
    description: "February",
  });
  const refund = {
    refund_datetime: "2022-02-24T13:45:10Z",
    amount: { value_with_taxes: "12.10" },
    external_refund_unique_id: "987654321",
    billable: false,
    description: "Two days",
  };
  const first = await ledger.createRefund(scope, refund);
  const again = await ledger.createRefund(scope, refund);
  const refused = await ledger
    .createRefund(scope, {
      ...refund,
      amount: { value_with_taxes: "108.91" },
      external_refund_unique_id: "987654322",
    })
    .catch((error) => error);
  const { refundable } = await ledger.balance(scope);
  const { verdict, entries } = await ledger.verify();
  return [
    first.replayed ? "replayed at once" : "refunded",
    again.replayed && again.id === first.id ? "replayed" : "refunded twice",
    refused instanceof RefundLedgerError ? `${refused.code} ${refused.status}` : `not refused: ${refused}`,
    `${refundable.value_with_taxes} left`,
    `${verdict} with ${entries} entries`,
  ].join(", ");
}
