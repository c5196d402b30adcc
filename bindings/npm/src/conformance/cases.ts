/** Cases about what only JavaScript can do to a store: race in one process, and throw. @module */
import { RefundLedgerError } from "../errors.js";
import { Ledger } from "../ledger.js";
import type { MaybePromise, RefundStore } from "../store.js";
import type { Created, RefundRequest, Scope } from "../types.js";
import type { StoreCase, StoreFixture } from "./suite.js";

const SCOPE: Scope = { org_id: "acme", subscription_id: "sub", movement_id: "m" };
const EVERYTHING = { org_id: null, only: null, after: null, entries: true, refunds: true };

/** How many refunds of 10 race for a movement of 100. */
const RACERS = 24;

function request(externalId: string): RefundRequest {
  return {
    refund_datetime: "2024-01-15T12:00:00Z",
    amount: { value_with_taxes: 10 },
    external_refund_unique_id: externalId,
    billable: false,
    description: "a refund",
  };
}

/** A ledger over a handle, with a movement of 100 EUR. */
async function ledgerOver(store: RefundStore): Promise<Ledger> {
  const ledger = await Ledger.open({ store });
  await ledger.recordMovement(SCOPE, {
    currency: "EUR",
    occurred_at: "2024-01-01T00:00:00Z",
    amount: { value_with_taxes: 100 },
    description: "a movement",
  });
  return ledger;
}

function ensure(holds: boolean, expected: string): asserts holds {
  if (!holds) {
    throw new Error(expected);
  }
}

/** Races refunds on a movement through these ledgers; answers with what was booked. */
async function race(ledgers: Ledger[], externalId: (racer: number) => string): Promise<Created[]> {
  const racers = Array.from({ length: RACERS }, async (_, racer) => {
    const ledger = ledgers[racer % ledgers.length];
    ensure(ledger !== undefined, "there is a ledger for each racer");
    for (;;) {
      try {
        return await ledger.createRefund(SCOPE, request(externalId(racer)));
      } catch (thrown) {
        ensure(thrown instanceof RefundLedgerError, `a racer is refused with an error of the ledger, not ${String(thrown)}`);
        if (!thrown.retryable) {
          ensure(thrown.code === "over_refund", `a racer is refused for the cap alone, not with \`${thrown.code}\``);
          return null;
        }
      }
    }
  });
  const booked = await Promise.all(racers);
  return booked.filter((created) => created !== null);
}

async function verifies(ledger: Ledger): Promise<void> {
  const report = await ledger.verify();
  ensure(report.verdict === "valid", `the ledger verifies afterwards, but: ${JSON.stringify(report)}`);
}

async function capHolds(ledgers: [Ledger, ...Ledger[]]): Promise<void> {
  const booked = await race(ledgers, (racer) => `r-${racer}`);
  const { count, refundable } = await ledgers[0].balance(SCOPE);
  ensure(booked.length === 10, `10 of ${RACERS} refunds fit, but ${booked.length} were booked`);
  ensure(count === 10 && refundable.value_with_taxes === 0, `10 are live and nothing is left, but ${count} are`);
  await verifies(ledgers[0]);
}

async function survives(store: RefundStore, attempt: (thrown: Error) => MaybePromise<unknown>): Promise<void> {
  const ledger = await ledgerOver(store);
  const thrown = new Error("thrown by the suite");
  let caught: unknown;
  try {
    await attempt(thrown);
  } catch (error) {
    caught = error;
  }
  ensure(caught === thrown, `what a callback throws reaches the caller as it is, not as ${String(caught)}`);
  const { replayed } = await ledger.createRefund(SCOPE, request("r-1"));
  ensure(!replayed, "the store books a refund after a callback threw");
  await verifies(ledger);
}

function own(name: string, body: (fixture: StoreFixture) => Promise<void>): StoreCase {
  return {
    name,
    run: async (open) => {
      const fixture = await open();
      try {
        await body(fixture);
      } finally {
        await fixture.close?.();
      }
    },
  };
}

/** The cases. */
export const OWN_CASES: readonly StoreCase[] = [
  own("transact::survives_a_decision_that_throws", async (fixture) => {
    const store = await fixture.handle();
    await survives(store, (thrown) => {
      const decide = (): never => {
        throw thrown;
      };
      const wanted = { movements: [SCOPE], refunds: [] };
      return store.transact === undefined ? decide() : store.transact(wanted, decide);
    });
  }),
  own("scan::survives_a_visitor_that_throws", async (fixture) => {
    const store = await fixture.handle();
    await survives(store, (thrown) =>
      store.scan(EVERYTHING, () => {
        throw thrown;
      }),
    );
  }),
  own("scan::stops_where_the_visitor_answers_false", async (fixture) => {
    const store = await fixture.handle();
    const ledger = await ledgerOver(store);
    await ledger.createRefund(SCOPE, request("r-1"));
    for (const enough of [1, 2, 3]) {
      let visits = 0;
      const position = await store.scan(EVERYTHING, () => (visits += 1) < enough);
      ensure(visits === enough, `a scan stops after ${enough} visits, not ${visits}`);
      ensure(position === 2, `a scan that stops early answers with the last position, 2, not ${position}`);
    }
  }),
  own("race::never_passes_the_cap", async (fixture) => {
    const first = await ledgerOver(await fixture.handle());
    await capHolds([first, await Ledger.open({ store: await fixture.handle() })]);
  }),
  own("race::never_passes_the_cap_on_one_handle", async (fixture) => {
    await capHolds([await ledgerOver(await fixture.handle())]);
  }),
  own("race::books_an_external_id_once", async (fixture) => {
    const first = await ledgerOver(await fixture.handle());
    const ledgers = [first, await Ledger.open({ store: await fixture.handle() })];
    const booked = await race(ledgers, () => "the same");
    const ids = new Set(booked.map(({ id }) => id));
    const fresh = booked.filter(({ replayed }) => !replayed).length;
    ensure(booked.length === RACERS, `every racer is answered with the refund, but ${booked.length} were`);
    ensure(ids.size === 1 && fresh === 1, `one refund is booked once, but there are ${ids.size}, booked ${fresh} times`);
    await verifies(first);
  }),
  own("race::reads_one_view_while_others_write", async (fixture) => {
    const writer = await ledgerOver(await fixture.handle());
    const reader = await Ledger.open({ store: await fixture.handle() });
    const writing = race([writer], (racer) => `r-${racer}`);
    for (let look = 0; look < 10; look += 1) {
      // A scan that saw half of a commit would find sums that its refunds don't add up to.
      await verifies(reader);
      const { count, refunded } = await reader.balance(SCOPE);
      ensure(refunded.value_with_taxes === count * 10, "a look-up sees all of a commit or nothing");
    }
    await writing;
  }),
  own("race::pages_steadily_while_others_write", async (fixture) => {
    const writer = await ledgerOver(await fixture.handle());
    const store = await fixture.handle();
    const writing = race([writer], (racer) => `r-${racer}`);
    const positions: number[] = [];
    const readMore = async (): Promise<void> => {
      const page = await store.journal(positions.at(-1) ?? 0, 3);
      positions.push(...page.map(({ position }) => position));
    };
    for (let look = 0; look < 10; look += 1) {
      await readMore();
    }
    await writing;
    for (let look = 0; look < 10; look += 1) {
      await readMore();
    }
    const all = (await store.journal(0, 500)).map(({ position }) => position);
    ensure(positions.join() === all.join(), `a reader by position misses nothing: ${positions.join()} of ${all.join()}`);
  }),
  own("limits::takes_a_batch_of_thousands", async (fixture) => {
    const ledger = await ledgerOver(await fixture.handle());
    const commands = Array.from({ length: 8_000 }, (_, at) => ({
      op: "create_refund" as const,
      ...SCOPE,
      body: { ...request(`r-${at}`), amount: { value_with_taxes: "0.01" } },
    }));
    const results = await ledger.executeAll(commands);
    ensure(!results.some((result) => result instanceof RefundLedgerError), "a batch of 8,000 refunds is booked");
    const again = await ledger.executeAll(commands);
    const replays = again.filter((result) => "replayed" in result && result.replayed).length;
    ensure(replays === 8_000, `the same batch again is 8,000 replays, not ${replays}`);
    const { count, refundable } = await ledger.balance(SCOPE);
    ensure(count === 8_000 && refundable.value_with_taxes === 20, "8,000 refunds of 0.01 leave 20 of 100");
    await verifies(ledger);
  }),
  own("commit::outlives_closed_handles", async (fixture) => {
    const first = await fixture.handle();
    const { id } = await (await ledgerOver(first)).createRefund(SCOPE, request("r-1"));
    await first.close?.();
    const again = await Ledger.open({ store: await fixture.handle() });
    ensure((await again.getRefund(SCOPE, id)).id === id, "a refund is there once every handle was closed");
    await verifies(again);
  }),
];
