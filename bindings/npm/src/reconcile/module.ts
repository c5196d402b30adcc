/** The module for reconciliation, which only this entry loads. @module */
import { WasmModule } from "../wasm-module.js";
import init, { initSync } from "../wasm/reconcile.js";

export const reconcileModule = new WasmModule("reconcile", { init, initSync });
