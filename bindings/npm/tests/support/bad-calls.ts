/**
 * A program that makes thousands of bad calls and prints what they left behind: bytes by which the
 * module's memory and the heap have grown. Run it with `--expose-gc`; an argument plants a leak.
 */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { type Ledger, StoreError } from "../../src/node.js";
import { createFetchHandler } from "../../src/rest.js";
import { initSync, Session } from "../../src/wasm/ledger.js";
import { BAD_VALUES } from "./bad-values.js";
import { faulty } from "./faulty.js";
import { as, opened, outcome, refund, SCOPE } from "./refusals.js";

const WARM_UP = 4_000;
const CALLS = 10_000;

const kept: unknown[] = [];
const planted = process.argv[2];
if (planted === "sessions") {
  Session.prototype.free = function keep() {
    kept.push(this);
  };
}

const { store, faults } = faulty();
const ledgers = [await opened(), await opened({ store })];
const ID = "018f0000-0000-7000-8000-000000000001";
const small = BAD_VALUES.map(([, value]) => as<never>(value));
const long = as<never>("x".repeat(10_000_000));

function valueOf(at: number): never {
  return at % 500 === 0 ? long : (small[at % small.length] as never);
}

const CALLED: readonly ((ledger: Ledger, at: number) => unknown)[] = [
  (ledger, at) => ledger.createRefund(SCOPE, valueOf(at)),
  (ledger, at) => ledger.createRefund(SCOPE, { ...refund("r"), description: valueOf(at) }),
  (ledger, at) => ledger.createRefund(SCOPE, { ...refund("r"), amount: { value_with_taxes: at + 1 / 3 } }),
  (ledger) => ledger.createRefund(SCOPE, { ...refund("r"), amount: { value_with_taxes: 122 } }),
  (ledger, at) => ledger.createRefund({ ...SCOPE, movement_id: `none-${at}` }, refund("r")),
  (ledger) => ledger.updateRefund(SCOPE, ID, refund("r"), { expected_revision: 1 }),
  (ledger, at) => ledger.deleteRefund(SCOPE, `none-${at}`),
  (ledger, at) => ledger.history(SCOPE, { external_refund_unique_id: `none-${at}` }),
  (ledger, at) => ledger.listRefunds({ cursor: `garbage-${at}` }),
  (ledger, at) => ledger.journal({ limit: valueOf(at) }),
  (ledger, at) => ledger.verify(valueOf(at)),
  (ledger, at) => ledger.executeAll([{ op: "create_refund", ...SCOPE, body: refund("r") }, valueOf(at)]),
  (ledger) => ledger.executeAll([{ op: "create_refund", ...SCOPE, body: as({ ...refund("r"), amount: {} }) }]),
  (ledger, at) => ledger.with({ actor: valueOf(at) }),
  (ledger, at) => ledger.with({ policy: { live_refunds_max: -1 - at } }),
  async (ledger) => {
    const request = new Request("http://ledger/v1/orgs/acme/journal?after=x", { headers: { "if-match": "\xe9" } });
    const { status } = await createFetchHandler(ledger)(request);
    assert.equal(status, 400);
    await ledger.with(as(null));
  },
  failing("load", (ledger) => ledger.balance(SCOPE)),
  failing("load", (ledger) => ledger.createRefund(SCOPE, refund("r"))),
  failing("commit", (ledger) => ledger.createRefund(SCOPE, refund("r"))),
  failing("scan", (ledger) => ledger.head()),
  failing("journal", (ledger) => ledger.exportCommands().next()),
];

function failing(method: "load" | "commit" | "scan" | "journal", call: (ledger: Ledger) => unknown) {
  return async (_: Ledger, at: number): Promise<void> => {
    faults[method] = () => {
      if (at % 2 === 0) {
        throw new StoreError("unavailable", "as planned");
      }
      return Promise.reject(new Error(`number ${at}`));
    };
    try {
      await call(ledgers[1] ?? assert.fail());
    } finally {
      Reflect.deleteProperty(faults, method);
    }
  };
}

async function badCalls(count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    const ledger = ledgers[at % 2] ?? assert.fail();
    const call = CALLED[(at >> 1) % CALLED.length] ?? assert.fail();
    const error = await outcome(() => call(ledger, at));
    assert.ok(error, `call ${(at >> 1) % CALLED.length} was not refused`);
    if (planted === "errors") {
      kept.push(error);
    }
    if (at % 100 === 0) {
      await Promise.all(ledgers.map((each) => each.balance(SCOPE)));
    }
  }
}

async function measured(): Promise<{ module: number; heap: number }> {
  for (let at = 0; at < 5; at += 1) {
    // What is collected is freed by a finalizer, in a turn of its own.
    (globalThis.gc ?? assert.fail("run it with `--expose-gc`"))();
    await setImmediate();
  }
  // It is loaded already, and given as it is.
  const { memory } = initSync(as(undefined));
  return { module: memory.buffer.byteLength, heap: process.memoryUsage().heapUsed };
}

await badCalls(WARM_UP);
const before = await measured();
await badCalls(CALLS);
const after = await measured();
for (const ledger of ledgers) {
  assert.equal((await ledger.journal()).items.length, 1);
  assert.equal((await ledger.createRefund(SCOPE, refund("r-1"))).replayed, false);
}
console.log(JSON.stringify({ module: after.module - before.module, heap: after.heap - before.heap }));
