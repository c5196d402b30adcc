/** The columns of a row that was read. */
import { Damage } from "./errors.js";
import { hex, instant, SECONDS_MAX, SECONDS_MIN, uuid } from "./values.js";

/**
 * Reads the columns of a row one after the other. Nothing that is stored is taken on trust: what can't
 * be is a {@link Damage} that names its column. What the core checks in every row (the form of ids and
 * currencies, amounts) is left to it.
 */
export class Columns {
  readonly #values: readonly unknown[];
  readonly #names: () => readonly { name: string }[];
  #at = 0;

  constructor(values: readonly unknown[], names: () => readonly { name: string }[]) {
    this.#values = values;
    this.#names = names;
  }

  #next(): unknown {
    const value = this.#values[this.#at];
    this.#at += 1;
    return value;
  }

  /** The damage of the column that was read last. */
  fault(): Damage {
    const name = this.#names()[this.#at - 1]?.name ?? "?";
    return new Damage(`column \`${name}\` holds what can't be there`);
  }

  #present<T>(value: T | null): T {
    if (value === null) {
      throw this.fault();
    }
    return value;
  }

  /** An integer, as exact as it is kept. */
  optionalInteger(): bigint | null {
    const value = this.#next();
    if (value === null || typeof value === "bigint") {
      return value;
    }
    throw this.fault();
  }

  integer(): bigint {
    return this.#present(this.optionalInteger());
  }

  /** An integer from 0 to `max`. */
  optionalCount(max = Number.MAX_SAFE_INTEGER): number | null {
    const value = this.optionalInteger();
    if (value === null || (value >= 0n && value <= BigInt(max))) {
      return value === null ? null : Number(value);
    }
    throw this.fault();
  }

  count(max?: number): number {
    return this.#present(this.optionalCount(max));
  }

  /** Minor units of a currency, as digits. */
  minorUnits(): string {
    return this.integer().toString();
  }

  optionalFlag(): boolean | null {
    const value = this.optionalCount(1);
    return value === null ? null : value === 1;
  }

  flag(): boolean {
    return this.#present(this.optionalFlag());
  }

  optionalText(): string | null {
    const value = this.#next();
    if (value === null || typeof value === "string") {
      return value;
    }
    throw this.fault();
  }

  text(): string {
    return this.#present(this.optionalText());
  }

  /** Bytes, of this length where one is given, as hexadecimal digits. */
  optionalBytes(length?: number): string | null {
    const value = this.#next();
    if (value === null) {
      return null;
    }
    if (value instanceof Uint8Array && (length === undefined || value.length === length)) {
      return hex(value);
    }
    throw this.fault();
  }

  bytes(length?: number): string {
    return this.#present(this.optionalBytes(length));
  }

  optionalRefundId(): string | null {
    const digits = this.optionalBytes(16);
    return digits === null ? null : uuid(digits);
  }

  refundId(): string {
    return this.#present(this.optionalRefundId());
  }

  /** An instant, from its seconds and nanoseconds. */
  optionalInstant(): string | null {
    const seconds = this.optionalInteger();
    const nanoseconds = this.optionalCount(999_999_999);
    if (seconds === null && nanoseconds === null) {
      return null;
    }
    if (seconds === null || nanoseconds === null || seconds < SECONDS_MIN || seconds > SECONDS_MAX) {
      throw this.fault();
    }
    return instant(Number(seconds), nanoseconds);
  }

  instant(): string {
    return this.#present(this.optionalInstant());
  }
}
