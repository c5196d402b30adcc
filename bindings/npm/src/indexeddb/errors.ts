/** What a browser reports, as what a store can say. */
import { StoreError } from "../store.js";

/** Why a request within a transaction failed; the transaction changes nothing. */
export function requestError(cause: DOMException): StoreError {
  switch (cause.name) {
    case "QuotaExceededError":
      return quotaError(cause);
    case "ConstraintError":
      return new StoreError("corrupted", `two stored rows claim one key (${cause.message})`, { cause });
    case "DataError":
    case "NotFoundError":
    case "NotReadableError":
      return new StoreError("corrupted", `a stored row can't be read (${cause.message})`, { cause });
    default:
      return new StoreError("failed", `the browser's database failed: ${described(cause)}`, { cause });
  }
}

/**
 * Why a transaction was aborted by the browser. While it commits, only the quota's end tells that
 * nothing was kept: a lost connection or a failed disk leave open what reached the disk.
 */
export function abortError(cause: DOMException | null, isCommitting: boolean): StoreError {
  const options = cause === null ? {} : { cause };
  if (cause?.name === "QuotaExceededError") {
    return quotaError(cause);
  }
  if (isCommitting) {
    return unknownError(described(cause), options);
  }
  if (cause === null || cause.name === "AbortError") {
    const message = "the browser aborted the transaction without a reason; nothing was written";
    return new StoreError("failed", message, options);
  }
  return requestError(cause);
}

/** The browser closed the connection and does not say what becomes of a transaction. */
export function lostError(isCommitting: boolean): StoreError {
  const why = "it closed the database, as when site data is cleared";
  if (isCommitting) {
    return unknownError(why);
  }
  return new StoreError("unavailable", `the browser ended the transaction: ${why}; nothing was written`);
}

function unknownError(why: string, options?: ErrorOptions): StoreError {
  return new StoreError("outcome_unknown", `the browser did not say whether it committed: ${why}`, options);
}

/** Why a database could not be opened or deleted. */
export function openError(name: string, cause: unknown): StoreError {
  const options = { cause };
  if (isBlockedInChromium(cause)) {
    return deniedError(described(cause), options);
  }
  switch (cause instanceof DOMException ? cause.name : "") {
    case "VersionError":
      return new StoreError(
        "unsupported",
        `database \`${name}\` has a newer version than this refund-ledger knows; update refund-ledger, ` +
          "or choose another name if this is no ledger",
        options,
      );
    case "SecurityError":
    case "NotAllowedError":
    case "InvalidStateError":
      return deniedError(described(cause), options);
    case "QuotaExceededError":
      return quotaError(cause);
    default:
      return new StoreError("failed", `database \`${name}\` can't be opened: ${described(cause)}`, options);
  }
}

/** Where a user blocks site data, Chromium's message alone says so; the name is that of a broken database. */
function isBlockedInChromium(cause: unknown): boolean {
  return cause instanceof DOMException && cause.name === "UnknownError" && /denied permission/.test(cause.message);
}

/** This browser, or this page in it, has no IndexedDB. */
export function deniedError(why: string, options?: ErrorOptions): StoreError {
  const message =
    `IndexedDB can't be used here (${why}); leave private browsing, allow site data for this page, ` +
    "or use a ledger in memory";
  return new StoreError("unavailable", message, options);
}

function quotaError(cause: unknown): StoreError {
  const message =
    "the browser's storage quota for this site is used up, and nothing was written; delete other data of " +
    "the site or free disk space, then try again";
  return new StoreError("failed", message, { cause });
}

function described(cause: unknown): string {
  return cause instanceof Error ? `${cause.name}: ${cause.message}` : "no reason given";
}
