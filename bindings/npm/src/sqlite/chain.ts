/** A movement's chain, walked from its last entry back to its first. */
import type { EntryRow, MovementKey } from "../store.js";
import type { Connection } from "./connection.js";
import { Damage } from "./errors.js";
import { readRecord } from "./rows.js";
import { LINK, LOAD_ENTRY } from "./statements.js";

/** The positions of a chain's entries, as far back as they are linked. */
export interface Chain {
  /** In order of sequence. */
  positions: bigint[];
  /** Why the walk ended before the chain's first entry, where it did. */
  broken: Damage | null;
}

/** The chain of the movement with this number, which ends at a position. */
export function walkChain(connection: Connection, movement: bigint, end: bigint): Chain {
  const positions: bigint[] = [];
  let broken: Damage | null = null;
  let next: bigint | null = end;
  while (next !== null) {
    const at: bigint = next;
    const link = connection.get(LINK, at);
    next = null;
    if (link === null) {
      broken = new Damage(`position ${at}, in its chain, holds no entry`);
    } else if (link.integer() !== movement) {
      broken = new Damage(`position ${at}, in its chain, is another movement's`);
    } else {
      positions.push(at);
      const previous = link.optionalInteger();
      // Positions descend, so that every walk comes to an end.
      next = previous !== null && previous < at ? previous : null;
    }
  }
  return { positions: positions.reverse(), broken };
}

/** The positions of a chain that must be whole. */
export function wholeChain(connection: Connection, movement: bigint, end: bigint): bigint[] {
  const { positions, broken } = walkChain(connection, movement, end);
  if (broken !== null) {
    throw broken;
  }
  return positions;
}

/** The entry at a position of a movement's chain. */
export function readEntryAt(connection: Connection, position: bigint, key: MovementKey): EntryRow {
  const columns = connection.get(LOAD_ENTRY, position);
  if (columns === null) {
    throw new Damage(`position ${position}, in its chain, holds no entry`);
  }
  return readRecord(columns, key).entry;
}
