/** The suite's own module, which only authors of stores load. @module */
import { WasmModule } from "../wasm-module.js";
import init, { initSync } from "../wasm/conformance.js";

export const suiteModule = new WasmModule("conformance", { init, initSync });
