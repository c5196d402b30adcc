/** What is reconciled, and what comes out. @module */
import type { WasmSource } from "../wasm-source.js";

/** Where a statement comes from. `csv` is any table, by a {@link ColumnMap}. */
export type StatementSource = "stripe" | "adyen" | "paypal" | "camt053" | "csv";

/**
 * What a file holds: text, bytes, anything that gives them (a `File`, `Blob` or `Response`), a stream of
 * it, or its pieces in their order. Text is read as UTF-8.
 */
export type FileContent =
  | string
  | ArrayBuffer
  | ArrayBufferView
  | { arrayBuffer(): Promise<ArrayBuffer> }
  | { getReader(): unknown }
  | Iterable<string | Uint8Array>
  | AsyncIterable<string | Uint8Array>;

/** A `Ledger` of this package, whatever its store is. */
export interface Exporting {
  exportCommands(): AsyncIterable<string>;
}

/**
 * Which columns of a statement mean what, and how its values are written, as `--map` of the command has it.
 * `csv` needs one; the other sources allow it for what their format leaves open, `key` among it.
 */
export interface ColumnMap {
  /** The column with what a refund's external id is compared with. */
  key?: string;
  invoice?: string;
  /** The column of the amount; or `debit` (given back) and `credit` (came back), a column each. */
  amount?: string;
  debit?: string;
  credit?: string;
  /** The column of the currency; or `fixed_currency`, a code for all lines. */
  currency?: string;
  fixed_currency?: string;
  date?: string;
  /** The column of the line's type, and those of its values that are refunds, separated by `|`. */
  type?: string;
  refund_types?: string;
  /** Whether a refund is positive (the default), or an effect on a balance and so negative. */
  sign?: "positive" | "negative";
  /** Whether amounts are in major units (the default) or whole minor units. */
  unit?: "major" | "minor";
  /** `iso` (the default), or codes of strftime such as `%d/%m/%Y`. */
  date_format?: string;
  /** `UTC` or an offset such as `+01:00`, for times and days that come without. */
  time_zone?: string;
  decimal?: "." | ",";
  /** `.`, `,`, `'`, `_` or `space`. */
  thousands?: string;
  /** One character, or `tab`. */
  delimiter?: string;
  encoding?: "utf-8" | "windows-1252" | "utf-16";
}

/** How far the work has come. */
export type ReconcileProgress =
  | { part: "ledger"; lines: number }
  | { part: "statement"; bytes: number; bytes_total: number }
  | { part: "matching" };

/** What is reconciled. */
export interface ReconcileRequest {
  source: StatementSource;
  /** The provider's or bank's file. */
  statement: FileContent;
  /** A ledger, or the content of an export: lines as `exportCommands` and `refunds export` give them. */
  ledger: Exporting | FileContent;
  /** The columns, or the text of `--map` (`key=Reference,amount=Amount`). */
  map?: ColumnMap | string;
  /**
   * Which external id each reference of the provider stands for: CSV of two columns, the reference and the
   * external id.
   */
  keys?: FileContent;
  /** The org whose refunds are compared; needed where the ledger holds several. */
  org_id?: string;
  /** Reconcile what is dated at this instant (RFC 3339) or day (UTC) or later. */
  from?: string;
  /** Reconcile what is dated before this instant or day. */
  to?: string;
  /** A difference of at most so many minor units is no break: 0 by default. */
  tolerance_minor?: number;
  /** How many days a refund and its line may be apart: 5 by default. */
  window_days?: number;
  /** Whether to look for lines and refunds that might belong together. */
  propose?: boolean;
  /** Is told how far the work has come, also while the thread is busy: from a worker, post it to the page. */
  onProgress?: (progress: ReconcileProgress) => void;
  /** The module for reconciliation, where it can't be loaded from beside the package's scripts. */
  wasm?: WasmSource;
}

/** A whole number: a string where a double would round it, beyond 2^53. */
export type Whole = number | string;

/** Why a line and the ledger don't agree. */
export type BreakReason =
  | "missing_in_ledger"
  | "missing_in_statement"
  | "amount_mismatch"
  | "currency_mismatch"
  | "date_outside_window"
  | "duplicate_in_statement"
  | "ledger_refund_deleted"
  | "unreadable_line";

/** Something that does not agree. Amounts are in minor units, and a side that is missing counts as 0. */
export interface Break {
  reason: BreakReason;
  /** Where in the statement. */
  line: Whole | null;
  key: string | null;
  refund_id: string | null;
  currency: string | null;
  statement_minor: Whole | null;
  ledger_minor: Whole | null;
  /** Statement less ledger. */
  difference_minor: Whole | null;
  /** What the two breaks of one currency mismatch share. */
  pair?: number;
  /** What is wrong with a line that can't be read. */
  message?: string;
}

/** A line and a refund that might belong together. They stay breaks. */
export interface Proposal {
  line: Whole;
  key: string | null;
  refund_id: string;
  currency: string;
  amount_minor: Whole;
}

/** The sums of one currency, in minor units: the difference is that of all its breaks and what was tolerated. */
export interface ReconcileTotals {
  statement_minor: Whole;
  ledger_minor: Whole;
  difference_minor: Whole;
  tolerated_minor: Whole;
}

/** What a reconciliation found: the JSON of `refunds reconcile --format json`. */
export interface ReconcileReport {
  source: StatementSource;
  /** Whether lines could not be read, so that the rest says less than all. */
  incomplete: boolean;
  statement: {
    /** All its lines. */
    lines: Whole;
    /** Those about refunds. */
    refund_lines: Whole;
    /** Those left out, by the provider's name of their type. */
    ignored: Record<string, Whole>;
  };
  /** How many lines agree with the ledger. */
  matched: Whole;
  breaks: Break[];
  proposals: Proposal[];
  /** By currency. */
  totals: Record<string, ReconcileTotals>;
}

/** What a page says beside what was found. */
export interface ReportTitle {
  /** The heading: `Refunds of` the org by default. */
  title?: string;
  /** What the statement is called, such as the name of its file. */
  statement?: string;
  /** What the ledger is called. */
  ledger?: string;
}
