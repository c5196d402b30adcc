/** What every call of the package throws or rejects with. @module */
import type { ErrorDetail, ErrorCode, Holder } from "./types.js";

/** What the error of a ledger says beside its message. */
export interface RefundLedgerErrorFields {
  code: ErrorCode;
  message: string;
  status: number;
  retryable: boolean;
  details?: ErrorDetail[];
  holder?: Holder;
}

/**
 * Why the ledger refused a request or could not answer. A refused request has changed nothing.
 *
 * | field | what it says |
 * |---|---|
 * | `code` | the stable name of the reason, such as `over_refund` |
 * | `message` | the reason, for the person who can act |
 * | `status` | the HTTP status that the REST contract gives it |
 * | `details` | every field at fault, by its path in the request |
 * | `holder` | who holds the external id, where a request wanted one that is taken |
 * | `retryable` | whether the same request may succeed later; with an external id, repeating it is safe |
 * | `cause` | what a store threw, where one did |
 */
export class RefundLedgerError extends Error {
  override readonly name = "RefundLedgerError";
  readonly code: ErrorCode;
  readonly status: number;
  readonly details: readonly ErrorDetail[];
  readonly holder: Holder | undefined;
  readonly retryable: boolean;

  constructor(fields: RefundLedgerErrorFields, options?: ErrorOptions) {
    super(fields.message, options);
    this.code = fields.code;
    this.status = fields.status;
    this.details = fields.details ?? [];
    this.holder = fields.holder;
    this.retryable = fields.retryable;
  }
}

/** An `invalid_request` about one field. */
export function invalidField(
  field: string,
  code: ErrorDetail["code"],
  message: string,
  options?: ErrorOptions,
): RefundLedgerError {
  const fields: RefundLedgerErrorFields = {
    code: "invalid_request",
    message: `\`${field}\` ${message}`,
    status: 400,
    retryable: false,
    details: [{ field, code, message }],
  };
  return new RefundLedgerError(fields, options);
}

/** An `internal` error: something that is nobody's fault but the package's, the platform's or the program's. */
export function internalError(message: string, options?: ErrorOptions): RefundLedgerError {
  return new RefundLedgerError({ code: "internal", message, status: 500, retryable: false }, options);
}

/** Calls into the wasm module, and makes an error of whatever it throws. */
export function guarded<T>(call: () => T, cause?: unknown): T {
  try {
    return call();
  } catch (thrown) {
    throw asLedgerError(thrown, cause);
  }
}

/** An error as the wasm module has it; `reason` is what the store said, where the store is why. */
export type ModuleError = RefundLedgerErrorFields & { reason?: string };

/** The wasm module throws text: the error of a ledger as JSON. */
function asLedgerError(thrown: unknown, cause: unknown): RefundLedgerError {
  const fields = typeof thrown === "string" ? fieldsOf(thrown) : undefined;
  return fields === undefined ? internalError("the ledger's module failed", { cause: thrown }) : told(fields, cause);
}

function fieldsOf(text: string): ModuleError | undefined {
  try {
    return JSON.parse(text) as ModuleError;
  } catch {
    // It is in words: about the package's own mistake.
    return undefined;
  }
}

/** The module's error, with what the store threw: that says why only where the store is why. */
export function told(fields: ModuleError, cause: unknown): RefundLedgerError {
  return new RefundLedgerError(fields, fields.reason === undefined ? undefined : { cause: cause ?? fields.reason });
}

/** Gives back what an object of the module holds. After a trap it can't be: then the trap is what counts. */
export function free(held: { free(): void }): void {
  try {
    held.free();
  } catch {
    // Whoever made it trap was told.
  }
}
