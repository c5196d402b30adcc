/** Stores with faults. */
import type { RefundStore, Snapshot, WriteBatch } from "../../src/store.js";
import { MapStore } from "./map-store.js";

export type Method = keyof RefundStore;

/** What a method does in place of the usual, which it can do as well. */
type Fault = (usual: () => unknown, ...given: never[]) => unknown;

export type Faults = Partial<Record<Method, Fault>>;

/** A store in maps with every method but `transact`. */
class FullStore extends MapStore {
  scrub(): void {
    // No file holds what was erased.
  }
  close(): void {
    // Nothing is open.
  }
}

/** One that nobody comes between. */
class LockingStore extends FullStore {
  transact(wanted: Parameters<RefundStore["load"]>[0], decide: (snapshot: Snapshot) => WriteBatch | null): void {
    const batch = decide(this.load(wanted));
    if (batch !== null) {
      this.commit(batch);
    }
  }
}

/** A store whose methods have the faults that are set; `transact` is there where it is wanted. */
export function faulty(has?: "transact"): { store: RefundStore; faults: Faults } {
  const faults: Faults = {};
  const store = new Proxy<RefundStore>(has === "transact" ? new LockingStore() : new FullStore(), {
    get(of, name: Method) {
      const method = of[name] as ((...given: unknown[]) => unknown) | undefined;
      return method && ((...given: never[]) => {
        const usual = (): unknown => method.apply(of, given);
        return faults[name] === undefined ? usual() : faults[name](usual, ...given);
      });
    },
  });
  return { store, faults };
}
