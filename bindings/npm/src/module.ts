/** The ledger's WebAssembly module: there is one, which all ledgers share. @module */
import { WasmModule } from "./wasm-module.js";
import init, { initSync } from "./wasm/ledger.js";

export const ledgerModule = new WasmModule("ledger", { init, initSync });
