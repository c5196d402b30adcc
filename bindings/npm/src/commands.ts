/** Commands and questions as JSON text. Each function here gives the fields of an object, without its braces. @module */
import { encode } from "./encode.js";
import { invalidField } from "./errors.js";
import type { BatchOptions, RefundReference, Scope } from "./types.js";

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
function read(text: string): Record<string, unknown> {
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

/** The request itself. */
export function bodyOf(request: unknown): string {
  // What is missing is told together with the other faults.
  return request === undefined || request === null ? "" : `"body":${encodeObject(request, "", "request")}`;
}

/** What a call is told beside its request. */
export function optionsOf(options: object, known: readonly string[]): string {
  return members(options, "options", known);
}

const BATCH_OPTIONS: Readonly<Record<keyof BatchOptions, readonly string[]>> = {
  atomicity: ["all", "per_item"],
  repeats: ["as_requests", "as_file"],
};

/** How a batch is carried out. */
export function batchOptionsOf(options: BatchOptions): { text: string; isPerItem: boolean } {
  const text = line(optionsOf(options, Object.keys(BATCH_OPTIONS)));
  const given = read(text);
  for (const [name, values] of Object.entries(BATCH_OPTIONS)) {
    const value = given[name] ?? null;
    if (value !== null && !values.some((known) => known === value)) {
      throw invalidField(name, "out_of_range", `must be one of ${values.map((known) => `\`${known}\``).join(", ")}`);
    }
  }
  return { text, isPerItem: given["atomicity"] === "per_item" };
}

/** The commands of a batch; a hole among them counts as `undefined`. */
export function commandsOf(commands: unknown): unknown[] {
  try {
    if (Array.isArray(commands)) {
      return Array.from<unknown>(commands);
    }
  } catch (cause) {
    throw invalidField("commands", "wrong_type", "can't be read", { cause });
  }
  throw invalidField("commands", "wrong_type", "must be an array of commands");
}
