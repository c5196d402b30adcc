/** Reading what a decision needs. */
import { type ByOwner, byOwner, entriesOf } from "../chains.js";
import type {
  FoundMovement,
  FoundRefund,
  MovementKey,
  ReadSet,
  RefundLookup,
  Snapshot,
} from "../store.js";
import { readEntryAt, wholeChain } from "./chain.js";
import type { Connection } from "./connection.js";
import { readKey, readMovement, readRefund, type StoredMovement, type StoredRefund } from "./rows.js";
import {
  CHAIN_POSITION,
  HOLDER,
  LOAD_CREATION,
  LOAD_MOVEMENT,
  LOAD_REFUND,
  ORG_NUMBER,
} from "./statements.js";
import { uuidBytes } from "./values.js";

/** What a load found beyond the snapshot, and what stays true as long as the write lock is held. */
export interface Known {
  /** The numbers of orgs, by name. */
  orgs: Map<string, bigint>;
  /** By {@link keyText}. */
  movements: Map<string, StoredMovement>;
  /** Where the descriptions of refunds are, by id. */
  texts: Map<string, { sequence: number; position: bigint }>;
}

export function nothingKnown(): Known {
  return { orgs: new Map(), movements: new Map(), texts: new Map() };
}

/** A movement's key as the key of a map. No id contains a NUL. */
export function keyText(key: MovementKey): string {
  return `${key.org_id}\0${key.subscription_id}\0${key.movement_id}`;
}

/** The number of an org, where there is such an org. */
export function orgNumber(connection: Connection, name: string): bigint | null {
  return connection.get(ORG_NUMBER, name)?.integer() ?? null;
}

/** The refund with this id, of any org. */
export function findRefund(connection: Connection, id: string): StoredRefund | null {
  const columns = connection.get(LOAD_REFUND, uuidBytes(id));
  return columns === null ? null : readRefund(columns, readKey(columns));
}

/** Whoever holds an external id in the org with this number. */
export function findHolder(connection: Connection, org: bigint, externalId: string): string | null {
  return connection.get(HOLDER, org, externalId)?.optionalRefundId() ?? null;
}

/** Everything that is wanted. The connection must be in a transaction. */
export function load(connection: Connection, wanted: ReadSet): { snapshot: Snapshot; known: Known } {
  const loader = new Loader(connection);
  return { snapshot: loader.load(wanted), known: loader.known };
}

class Loader {
  readonly known = nothingKnown();
  readonly #connection: Connection;
  /** The chains that past revisions were looked for in, by movement and owner. */
  readonly #chains = new Map<bigint, ByOwner>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  load(wanted: ReadSet): Snapshot {
    const [key] = wanted.movements;
    const [lookup] = wanted.refunds;
    const isCreation = wanted.movements.length === 1 && wanted.refunds.length === 1;
    if (isCreation && key && lookup && lookup.external_id !== null && lookup.org_id === key.org_id) {
      return this.#creation(key, lookup, lookup.external_id);
    }
    return {
      movements: wanted.movements.map((wantedKey) => this.#movement(wantedKey)),
      refunds: wanted.refunds.map((wantedRefund) => this.#refund(wantedRefund, this.#idOf(wantedRefund))),
    };
  }

  #creation(key: MovementKey, lookup: RefundLookup, externalId: string): Snapshot {
    const { org_id, subscription_id, movement_id } = key;
    const columns = this.#connection.get(LOAD_CREATION, subscription_id, movement_id, externalId, org_id);
    if (columns === null) {
      return { movements: [null], refunds: [null] };
    }
    this.known.orgs.set(org_id, columns.integer());
    const holder = columns.optionalRefundId();
    const movement = this.#keep(key, readMovement(columns, key));
    return { movements: [movement], refunds: [this.#refund(lookup, holder)] };
  }

  #keep(key: MovementKey, found: StoredMovement | null): FoundMovement | null {
    if (found === null) {
      return null;
    }
    this.known.movements.set(keyText(key), found);
    return { row: found.row, text: found.text };
  }

  #org(name: string): bigint | null {
    const known = this.known.orgs.get(name);
    if (known !== undefined) {
      return known;
    }
    const number = orgNumber(this.#connection, name);
    if (number !== null) {
      this.known.orgs.set(name, number);
    }
    return number;
  }

  #movement(key: MovementKey): FoundMovement | null {
    const org = this.#org(key.org_id);
    if (org === null) {
      return null;
    }
    const columns = this.#connection.get(LOAD_MOVEMENT, org, key.subscription_id, key.movement_id);
    return columns === null ? null : this.#keep(key, readMovement(columns, key));
  }

  #idOf(lookup: RefundLookup): string | null {
    const org = this.#org(lookup.org_id);
    if (org === null) {
      return null;
    }
    if (lookup.external_id === null) {
      return lookup.id;
    }
    // Most external ids are looked for in vain, and their index alone tells that.
    return findHolder(this.#connection, org, lookup.external_id);
  }

  #refund(lookup: RefundLookup, id: string | null): FoundRefund | null {
    const found = id === null ? null : findRefund(this.#connection, id);
    if (found === null || found.org !== this.known.orgs.get(lookup.org_id)) {
      return null;
    }
    const { row, text } = found;
    this.known.texts.set(row.id, { sequence: row.text_sequence, position: found.textPosition });
    const isPastWanted = lookup.revisions.some((revision) => revision !== row.revision);
    return { row, text, chain: isPastWanted ? entriesOf(this.#chain(found), row.id) : [] };
  }

  #chain(of: StoredRefund): ByOwner {
    let chain = this.#chains.get(of.movement);
    if (chain === undefined) {
      const end = this.#connection.one(CHAIN_POSITION, of.movement).integer();
      const entries = wholeChain(this.#connection, of.movement, end).map((position) =>
        readEntryAt(this.#connection, position, of.row),
      );
      chain = byOwner(entries);
      this.#chains.set(of.movement, chain);
    }
    return chain;
  }
}
