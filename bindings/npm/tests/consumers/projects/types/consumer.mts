// A user's program in strict TypeScript, which knows neither Node's types nor the browser's.
import {
  type Balance,
  type Command,
  type Created,
  type ErrorCode,
  Ledger,
  type LedgerOptions,
  type NonSubscribableRefundRequest,
  type RefundFilters,
  RefundLedgerError,
  type RefundQuery,
  type RefundRequest,
  type RefundStore,
  type Scope,
  StoreError,
  type StoreErrorKind,
} from "refund-ledger";
import { type StoreFixture, storeCases } from "refund-ledger/conformance";
import { IndexedDbStore } from "refund-ledger/indexeddb";
import wasm from "refund-ledger/ledger.wasm";
import { type ReconcileProgress, type ReconcileReport, reconcile } from "refund-ledger/reconcile";
import reconcileWasm from "refund-ledger/reconcile.wasm";
import { type Caller, createFetchHandler } from "refund-ledger/rest";
import { type SqliteHandle, SqliteStore } from "refund-ledger/sqlite";

export const scope: Scope = { org_id: "acme", subscription_id: "sub-7", movement_id: "mov-42" };

export const request: RefundRequest = {
  refund_datetime: "2022-02-24T13:45:10Z",
  amount: { value_with_taxes: "12.10", tax: { type: "IVA", percentage: 21 } },
  external_refund_unique_id: "987654321",
  billable: false,
  description: "Two days",
};

export async function refund(options: LedgerOptions): Promise<[Created, Balance] | ErrorCode> {
  const ledger = await Ledger.open({ actor: "till-1", now: () => new Date(), wasm, ...options });
  try {
    await ledger.recordMovement(scope, {
      currency: "EUR",
      occurred_at: "2022-02-01T00:00:00Z",
      amount: { value_with_taxes: 121 },
      description: "February",
    });
    const created = await ledger.createRefund(scope, request);
    for await (const { amount } of ledger.refunds({ kind: "standard" })) {
      amount.value_with_taxes.toFixed(2);
    }
    return [created, await ledger.balance(scope)];
  } catch (error) {
    if (error instanceof RefundLedgerError && !error.retryable) {
      return error.code;
    }
    throw error;
  } finally {
    await ledger.close();
  }
}

export async function stores(handle: SqliteHandle): Promise<RefundStore[]> {
  return [await IndexedDbStore.open("refunds"), new SqliteStore(handle)];
}

export function isBusy(error: unknown): boolean {
  const kind: StoreErrorKind = "busy";
  return error instanceof StoreError && error.kind === kind;
}

export async function runSuite(open: () => StoreFixture): Promise<void> {
  for (const { name, run } of await storeCases()) {
    console.log(name);
    await run(open);
  }
}

export async function answer(ledger: Ledger, path: string): Promise<number> {
  const caller: Caller = { subject: "till-1", orgs: ["acme"], actions: ["read"] };
  const handler = createFetchHandler(ledger, { authenticate: () => caller });
  const response = await handler(new Request(`https://localhost/v1/${path}`));
  return response.status;
}

const products: NonSubscribableRefundRequest = {
  refund_datetime: "2022-02-24T13:45:10Z",
  amount: { value_without_taxes: 10, billable: true },
  transaction_type_id: "t-1",
  external_refund_unique_id: null,
  description: "A cable",
};

export const commands: Command[] = [
  { op: "create_refund", ...scope, body: { ...request, amount: { value_with_taxes: null, value_without_taxes: 1 } } },
  { op: "create_non_subscribable_refund", ...scope, body: products, idempotency_key: "k-1" },
  { op: "update_refund", ...scope, external_refund_unique_id: "987654321", body: request },
  { op: "delete_refund", ...scope, refund_id: "r", expected_revision: 2 },
  { op: "erase_text", ...scope },
  { op: "erase_text", ...scope, refund_id: "r", expected_revision: 2 },
  { op: "void_movement", ...scope },
];

export async function lists(ledger: Ledger, filter: RefundFilters): Promise<void> {
  ledger.refunds(filter);
  await ledger.listRefunds(filter);
  await ledger.listRefunds({ ...filter, limit: 3 });
}

// Types that say nothing would let these pass.
export async function mistakes(ledger: Ledger, handle: SqliteHandle): Promise<void> {
  // @ts-expect-error: an id is missing
  await ledger.balance({ org_id: "acme" });
  // @ts-expect-error: amounts are numbers or text
  await ledger.createRefund(scope, { ...request, amount: { value_with_taxes: true } });
  // @ts-expect-error: there is no such field
  await ledger.createRefund(scope, { ...request, amout: { value_with_taxes: 1 } });
  // @ts-expect-error: an amount has a value
  await ledger.createRefund(scope, { ...request, amount: {} });
  // @ts-expect-error: an amount has a value, and a tax is none
  await ledger.createRefund(scope, { ...request, amount: { tax: { type: "IVA", percentage: 21 } } });
  // @ts-expect-error: this amount says whether it is billed
  await ledger.createNonSubscribableRefund(scope, { ...products, amount: { value_with_taxes: 1 } });
  // @ts-expect-error: a refund has two ids, and one is enough
  await ledger.getRefund(scope, { refund_id: "r", external_refund_unique_id: "r" });
  // @ts-expect-error: a reference names a refund
  await ledger.getRefund(scope, {});
  // @ts-expect-error: all pages are given
  ledger.refunds({ limit: 3 });
  const page: RefundQuery = { org_id: "acme", limit: 3, cursor: "c" };
  // @ts-expect-error: all pages are given
  ledger.refunds(page);
  // @ts-expect-error: the refund is not named
  await ledger.executeAll([{ op: "delete_refund", ...scope }]);
  // @ts-expect-error: the refund is not named
  await ledger.executeAll([{ op: "update_refund", ...scope, body: request }]);
  // @ts-expect-error: the refund is named twice
  await ledger.executeAll([{ op: "delete_refund", ...scope, refund_id: "r", external_refund_unique_id: "r" }]);
  // @ts-expect-error: a revision is a refund's
  await ledger.executeAll([{ op: "erase_text", ...scope, expected_revision: 1 }]);
  // @ts-expect-error: there is no such option
  new SqliteStore(handle, { busyTimeout: 5 });
  const { refundable } = await ledger.balance(scope);
  // @ts-expect-error: what comes out is a number
  refundable.value_with_taxes.trim();
  // @ts-expect-error: there is no such kind of error
  new StoreError("tired", "no more");
  // @ts-expect-error: there is no such code
  new RefundLedgerError({ code: "over", message: "", status: 400, retryable: false }).code;
  // @ts-expect-error: a handle of something else
  new SqliteStore({});
  // @ts-expect-error: a ledger is opened
  new Ledger();
}

export async function reconciled(ledger: Ledger, statement: File): Promise<ReconcileReport> {
  const request = { source: "csv", statement, ledger, map: { key: "Ref", decimal: "," }, wasm: reconcileWasm } as const;
  const found = await reconcile({
    ...request,
    onProgress: (progress: ReconcileProgress) => (progress.part === "statement" ? progress.bytes.toFixed() : ""),
  });
  // @ts-expect-error: it is no number for everybody, since it may pass 2^53
  found.report.totals["EUR"]?.difference_minor.toFixed();
  // @ts-expect-error: no such source
  await reconcile({ ...request, source: "strype" });
  return found.report;
}
