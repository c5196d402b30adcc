/** Questions to a ledger over a store in JavaScript, which may answer later. @module */
import type { Session } from "./wasm/ledger.js";
import { guarded } from "./errors.js";
import type { ListAfter, ReadSet, RefundFilter, ScanRange, Snapshot, WriteBatch } from "./rows.js";
import { type RefundStore, StoreError, type StoreErrorKind } from "./store.js";

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

/** Runs a session to its reply, and frees it. */
export async function drive(session: Session, store: RefundStore): Promise<string> {
  try {
    let cause: unknown;
    while (!guarded(() => session.run())) {
      const thrown = await answer(JSON.parse(session.need()) as Need, session, store);
      cause = thrown ?? cause;
    }
    return guarded(() => session.reply(), cause);
  } finally {
    session.free();
  }
}

/** Asks the store, and hands over what it answers. Resolves with what the store threw, if it did. */
export async function answer(need: Need, answers: Answers, store: RefundStore): Promise<unknown> {
  try {
    await ask(need, answers, store);
    return undefined;
  } catch (thrown) {
    answers.failed(...failure(thrown));
    return thrown;
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
        await store.scan(need.range, (row) => {
          answers.visit(textOf(row));
          return true;
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
  let isOver = false;
  const decide = (snapshot: Snapshot): WriteBatch | null => {
    if (isOver) {
      throw new StoreError("failed", "the store decides again after its transaction was over");
    }
    const batch = decided(answers, textOf(snapshot));
    return batch === undefined ? null : (JSON.parse(batch) as WriteBatch);
  };
  try {
    if (store.transact === undefined) {
      await attempts(wanted, decide, store);
    } else {
      await store.transact(wanted, decide);
    }
  } finally {
    isOver = true;
  }
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
    }
  }
  throw new StoreError("conflict", `others were faster ${ATTEMPTS_MAX} times`);
}

/** A store's answer as text. */
export function textOf(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) {
    throw new StoreError("corrupted", "the store answered nothing");
  }
  return text;
}

/** What a store threw, as kind and reason. */
export function failure(thrown: unknown): [kind: StoreErrorKind, reason: string] {
  if (thrown instanceof StoreError) {
    return [thrown.kind, thrown.message];
  }
  return ["failed", thrown instanceof Error ? thrown.message : `the store threw ${String(thrown)}`];
}
