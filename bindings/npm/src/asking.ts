/** How a ledger asks: the module's own memory at once, or a store in JavaScript in its time. @module */
import { Engine, Verification } from "./wasm/ledger.js";
import { guarded } from "./errors.js";
import type { RestAnswer, RestRequest } from "./ledger.js";
import { drive, failure, scan } from "./session.js";
import type { MaybePromise, RefundStore } from "./store.js";

/** All that a ledger asks. Text in and out is JSON. */
export interface Asking {
  readonly engine: Engine;
  execute(command: string): MaybePromise<string>;
  ask(kind: string, text: string): MaybePromise<string>;
  answer(request: RestRequest): MaybePromise<RestAnswer>;
  verify(head: string | undefined): MaybePromise<string>;
  head(): MaybePromise<string>;
}

/** Asks a ledger in the module's own memory. */
export function inMemory(engine: Engine): Asking {
  return {
    engine,
    execute: (command) => guarded(() => engine.execute(command)),
    ask: (kind, text) => guarded(() => engine.ask(kind, text)),
    answer: ({ head, body, caller }) => ({
      reply: guarded(() => engine.answer(head, body, caller)),
      thrown: undefined,
    }),
    verify: (head) => guarded(() => engine.verify(head)),
    head: () => guarded(() => engine.head()),
  };
}

/** Asks a ledger over a store. */
export function overStore(engine: Engine, store: RefundStore): Asking {
  const ask: Asking["ask"] = async (kind, text) => (await drive(guarded(() => engine.begin(kind, text)), store)).reply;
  return {
    engine,
    execute: (command) => ask("execute", command),
    ask,
    answer: ({ head, body, caller }) => drive(guarded(() => engine.beginAnswer(head, body, caller)), store),
    verify: (head) => proof(store, head, REPORT),
    head: () => proof(store, undefined, HEAD),
  };
}

/** What a scan of everything is for: its end, and what is said where the store fails. */
interface Aim {
  reached(verification: Verification, position: number): string;
  missed(verification: Verification, ...why: ReturnType<typeof failure>): string;
}

const REPORT: Aim = {
  reached: (verification, position) => verification.report(position),
  missed: (verification, kind, reason) => verification.failed(kind, reason),
};

const HEAD: Aim = {
  reached: (verification, position) => verification.head(position),
  missed: (verification, kind, reason) => verification.noHead(kind, reason),
};

async function proof(store: RefundStore, head: string | undefined, aim: Aim): Promise<string> {
  const verification = guarded(() => new Verification(head));
  const everything = { org_id: null, only: null, after: null, entries: true, refunds: true };
  let position: number;
  try {
    position = await scan(store, everything, (row) => {
      verification.visit(row);
    });
  } catch (thrown) {
    return guarded(() => aim.missed(verification, ...failure(thrown)), thrown);
  }
  return guarded(() => aim.reached(verification, position));
}
