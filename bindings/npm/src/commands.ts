/** Commands and questions as JSON text. @module */
import { encode } from "./encode.js";
import { invalidField } from "./errors.js";
import type { RefundReference, Scope } from "./types.js";

/** The fields of an object as they stand between its braces. */
export function members(value: object, name: string): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalidField(name, "wrong_type", "must be an object");
  }
  return encode(value).slice(1, -1);
}

/** A question about a movement or one of its refunds. */
export function command(scope: Scope, fields: object): string {
  return `{${[members(scope, "scope"), members(fields, "refund")].filter(Boolean).join(",")}}`;
}

/** Which refund is meant, as the fields of a line. */
export function referenceOf(refund: RefundReference): { refund_id?: string; external_refund_unique_id?: string } {
  if (typeof refund === "string") {
    return { refund_id: refund };
  }
  if (typeof refund !== "object" || refund === null) {
    throw invalidField("refund", "wrong_type", "must be a refund's id, or an object with one of its ids");
  }
  return refund;
}
