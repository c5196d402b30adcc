/** The scan: movements in key order, streamed row by row in one view. */
import { Buffer } from "node:buffer";
import { type MovementKey, type ScanRange, type ScanRow, sortKey } from "../store.js";
import { readEntryAt, walkChain } from "./chain.js";
import type { Columns } from "./columns.js";
import type { Connection } from "./connection.js";
import { attempt, Damage } from "./errors.js";
import { findHolder, orgNumber } from "./load.js";
import { makeKey, readMovement, readRefund, type StoredMovement } from "./rows.js";
import {
  LAST_ENTRY,
  LAST_POSITION,
  LOAD_REFUND_OF_MOVEMENT,
  NEXT_MOVEMENTS,
  NEXT_MOVEMENTS_AFTER,
  NEXT_ORGS,
  ONE_MOVEMENT,
} from "./statements.js";
import { type Counts, movementNamed, visitStrays } from "./strays.js";
import { uuidBytes } from "./values.js";

/** Is shown each row; answers whether the scan goes on. */
export type Visit = (row: ScanRow) => boolean;

/** Visits what lies in the range. The connection must be in a transaction. */
export function scan(connection: Connection, range: ScanRange, visit: Visit): number {
  // The first read fixes the view.
  const last = connection.one(LAST_POSITION).integer();
  const scanner = new Scanner(connection, range, visit);
  const isFull = range.org_id === null && range.only === null && range.after === null;
  if (scanner.movements() && isFull) {
    visitStrays(connection, range, scanner.counts, visit);
  }
  return Math.max(Number(last), 0);
}

function isBehind(key: MovementKey, after: MovementKey | null): boolean {
  return after === null || Buffer.compare(sortKey(key), sortKey(after)) > 0;
}

/** Each method answers whether the scan goes on. */
class Scanner {
  readonly counts: Counts = { movements: 0, entries: 0, refunds: 0 };
  readonly #connection: Connection;
  readonly #range: ScanRange;
  readonly #visit: Visit;

  constructor(connection: Connection, range: ScanRange, visit: Visit) {
    this.#connection = connection;
    this.#range = range;
    this.#visit = visit;
  }

  movements(): boolean {
    const { org_id, only, after } = this.#range;
    if (only !== null) {
      return this.#only(only);
    }
    for (const columns of this.#connection.rows(NEXT_ORGS, org_id ?? "", after?.org_id ?? "")) {
      const number = columns.integer();
      const name = nameOf(columns);
      if (org_id !== null && name !== org_id) {
        break;
      }
      const goesOn =
        after !== null && after.org_id === name
          ? this.#movementsOf(name, NEXT_MOVEMENTS_AFTER, number, after.subscription_id, after.movement_id)
          : this.#movementsOf(name, NEXT_MOVEMENTS, number);
      if (!goesOn) {
        return false;
      }
    }
    return true;
  }

  #only(key: MovementKey): boolean {
    const { org_id, after } = this.#range;
    if ((org_id !== null && org_id !== key.org_id) || !isBehind(key, after)) {
      return true;
    }
    const org = orgNumber(this.#connection, key.org_id);
    return (
      org === null || this.#movementsOf(key.org_id, ONE_MOVEMENT, org, key.subscription_id, key.movement_id)
    );
  }

  #movementsOf(orgName: string, sql: string, ...values: (bigint | string)[]): boolean {
    for (const columns of this.#connection.rows(sql, ...values)) {
      this.counts.movements += 1;
      if (!this.#movement(orgName, columns)) {
        return false;
      }
    }
    return true;
  }

  #movement(orgName: string, columns: Columns): boolean {
    const number = columns.integer();
    const key = attempt(() => makeKey(orgName, columns.text(), columns.text()));
    if (key instanceof Damage) {
      // Its entries and refunds can't be told from those of the movement before, so they are not
      // visited. What it was called is in its journal.
      const last = this.#connection.get(LAST_ENTRY, number);
      return this.#invalid(last === null ? null : movementNamed(last), key);
    }
    const found = attempt(() => readMovement(columns, key) ?? columns.fault());
    if (found instanceof Damage) {
      return this.#invalid(key, found);
    }
    if (!this.#visit({ kind: "movement", row: found.row, text: found.text })) {
      return false;
    }
    return !(this.#range.entries || this.#range.refunds) || this.#chain(found, key);
  }

  #chain(of: StoredMovement, key: MovementKey): boolean {
    const { positions, broken } = walkChain(this.#connection, of.number, of.chainPosition);
    if (broken !== null && !this.#invalid(key, broken)) {
      return false;
    }
    const refunds = new Set<string>();
    for (const position of positions) {
      this.counts.entries += 1;
      const entry = attempt(() => readEntryAt(this.#connection, position, key));
      if (entry instanceof Damage) {
        if (!this.#invalid(key, entry)) {
          return false;
        }
        continue;
      }
      if (this.#range.entries && !this.#visit({ kind: "entry", position: Number(position), ...entry })) {
        return false;
      }
      if (this.#range.refunds && entry.owner !== null) {
        refunds.add(entry.owner);
      }
    }
    return [...refunds].sort().every((id) => this.#refund(id, of, key));
  }

  #refund(id: string, of: StoredMovement, key: MovementKey): boolean {
    const columns = this.#connection.get(LOAD_REFUND_OF_MOVEMENT, uuidBytes(id));
    if (columns === null) {
      // Whoever compares with the journal sees that it is missing.
      return true;
    }
    this.counts.refunds += 1;
    const found = attempt(() => readRefund(columns, key));
    if (found instanceof Damage) {
      return this.#invalid(key, found);
    }
    if (found.org !== of.org || found.movement !== of.number) {
      return this.#invalid(key, new Damage(`refund ${id}: it is filed under another movement or org`));
    }
    const { row, text } = found;
    const holder = row.external_id === null ? null : findHolder(this.#connection, of.org, row.external_id);
    return this.#visit({ kind: "refund", row, text, holder });
  }

  /** Visits what is damaged. */
  #invalid(movement: MovementKey | null, damage: Damage): boolean {
    return this.#visit({ kind: "invalid", movement, reason: damage.message });
  }
}

/** An org without a readable name has no movement with a readable key: each is visited as invalid. */
function nameOf(columns: Columns): string {
  const name = attempt(() => columns.text());
  return name instanceof Damage ? "" : name;
}
