// A CommonJS program in TypeScript.
import { Ledger, type Scope } from "refund-ledger";
import { SqliteStore, type SqliteHandle } from "refund-ledger/sqlite";
import conformance = require("refund-ledger/conformance");

export async function left(handle: SqliteHandle, charge: Scope): Promise<number> {
  const ledger = await Ledger.open({ store: new SqliteStore(handle) });
  return (await ledger.balance(charge)).refundable.value_with_taxes;
}

export const cases: Promise<conformance.StoreCase[]> = conformance.storeCases();
