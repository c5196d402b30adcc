/** The suite, over a SQLite file through each driver. */
import { test } from "node:test";
import { storeCases } from "../src/conformance-node.js";
import { sqliteFixtures } from "./support/sqlite.js";

const cases = await storeCases();
for (const [store, open] of Object.entries(sqliteFixtures)) {
  for (const { name, run } of cases) {
    test(`${store}: ${name}`, () => run(open));
  }
}
