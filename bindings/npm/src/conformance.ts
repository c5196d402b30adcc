/**
 * The suite that every store must pass: the contract of {@link RefundStore} in executable form. It is
 * the suite of the Rust stores, run on stores in JavaScript, with cases of its own where those need
 * threads.
 *
 * ```ts
 * import { storeCases } from "refund-ledger/conformance";
 * import { test } from "node:test";
 *
 * for (const { name, run } of await storeCases()) {
 *   test(name, () => run(() => { const store = new MyStore(); return { handle: () => store }; }));
 * }
 * ```
 *
 * @module
 */
export { type StoreCase, type StoreFixture, storeCases } from "./conformance/suite.js";
