/** What a store may need to know of an entry's bytes, which it does not read itself. @module */
import { ledgerModule } from "./module.js";
import type { MovementKey } from "./store.js";
import * as wasm from "./wasm/ledger.js";

/**
 * The refund whose text a journal entry of these bytes (in hexadecimal digits) may bring; `null` for a
 * movement's own, and where they are the bytes of no entry.
 */
export function textOwner(bytes: string): string | null {
  ledgerModule.loadNow();
  return wasm.textOwner(bytes) ?? null;
}

/** The movement that a journal entry of these bytes names; `null` where they are the bytes of no entry. */
export function entryMovement(bytes: string): MovementKey | null {
  ledgerModule.loadNow();
  const key = wasm.entryMovement(bytes);
  return key === undefined ? null : (JSON.parse(key) as MovementKey);
}
