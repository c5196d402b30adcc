/**
 * An embedded refund ledger: it never refunds a movement beyond its amount, never books the same
 * refund twice, and proves afterwards what happened.
 *
 * @packageDocumentation
 */
export { RefundLedgerError, type RefundLedgerErrorFields } from "./errors.js";
export { Ledger } from "./ledger.js";
export type { WasmSource } from "./wasm-source.js";
export type { LedgerOptions, WithOptions } from "./options.js";
export * from "./store.js";
export type * from "./types.js";
