/**
 * Writing a batch: every precondition checked, every row written, or nothing kept.
 *
 * All of this runs under the write lock, inside the caller's transaction.
 */
import { entryMovement, textOwner } from "../owner.js";
import {
  type EntryRow,
  type Erasure,
  type MovementKey,
  type RefundRow,
  type RefundWrite,
  StoreError,
  type WriteBatch,
} from "../store.js";
import { refundContent } from "./bind.js";
import { wholeChain } from "./chain.js";
import type { Connection } from "./connection.js";
import { conflict, Damage } from "./errors.js";
import { findHolder, keyText, type Known } from "./load.js";
import { insertMovements, updateMovements } from "./movements.js";
import { Places } from "./places.js";
import { ERASE_TEXT, INSERT_ENTRY, INSERT_REFUND, ONLY_TEXT, TEXT, UPDATE_REFUND } from "./statements.js";
import { unhex, uuidBytes } from "./values.js";

/** Checks and applies a batch. `known` is what was loaded under the same lock. */
export function apply(connection: Connection, batch: WriteBatch, known: Known): void {
  const places = new Places(connection, batch, known);
  checkPreconditions(connection, batch, places);
  const versions = versionsWanted(batch, places);
  insertMovements(connection, batch, versions, places);
  appendEntries(connection, batch.entries, places);
  updateMovements(connection, batch, versions, places);
  putRefunds(connection, batch.refunds, places);
  erase(connection, batch.erasures, places);
}

function broken(what: string, key: MovementKey): StoreError {
  const { org_id, subscription_id, movement_id } = key;
  return new StoreError("failed", `${what}: ${org_id}/${subscription_id}/${movement_id}`);
}

/**
 * Checks what the writes don't check themselves: a movement's row is written only at the version of its
 * precondition, and a refund's external id is kept unique by its index.
 */
function checkPreconditions(connection: Connection, batch: WriteBatch, places: Places): void {
  const written = new Set(batch.movements.map(keyText));
  const inserted = new Set<string>();
  for (const { insert, row } of batch.refunds) {
    if (insert && row.external_id !== null) {
      inserted.add(`${row.org_id}\0${row.external_id}`);
    }
  }
  for (const precondition of batch.preconditions) {
    if (precondition.kind === "movement_at") {
      if (!written.has(keyText(precondition)) && places.version(precondition) !== precondition.version) {
        throw conflict();
      }
      continue;
    }
    const { org_id, external_id } = precondition;
    if (inserted.has(`${org_id}\0${external_id}`)) {
      continue;
    }
    const org = places.org(org_id);
    if (org !== null && findHolder(connection, org, external_id) !== null) {
      throw conflict();
    }
  }
}

/** The version at which each movement of the batch must be: 0 for a new one. */
function versionsWanted(batch: WriteBatch, places: Places): number[] {
  const wanted = new Map<string, number>();
  for (const precondition of batch.preconditions) {
    if (precondition.kind === "movement_at") {
      wanted.set(keyText(precondition), precondition.version);
    }
  }
  return batch.movements.map((row) => wanted.get(keyText(row)) ?? places.version(row));
}

function appendEntries(connection: Connection, entries: readonly EntryRow[], places: Places): void {
  for (const [at, entry] of entries.entries()) {
    const located = places.locate(entry);
    if (located === null) {
      throw broken("an entry names no movement", entry);
    }
    const position = connection.insert(
      INSERT_ENTRY,
      located.number,
      entry.sequence,
      located.chainPosition,
      unhex(entry.bytes),
      entry.salt === null ? null : unhex(entry.salt),
      entry.text,
    );
    if (position !== places.positionOf(at, position)) {
      // SQLite takes any free number once the largest is taken.
      throw new Damage("the journal's positions have gaps");
    }
    located.chainPosition = position;
  }
}

function putRefunds(connection: Connection, refunds: readonly RefundWrite[], places: Places): void {
  const inserts: RefundRow[] = [];
  for (const { insert, row } of refunds) {
    if (insert) {
      inserts.push(row);
    } else {
      replaceRefund(connection, row, places);
    }
  }
  // The table is ordered by id, and rows that come in its order go in fastest.
  inserts.sort((a, b) => (a.id < b.id ? -1 : 1));
  for (const row of inserts) {
    insertRefund(connection, row, places);
  }
}

function insertRefund(connection: Connection, row: RefundRow, places: Places): void {
  const { located, textPosition } = places.ofRefund(row);
  connection.run(
    INSERT_REFUND,
    uuidBytes(row.id),
    located.org,
    located.number,
    row.external_id,
    row.external_id === null ? null : Number(row.external_id_is_key),
    ...refundContent(row, textPosition),
  );
}

function replaceRefund(connection: Connection, row: RefundRow, places: Places): void {
  const { located, textPosition } = places.ofRefund(row);
  const content = refundContent(row, textPosition);
  if (connection.run(UPDATE_REFUND, ...content, uuidBytes(row.id), located.number) !== 1) {
    throw conflict();
  }
}

/**
 * Most refunds are never updated, and their row knows where their one text is. Those of others, and of
 * movements, may be anywhere in the chain, which is walked once for all of them: the time grows with its
 * length.
 */
function erase(connection: Connection, erasures: readonly Erasure[], places: Places): void {
  const chains = new Map<bigint, { end: bigint; wanted: Erasures }>();
  for (const erasure of erasures) {
    const located = places.locate(erasure);
    const end = located?.chainPosition ?? null;
    if (located === null || end === null) {
      continue;
    }
    const { number } = located;
    const wanted: Erasures = new Map([[erasure.owner, erasure.through_sequence]]);
    const only = erasure.owner === null ? null : onlyText(connection, erasure.owner);
    if (only !== null && eraseAt(connection, only, number, wanted)) {
      continue;
    }
    const chain = chains.get(number) ?? { end, wanted: new Map() };
    chain.wanted.set(erasure.owner, Math.max(erasure.through_sequence, chain.wanted.get(erasure.owner) ?? 0));
    chains.set(number, chain);
  }
  for (const [number, { end, wanted }] of chains) {
    for (const position of wholeChain(connection, number, end)) {
      eraseAt(connection, position, number, wanted);
    }
  }
}

/** Up to which sequence the texts of an owner are erased. */
type Erasures = Map<string | null, number>;

/** Where the text of a refund is that has had only one. */
function onlyText(connection: Connection, refund: string): bigint | null {
  return connection.get(ONLY_TEXT, uuidBytes(refund))?.integer() ?? null;
}

/** Erases the text of an entry, where it has one and an erasure means it. */
function eraseAt(connection: Connection, position: bigint, movement: bigint, wanted: Erasures): boolean {
  const columns = connection.get(TEXT, position, movement);
  if (columns === null) {
    return false;
  }
  const sequence = columns.count();
  const bytes = columns.bytes();
  const owner = textOwner(bytes);
  const through = wanted.get(owner);
  if (through === undefined || sequence > through) {
    return false;
  }
  if (owner === null && entryMovement(bytes) === null) {
    throw new Damage(`the journal entry at position ${position} can't be read: its text may be anybody's`);
  }
  connection.run(ERASE_TEXT, position);
  return true;
}
