/**
 * Reconciliation: why a provider's or bank's statement does not agree with the ledger. Nothing is sent
 * anywhere.
 *
 * ```ts
 * import { reconcile } from "refund-ledger/reconcile";
 *
 * const found = await reconcile({ source: "stripe", statement: file, ledger });
 * console.log(found.report.totals, found.report.breaks);
 * ```
 *
 * @module
 */
import { free, guarded, internalError, invalidField } from "./errors.js";
import { isExporting, piecesOf, piecesOfLedger } from "./reconcile/content.js";
import { reconcileModule } from "./reconcile/module.js";
import { listenDuring } from "./reconcile/progress.js";
import { checkedRequest, optionsText, titleText } from "./reconcile/request.js";
import type { FileContent, ReconcileReport, ReconcileRequest, ReportTitle } from "./reconcile/types.js";
import { type Found, Work } from "./wasm/reconcile.js";

export { RefundLedgerError, type RefundLedgerErrorFields } from "./errors.js";
export type * from "./reconcile/types.js";
export type { WasmSource } from "./wasm-source.js";

let reconciled: (found: Found) => Reconciled;

// A program may have put timers of its own in its place by the time that it calls.
const { setTimeout } = globalThis;

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve);
  });
}

/** What was found, in its forms. */
export class Reconciled {
  #held: Found | undefined;
  #report: ReconcileReport | undefined;

  static {
    reconciled = (found) => new Reconciled(found);
  }

  private constructor(found: Found) {
    this.#held = found;
  }

  #ask<T>(ask: (found: Found) => T): T {
    const found = this.#held;
    if (found === undefined) {
      throw internalError("the report is closed; reconcile anew");
    }
    return guarded(() => ask(found));
  }

  /**
   * Gives back the memory that it holds in the module; its forms can't be had any more. Without this it is given
   * back some time after nothing refers to it: a program that makes many reports in a row calls it.
   */
  close(): void {
    if (this.#held !== undefined) {
      free(this.#held);
      this.#held = undefined;
    }
  }

  /** Whose refunds were compared; `undefined` where the ledger holds none. */
  get org_id(): string | undefined {
    return this.#ask((found) => found.org());
  }

  /** Everything that was found. */
  get report(): ReconcileReport {
    this.#report ??= JSON.parse(this.json()) as ReconcileReport;
    return this.#report;
  }

  /** The report for programs: the text of `refunds reconcile --report FILE.json`. */
  json(): string {
    return this.#ask((found) => found.json());
  }

  /** The breaks for spreadsheets: the text of `--report FILE.csv`. */
  csv(): string {
    return this.#ask((found) => found.csv());
  }

  /** The report for people: one page that needs neither network nor scripts, the text of `--report FILE.html`. */
  html(title: ReportTitle = {}): string {
    const text = titleText(title);
    return this.#ask((found) => found.html(text));
  }
}

/**
 * Compares a statement with a ledger. It reads the files on the thread that it is called on, which long ones
 * keep busy: a page calls it in a worker.
 *
 * @throws `invalid_request` that names the option or file (`source`, `map`, `keys`, `ledger`, `org_id`,
 * `statement`) and says what is wrong with it; `internal` where the module can't be loaded; what the ledger
 * throws. A line of the statement that can't be read is no error: the report has it.
 */
export async function reconcile(request: ReconcileRequest): Promise<Reconciled> {
  const given = checkedRequest(request);
  const options = optionsText(given);
  await reconcileModule.load(given.wasm);
  // Engines give back what collected reports hold between two turns, and in-memory files make none.
  await nextTurn();
  const work = guarded(() => new Work(options));
  try {
    if (given.keys !== undefined) {
      await readKeys(work, given.keys);
    }
    await readLedger(work, given);
    await readStatement(work, given);
    given.onProgress?.({ part: "matching" });
    return reconciled(guarded(() => work.compare()));
  } catch (thrown) {
    free(work);
    throw thrown;
  }
}

async function readKeys(work: Work, keys: FileContent): Promise<void> {
  for await (const piece of piecesOf(keys, "keys")) {
    handOver("keys", () => {
      work.addReferences(piece);
    });
  }
  guarded(() => {
    work.readReferences();
  });
}

async function readLedger(work: Work, { ledger, onProgress }: ReconcileRequest): Promise<void> {
  const isLedger = isExporting(ledger);
  for await (const piece of isLedger ? piecesOfLedger(ledger) : piecesOf(ledger, "ledger")) {
    const lines = guarded(() => work.addLedger(piece));
    onProgress?.({ part: "ledger", lines });
  }
  guarded(() => {
    work.endLedger(!isLedger);
  });
}

async function readStatement(work: Work, { statement, onProgress }: ReconcileRequest): Promise<void> {
  let bytes_total = 0;
  for await (const piece of piecesOf(statement, "statement")) {
    handOver("statement", () => {
      work.addStatement(piece);
    });
    bytes_total += piece.length;
  }
  const tell = (bytes: number): void => onProgress?.({ part: "statement", bytes, bytes_total });
  listenDuring(tell, () => {
    guarded(() => {
      work.readStatement();
    });
  });
}

/** Gives the module a piece that it keeps. Only room for it can be missing. */
function handOver(name: string, give: () => void): void {
  try {
    give();
  } catch (cause) {
    throw invalidField(name, "too_long", "is more than the module's memory can hold", { cause });
  }
}
