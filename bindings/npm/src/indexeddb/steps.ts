/**
 * Work inside one IndexedDB transaction, written as a generator.
 *
 * A transaction lives only as long as requests are made from its own callbacks. A generator yields
 * the request that it needs answered next and goes on in that request's callback, so work reads from
 * top to bottom and nothing can be awaited in between.
 *
 * @module
 */
import type { StoreError } from "../store.js";
import { abortError, lostError, requestError } from "./errors.js";

/** Work that yields each request whose answer it needs before it goes on. */
export type Steps<T> = Generator<IDBRequest, T, void>;

/**
 * Waits for the answer of a request; requests that were made before the wait run back to back. Throws
 * `taken` where another row has a unique key of the row that was to be written.
 */
export function* answer<T>(request: IDBRequest<T>, taken?: StoreError): Steps<T> {
  yield request;
  if (request.error) {
    throw request.error.name === "ConstraintError" && taken !== undefined
      ? taken
      : requestError(request.error);
  }
  return request.result;
}

type Outcome<T> = { ok: true; value: T } | { ok: false; thrown: unknown };

/**
 * Runs the steps in a transaction that was just begun, and settles once the transaction has: with
 * what the steps returned once it is complete, or with the very value that they threw, which aborts
 * it, so that nothing is written.
 */
export function run<T>(transaction: IDBTransaction, steps: Steps<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let outcome: Outcome<T> | null = null;
    const advance = (): void => {
      try {
        let step = steps.next();
        while (!step.done && step.value.readyState === "done") {
          step = steps.next();
        }
        if (step.done) {
          outcome = { ok: true, value: step.value };
        } else {
          waitFor(step.value, advance);
        }
      } catch (thrown) {
        outcome = { ok: false, thrown };
        abort(transaction);
      }
    };
    const fail = (reason: (isCommitting: boolean) => StoreError): void => {
      transaction.db.removeEventListener("close", onClose);
      if (outcome !== null && !outcome.ok) {
        reject(outcome.thrown);
      } else {
        reject(reason(outcome !== null && transaction.mode === "readwrite"));
      }
    };
    // Where Chromium closes a connection by itself, it does not always say what becomes of a transaction.
    const onClose = (): void => fail(lostError);
    transaction.db.addEventListener("close", onClose);
    transaction.onabort = () => fail((isCommitting) => abortError(transaction.error, isCommitting));
    transaction.oncomplete = () => {
      transaction.db.removeEventListener("close", onClose);
      if (outcome?.ok) {
        resolve(outcome.value);
      } else {
        fail(lostError);
      }
    };
    advance();
  });
}

function waitFor(request: IDBRequest, advance: () => void): void {
  request.onsuccess = advance;
  request.onerror = () => {
    // Requests fail with this where the transaction is being aborted; its own event tells why.
    if (request.error?.name !== "AbortError") {
      advance();
    }
  };
}

function abort(transaction: IDBTransaction): void {
  try {
    transaction.abort();
  } catch {
    // The browser is aborting it already.
  }
}
