/** The end of a ledger, and of those that share its store. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Ledger, RefundLedgerError } from "../src/node.js";
import { createFetchHandler } from "../src/rest.js";
import { Engine } from "../src/wasm/ledger.js";
import { faulty } from "./support/faulty.js";
import { as, MOVEMENT, opened, refund, refusal, SCOPE } from "./support/refusals.js";

const CALLS: Record<string, (ledger: Ledger) => unknown> = {
  recordMovement: (ledger) => ledger.recordMovement(SCOPE, MOVEMENT),
  voidMovement: (ledger) => ledger.voidMovement(SCOPE),
  createRefund: (ledger) => ledger.createRefund(SCOPE, refund("r-1")),
  createNonSubscribableRefund: (ledger) =>
    ledger.createNonSubscribableRefund(SCOPE, { ...refund("r-1"), transaction_type_id: "t-1" } as never),
  getRefund: (ledger) => ledger.getRefund(SCOPE, "r"),
  updateRefund: (ledger) => ledger.updateRefund(SCOPE, "r", refund("r-1")),
  deleteRefund: (ledger) => ledger.deleteRefund(SCOPE, "r"),
  eraseText: (ledger) => ledger.eraseText(SCOPE),
  listRefunds: (ledger) => ledger.listRefunds(),
  refunds: (ledger) => ledger.refunds().next(),
  movement: (ledger) => ledger.movement(SCOPE),
  balance: (ledger) => ledger.balance(SCOPE),
  history: (ledger) => ledger.history(SCOPE, "r"),
  journal: (ledger) => ledger.journal(),
  verify: (ledger) => ledger.verify(),
  head: (ledger) => ledger.head(),
  executeAll: (ledger) => ledger.executeAll([]),
  exportCommands: (ledger) => ledger.exportCommands().next(),
  with: (ledger) => ledger.with({ actor: "till-3" }),
};

async function isClosed(ledger: Ledger): Promise<void> {
  for (const [name, call] of Object.entries(CALLS)) {
    const error = await refusal(() => call(ledger));
    assert.deepEqual([error.code, error.message], ["internal", "the ledger is closed; open another one"], name);
  }
  const request = new Request("http://ledger/v1/orgs/acme/refunds");
  assert.equal((await createFetchHandler(ledger)(request)).status, 500);
}

test("every method has a call here", () => {
  const methods = Object.getOwnPropertyNames(Ledger.prototype).filter(
    (name) => !["constructor", "actor", "close"].includes(name),
  );
  assert.deepEqual(methods.sort(), Object.keys(CALLS).sort());
});

for (const [where, open] of [
  ["in memory", () => opened()],
  ["over a store in JavaScript", () => opened({ store: faulty().store })],
] as const) {
  test(`${where}: a ledger ends with all that were made of it, whichever is closed`, async () => {
    for (const closes of [0, 1, 2]) {
      const first = await open();
      const second = first.with({ actor: "till-3" });
      const ledgers = [first, second, second.with({ policy: { live_refunds_max: 1 } })];
      await ledgers[closes]?.close();
      for (const ledger of ledgers) {
        await isClosed(ledger);
        await ledger.close();
        await ledger.close();
        await isClosed(ledger);
      }
    }
    await (await open()).journal();
  });
}

test("calls under way are answered before the store is closed", async () => {
  const { store, faults } = faulty();
  const ledger = await opened({ store });
  const told: string[] = [];
  let go: (() => void) | undefined;
  const gone = new Promise<void>((resolve) => (go = resolve));
  faults.commit = async (usual) => {
    await gone;
    usual();
    told.push("committed");
  };
  faults.close = () => {
    told.push("closed");
  };
  const call = ledger.createRefund(SCOPE, refund("r-1")).then(() => told.push("answered"));
  const failing = ledger.with({ actor: "till-3" }).createRefund(SCOPE, refund("r-1"));
  const closing = [ledger.close(), ledger.close()];
  await isClosed(ledger);
  assert.deepEqual(told, []);
  go?.();
  await Promise.all([call, failing.catch(() => undefined), ...closing]);
  assert.deepEqual(told.filter((what) => what !== "committed"), ["answered", "closed"]);
});

for (const option of ["now", "mint"] as const) {
  test(`a call whose \`${option}\` closes the ledger changes nothing`, async () => {
    const { store, faults } = faulty();
    const asked: string[] = [];
    const ledger = await opened({ store });
    faults.load = (usual) => {
      asked.push("load");
      return usual();
    };
    const minted = { refund_id: "018f0000-0000-7000-8000-000000000001", salt: "00".repeat(16) };
    const closes = () => {
      void ledger.close();
      return option === "now" ? new Date() : minted;
    };
    const closing = ledger.with(as({ [option]: closes }));
    const error = await refusal(() => closing.createRefund(SCOPE, refund("r-1")));
    assert.deepEqual([error.code, error.message], ["internal", "the ledger is closed; open another one"]);
    await ledger.close();
    assert.deepEqual(asked, []);
  });
}

test("options that close the ledger make no other of it", async () => {
  const ledger = await opened();
  const options = new Proxy({ actor: "till-3" }, {
    get: (of, name) => {
      void ledger.close();
      return Reflect.get(of, name) as unknown;
    },
  });
  assert.equal((await refusal(() => ledger.with(options))).message, "the ledger is closed; open another one");
});

test("closing gives back what all the ledgers hold, whichever is closed", async (context) => {
  const freed = context.mock.method(Engine.prototype, "free");
  for (const closes of [0, 1, 2]) {
    const first = await opened();
    const second = first.with({ actor: "till-3" });
    const ledgers = [first, second, second.with({ actor: "till-4" })];
    freed.mock.resetCalls();
    await ledgers[closes]?.close();
    assert.equal(freed.mock.callCount(), 3);
    await Promise.all(ledgers.map((ledger) => ledger.close()));
    assert.equal(freed.mock.callCount(), 3);
  }
});

test("a store that can't be closed is told of, to all that close", async () => {
  const { store, faults } = faulty();
  const ledger = await opened({ store });
  const cause = new Error("the disk is full");
  faults.close = () => Promise.reject(cause);
  for (const closing of [ledger.close(), ledger.close()]) {
    const error = await refusal(() => closing);
    assert.ok(error instanceof RefundLedgerError);
    assert.deepEqual([error.code, error.cause], ["internal", cause]);
  }
  await isClosed(ledger);
});

test("a reader of many pages is told where the ledger is closed between them", async () => {
  const ledger = await opened();
  const commands = Array.from({ length: 120 }, (_, at) => ({ op: "create_refund" as const, ...SCOPE, body: refund(`r-${at}`) }));
  await ledger.executeAll(commands);
  const lines = ledger.exportCommands();
  await lines.next();
  await ledger.close();
  const rest = async () => {
    for await (const _ of lines) {
      // The page that was read is given out.
    }
  };
  assert.equal((await refusal(rest)).message, "the ledger is closed; open another one");
});

test("a store that calls the ledger while it is closed is refused, and is closed once", async () => {
  const { store, faults } = faulty();
  const ledger = await opened({ store });
  let closed = 0;
  let late: Promise<unknown> | undefined;
  let again: Promise<void> | undefined;
  faults.close = () => {
    closed += 1;
    late = refusal(() => ledger.createRefund(SCOPE, refund("r-1")));
    again = ledger.close();
  };
  await ledger.close();
  assert.equal(((await late) as RefundLedgerError).message, "the ledger is closed; open another one");
  await again;
  assert.equal(closed, 1);
});
