/** A store in maps: the shortest one that passes the suite. The package's README shows it, to the letter. */
import {
  type EntryRow,
  type JournalRow,
  type ListAfter,
  matches,
  type MovementKey,
  type MovementRow,
  type ReadSet,
  type RefundFilter,
  type RefundPage,
  type RefundRow,
  type RefundStore,
  type ScanRange,
  type ScanRow,
  type Snapshot,
  sortKey,
  StoreError,
  type WriteBatch,
} from "../../src/store.js";

export class MapStore implements RefundStore {
  readonly #movements = new Map<string, MovementRow>();
  readonly #refunds = new Map<string, RefundRow>();
  readonly #externalIds = new Map<string, string>();
  readonly #journal: JournalRow[] = [];
  /** Where the entries of a movement stand in the journal. */
  readonly #chains = new Map<string, number[]>();

  load(wanted: ReadSet): Snapshot {
    return {
      movements: wanted.movements.map((key) => {
        const row = this.#movements.get(nameOf(key));
        return row === undefined ? null : { row, text: this.#entry(row, row.text_sequence) };
      }),
      refunds: wanted.refunds.map(({ org_id, id, external_id, revisions }) => {
        const found = id ?? this.#externalIds.get(JSON.stringify([org_id, external_id]));
        const row = found === undefined ? undefined : this.#refunds.get(found);
        if (row === undefined || row.org_id !== org_id) {
          return null;
        }
        const isPast = revisions.some((revision) => revision !== row.revision);
        const chain = isPast ? this.#chain(row).filter(({ owner }) => owner === row.id) : [];
        return { row, text: this.#entry(row, row.text_sequence), chain };
      }),
    };
  }

  commit(batch: WriteBatch): void {
    const holds = batch.preconditions.every((precondition) =>
      precondition.kind === "movement_at"
        ? (this.#movements.get(nameOf(precondition))?.chain_length ?? 0) === precondition.version
        : !this.#externalIds.has(JSON.stringify([precondition.org_id, precondition.external_id])),
    );
    if (!holds || batch.refunds.some(({ insert, row }) => insert === this.#refunds.has(row.id))) {
      throw new StoreError("conflict", "somebody else was faster");
    }
    for (const row of batch.movements) {
      this.#movements.set(nameOf(row), row);
    }
    for (const { row } of batch.refunds) {
      this.#refunds.set(row.id, row);
      if (row.external_id !== null) {
        this.#externalIds.set(JSON.stringify([row.org_id, row.external_id]), row.id);
      }
    }
    for (const entry of batch.entries) {
      const chain = this.#chains.get(nameOf(entry)) ?? [];
      chain.push(this.#journal.length);
      this.#chains.set(nameOf(entry), chain);
      this.#journal.push({ ...entry, position: this.#journal.length + 1 });
    }
    for (const erasure of batch.erasures) {
      for (const entry of this.#chain(erasure)) {
        if (entry.owner === erasure.owner && entry.sequence <= erasure.through_sequence) {
          this.#journal[entry.position - 1] = { ...entry, salt: null, text: null };
        }
      }
    }
  }

  listRefunds(filter: RefundFilter, after: ListAfter | null, limit: number): RefundPage {
    const place = (refund: ListAfter) => refund.refund_datetime + refund.id;
    const found = [...this.#refunds.values()]
      .filter((row) => matches(filter, row) && (after === null || place(row) > place(after)))
      .sort((a, b) => (place(a) < place(b) ? -1 : 1));
    return {
      items: found.slice(0, limit).map((row) => ({ row, text: this.#entry(row, row.text_sequence) })),
      more: found.length > limit,
    };
  }

  journal(after: number, limit: number): JournalRow[] {
    return this.#journal.slice(after, after + limit);
  }

  scan(range: ScanRange, visit: (row: ScanRow) => boolean): number {
    for (const row of this.#rows(range)) {
      if (!visit(row)) {
        break;
      }
    }
    return this.#journal.length;
  }

  *#rows(range: ScanRange): Generator<ScanRow> {
    const keyed = [...this.#movements.values()].map((row) => ({ row, key: sortKey(row) }));
    keyed.sort((a, b) => compare(a.key, b.key));
    for (const { row, key } of keyed) {
      const isWanted =
        (range.org_id === null || range.org_id === row.org_id) &&
        (range.only === null || nameOf(range.only) === nameOf(row)) &&
        (range.after === null || compare(key, sortKey(range.after)) > 0);
      if (!isWanted) {
        continue;
      }
      yield { kind: "movement", row, text: this.#entry(row, row.text_sequence) };
      if (range.entries) {
        yield* this.#chain(row).map((entry) => ({ kind: "entry" as const, ...entry }));
      }
      if (range.refunds) {
        const refunds = [...this.#refunds.values()].filter((refund) => nameOf(refund) === nameOf(row));
        for (const refund of refunds.sort((a, b) => (a.id < b.id ? -1 : 1))) {
          const holder = this.#externalIds.get(JSON.stringify([refund.org_id, refund.external_id])) ?? null;
          yield { kind: "refund", row: refund, text: this.#entry(refund, refund.text_sequence), holder };
        }
      }
    }
  }

  #chain(key: MovementKey): JournalRow[] {
    return (this.#chains.get(nameOf(key)) ?? []).flatMap((at) => this.#journal[at] ?? []);
  }

  #entry(key: MovementKey, sequence: number): EntryRow {
    const at = this.#chains.get(nameOf(key))?.[sequence - 1];
    const entry = at === undefined ? undefined : this.#journal[at];
    if (entry === undefined) {
      throw new StoreError("corrupted", `the entry ${sequence} of a movement is missing`);
    }
    return entry;
  }
}

function nameOf(key: MovementKey): string {
  return JSON.stringify([key.org_id, key.subscription_id, key.movement_id]);
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const first = a.findIndex((byte, at) => byte !== b[at]);
  return first === -1 ? a.length - b.length : (a[first] ?? 0) - (b[first] ?? -1);
}
