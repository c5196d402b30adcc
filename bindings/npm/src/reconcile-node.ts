/** The entry for reconciliation in Node: its module is read from its file. @module */
import { readFileSync } from "node:fs";
import { reconcileModule } from "./reconcile/module.js";

reconcileModule.readWith(() => readFileSync(new URL("./wasm/reconcile_bg.wasm", import.meta.url)));

export * from "./reconcile.js";
