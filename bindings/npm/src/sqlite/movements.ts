/**
 * The movements of a batch: new rows before their entries, which refer to them; the others behind, when
 * it is known where their chains end.
 */
import { type MovementRow, StoreError, type WriteBatch } from "../store.js";
import { movementContent, movementSums } from "./bind.js";
import type { Connection } from "./connection.js";
import { conflict } from "./errors.js";
import type { Located, Places } from "./places.js";
import { INSERT_MOVEMENT, UPDATE_MOVEMENT, UPDATE_MOVEMENT_SUMS } from "./statements.js";

/** Writes the rows of new movements, which their entries refer to. The others must be there. */
export function insertMovements(
  connection: Connection,
  batch: WriteBatch,
  versions: readonly number[],
  places: Places,
): void {
  for (const [at, row] of batch.movements.entries()) {
    const version = versions[at];
    if (version === 0) {
      places.put(row, insertMovement(connection, row, places));
    } else if (places.locate(row)?.version !== version) {
      throw conflict();
    }
  }
}

function insertMovement(connection: Connection, row: MovementRow, places: Places): Located {
  const org = places.newOrKnownOrg(row.org_id);
  const textPosition = places.positionInBatch(row, row.text_sequence);
  const chainPosition = places.positionInBatch(row, row.chain_length);
  if (textPosition === null || chainPosition === null) {
    const named = `${row.org_id}/${row.subscription_id}/${row.movement_id}`;
    throw new StoreError("failed", `the batch records movement ${named} without the entries of its chain`);
  }
  const number = connection.insert(
    INSERT_MOVEMENT,
    org,
    row.subscription_id,
    row.movement_id,
    ...movementContent(row, textPosition),
    ...movementSums(row, chainPosition),
  );
  return { number, org, version: 0, chainPosition: null };
}

/** Writes the rows of the other movements, now that it is known where their chains end. */
export function updateMovements(
  connection: Connection,
  batch: WriteBatch,
  versions: readonly number[],
  places: Places,
): void {
  for (const [at, row] of batch.movements.entries()) {
    const version = versions[at];
    if (version === undefined || version === 0) {
      continue;
    }
    const located = places.locate(row);
    if (located === null || updateMovement(connection, row, version, located, places) !== 1) {
      throw conflict();
    }
  }
}

function updateMovement(
  connection: Connection,
  row: MovementRow,
  version: number,
  located: Located,
  places: Places,
): number {
  const known = places.known(row);
  const sums = movementSums(row, located.chainPosition ?? 0n);
  if (known !== null && hasSameContent(known.row, row)) {
    return connection.run(UPDATE_MOVEMENT_SUMS, ...sums, located.number, version);
  }
  const sequence = row.text_sequence;
  const textPosition =
    known?.row.text_sequence === sequence
      ? known.textPosition
      : (places.positionInBatch(row, sequence) ?? places.positionBefore(located, sequence));
  const content = movementContent(row, textPosition);
  return connection.run(UPDATE_MOVEMENT, ...content, ...sums, located.number, version);
}

/** Whether only the sums and the end of the chain differ from what was loaded. */
function hasSameContent(known: MovementRow, row: MovementRow): boolean {
  return (
    known.occurred_at === row.occurred_at &&
    known.currency === row.currency &&
    known.with_taxes_minor === row.with_taxes_minor &&
    known.without_taxes_minor === row.without_taxes_minor &&
    known.tax_type === row.tax_type &&
    known.tax_ten_thousandths === row.tax_ten_thousandths &&
    known.text_sequence === row.text_sequence &&
    known.recorded_at === row.recorded_at &&
    known.voided === row.voided
  );
}
