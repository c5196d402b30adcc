/**
 * Objects as JSON text, strictly: what JSON can't say exactly is refused by its path, where
 * `JSON.stringify` would change it or leave it out. @module
 */
import { invalidField, type RefundLedgerError } from "./errors.js";

/** As deep as requests may be nested, and a little: the parser says so with better words. */
const DEPTH_MAX = 32;

/**
 * The JSON text of a value made of plain objects, arrays, strings, finite numbers, booleans and
 * null. An `undefined` field counts as absent.
 *
 * @throws {RefundLedgerError} `invalid_request` that names the field: for a BigInt, Map, Date,
 * function, symbol, instance of a class, cycle, NaN, infinity or lone surrogate
 */
export function encode(value: unknown, path = ""): string {
  return text(value, path, []);
}

function text(value: unknown, path: string, within: object[]): string {
  switch (typeof value) {
    case "string":
      return string(value, path);
    case "number":
      if (!Number.isFinite(value)) {
        throw wrongType(path, `is ${value}, which JSON can't say; give a finite number or a decimal string`);
      }
      return JSON.stringify(value);
    case "boolean":
      return value ? "true" : "false";
    case "object":
      return value === null ? "null" : container(value, path, within);
    case "bigint":
      throw wrongType(path, "is a BigInt; give a number or a decimal string");
    default:
      throw wrongType(path, `is ${value === undefined ? "undefined" : `a ${typeof value}`}, which JSON can't say`);
  }
}

const LONE_SURROGATE = /\p{Surrogate}/u;

function string(value: string, path: string): string {
  if (LONE_SURROGATE.test(value)) {
    throw invalidField(path, "invalid_format", "must be a string of whole Unicode characters");
  }
  return JSON.stringify(value);
}

function container(value: object, path: string, within: object[]): string {
  if (within.includes(value)) {
    throw wrongType(path, "contains itself");
  }
  if (within.length >= DEPTH_MAX) {
    throw invalidField(path, "not_allowed", `is nested deeper than ${DEPTH_MAX} levels`);
  }
  within.push(value);
  const json = Array.isArray(value) ? array(value, path, within) : object(value, path, within);
  within.pop();
  return json;
}

function array(values: unknown[], path: string, within: object[]): string {
  const items: string[] = [];
  // By index, since iteration is what a hole or a changed iterator could deceive.
  for (let at = 0; at < values.length; at += 1) {
    items.push(text(values[at], `${path}[${at}]`, within));
  }
  return `[${items.join(",")}]`;
}

function object(value: object, path: string, within: object[]): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw wrongType(path, `is a ${className(value)}; give a plain object`);
  }
  let json = "{";
  for (const name of Object.keys(value)) {
    const descriptor = Object.getOwnPropertyDescriptor(value, name);
    const field = path === "" ? name : `${path}.${name}`;
    if (descriptor === undefined || !("value" in descriptor)) {
      throw wrongType(field, "is computed by a getter; give a plain value");
    }
    if (descriptor.value === undefined) {
      continue;
    }
    json += `${json.length > 1 ? "," : ""}${string(name, field)}:${text(descriptor.value, field, within)}`;
  }
  return `${json}}`;
}

function className(value: object): string {
  const constructor: unknown = Reflect.get(value, "constructor");
  return typeof constructor === "function" && constructor.name !== "" ? constructor.name : "object of a class";
}

function wrongType(path: string, message: string): RefundLedgerError {
  return invalidField(path === "" ? "request" : path, "wrong_type", message);
}
