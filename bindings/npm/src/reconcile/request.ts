/** What is reconciled, checked: nothing keeps a program in JavaScript to the types. @module */
import { encode, excerpt, isPlain } from "../encode.js";
import { invalidField, RefundLedgerError } from "../errors.js";
import { checkFunction, checkWasm, fieldsOf } from "../options.js";
import type { ReconcileRequest, ReportTitle } from "./types.js";

const TEXTS = ["source", "org_id", "from", "to"] as const;
const NUMBERS = { tolerance_minor: Number.MAX_SAFE_INTEGER, window_days: 2 ** 32 - 1 } as const;
const OTHERS = ["statement", "ledger", "map", "keys", "propose", "onProgress", "wasm"] as const;
const KNOWN = [...TEXTS, "tolerance_minor", "window_days", ...OTHERS] as const;
const REQUIRED = ["source", "statement", "ledger"] as const;

/** The request with its required fields there, and every field but the files of its type. */
export function checkedRequest(request: unknown): ReconcileRequest {
  const given = fieldsOf<ReconcileRequest>(request, KNOWN);
  for (const name of REQUIRED) {
    if (given[name] === undefined) {
      throw invalidField(name, "required", "is required");
    }
  }
  checkTexts(given, TEXTS);
  for (const [name, max] of Object.entries(NUMBERS)) {
    checkWhole(given[name as keyof typeof NUMBERS], name, max);
  }
  if (given.propose !== undefined && typeof given.propose !== "boolean") {
    throw invalidField("propose", "wrong_type", "must be true or false");
  }
  checkFunction(given.onProgress, "onProgress");
  checkWasm(given.wasm);
  return given as ReconcileRequest;
}

/** The options for the module, as JSON. */
export function optionsText(request: ReconcileRequest): string {
  const { source, org_id, from, to, tolerance_minor, window_days, propose } = request;
  return encode({ source, map: mapText(request.map), org_id, from, to, tolerance_minor, window_days, propose });
}

/** A map as text. Every value stands in quotes, as it may hold a comma. */
function mapText(map: unknown): string | undefined {
  try {
    return textOf(map);
  } catch (cause) {
    // Beside the errors of this package, it comes from a getter or a proxy's trap.
    throw cause instanceof RefundLedgerError ? cause : invalidField("map", "wrong_type", "can't be read", { cause });
  }
}

function textOf(map: unknown): string | undefined {
  if (map === undefined || typeof map === "string") {
    return map;
  }
  if (typeof map !== "object" || map === null || !isPlain(map)) {
    throw invalidField("map", "wrong_type", "must be a text or a plain object");
  }
  const given = Object.entries(map).filter(([, value]) => value !== undefined);
  const parts = given.map(([name, value]: [string, unknown]) => {
    if (typeof value !== "string") {
      throw invalidField(`map.${excerpt(name)}`, "wrong_type", "must be a string");
    }
    return `${name}="${value.replaceAll('"', '""')}"`;
  });
  return parts.join(",");
}

/** What a page says, as JSON. */
export function titleText(title: unknown): string {
  const given = fieldsOf<ReportTitle>(title, ["title", "statement", "ledger"]);
  checkTexts(given, ["title", "statement", "ledger"]);
  return encode(given);
}

function checkTexts<Name extends string>(given: Partial<Record<Name, unknown>>, names: readonly Name[]): void {
  for (const name of names) {
    if (given[name] !== undefined && typeof given[name] !== "string") {
      throw invalidField(name, "wrong_type", "must be a string");
    }
  }
}

function checkWhole(value: unknown, name: string, max: number): void {
  if (value !== undefined && typeof value !== "number") {
    throw invalidField(name, "wrong_type", "must be a number");
  }
  if (value !== undefined && !(Number.isInteger(value) && value >= 0 && value <= max)) {
    throw invalidField(name, "out_of_range", `is ${value}; it must be a whole number from 0 to ${max}`);
  }
}
