/** A movement's chain, by what its entries are about. @module */
import type { EntryRow } from "./rows.js";

/** The entries about each refund, and under `null` those about the movement and those that can't be read. */
export type ByOwner = ReadonlyMap<string | null, readonly EntryRow[]>;

export function byOwner(chain: readonly EntryRow[]): ByOwner {
  const grouped = new Map<string | null, EntryRow[]>();
  for (const entry of chain) {
    const known = grouped.get(entry.owner);
    if (known === undefined) {
      grouped.set(entry.owner, [entry]);
    } else {
      known.push(entry);
    }
  }
  return grouped;
}

/** The entries about a refund. Those that can't be read may be, too: whoever reads them says so. */
export function entriesOf(chain: ByOwner, refund: string): EntryRow[] {
  return [...(chain.get(null) ?? []), ...(chain.get(refund) ?? [])];
}
