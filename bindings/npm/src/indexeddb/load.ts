/** Reading what a decision needs. */
import { type ByOwner, byOwner, entriesOf } from "../chains.js";
import type {
  EntryRow,
  FoundMovement,
  FoundRefund,
  MovementKey,
  ReadSet,
  RefundLookup,
  RefundRow,
  Snapshot,
} from "../rows.js";
import { sortKey, StoreError } from "../store.js";
import { answer, type Steps } from "./steps.js";
import { beginsWith, ids, type Tables } from "./tables.js";

/** Everything that is wanted, read as of one transaction. */
export function* load(tables: Tables, wanted: ReadSet): Steps<Snapshot> {
  const movementRows = wanted.movements.map((key) => tables.movements.get(sortKey(key)));
  const refundRows = wanted.refunds.map((lookup) => findRefund(tables, lookup));
  const movements: (FoundMovement | null)[] = [];
  for (const request of movementRows) {
    const row = yield* answer(request);
    movements.push(row === undefined ? null : { row, text: yield* textOf(tables, row) });
  }
  const refunds: (FoundRefund | null)[] = [];
  const chains = new Map<string, ByOwner>();
  for (const [at, { org_id, revisions }] of wanted.refunds.entries()) {
    const request = refundRows[at];
    const row = request && (yield* answer(request));
    if (row === undefined || row.org_id !== org_id) {
      refunds.push(null);
      continue;
    }
    const text = yield* textOf(tables, row);
    const isPastWanted = revisions.some((revision) => revision !== row.revision);
    refunds.push({ row, text, chain: isPastWanted ? yield* chainOf(tables, row, chains) : [] });
  }
  return { movements, refunds };
}

function findRefund(tables: Tables, lookup: RefundLookup): IDBRequest<RefundRow | undefined> | undefined {
  if (lookup.id !== null) {
    return tables.refunds.get(lookup.id);
  }
  if (lookup.external_id !== null) {
    return tables.refundsByExternalId.get([lookup.external_id, lookup.org_id]);
  }
  return undefined;
}

/** The refund's entries. Many refunds may share a movement, whose chain is read once. */
function* chainOf(tables: Tables, refund: RefundRow, known: Map<string, ByOwner>): Steps<EntryRow[]> {
  const name = ids(refund).join("\0");
  const chain = known.get(name) ?? byOwner(yield* answer(tables.chains.getAll(beginsWith(ids(refund)))));
  known.set(name, chain);
  return entriesOf(chain, refund.id);
}

/** What has a description: a movement or a refund. */
type Described = MovementKey & { text_sequence: number };

/** Asks for the entry that brought a description. */
export function requestText(tables: Tables, row: Described): IDBRequest<EntryRow | undefined> {
  // No entry has sequence 0: a row that was tampered with has no text, and its reader says so.
  const sequence = Number.isSafeInteger(row.text_sequence) ? row.text_sequence : 0;
  return tables.chains.get([...ids(row), sequence]);
}

/** What is wrong where there is no such entry. */
export function missingText(row: Described): string {
  return `entry ${row.text_sequence} of a movement's chain is missing, which brought a description`;
}

/** The entry, which must be there. */
export function requireText(row: Described, text: EntryRow | undefined): EntryRow {
  if (text === undefined) {
    throw new StoreError("corrupted", missingText(row));
  }
  return text;
}

function* textOf(tables: Tables, row: Described): Steps<EntryRow> {
  return requireText(row, yield* answer(requestText(tables, row)));
}
