/** Files that are longer than the module's memory, which is made small here. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Ledger } from "../src/node.js";
import { type Reconciled, reconcile, type ReconcileRequest } from "../src/reconcile-node.js";
import { isInvalid, refusal } from "./support/refusals.js";
import { withMemoryMax } from "./support/wasm-memory.js";

const PAGES_MAX = 1_024;
const MODULE = readFileSync(new URL("../src/wasm/reconcile_bg.wasm", import.meta.url));

const REQUEST: ReconcileRequest = {
  source: "csv",
  statement: "Ref,Amount,Currency,Date\na,10,EUR,2026-03-02\n",
  map: { key: "Ref", amount: "Amount", currency: "Currency", date: "Date" },
  ledger: await Ledger.open(),
  // The first call loads it.
  wasm: withMemoryMax(MODULE, PAGES_MAX),
};

function* endless(): Generator<Uint8Array, void, void> {
  const piece = new Uint8Array(1024 * 1024).fill(0x61);
  for (let pieces = 0; pieces < PAGES_MAX; pieces += 1) {
    yield piece;
  }
}

test("a file that does not end is too long, and the next call finds room", async () => {
  for (const field of ["statement", "keys", "statement", "keys"]) {
    await isInvalid(() => reconcile({ ...REQUEST, [field]: endless() }), field, "too_long");
    assert.equal((await reconcile(REQUEST)).report.breaks.length, 1);
  }
});

/** The breaks of this are a tenth of the memory, and more. */
const ROWS = Array.from({ length: 20_000 }, (_, at) => `refund-${at},10,EUR,2026-03-02\n`);
const LARGE: ReconcileRequest = { ...REQUEST, statement: `Ref,Amount,Currency,Date\n${ROWS.join("")}` };

test("a report that is closed gives its memory back at once", async () => {
  const closed: Reconciled[] = [];
  for (let times = 0; times < 20; times += 1) {
    const reconciled = await reconcile(LARGE);
    reconciled.close();
    closed.push(reconciled);
  }
  assert.equal(closed.length, 20);
});

test("collected reports give their memory back, also in a loop that waits for nothing else", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let times = 0; times < 20; times += 1) {
    assert.equal((await reconcile(LARGE)).report.breaks.length, ROWS.length);
    collect();
  }
});

test("reports that are kept fill the memory, which is said", async () => {
  const kept: Reconciled[] = [];
  const error = await refusal(async () => {
    for (let times = 0; times < 20; times += 1) {
      kept.push(await reconcile(LARGE));
    }
  });
  assert.equal(error.code, "internal", `${kept.length} are kept`);
});
