/** What the page and its worker tell each other. @module */
import type { ReconcileProgress, ReconcileRequest } from "refund-ledger/reconcile";

/** Where the refunds come from. */
export type LedgerSource = { kind: "export"; file: File } | { kind: "browser"; database: string };

/** What is to be done. */
export interface Job extends Omit<ReconcileRequest, "statement" | "ledger" | "keys" | "onProgress" | "wasm"> {
  statement: File;
  ledger: LedgerSource;
  keys?: File;
}

export type Progress = ReconcileProgress | { part: "opening" } | { part: "writing" };

/** What came of it. */
export interface Outcome {
  matched: number;
  breaks: number;
  incomplete: boolean;
  html: Blob;
  csv: Blob;
  json: Blob;
}

/** The fields of the form that an error can be about. */
export const FIELDS = [
  "statement",
  "source",
  "map",
  "ledger",
  "database",
  "keys",
  "org_id",
  "from",
  "to",
  "tolerance_minor",
  "window_days",
] as const;

export type Field = (typeof FIELDS)[number];

/** Why nothing came of it, in words, and which field it is about where it is about one. */
export interface Failed {
  field: Field | undefined;
  message: string;
}

/** What the worker says. */
export type Said =
  | { kind: "progress"; progress: Progress }
  | { kind: "done"; outcome: Outcome }
  | { kind: "failed"; failed: Failed };
