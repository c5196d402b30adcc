/** Batches for one ledger, made of the rows of another one. */
import type { EntryRow, Erasure, MovementRow, Precondition, RefundRow, WriteBatch } from "../../src/store.js";
import type { SqliteStore } from "../../src/sqlite.js";
import { keyOf } from "./rows.js";

/** What the fifth byte of an entry says where it erases texts. */
const TEXT_ERASED = 5;

function erasures(entries: readonly EntryRow[]): Erasure[] {
  return entries
    .filter(({ bytes }) => Number.parseInt(bytes.slice(8, 10), 16) === TEXT_ERASED)
    .map((entry) => ({ ...keyOf(entry), owner: entry.owner, through_sequence: entry.sequence }));
}

/**
 * What brings `target` to where `source` is: every entry that it lacks, with the rows as they are now.
 * `target` must hold what `source` held before.
 */
export function difference(source: SqliteStore, target: SqliteStore): WriteBatch {
  const known = target.journal(0, 1_000_000).length;
  const entries = source.journal(known, 1_000_000).map(({ position: _, ...entry }) => entry);
  const movements = new Map<string, MovementRow>();
  const refunds = new Map<string, RefundRow>();
  const preconditions: Precondition[] = [];
  for (const entry of entries) {
    const key = keyOf(entry);
    const refund = { org_id: key.org_id, id: entry.owner ?? "", external_id: null, revisions: [] };
    const wanted = { movements: [key], refunds: entry.owner === null ? [] : [refund] };
    const now = source.load(wanted);
    const before = target.load(wanted);
    const row = now.movements[0]?.row;
    const name = JSON.stringify(key);
    if (row !== undefined && !movements.has(name)) {
      movements.set(name, row);
      const version = before.movements[0]?.row.chain_length ?? 0;
      preconditions.push({ kind: "movement_at", ...key, version });
    }
    const refundRow = now.refunds[0]?.row;
    if (refundRow !== undefined && !refunds.has(refundRow.id)) {
      refunds.set(refundRow.id, refundRow);
      if (before.refunds[0] === null && refundRow.external_id !== null) {
        const { org_id, external_id } = refundRow;
        preconditions.push({ kind: "external_id_free", org_id, external_id });
      }
    }
  }
  const isNew = (id: string, org_id: string): boolean =>
    target.load({ movements: [], refunds: [{ org_id, id, external_id: null, revisions: [] }] }).refunds[0] ===
    null;
  return {
    preconditions,
    movements: [...movements.values()],
    refunds: [...refunds.values()].map((row) => ({ insert: isNew(row.id, row.org_id), row })),
    entries,
    erasures: erasures(entries),
  };
}
