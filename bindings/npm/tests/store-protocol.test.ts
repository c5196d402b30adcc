/** Stores that hang, or that call what they were lent too seldom, too often or too late. */
import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { test } from "node:test";
import { type Ledger, type RefundStore, type ScanRow, StoreError } from "../src/node.js";
import { Session } from "../src/wasm/ledger.js";
import { faulty } from "./support/faulty.js";
import { as, MOVEMENT, opened, refund, refusal, SCOPE } from "./support/refusals.js";

type Decide = Parameters<NonNullable<RefundStore["transact"]>>[1];
type Wanted = Parameters<RefundStore["load"]>[0];
type Visit = Parameters<RefundStore["scan"]>[1];

const OTHER = { ...SCOPE, movement_id: "mov-43" };

async function isUsable(ledger: Ledger): Promise<void> {
  assert.equal((await ledger.createRefund(SCOPE, refund("usable"))).replayed, false);
  assert.equal((await ledger.verify()).verdict, "valid");
}

for (const method of ["load", "commit", "listRefunds", "journal", "scan", "transact"] as const) {
  test(`a ${method} that never answers keeps nobody else waiting`, async () => {
    const { store, faults } = faulty(method === "transact" ? method : undefined);
    const ledger = await opened({ store });
    await ledger.recordMovement(OTHER, MOVEMENT);
    const answers: (() => void)[] = [];
    faults[method] = (usual) => new Promise((resolve) => answers.push(() => { resolve(usual()); })); // prettier-ignore
    const hanging = [
      ledger.createRefund(OTHER, refund("late")),
      ledger.listRefunds(),
      ledger.journal(),
      ledger.verify(),
    ].map((call) => Promise.race([call.then(() => "answered"), setTimeout(20, "hangs")]));
    assert.ok((await Promise.all(hanging)).includes("hangs"));
    Reflect.deleteProperty(faults, method);
    await isUsable(ledger);
    // What comes late is an answer all the same.
    answers.forEach((answer) => {
      answer();
    });
    await setTimeout(20);
    assert.equal((await ledger.verify()).verdict, "valid");
  });
}

test("a thenable that never settles, and one that throws", async () => {
  const { store, faults } = faulty();
  const ledger = await opened({ store });
  faults.load = () => ({ then: () => undefined });
  const hanging = ledger.balance(SCOPE).then(() => "answered");
  assert.equal(await Promise.race([hanging, setTimeout(20, "hangs")]), "hangs");
  const cause = new Error("then");
  faults.load = () => ({ then: () => { throw cause; } }); // prettier-ignore
  assert.equal((await refusal(() => ledger.balance(SCOPE))).cause, cause);
  Reflect.deleteProperty(faults, "load");
  await isUsable(ledger);
});

test("a transaction that never decides has not booked anything", async () => {
  const { store, faults } = faulty("transact");
  const ledger = await opened({ store });
  faults.transact = () => undefined;
  const error = await refusal(() => ledger.createRefund(SCOPE, refund("r-1")));
  assert.ok(error.status >= 500, error.message);
  assert.ok((await refusal(() => ledger.executeAll([{ op: "void_movement", ...SCOPE }]))).status >= 500);
  Reflect.deleteProperty(faults, "transact");
  assert.equal((await ledger.listRefunds()).items.length, 0);
  await isUsable(ledger);
});

test("the last of several decisions counts", async () => {
  const { store, faults } = faulty("transact");
  const ledger = await opened({ store });
  faults.transact = (_, wanted: Wanted, decide: Decide) => {
    const first = decide(as(store.load(wanted)));
    const second = decide(as(store.load(wanted)));
    assert.deepEqual(second, first);
    store.commit(second ?? assert.fail("there is something to write"));
  };
  const { id, replayed } = await ledger.createRefund(SCOPE, refund("r-1"));
  assert.equal(replayed, false);
  assert.equal((await ledger.getRefund(SCOPE, id)).id, id);
  Reflect.deleteProperty(faults, "transact");
  await isUsable(ledger);
});

test("a decision that failed is the outcome, also where the store goes on", async () => {
  const { store, faults } = faulty("transact");
  const ledger = await opened({ store });
  for (const garbage of [undefined, null, 5, {}, { movements: [], refunds: [] }, { movements: [5], refunds: [5] }]) {
    faults.transact = (_, wanted: Wanted, decide: Decide) => {
      decide(as(store.load(wanted)));
      try {
        decide(as(garbage));
      } catch {
        // Nothing is committed, and nobody is told.
      }
    };
    const error = await refusal(() => ledger.createRefund(SCOPE, refund("r-1")));
    assert.equal(error.code, "store_corrupted");
    assert.ok(error.cause instanceof StoreError);
  }
  Reflect.deleteProperty(faults, "transact");
  assert.equal((await ledger.listRefunds()).items.length, 0);
  await isUsable(ledger);
});

test("a decision after the transaction is refused, also once the call was answered", async () => {
  const { store, faults } = faulty("transact");
  const ledger = await opened({ store });
  let late: (() => unknown) | undefined;
  faults.transact = (usual, wanted: Wanted, decide: Decide) => {
    late = () => decide(as(store.load(wanted)));
    return usual();
  };
  await ledger.createRefund(SCOPE, refund("r-1"));
  assert.throws(() => late?.(), { name: "StoreError", kind: "failed", message: /after its method was over/u });
  Reflect.deleteProperty(faults, "transact");
  await isUsable(ledger);
});

test("a row that is visited after the scan is refused", async () => {
  const { store, faults } = faulty();
  const ledger = await opened({ store });
  let late: Visit | undefined;
  let seen: ScanRow | undefined;
  faults.scan = (_, __: never, visit: Visit) => {
    late = visit;
    return store.journal(0, 9) && as<{ length: number }>(store.journal(0, 9)).length;
  };
  for (const call of [() => ledger.verify(), () => ledger.head()]) {
    await call().catch(() => undefined);
    seen = { kind: "movement" } as ScanRow;
    assert.throws(() => late?.(as(seen)), { name: "StoreError", kind: "failed" });
  }
  Reflect.deleteProperty(faults, "scan");
  await isUsable(ledger);
});

test("no row is left out of a proof, whatever the store makes of an error", async () => {
  const { store, faults } = faulty();
  const ledger = await opened({ store });
  const circle: Record<string, unknown> = {};
  circle["circle"] = circle;
  for (const row of [undefined, null, 5, "row", [], {}, { kind: "movement" }, { kind: "strange" }, circle, 5n, () => 1]) {
    faults.scan = (usual, _: never, visit: Visit) => {
      try {
        visit(as(row));
      } catch {
        // It goes on with the next one.
      }
      return usual();
    };
    const report = await ledger.verify();
    assert.notEqual(report.verdict, "valid", `a row was left out: ${typeof row}`);
    const error = await refusal(() => ledger.head());
    assert.ok(["internal", "store_corrupted"].includes(error.code));
  }
  Reflect.deleteProperty(faults, "scan");
  await isUsable(ledger);
});

test("a scan that answers no position proves nothing", async () => {
  const { store, faults } = faulty();
  const ledger = await opened({ store });
  for (const position of [undefined, null, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, "1", 1n, {}]) {
    faults.scan = (usual) => {
      usual();
      return position;
    };
    assert.notEqual((await ledger.verify()).verdict, "valid");
    assert.equal((await refusal(() => ledger.head())).code, "store_corrupted");
  }
  Reflect.deleteProperty(faults, "scan");
  await isUsable(ledger);
});

for (const method of ["run", "need", "decide", "reply"] as const) {
  test(`where the module itself breaks in \`${method}\`, that is told, and not what comes of it`, async (context) => {
    const { store } = faulty();
    const ledger = await opened({ store });
    const trap = new WebAssembly.RuntimeError("unreachable");
    let isBroken = false;
    const replace = (name: "run" | "need" | "decide" | "reply" | "failed" | "free", breaks: () => void) => {
      const usual = Session.prototype[name] as (...given: unknown[]) => unknown;
      context.mock.method(Session.prototype, name, function broken(this: Session, ...given: unknown[]) {
        breaks();
        return usual.apply(this, given);
      });
    };
    replace(method, () => {
      isBroken = true;
      throw trap;
    });
    for (const name of ["failed", "free"] as const) {
      // As it is after a trap: the module still holds the session as borrowed.
      replace(name, () => {
        if (isBroken) {
          throw new Error("attempted to take ownership of a borrowed value");
        }
      });
    }
    const error = await refusal(() => ledger.createRefund(SCOPE, refund("r-1")));
    assert.equal(error.code, "internal");
    assert.equal(error.cause, trap);
    assert.ok(isBroken);
    context.mock.restoreAll();
    await isUsable(ledger);
  });
}
