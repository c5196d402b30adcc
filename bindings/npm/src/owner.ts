import { loadNow } from "./module.js";
import { textOwner as ownerOf } from "./wasm/ledger.js";

/** The refund whose text a journal entry of these bytes (in hexadecimal digits) may bring; `null` for a movement's own. */
export function textOwner(bytes: string): string | null {
  loadNow();
  return ownerOf(bytes) ?? null;
}
