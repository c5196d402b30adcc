/** The package's entry in Node: the module is read from its file, without waiting. @module */
import { readFileSync } from "node:fs";
import { ledgerModule } from "./module.js";

ledgerModule.readWith(() => readFileSync(new URL("./wasm/ledger_bg.wasm", import.meta.url)));

export * from "./index.js";
