/** A ledger as a page uses it, for tests of where it can be used. */
import { Ledger, type Report, type Scope } from "../../../src/index.js";
import { IndexedDbStore } from "../../../src/indexeddb.js";
import { type RefundStore, StoreError } from "../../../src/store.js";

const SCOPE: Scope = { org_id: "acme", subscription_id: "sub", movement_id: "m" };

/** Books refunds of 10 of a movement of 100; answers with how many there are now, and what verify says. */
export async function book(externalIds: string[]): Promise<{ count: number; report: Report }> {
  const store = await IndexedDbStore.open();
  const booked = await bookIn(store, externalIds);
  store.close();
  return booked;
}

/** The same in memory, for pages that have no IndexedDB. */
export function bookInMemory(externalIds: string[]): Promise<{ count: number; report: Report }> {
  return bookIn(undefined, externalIds);
}

async function bookIn(
  store: RefundStore | undefined,
  externalIds: string[],
): Promise<{ count: number; report: Report }> {
  const ledger = await Ledger.open(store === undefined ? {} : { store });
  await ledger.recordMovement(SCOPE, {
    currency: "EUR",
    occurred_at: "2024-01-01T00:00:00Z",
    amount: { value_with_taxes: 100 },
    description: "a movement",
  });
  for (const externalId of externalIds) {
    await ledger.createRefund(SCOPE, {
      refund_datetime: "2024-01-15T12:00:00Z",
      amount: { value_with_taxes: 10 },
      external_refund_unique_id: externalId,
      billable: false,
      description: "a refund",
    });
  }
  return { count: (await ledger.balance(SCOPE)).count, report: await ledger.verify() };
}

/** How opening and deleting a database are refused: the kind of the error and its message. */
export async function refusals(): Promise<[kind: string, message: string][]> {
  const refused: [string, string][] = [];
  for (const call of [() => IndexedDbStore.open(), () => IndexedDbStore.delete()]) {
    try {
      await call();
      refused.push(["none", ""]);
    } catch (error) {
      refused.push([error instanceof StoreError ? error.kind : "not a store's", String(error)]);
    }
  }
  return refused;
}
