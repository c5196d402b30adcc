/** Carries out lines of commands on a ledger in the module's memory: `lines.js FILE` prints the seconds. */
import { readFileSync } from "node:fs";
import "../../src/node.js";
import { ledgerModule } from "../../src/module.js";
import { Engine } from "../../src/wasm/ledger.js";

await ledgerModule.load(undefined);
const lines = readFileSync(process.argv[2] ?? "", "utf8").split("\n").filter(Boolean);
const engine = new Engine();
const start = performance.now();
for (const line of lines) {
  engine.execute(line);
}
console.log((performance.now() - start) / 1_000);
