/** When a ledger ends: with all that `with` made of it, for they share the store. @module */
import { free, internalError } from "./errors.js";
import type { MaybePromise, RefundStore } from "./store.js";

/** What a ledger holds in the module's memory. */
interface Held {
  free(): void;
}

/** Takes what was collected off a list: the module has freed it by then. */
const collected = new FinalizationRegistry<() => void>((takeOff) => {
  takeOff();
});

/**
 * Counts the calls under way, so that closing waits for them, and refuses those that come later. Once
 * closed, it gives back what all the ledgers hold.
 */
export class Lifetime {
  readonly #store: RefundStore | undefined;
  /** Weakly, since a ledger that was made for one call and dropped is to be collected. */
  readonly #held = new Set<WeakRef<Held>>();
  #underWay = 0;
  #closing: Promise<void> | undefined;
  #drained: (() => void) | undefined;

  constructor(store: RefundStore | undefined) {
    this.#store = store;
  }

  /** @throws {RefundLedgerError} `internal` once the ledger was closed */
  check(): void {
    if (this.#closing !== undefined) {
      throw internalError("the ledger is closed; open another one");
    }
  }

  /** Has closing give this back. */
  hold(held: Held): void {
    const reference = new WeakRef(held);
    this.#held.add(reference);
    collected.register(held, () => this.#held.delete(reference));
  }

  /** Has closing wait for this answer. Nothing is kept of it: it may never come. */
  during<T>(answer: MaybePromise<T>): MaybePromise<T> {
    if (answer instanceof Promise) {
      this.#underWay += 1;
      const done = (): void => {
        this.#underWay -= 1;
        if (this.#underWay === 0) {
          this.#drained?.();
        }
      };
      answer.then(done, done);
    }
    return answer;
  }

  /** Closes the store once the calls under way are answered. The same again waits for the same. */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      // First it is closed to others: the store's own `close` may call the ledger.
      this.#closing = Promise.resolve().then(() => this.#end());
    }
    return this.#closing;
  }

  async #end(): Promise<void> {
    if (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    try {
      await this.#store?.close?.();
    } catch (cause) {
      throw internalError("the store can't be closed", { cause });
    } finally {
      this.#freeAll();
    }
  }

  #freeAll(): void {
    for (const reference of this.#held) {
      const held = reference.deref();
      if (held !== undefined) {
        free(held);
      }
    }
    this.#held.clear();
  }
}
