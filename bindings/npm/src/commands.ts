/** Commands and questions as JSON text. Each function here gives the fields of an object, without its braces. @module */
import { encode } from "./encode.js";
import { invalidField } from "./errors.js";
import type { RefundFilters, RefundReference, Scope } from "./types.js";

/** An object of all these fields. */
export function line(...fields: string[]): string {
  return `{${fields.filter(Boolean).join(",")}}`;
}

/** The text of what must be an object. */
export function encodeObject(value: unknown, path: string, name: string, known?: readonly string[]): string {
  const text = encode(value, path, name, known);
  if (!text.startsWith("{")) {
    throw invalidField(path === "" ? name : path, "wrong_type", "must be an object");
  }
  return text;
}

/** The fields of an object, which may have no others than those known, where they are given. */
export function members(value: unknown, name: string, known?: readonly string[]): string {
  return encodeObject(value, "", name, known).slice(1, -1);
}

/** What was written is read again, since an object may answer differently the second time. */
export function read(text: string): Record<string, unknown> {
  return JSON.parse(text) as Record<string, unknown>;
}

/** Which movement is meant. */
export function scopeOf(scope: Scope): string {
  // What else stood in it would be taken for a part of the command.
  return members(scope, "scope", ["org_id", "subscription_id", "movement_id"]);
}

/** Which refund is meant. */
export function referenceOf(refund: RefundReference): string {
  if (typeof refund === "string") {
    return `"refund_id":${encode(refund, "refund_id")}`;
  }
  const fields = members(refund, "refund", ["refund_id", "external_refund_unique_id"]);
  // Erasing would take it for the whole movement.
  if (Object.values(read(line(fields))).every((id) => id === null)) {
    throw invalidField("refund", "required", "names none; give `refund_id` or `external_refund_unique_id`");
  }
  return fields;
}

/** The filters of a list; it gives all pages, so what chooses one is none. */
const FILTERS: Readonly<Record<Exclude<keyof RefundFilters, "limit" | "cursor">, true>> = {
  org_id: true,
  subscription_id: true,
  movement_id: true,
  from: true,
  to: true,
  external_refund_unique_id: true,
  external_invoice_id: true,
  kind: true,
  billable: true,
  include_deleted: true,
};

/** Which refunds of all are meant. */
export function filterOf(filter: RefundFilters): string {
  return members(filter, "filter", Object.keys(FILTERS));
}

/** The request itself. */
export function bodyOf(request: unknown): string {
  // What is missing is told together with the other faults.
  return request === undefined || request === null ? "" : `"body":${encodeObject(request, "", "request")}`;
}

/** What a call is told beside its request. */
export function optionsOf(options: object, known: readonly string[]): string {
  return members(options, "options", known);
}
