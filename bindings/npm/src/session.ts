/** Questions to a ledger over a store in JavaScript, which may answer later. @module */
import type { Session } from "./wasm/ledger.js";
import { free, guarded, internalError } from "./errors.js";
import type { ListAfter, ReadSet, RefundFilter, ScanRange, ScanRow, Snapshot, WriteBatch } from "./rows.js";
import { type RefundStore, StoreError } from "./store.js";

/** How often it is decided anew when others changed what had been read. */
const ATTEMPTS_MAX = 16;

/** What a session needs from the store to go on. */
export type Need =
  | { ask: "load"; wanted: ReadSet }
  | { ask: "commit"; batch: WriteBatch }
  | { ask: "transact"; wanted: ReadSet }
  | { ask: "list"; filter: RefundFilter; after: ListAfter | null; limit: number }
  | { ask: "journal"; after: number; limit: number }
  | { ask: "scan"; range: ScanRange }
  | { ask: "scrub" };

/** What takes the store's answers: a session, or a case of the conformance suite. */
export type Answers = Pick<
  Session,
  "loaded" | "decide" | "done" | "listed" | "entries" | "visit" | "scanned" | "failed"
>;

/** The reply of a session, and what the store threw last on the way to it. */
export interface Driven {
  reply: string;
  thrown: unknown;
}

/** Runs a session to its reply, and frees it. */
export async function drive(session: Session, store: RefundStore): Promise<Driven> {
  try {
    let thrown: unknown;
    while (!guarded(() => session.run())) {
      const need = JSON.parse(guarded(() => session.need())) as Need;
      const failed = await answer(need, session, store);
      thrown = failed === undefined ? thrown : failed.thrown;
    }
    return { reply: guarded(() => session.reply(), thrown), thrown };
  } finally {
    free(session);
  }
}

/** Asks the store, and hands over what it answers. Resolves with what the store threw, if it did. */
export async function answer(
  need: Need,
  answers: Answers,
  store: RefundStore,
): Promise<{ thrown: unknown } | undefined> {
  try {
    await ask(need, answers, store);
    return undefined;
  } catch (thrown) {
    try {
      answers.failed(...failure(thrown));
    } catch {
      // The module broke before, and takes no more: what it broke with counts.
      throw internalError("the ledger's module failed", { cause: thrown });
    }
    return { thrown };
  }
}

async function ask(need: Need, answers: Answers, store: RefundStore): Promise<void> {
  switch (need.ask) {
    case "load":
      answers.loaded(textOf(await store.load(need.wanted)));
      return;
    case "commit":
      await store.commit(need.batch);
      answers.done();
      return;
    case "transact":
      await transact(need.wanted, answers, store);
      answers.done();
      return;
    case "list":
      answers.listed(textOf(await store.listRefunds(need.filter, need.after, need.limit)));
      return;
    case "journal":
      answers.entries(textOf(await store.journal(need.after, need.limit)));
      return;
    case "scan":
      answers.scanned(
        await scan(store, need.range, (row) => {
          answers.visit(row);
        }),
      );
      return;
    case "scrub":
      await store.scrub?.();
      answers.done();
      return;
  }
}

async function transact(wanted: ReadSet, answers: Answers, store: RefundStore): Promise<void> {
  const decide = lent("decides", "last", (snapshot: Snapshot): WriteBatch | null => {
    const batch = decided(answers, textOf(snapshot));
    return batch === undefined ? null : (JSON.parse(batch) as WriteBatch);
  });
  await decide.during(async (call) => {
    if (store.transact === undefined) {
      await attempts(wanted, call, store);
    } else {
      await store.transact(wanted, call);
    }
  });
}

/** Scans, and answers the last position of the view. */
export async function scan(store: RefundStore, range: ScanRange, visit: (row: string) => void): Promise<number> {
  const visitor = lent("visits", "every", (row: ScanRow): boolean => {
    visit(textOf(row));
    return true;
  });
  const position: unknown = await visitor.during(async (call) => store.scan(range, call));
  if (!Number.isSafeInteger(position) || (position as number) < 0) {
    throw new StoreError("corrupted", "the store's scan answered something that is no position");
  }
  return position as number;
}

/**
 * A function that a store may call for as long as its method runs. Where `every` call counts, or the
 * `last` one, which must be there, and it threw, that is the outcome of the method, whatever the store
 * makes of it.
 */
function lent<Given, Answer>(
  does: string,
  counts: "every" | "last",
  call: (given: Given) => Answer,
): { during<T>(use: (call: (given: Given) => Answer) => Promise<T>): Promise<T> } {
  let isOver = false;
  const never = { thrown: new StoreError("failed", `the store's method was over before it ${does}`) };
  let failed: { thrown: unknown } | undefined = counts === "last" ? never : undefined;
  const guard = (given: Given): Answer => {
    if (isOver) {
      throw new StoreError("failed", `the store ${does} after its method was over`);
    }
    try {
      const answer = call(given);
      failed = counts === "last" ? undefined : failed;
      return answer;
    } catch (thrown) {
      failed = { thrown };
      throw thrown;
    }
  };
  return {
    async during(use) {
      try {
        const answer = await use(guard);
        if (failed !== undefined) {
          throw failed.thrown;
        }
        return answer;
      } finally {
        isOver = true;
      }
    },
  };
}

function decided(answers: Answers, snapshot: string): string | undefined {
  try {
    return answers.decide(snapshot);
  } catch (thrown) {
    // Text tells what is wrong with the snapshot.
    throw typeof thrown === "string" ? new StoreError("corrupted", thrown) : thrown;
  }
}

/** A transaction without a lock, for a store that has none. */
async function attempts(
  wanted: ReadSet,
  decide: (snapshot: Snapshot) => WriteBatch | null,
  store: RefundStore,
): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const batch = decide(await store.load(wanted));
    if (batch === null) {
      return;
    }
    try {
      await store.commit(batch);
      return;
    } catch (thrown) {
      if (failure(thrown)[0] !== "conflict") {
        throw thrown;
      }
      await pause(attempt);
    }
  }
  throw new StoreError("conflict", `others were faster ${ATTEMPTS_MAX} times`);
}

/** The longest pause between two attempts. */
const PAUSE_MS_MAX = 200;

/**
 * Waits for a random time, up to twice as long after each attempt: those who started together would otherwise be
 * in each other's way again and again.
 */
async function pause(attempt: number): Promise<void> {
  const longest = Math.min(2 ** attempt, PAUSE_MS_MAX);
  await new Promise((resolve) => setTimeout(resolve, Math.random() * longest));
}

/** A store's answer as text. */
export function textOf(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    if (cause instanceof RangeError && cause.message.includes("string length")) {
      throw new StoreError("failed", "what the store answered is too long for a string; ask for less at once", { cause });
    }
    throw new StoreError("corrupted", "the store answered what JSON can't say", { cause });
  }
  if (text === undefined) {
    throw new StoreError("corrupted", "the store answered nothing");
  }
  return text;
}

/** How much of a store's reason is told. */
const REASON_LENGTH_MAX = 1_000;

/** What a store threw, as kind and reason. */
export function failure(thrown: unknown): [kind: string, reason: string] {
  try {
    const kind: unknown = thrown instanceof StoreError ? thrown.kind : "failed";
    const reason: unknown = thrown instanceof Error ? thrown.message : `the store threw ${String(thrown)}`;
    return [String(kind), String(reason).slice(0, REASON_LENGTH_MAX)];
  } catch {
    return ["failed", "the store threw something that can't be read"];
  }
}
