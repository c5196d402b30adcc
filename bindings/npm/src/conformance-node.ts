/** The suite's entry in Node: its module is read from its file. @module */
import { readFileSync } from "node:fs";
import { readSuiteWith } from "./conformance/suite.js";
import "./node.js";

readSuiteWith(() => readFileSync(new URL("./wasm/conformance_bg.wasm", import.meta.url)));

export * from "./conformance.js";
