/** The suite's entry in Node: its module is read from its file. @module */
import { readFileSync } from "node:fs";
import { suiteModule } from "./conformance/module.js";
import "./node.js";

suiteModule.readWith(() => readFileSync(new URL("./wasm/conformance_bg.wasm", import.meta.url)));

export * from "./conformance.js";
