/** The REST contract as a `fetch` handler: in a service worker, a test, or any fetch-style server. @module */
import { encode } from "./encode.js";
import { internalError, invalidField, type ModuleError, RefundLedgerError, told } from "./errors.js";
import { answer, Ledger, type RestRequest } from "./ledger.js";
import { checkFunction, fieldsOf } from "./options.js";
import type { MaybePromise } from "./store.js";

/** What a caller may do: `write` is all that follow it; `read` is movements, refunds, lists and the journal. */
export type Permission =
  | "read"
  | "write"
  | "record_movement"
  | "void_movement"
  | "create_refund"
  | "update_refund"
  | "delete_refund";

/** A caller whom you have recognised. */
export interface Caller {
  /** The name that the journal keeps with every change. */
  subject: string;
  /** The orgs in which they may act; `*` is every org. */
  orgs: string[];
  actions: Permission[];
}

export interface FetchHandlerOptions {
  /**
   * Who sends a request; `null` or an exception answers 401. Without it the handler is a part of
   * your program: whoever can call it may do everything. Never leave it out behind a network.
   * What it throws is told to nobody: whoever sends a bad token makes it throw.
   */
  authenticate?: (request: Request) => MaybePromise<Caller | null>;
  /**
   * What comes before `/v1` in the paths, such as `/api`: a path as URLs write it, which begins with `/` and
   * does not end with one; or the empty string, as by default.
   */
  basePath?: string;
  /**
   * Is told why a response has a status of 500 or more: that the client can't mend, and a 500 does not
   * say to it. `error.cause` is what the store threw, where it did. For a log: it is not waited for,
   * and what it throws changes no response.
   */
  onError?: (error: RefundLedgerError, request: Request) => void;
}

/** The contract's limit on bodies is 64 KiB; what is longer is refused whatever it says. */
const BODY_BYTES_MAX = 64 * 1024;

/** The contract's answer where what went wrong is not for the client. */
const FAILED = '{"code":"internal","message":"the request failed in the ledger"}';

/** A response as the ledger's module makes it. */
interface Reply {
  status: number;
  headers: [string, string][];
  body: string;
  error?: ModuleError;
}

/**
 * A function from requests to responses that answers the REST contract on a ledger. What goes wrong is a
 * response, too: it rejects only for what is no `Request`, with a {@link RefundLedgerError}
 * `invalid_request`, for that is the program's mistake and nobody's request.
 *
 * @throws {RefundLedgerError} `invalid_request` for what is no ledger, and for an option that there is not, or that
 * can't be
 */
export function createFetchHandler(
  ledger: Ledger,
  given: FetchHandlerOptions = {},
): (request: Request) => Promise<Response> {
  if (!(ledger instanceof Ledger)) {
    throw invalidField("ledger", "wrong_type", "must be a `Ledger`: await `Ledger.open()`");
  }
  const options: FetchHandlerOptions = fieldsOf<FetchHandlerOptions>(given, ["authenticate", "basePath", "onError"]);
  checkFunction(options.authenticate, "authenticate");
  checkFunction(options.onError, "onError");
  checkBasePath(options.basePath);
  return async (request) => {
    checkRequest(request);
    try {
      const { reply, thrown } = await answer(ledger, await read(request, ledger, options));
      const { error, ...response } = JSON.parse(reply) as Reply;
      if (error !== undefined) {
        tell(told(error, thrown), request, options);
      }
      const headers = new Headers(response.headers);
      const location = headers.get("location");
      if (location !== null) {
        headers.set("location", (options.basePath ?? "") + location);
      }
      return new Response(response.body === "" ? null : response.body, { status: response.status, headers });
    } catch (thrown) {
      return refusal(thrown, request, options);
    }
  };
}

function checkBasePath(path: unknown): void {
  if (path !== undefined && typeof path !== "string") {
    throw invalidField("basePath", "wrong_type", "must be a string");
  }
  if (path !== undefined && path !== "" && (path.endsWith("/") || asInUrls(path) !== path)) {
    const allowed = "must be a path as URLs write it, with `/` at its beginning and none at its end, or empty";
    throw invalidField("basePath", "invalid_format", allowed);
  }
}

/** The path as it is in URLs: without `..`, and what is not ASCII percent-encoded. */
function asInUrls(path: string): string | undefined {
  try {
    return new URL(path, "http://host").pathname;
  } catch {
    return undefined;
  }
}

/** By what is used of it: a `Request` may come from another realm, or a library that fills in for the platform. */
function checkRequest(request: unknown): void {
  const { url, method, headers } = (request ?? {}) as Partial<Record<keyof Request, unknown>>;
  const hasHeaders = typeof headers === "object" && headers !== null && Symbol.iterator in headers;
  if (typeof url !== "string" || typeof method !== "string" || !hasHeaders) {
    throw invalidField("request", "wrong_type", "must be a `Request`");
  }
}

/** The response to a request that the ledger did not get to answer. */
function refusal(thrown: unknown, request: Request, options: FetchHandlerOptions): Response {
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  const respond = (status: number, body: string): Response =>
    new Response(request.method === "HEAD" ? null : body, { status, headers });
  // Whatever else it may be, such as a clock that tells no time, is not the client's doing.
  if (thrown instanceof RefundLedgerError && thrown.code === "malformed_request") {
    const { code, message, status } = thrown;
    return respond(status, JSON.stringify({ code, message }));
  }
  const isTold = thrown instanceof RefundLedgerError && thrown.status >= 500;
  tell(isTold ? thrown : internalError("the handler failed", { cause: thrown }), request, options);
  return respond(500, FAILED);
}

function tell(error: RefundLedgerError, request: Request, { onError }: FetchHandlerOptions): void {
  const ignore = (): void => undefined;
  try {
    // An asynchronous function fits the type, too; a rejection of it must not end the process.
    Promise.resolve<unknown>(onError?.(error, request)).catch(ignore);
  } catch {
    // The response matters more than the log.
  }
}

async function read(request: Request, ledger: Ledger, options: FetchHandlerOptions): Promise<RestRequest> {
  const caller = await callerOf(request, ledger, options);
  return {
    head: JSON.stringify({
      method: request.method,
      target: pathOf(request, options.basePath ?? ""),
      headers: [...request.headers],
    }),
    // The body of a caller who is not known is not read.
    body: caller === null ? new Uint8Array() : await bodyOf(request),
    caller: caller === null ? undefined : callerText(caller),
  };
}

async function callerOf(request: Request, ledger: Ledger, options: FetchHandlerOptions): Promise<Caller | null> {
  if (options.authenticate === undefined) {
    return { subject: ledger.actor, orgs: ["*"], actions: ["read", "write"] };
  }
  try {
    return (await options.authenticate(request)) ?? null;
  } catch {
    return null;
  }
}

function callerText(caller: Caller): string {
  try {
    return encode(caller, "", "caller");
  } catch (cause) {
    throw internalError("`authenticate` answered what is no caller", { cause });
  }
}

function pathOf(request: Request, basePath: string): string {
  const { pathname, search } = new URL(request.url);
  const isWithin = pathname.startsWith(`${basePath}/`);
  return (isWithin ? pathname.slice(basePath.length) : "/") + search;
}

/** The body, or as much of it as shows that it is too long. */
async function bodyOf(request: Request): Promise<Uint8Array> {
  if (request.bodyUsed) {
    throw internalError("the request's body was read before it came to the handler");
  }
  if (request.body === null) {
    return new Uint8Array();
  }
  const { signal } = request;
  const reader = request.body.getReader();
  const stop = (): void => {
    // Its source may never answer that, or not be able to.
    reader.cancel().catch(() => undefined);
  };
  signal.addEventListener("abort", stop);
  try {
    const body = await bytesOf(reader);
    if (signal.aborted) {
      throw brokenOff(signal.reason);
    }
    return body;
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

async function bytesOf(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Uint8Array> {
  const body = new Uint8Array(BODY_BYTES_MAX + 1);
  let length = 0;
  while (length < body.length) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw brokenOff(cause);
    });
    if (done) {
      break;
    }
    const chunk = value.subarray(0, body.length - length);
    body.set(chunk, length);
    length += chunk.length;
  }
  return body.subarray(0, length);
}

function brokenOff(cause: unknown): RefundLedgerError {
  const message = "the body ends too early, or is not well formed";
  return new RefundLedgerError({ code: "malformed_request", message, status: 400, retryable: false }, { cause });
}
