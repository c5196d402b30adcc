/** A batch of commands as JSON text, a line each behind one of options. @module */
import { encodeObject, line, optionsOf, read } from "./commands.js";
import { invalidField, RefundLedgerError } from "./errors.js";
import type { BatchOptions } from "./types.js";

/**
 * How many characters of JSON a batch may have: 32 Mi. What is loaded and written for short commands is more
 * than ten times as much, and has to fit into a string of JavaScript's (512 Mi) and into the module's
 * memory (4 GiB).
 */
const LENGTH_MAX = 32 * 1024 * 1024;

/** A batch as it is sent. */
export interface BatchText {
  lines: string[];
  /** The commands that JSON can't say, by their place: they are not among the lines. */
  unreadable: Map<number, RefundLedgerError>;
}

/**
 * A batch as text. Under `per_item` a command that JSON can't say is one of the results.
 *
 * @throws {RefundLedgerError} `invalid_request` for an option; for commands that are none; `too_long`
 */
export function batchOf(commands: unknown, options: BatchOptions): BatchText {
  const { text, isPerItem } = batchOptionsOf(options);
  const unreadable = new Map<number, RefundLedgerError>();
  const lines = [text];
  let length = text.length;
  for (const [at, command] of commandsOf(commands).entries()) {
    try {
      const path = isPerItem ? "" : `commands[${at}]`;
      const json = encodeObject(command, path, "command");
      checkErasure(command, path);
      lines.push(json);
      length += json.length;
    } catch (thrown) {
      if (!isPerItem || !(thrown instanceof RefundLedgerError)) {
        throw thrown;
      }
      unreadable.set(at, thrown);
    }
    // Here, and not at the end: a batch without one must not use up the memory first.
    if (length > LENGTH_MAX) {
      const limit = `${LENGTH_MAX} characters of JSON`;
      throw invalidField("commands", "too_long", `is longer than a batch may be, ${limit}; split it into several`);
    }
  }
  return { lines, unreadable };
}

/**
 * A refund whose name got lost on the way, and so is `undefined`, is as good as left out; but then the movement's
 * text would be erased.
 */
function checkErasure(command: unknown, path: string): void {
  const { op } = command as { op?: unknown };
  if (op !== "erase_text") {
    return;
  }
  for (const name of ["refund_id", "external_refund_unique_id"]) {
    if (Object.hasOwn(command as object, name) && Reflect.get(command as object, name) === undefined) {
      const place = path === "" ? name : `${path}.${name}`;
      throw invalidField(place, "required", "is undefined; leave it out to erase the movement's text");
    }
  }
}

const OPTIONS: Readonly<Record<keyof BatchOptions, readonly string[]>> = {
  atomicity: ["all", "per_item"],
  repeats: ["as_requests", "as_file"],
};

/** How a batch is carried out. */
function batchOptionsOf(options: BatchOptions): { text: string; isPerItem: boolean } {
  const text = line(optionsOf(options, Object.keys(OPTIONS)));
  const given = read(text);
  for (const [name, values] of Object.entries(OPTIONS)) {
    const value = given[name] ?? null;
    if (value !== null && !values.some((known) => known === value)) {
      throw invalidField(name, "out_of_range", `must be one of ${values.map((known) => `\`${known}\``).join(", ")}`);
    }
  }
  return { text, isPerItem: given["atomicity"] === "per_item" };
}

/** The commands of a batch; a hole among them counts as `undefined`. */
function commandsOf(commands: unknown): unknown[] {
  try {
    if (Array.isArray(commands)) {
      return Array.from<unknown>(commands);
    }
  } catch (cause) {
    throw invalidField("commands", "wrong_type", "can't be read", { cause });
  }
  throw invalidField("commands", "wrong_type", "must be an array of commands");
}
