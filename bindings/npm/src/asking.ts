/** How a ledger asks: the module's own memory at once, or a store in JavaScript in its time. @module */
import { Engine, Verification } from "./wasm/ledger.js";
import { guarded } from "./errors.js";
import type { RestRequest } from "./ledger.js";
import { drive, failure, textOf } from "./session.js";
import type { RefundStore } from "./store.js";

/** All that a ledger asks. Text in and out is JSON. */
export interface Asking {
  readonly engine: Engine;
  ask(kind: string, text: string): string | Promise<string>;
  answer(request: RestRequest): string | Promise<string>;
  verify(head: string | undefined): string | Promise<string>;
  head(): string | Promise<string>;
}

/** Asks a ledger in the module's own memory. */
export function inMemory(engine: Engine): Asking {
  return {
    engine,
    ask: (kind, text) => guarded(() => engine.ask(kind, text)),
    answer: ({ head, body, caller }) => guarded(() => engine.answer(head, body, caller)),
    verify: (head) => guarded(() => engine.verify(head)),
    head: () => guarded(() => engine.head()),
  };
}

/** Asks a ledger over a store. */
export function overStore(engine: Engine, store: RefundStore): Asking {
  return {
    engine,
    ask: (kind, text) => drive(guarded(() => engine.begin(kind, text)), store),
    answer: ({ head, body, caller }) => drive(guarded(() => engine.beginAnswer(head, body, caller)), store),
    verify: (head) => proof(store, head, (verification, position) => verification.report(position)),
    head: () => proof(store, undefined, (verification, position) => verification.head(position)),
  };
}

async function proof(
  store: RefundStore,
  head: string | undefined,
  finish: (verification: Verification, position: number) => string,
): Promise<string> {
  const verification = guarded(() => new Verification(head));
  const everything = { org_id: null, only: null, after: null, entries: true, refunds: true };
  let position: number;
  try {
    position = await store.scan(everything, (row) => {
      verification.visit(textOf(row));
      return true;
    });
  } catch (thrown) {
    return guarded(() => verification.failed(...failure(thrown)), thrown);
  }
  return guarded(() => finish(verification, position));
}
