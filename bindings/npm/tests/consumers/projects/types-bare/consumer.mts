// A program whose compiler knows the language alone: neither the browser's types nor Node's.
import { Ledger, type LedgerOptions, type RefundStore, sortKey } from "refund-ledger";
import { type StoreFixture, storeCases } from "refund-ledger/conformance";
import wasm from "refund-ledger/ledger.wasm";
import { type FileContent, reconcile } from "refund-ledger/reconcile";
import { type SqliteHandle, SqliteStore } from "refund-ledger/sqlite";

export async function entries(handle: SqliteHandle, options: LedgerOptions): Promise<number> {
  const store: RefundStore = new SqliteStore(handle, { busyTimeoutMs: 5 });
  const ledger = await Ledger.open({ store, wasm, ...options });
  return (await ledger.head()).entries;
}

export async function opened(bytes: Uint8Array<ArrayBuffer>): Promise<Ledger[]> {
  const sources = [bytes, bytes.buffer, "/ledger.wasm", Promise.resolve(bytes)];
  return Promise.all(sources.map((source) => Ledger.open({ wasm: source })));
}

export async function runSuite(open: () => StoreFixture): Promise<void> {
  for (const { run } of await storeCases({ wasm: "/conformance.wasm" })) {
    await run(open);
  }
}

export async function page(statement: FileContent, ledger: Ledger): Promise<string> {
  return (await reconcile({ source: "camt053", statement, ledger })).html({ title: "March" });
}

export const key: Uint8Array = sortKey({ org_id: "acme", subscription_id: "sub-7", movement_id: "mov-42" });

// @ts-expect-error: a number is no module
await Ledger.open({ wasm: 5 });
