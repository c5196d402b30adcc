/** Where what a batch names is in the tables. */
import { type MovementKey, type RefundRow, StoreError, type WriteBatch } from "../store.js";
import { wholeChain } from "./chain.js";
import type { Connection } from "./connection.js";
import { Damage } from "./errors.js";
import { keyText, type Known, orgNumber } from "./load.js";
import type { StoredMovement } from "./rows.js";
import { INSERT_ORG, LAST_POSITION, MOVEMENT_NUMBER } from "./statements.js";

/** Where a movement is. */
export interface Located {
  number: bigint;
  org: bigint;
  /** The length of its chain before the batch. */
  version: number;
  /** Where its chain ends so far; `null` before the first entry. */
  chainPosition: bigint | null;
}

/** A movement of the batch. */
interface Place {
  /** Not looked for yet where it is `undefined`. */
  located: Located | null | undefined;
  /** Where its entries stand in the batch, by sequence. */
  entries: Map<number, number>;
}

export class Places {
  readonly #connection: Connection;
  readonly #known: Known;
  readonly #places = new Map<string, Place>();
  /** The position that the first entry of the batch gets, or got; the others follow. */
  #firstPosition: bigint | null = null;

  constructor(connection: Connection, batch: WriteBatch, known: Known) {
    this.#connection = connection;
    this.#known = known;
    for (const [at, entry] of batch.entries.entries()) {
      this.#place(entry).entries.set(entry.sequence, at);
    }
  }

  #place(key: MovementKey): Place {
    const text = keyText(key);
    let place = this.#places.get(text);
    if (place === undefined) {
      place = { located: undefined, entries: new Map() };
      this.#places.set(text, place);
    }
    return place;
  }

  /** Where a movement is by now, if there is such a movement. */
  locate(key: MovementKey): Located | null {
    const place = this.#place(key);
    if (place.located === undefined) {
      place.located = this.#lookUp(key);
    }
    return place.located;
  }

  /** Says where a movement is that was new. */
  put(key: MovementKey, located: Located): void {
    this.#place(key).located = located;
  }

  #lookUp(key: MovementKey): Located | null {
    const known = this.known(key);
    if (known !== null) {
      const { number, org, chainPosition, row } = known;
      return { number, org, version: row.chain_length, chainPosition };
    }
    const org = this.org(key.org_id);
    const columns =
      org === null ? null : this.#connection.get(MOVEMENT_NUMBER, org, key.subscription_id, key.movement_id);
    if (org === null || columns === null) {
      return null;
    }
    const number = columns.integer();
    const version = columns.count();
    return { number, org, version, chainPosition: columns.integer() };
  }

  /** How long a movement's chain was before the batch; 0 where there was no such movement. */
  version(key: MovementKey): number {
    return this.locate(key)?.version ?? 0;
  }

  /** What was loaded of a movement. */
  known(key: MovementKey): StoredMovement | null {
    return this.#known.movements.get(keyText(key)) ?? null;
  }

  org(name: string): bigint | null {
    return this.#known.orgs.get(name) ?? orgNumber(this.#connection, name);
  }

  newOrKnownOrg(name: string): bigint {
    const org = this.org(name) ?? this.#connection.insert(INSERT_ORG, name);
    this.#known.orgs.set(name, org);
    return org;
  }

  /** The position that an entry of the batch gets by its place there. `first` is that of the first one. */
  positionOf(at: number, first: bigint): bigint {
    this.#firstPosition ??= first;
    return this.#firstPosition + BigInt(at);
  }

  /**
   * The position that an entry of this batch gets, if it is one of this batch. The row of a movement is
   * written before its entries, which name it.
   */
  positionInBatch(key: MovementKey, sequence: number): bigint | null {
    const at = this.#place(key).entries.get(sequence);
    if (at === undefined) {
      return null;
    }
    this.#firstPosition ??= this.#connection.one(LAST_POSITION).integer() + 1n;
    return this.#firstPosition + BigInt(at);
  }

  /** The position of an entry that was there before. */
  positionBefore(located: Located, sequence: number): bigint {
    const end = located.chainPosition ?? 0n;
    const position = wholeChain(this.#connection, located.number, end)[sequence - 1];
    if (position === undefined) {
      throw new Damage(`entry ${sequence} of a movement's chain is missing, which brought its description`);
    }
    return position;
  }

  /** Where a refund's movement is, and the position of its description. */
  ofRefund(row: RefundRow): { located: Located; textPosition: bigint } {
    const located = this.locate(row);
    if (located === null) {
      const { org_id, subscription_id, movement_id } = row;
      const named = `${org_id}/${subscription_id}/${movement_id}`;
      throw new StoreError("failed", `a refund names no movement: ${named}`);
    }
    const known = this.#known.texts.get(row.id);
    const textPosition =
      this.positionInBatch(row, row.text_sequence) ??
      (known?.sequence === row.text_sequence
        ? known.position
        : this.positionBefore(located, row.text_sequence));
    return { located, textPosition };
  }
}
