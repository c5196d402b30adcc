/**
 * What a store may need to know of an entry's bytes, which it does not read itself.
 *
 * This is a place holder: the functions are the core's, and come with the WebAssembly module.
 *
 * @module
 */
import type { MovementKey } from "./store.js";

/**
 * The refund whose text a journal entry of these bytes (in hexadecimal digits) may bring; `null` for a
 * movement's own, and where they are the bytes of no entry.
 */
export function textOwner(bytes: string): string | null {
  throw new Error(`who owns ${bytes} is known to the WebAssembly module, which is not there yet`);
}

/** The movement that a journal entry of these bytes names; `null` where they are the bytes of no entry. */
export function entryMovement(bytes: string): MovementKey | null {
  throw new Error(`what ${bytes} names is known to the WebAssembly module, which is not there yet`);
}
