/** Stores that throw, lie or hang: a typed error with the cause, and a ledger that goes on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Ledger, StoreError, type StoreErrorKind } from "../src/node.js";
import { type Faults, faulty, type Method } from "./support/faulty.js";
import { as, opened, refund, refusal, SCOPE } from "./support/refusals.js";

/** What asks each method of a store. */
const ASKING: readonly (readonly [method: Method, ask: (ledger: Ledger) => Promise<unknown>])[] = [
  ["load", (ledger) => ledger.balance(SCOPE)],
  ["load", (ledger) => ledger.createRefund(SCOPE, refund("new"))],
  ["commit", (ledger) => ledger.createRefund(SCOPE, refund("new"))],
  ["commit", (ledger) => ledger.executeAll([{ op: "create_refund", ...SCOPE, body: refund("new") }])],
  ["listRefunds", (ledger) => ledger.listRefunds()],
  ["listRefunds", (ledger) => ledger.refunds().next()],
  ["journal", (ledger) => ledger.journal()],
  ["journal", (ledger) => ledger.exportCommands().next()],
  ["scan", (ledger) => ledger.head()],
  ["scrub", (ledger) => ledger.eraseText(SCOPE)],
  ["transact", (ledger) => ledger.createRefund(SCOPE, refund("new"))],
];

/** All that can be asked is answered as it should be. */
async function isUsable(ledger: Ledger, faults: Faults): Promise<void> {
  for (const method of Object.keys(faults) as Method[]) {
    Reflect.deleteProperty(faults, method);
  }
  const { id } = await ledger.createRefund(SCOPE, refund("usable"));
  assert.equal((await ledger.getRefund(SCOPE, id)).id, id);
  await ledger.deleteRefund(SCOPE, id).catch(() => undefined);
  assert.ok((await ledger.journal()).items.length > 0);
  assert.equal((await ledger.verify()).verdict, "valid");
}

const hostile = new Error("x");
Object.defineProperty(hostile, "message", {
  get: () => {
    throw new TypeError("the getter of a message");
  },
});

const THROWN: readonly (readonly [what: string, thrown: unknown])[] = [
  ["an error", new Error("the disk is full")],
  ["a string", "the disk is full"],
  ["undefined", undefined],
  ["null", null],
  ["a number", 5],
  ["a symbol", Symbol("s")],
  ["a frozen object", Object.freeze({ code: "EIO" })],
  ["an object without a prototype", Object.create(null)],
  ["an error whose message can't be read", hostile],
  ["an error whose message is no text", Object.assign(new Error("x"), { message: { a: 1 } })],
  ["an error with a message of 10 MB", new Error("x".repeat(10_000_000))],
  ["an error with half a character", new Error("a\ud800")],
  ["a function", () => 1],
  ["a promise", new Promise(() => undefined)],
  ["a store error of no known kind", new StoreError(as("on fire"), "the disk is on fire")],
  ["a store error whose kind is no text", new StoreError(as(Symbol("s")), "the disk is on fire")],
];

/** What a scrub comes after is committed: that nothing was changed would not be true. */
const ERASED = ["store_unavailable", true];

for (const [method, ask] of ASKING) {
  for (const [what, thrown] of THROWN) {
    for (const how of ["throws", "rejects with"] as const) {
      // A promise that rejects with a promise is one all the same; a method that awaits can't throw.
      test(`a ${method} that ${how} ${what}`, async () => {
        const { store, faults } = faulty(method === "transact" ? method : undefined);
        const ledger = await opened({ store });
        faults[method] = () => {
          if (how === "throws") {
            throw thrown;
          }
          return Promise.reject(thrown as Error);
        };
        const error = await refusal(() => ask(ledger));
        const told = method === "scrub" ? ERASED : ["internal", false];
        assert.deepEqual([error.code, error.retryable], told);
        assert.ok(error.cause === thrown || ((thrown ?? null) === null && typeof error.cause === "string"));
        await isUsable(ledger, faults);
      });
    }
  }
}

const CODES: readonly (readonly [kind: StoreErrorKind, code: string, retryable: boolean])[] = [
  ["conflict", "timeout", true],
  ["busy", "timeout", true],
  ["outcome_unknown", "store_unavailable", true],
  ["unavailable", "store_unavailable", true],
  ["corrupted", "store_corrupted", false],
  ["unsupported", "internal", false],
  ["failed", "internal", false],
];

for (const [method, ask] of ASKING) {
  for (const [kind, code, retryable] of CODES) {
    test(`a ${method} that fails as ${kind}`, async () => {
      const { store, faults } = faulty(method === "transact" ? method : undefined);
      const ledger = await opened({ store });
      let last: unknown;
      faults[method] = () => {
        last = new StoreError(kind, "as the test says");
        throw last;
      };
      const error = await refusal(() => ask(ledger));
      const told = method === "scrub" && kind !== "busy" ? ERASED : [code, retryable];
      assert.deepEqual([error.code, error.retryable], told);
      assert.ok(error.cause === last || kind === "conflict", `the cause is ${String(error.cause)}`);
      await isUsable(ledger, faults);
    });
  }
}

const cyclic: unknown[] = [];
cyclic.push(cyclic);

const GARBAGE: readonly (readonly [what: string, answer: unknown])[] = [
  ["undefined", undefined],
  ["null", null],
  ["a number", -1.5],
  ["NaN", Number.NaN],
  ["infinity", Number.POSITIVE_INFINITY],
  ["a string", "garbage"],
  ["true", true],
  ["an empty list", []],
  ["an empty object", {}],
  ["nulls", { movements: null, refunds: null, items: null, more: null }],
  ["too many", { movements: [null, null, null], refunds: [null, null, null] }],
  ["rows that are none", { movements: [{ row: {}, text: {} }], refunds: [], items: [{}], more: false }],
  ["a list of nulls", [null, null]],
  ["a cycle", cyclic],
  ["a BigInt", 5n],
  ["a function", () => 1],
  ["a promise of a promise of garbage", Promise.resolve(Promise.resolve({ movements: 5 }))],
];

for (const [method, ask] of ASKING) {
  for (const [what, garbage] of GARBAGE) {
    // What these answer is not looked at; an empty list is a journal.
    if (["commit", "scrub", "transact"].includes(method) || (method === "journal" && what === "an empty list")) {
      continue;
    }
    test(`a ${method} that answers ${what}`, async () => {
      const { store, faults } = faulty();
      const ledger = await opened({ store });
      faults[method] = () => garbage;
      const error = await refusal(() => ask(ledger));
      assert.ok(["store_corrupted", "internal"].includes(error.code), `${error.code}: ${error.message}`);
      assert.notEqual(error.cause, undefined);
      await isUsable(ledger, faults);
    });
  }
}
