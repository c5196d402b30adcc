/** Values in the two forms that they have: in rows of the store's interface, and in columns. */
import { Buffer } from "node:buffer";

/** 0001-01-01T00:00:00Z, in seconds since 1970. */
export const SECONDS_MIN = -62_135_596_800;
/** 9999-12-31T23:59:59Z, in seconds since 1970. */
export const SECONDS_MAX = 253_402_300_799;

/** Lower-case digits. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

export function unhex(digits: string): Uint8Array {
  return Buffer.from(digits, "hex");
}

/** The usual form of the UUID with these 32 digits. */
export function uuid(digits: string): string {
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    digits.slice(12, 16),
    digits.slice(16, 20),
    digits.slice(20),
  ].join("-");
}

export function uuidBytes(id: string): Uint8Array {
  return unhex(id.replaceAll("-", ""));
}

/** The instant in 30 characters. Both parts must be in range. */
export function instant(seconds: number, nanoseconds: number): string {
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  return `${whole}.${nanoseconds.toString().padStart(9, "0")}Z`;
}

/** Seconds since 1970, rounded towards the past, and the nanoseconds past them. */
export function instantParts(text: string): [number, number] {
  return [Date.parse(`${text.slice(0, 19)}Z`) / 1000, Number(text.slice(20, 29))];
}
