/**
 * Objects as JSON text, strictly: what JSON can't say exactly is refused by its path, where
 * `JSON.stringify` would change it or leave it out. @module
 */
import { invalidField, RefundLedgerError } from "./errors.js";
import type { ErrorDetail } from "./types.js";

/** As deep as requests may be nested, and a little: the parser says so with better words. */
const DEPTH_MAX = 32;

/** No request is longer. The parser counts bytes and draws the line; this keeps the rest out of its memory. */
const LENGTH_MAX = 72 * 1024;

/** How much of a field's name goes into the path of an error. */
const NAME_LENGTH_MAX = 64;

/**
 * The JSON text of a value made of plain objects, arrays, strings, finite numbers, booleans and
 * null. An `undefined` field counts as absent. `path` is where the value stands in the request, `name`
 * what an error calls a value that is the whole of it, and `known` the fields that it may have, where not any.
 *
 * @throws {RefundLedgerError} `invalid_request` that names the field: for a BigInt, Map, Date,
 * function, symbol, instance of a class, getter, hole, cycle, NaN, infinity, whole number beyond
 * 2^53 - 1, number below a millionth or lone surrogate, and for what is too long for any request
 */
export function encode(value: unknown, path = "", name = "request", known?: readonly string[]): string {
  return new Encoder(name, known).text(value, path);
}

class Encoder {
  readonly #name: string;
  /** The fields that the outermost object may have; any where it is `undefined`. */
  readonly #known: readonly string[] | undefined;
  /** The objects around the one that is written. */
  readonly #within: object[] = [];

  constructor(name: string, known?: readonly string[]) {
    this.#name = name;
    this.#known = known;
  }

  text(value: unknown, path: string): string {
    switch (typeof value) {
      case "string":
        return this.#string(value, path);
      case "number":
        return this.#number(value, path);
      case "boolean":
        return value ? "true" : "false";
      case "object":
        return value === null ? "null" : this.#container(value, path);
      case "bigint":
        throw this.#wrongType(path, "is a BigInt; give a number");
      default:
        throw this.#wrongType(path, `is ${value === undefined ? "undefined" : `a ${typeof value}`}, which JSON can't say`);
    }
  }

  #number(value: number, path: string): string {
    if (!Number.isFinite(value)) {
      throw this.#wrongType(path, `is ${value}, which JSON can't say; give a finite number`);
    }
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
      const why = "is a whole number beyond 2^53 - 1, where a double can't hold each";
      throw this.#fault(path, "out_of_range", `${why}; give a smaller one`);
    }
    const text = String(value);
    if (text.includes("e")) {
      // JavaScript writes what is below a millionth so. The parser would blame an exponent that nobody wrote.
      const why = `is ${text}, which is closer to 0 than any number in a request may be`;
      throw this.#fault(path, "too_many_decimals", why);
    }
    return text;
  }

  #string(value: string, path: string): string {
    this.#checkLength(value.length, path);
    if (NEEDS_NO_ESCAPE.test(value)) {
      return `"${value}"`;
    }
    if (LONE_SURROGATE.test(value)) {
      throw this.#fault(path, "invalid_format", "must be a string of whole Unicode characters");
    }
    return JSON.stringify(value);
  }

  #container(value: object, path: string): string {
    if (this.#within.includes(value)) {
      throw this.#wrongType(path, "contains itself");
    }
    if (this.#within.length >= DEPTH_MAX) {
      throw this.#fault(path, "not_allowed", `is nested deeper than ${DEPTH_MAX} levels`);
    }
    this.#within.push(value);
    try {
      return Array.isArray(value) ? this.#array(value, path) : this.#object(value, path);
    } catch (thrown) {
      // Whatever else is thrown comes from a proxy's trap.
      throw thrown instanceof RefundLedgerError ? thrown : this.#wrongType(path, "can't be read", { cause: thrown });
    } finally {
      this.#within.pop();
    }
  }

  #array(values: unknown[], path: string): string {
    let json = "[";
    // By index, since iteration is what a changed iterator could deceive.
    for (let at = 0; at < values.length; at += 1) {
      const place = `${path}[${at}]`;
      json += `${at > 0 ? "," : ""}${this.text(this.#own(values, String(at), place), place)}`;
      this.#checkLength(json.length, path);
    }
    return `${json}]`;
  }

  #object(value: object, path: string): string {
    if (!isPlain(value)) {
      throw this.#wrongType(path, `must be a plain object; it ${whatItIs(value)}`);
    }
    if (Object.getOwnPropertySymbols(value).length > 0) {
      throw this.#wrongType(path, "has a symbol for a name, which JSON can't say");
    }
    const known = this.#within.length === 1 ? this.#known : undefined;
    let unknown: string | undefined;
    let json = "{";
    for (const name of Object.keys(value)) {
      const place = within(path, name);
      const field = this.#own(value, name, place);
      if (field === undefined) {
        continue;
      }
      if (known?.includes(name) === false) {
        unknown ??= place;
      }
      json += `${json.length > 1 ? "," : ""}${this.#key(name, place)}${this.text(field, place)}`;
      this.#checkLength(json.length, path);
    }
    if (unknown !== undefined) {
      const allowed = `is not known in \`${this.#name}\`; known are ${known?.join(", ")}`;
      throw this.#fault(unknown, "not_allowed", allowed);
    }
    return `${json}}`;
  }

  /** A field's name with its colon. Requests have the same few. */
  #key(name: string, path: string): string {
    let text = KEYS.get(name);
    if (text === undefined) {
      text = `${this.#string(name, path)}:`;
      if (KEYS.size < KEYS_MAX) {
        KEYS.set(name, text);
      }
    }
    return text;
  }

  /** What stands in the object itself: neither its prototypes nor any code of its own is asked. */
  #own(value: object, name: string, path: string): unknown {
    const descriptor = Object.getOwnPropertyDescriptor(value, name);
    if (descriptor !== undefined && !("value" in descriptor)) {
      throw this.#wrongType(path, "is computed by a getter; give a plain value");
    }
    return descriptor?.value;
  }

  #checkLength(length: number, path: string): void {
    if (length > LENGTH_MAX) {
      throw this.#fault(path, "too_long", `is longer than any request may be: ${LENGTH_MAX} characters of JSON`);
    }
  }

  #wrongType(path: string, message: string, options?: ErrorOptions): RefundLedgerError {
    return this.#fault(path, "wrong_type", message, options);
  }

  #fault(path: string, code: ErrorDetail["code"], message: string, options?: ErrorOptions): RefundLedgerError {
    return invalidField(path === "" ? this.#name : path, code, message, options);
  }
}

/** Whether it is made by braces, in whatever realm, or has no prototype. */
export function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  // A prototype without one that lacks this is some program's own, and would be lost.
  const isOfBraces = (given: object): boolean =>
    Object.getPrototypeOf(given) === null && Object.hasOwn(given, "isPrototypeOf");
  return prototype === null || prototype === Object.prototype || isOfBraces(prototype);
}

/** Names as they were written before, and how many of them are kept. */
const KEYS = new Map<string, string>();
const KEYS_MAX = 64;

/** What most strings are. It saves them the slower ways. */
const NEEDS_NO_ESCAPE = /^[ !#-[\]-~]*$/u;

const LONE_SURROGATE = /\p{Surrogate}/u;

/** As much of a name as an error repeats. */
export function excerpt(name: string): string {
  return name.length > NAME_LENGTH_MAX ? `${name.slice(0, NAME_LENGTH_MAX)}…` : name;
}

function within(path: string, name: string): string {
  return path === "" ? excerpt(name) : `${path}.${excerpt(name)}`;
}

function whatItIs(value: object): string {
  const constructor: unknown = Reflect.get(value, "constructor");
  const name: unknown = typeof constructor === "function" ? constructor.name : "";
  const isNamed = typeof name === "string" && name !== "" && name !== "Object";
  return isNamed ? `is of the class \`${excerpt(name)}\`` : "has a prototype of its own";
}
