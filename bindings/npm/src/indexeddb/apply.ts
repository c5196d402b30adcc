/** Writing a batch: every precondition checked, every row written. Whatever throws undoes all of it. */
import type { EntryRow, Erasure, Precondition, RefundWrite, WriteBatch } from "../rows.js";
import { sortKey, StoreError } from "../store.js";
import { lastPosition } from "./journal.js";
import { answer, type Steps } from "./steps.js";
import { ids, type Tables } from "./tables.js";

/** Checks and applies a batch in a transaction that may write. */
export function* apply(tables: Tables, batch: WriteBatch): Steps<void> {
  yield* checkPreconditions(tables, batch.preconditions);
  yield* checkReplaced(tables, batch.refunds);
  const behindTheEnd = new StoreError(
    "corrupted",
    "the journal goes on behind the end of a movement's chain",
  );
  const idTaken = conflict("a refund's id or external id is taken");
  let position = yield* lastPosition(tables);
  const writes: { request: IDBRequest; taken?: StoreError }[] = [];
  for (const entry of batch.entries) {
    position += 1;
    writes.push({ request: tables.journal.add(entry, position), taken: behindTheEnd });
  }
  for (const { insert, row } of batch.refunds) {
    const request = insert ? tables.refunds.add(row) : tables.refunds.put(row);
    writes.push({ request, taken: idTaken });
  }
  for (const row of batch.movements) {
    writes.push({ request: tables.movements.put(row, sortKey(row)) });
  }
  for (const { request, taken } of writes) {
    yield* answer(request, taken);
  }
  yield* erase(tables, batch.erasures);
}

function conflict(what: string): StoreError {
  return new StoreError("conflict", `the state changed between reading and writing: ${what}`);
}

function* checkPreconditions(tables: Tables, preconditions: Precondition[]): Steps<void> {
  const movements = [];
  const holders = [];
  for (const precondition of preconditions) {
    if (precondition.kind === "movement_at") {
      const request = tables.movements.get(sortKey(precondition));
      movements.push({ request, version: precondition.version });
    } else {
      holders.push(tables.refundsByExternalId.getKey([precondition.external_id, precondition.org_id]));
    }
  }
  for (const { request, version } of movements) {
    const row = yield* answer(request);
    if ((row?.chain_length ?? 0) !== version) {
      throw conflict("a movement has another version");
    }
  }
  for (const request of holders) {
    if ((yield* answer(request)) !== undefined) {
      throw conflict("an external id is taken");
    }
  }
}

/** A refund that is to be replaced must be there: `put` would insert it. */
function* checkReplaced(tables: Tables, refunds: RefundWrite[]): Steps<void> {
  const replaced = refunds.filter(({ insert }) => !insert);
  for (const request of replaced.map(({ row }) => tables.refunds.getKey(row.id))) {
    if ((yield* answer(request)) === undefined) {
      throw conflict("a refund is not there");
    }
  }
}

/** Each chain is walked once, for all that is to be erased in it. */
function* erase(tables: Tables, erasures: readonly Erasure[]): Steps<void> {
  const chains = new Map<string, { movement: string[]; wanted: Map<string | null, number> }>();
  for (const erasure of erasures) {
    const movement = ids(erasure);
    const name = movement.join("\0");
    const chain = chains.get(name) ?? { movement, wanted: new Map<string | null, number>() };
    chain.wanted.set(erasure.owner, Math.max(erasure.through_sequence, chain.wanted.get(erasure.owner) ?? 0));
    chains.set(name, chain);
  }
  for (const { movement, wanted } of chains.values()) {
    const range = IDBKeyRange.bound(movement, [...movement, [...wanted.values()].reduce((one, other) => Math.max(one, other))]);
    const request = tables.chains.openCursor(range);
    for (let cursor = yield* answer(request); cursor !== null; cursor = yield* answer(request)) {
      const entry: EntryRow = cursor.value;
      if (entry.sequence <= (wanted.get(entry.owner) ?? 0)) {
        cursor.update({ ...entry, salt: null, text: null } satisfies EntryRow);
      }
      cursor.continue();
    }
  }
}
