/** What a ledger is opened with, checked: nothing keeps a program in JavaScript to the types. @module */
import { encode, excerpt, isPlain } from "./encode.js";
import { guarded, invalidField, RefundLedgerError } from "./errors.js";
import type { WasmSource } from "./wasm-source.js";
import type { RefundStore } from "./store.js";
import type { Policy } from "./types.js";

/** What a ledger is opened with. */
export interface LedgerOptions {
  /** Where it is kept; without one, in memory, and nothing of it outlives the page or process. */
  store?: RefundStore;
  /** The clock: a `Date`, or RFC 3339 text for more than milliseconds. The platform's by default. */
  now?: () => Date | string;
  /** Whom the journal names with every change: `local` by default. */
  actor?: string;
  policy?: Policy;
  /** The WebAssembly module, where it can't be loaded from beside the package's scripts. */
  wasm?: WasmSource;
  /**
   * For tests that compare: the refund id (a UUID in lower case) and the salt (32 hexadecimal digits)
   * of each command, in place of random ones. Never give the same twice: an id that a refund has already
   * fails the call as `internal`.
   */
  mint?: () => { refund_id: string; salt: string };
}

/** What can be different in a ledger that is made of another. */
export type WithOptions = Pick<LedgerOptions, "actor" | "policy" | "now" | "mint">;

const OF_WITH = ["actor", "policy", "now", "mint"] as const;
const OF_OPEN = [...OF_WITH, "store", "wasm"] as const;

const STORE_METHODS = ["load", "commit", "listRefunds", "journal", "scan"] as const;
const OPTIONAL_STORE_METHODS = ["transact", "scrub", "close"] as const;

/** The options of a ledger that is opened. */
export function openOptions(options: unknown): LedgerOptions {
  return checked(options, OF_OPEN);
}

/** The options of a ledger that is made of another: those that are given. */
export function withOptions(options: unknown): WithOptions {
  return checked(options, OF_WITH);
}

function checked(options: unknown, known: readonly (keyof LedgerOptions)[]): LedgerOptions {
  const given = fieldsOf<LedgerOptions>(options, known);
  reading(() => {
    check(given);
  });
  return given;
}

/** The fields that are given, each read once. One that is misspelt would be as good as left out. */
export function fieldsOf<Options>(options: unknown, known: readonly (keyof Options & string)[]): Partial<Options> {
  if (typeof options !== "object" || options === null) {
    throw invalidField("options", "wrong_type", "must be an object");
  }
  return reading(() => {
    if (!isPlain(options)) {
      // A store in their place has no fields that could be unknown.
      throw invalidField("options", "wrong_type", "must be a plain object");
    }
    const unknown = Object.keys(options).find((name) => !known.some((one) => one === name));
    if (unknown !== undefined) {
      throw invalidField(excerpt(unknown), "not_allowed", `is no option; known are ${known.join(", ")}`);
    }
    const fields = known.map((name) => [name, Reflect.get(options, name)] as const);
    return Object.fromEntries(fields.filter(([, value]) => value !== undefined)) as Partial<Options>;
  });
}

/** What is thrown beside the errors of this package comes from a getter or a proxy's trap. */
function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw thrown instanceof RefundLedgerError
      ? thrown
      : invalidField("options", "wrong_type", "can't be read", { cause: thrown });
  }
}

function check(given: LedgerOptions): void {
  if (given.actor !== undefined) {
    if (typeof given.actor !== "string") {
      throw invalidField("actor", "wrong_type", "must be a string");
    }
    encode(given.actor, "actor");
  }
  checkWasm(given.wasm);
  checkFunction(given.now, "now");
  checkFunction(given.mint, "mint");
  if (given.store !== undefined) {
    checkStore(given.store);
  }
}

/** Refuses what is there and can't be where a module comes from. */
export function checkWasm(wasm: unknown): void {
  if (wasm !== undefined && (wasm === null || wasm === "" || (typeof wasm !== "object" && typeof wasm !== "string"))) {
    throw invalidField("wasm", "wrong_type", "must be the module's URL, its bytes, or what `WasmSource` names beside them");
  }
}

/** Refuses what is there and no function. */
export function checkFunction(value: unknown, name: string): void {
  if (value !== undefined && typeof value !== "function") {
    throw invalidField(name, "wrong_type", "must be a function");
  }
}

/** The longest that timers and SQLite wait. */
const MILLISECONDS_MAX = 2 ** 31 - 1;

/** Refuses what is there and no time to wait. */
export function checkMilliseconds(value: unknown, name: string): void {
  const allowed = `whole milliseconds from 0 to ${MILLISECONDS_MAX}`;
  if (value !== undefined && typeof value !== "number") {
    throw invalidField(name, "wrong_type", `must be a number: ${allowed}`);
  }
  if (value !== undefined && !(Number.isInteger(value) && value >= 0 && value <= MILLISECONDS_MAX)) {
    throw invalidField(name, "out_of_range", `is ${value}; it must be ${allowed}`);
  }
}

function checkStore(store: unknown): void {
  if (typeof store !== "object" || store === null) {
    throw invalidField("store", "wrong_type", "must be a store, as `RefundStore` says");
  }
  const isFunction = (name: string): boolean => typeof Reflect.get(store, name) === "function";
  const lacking = STORE_METHODS.find((name) => !isFunction(name));
  if (lacking !== undefined) {
    throw invalidField("store", "wrong_type", `is no store: it has no method \`${lacking}\``);
  }
  const strange = OPTIONAL_STORE_METHODS.find((name) => Reflect.get(store, name) !== undefined && !isFunction(name));
  if (strange !== undefined) {
    throw invalidField("store", "wrong_type", `has a \`${strange}\` that is no method`);
  }
}

/** The time that a clock tells, as text. */
export function timeOf(now: () => unknown): string {
  const time = called("now", now);
  if (typeof time === "string") {
    encode(time, "now");
    return time;
  }
  try {
    return Date.prototype.toISOString.call(time);
  } catch (cause) {
    throw invalidField("now", "invalid_format", "must answer a valid date, or RFC 3339 text", { cause });
  }
}

/** What so many commands are to mint. Twice the same id in one batch would make one refund of two. */
export function allMintedOf(mint: () => unknown, commands: number): Minted[] {
  const all = Array.from({ length: commands }, () => mintedOf(mint));
  if (new Set(all.map(({ refund_id }) => refund_id)).size < all.length) {
    throw invalidField("mint.refund_id", "not_allowed", "is the same for two commands of a batch; mint each id once");
  }
  return all;
}

interface Minted {
  refund_id: string;
  salt: string;
}

function mintedOf(mint: () => unknown): Minted {
  const minted = called("mint", () => encode(mint(), "mint"));
  const { refund_id, salt } = (JSON.parse(minted) ?? {}) as Record<string, unknown>;
  if (typeof refund_id !== "string" || typeof salt !== "string") {
    throw invalidField("mint", "wrong_type", "must answer a `refund_id` and a `salt`, both strings");
  }
  return { refund_id, salt };
}

/** Asks the module, which has names of its own for options. */
export function asOption<T>(options: Readonly<Record<string, string>>, ask: () => T): T {
  try {
    return guarded(ask);
  } catch (thrown) {
    const detail = thrown instanceof RefundLedgerError ? thrown.details[0] : undefined;
    const option = options[detail?.field ?? ""];
    if (detail === undefined || option === undefined) {
      throw thrown;
    }
    throw invalidField(option, detail.code, detail.message);
  }
}

function called<T>(name: string, call: () => T): T {
  try {
    return call();
  } catch (cause) {
    throw cause instanceof RefundLedgerError ? cause : invalidField(name, "not_allowed", "threw; see `cause`", { cause });
  }
}
