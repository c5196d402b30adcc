/** The REST contract as a `fetch` handler: in a service worker, a test, or any fetch-style server. @module */
import { answer, type Ledger } from "./ledger.js";
import { encode } from "./encode.js";
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
   */
  authenticate?: (request: Request) => MaybePromise<Caller | null>;
  /** What comes before `/v1` in the paths, such as `/api`. */
  basePath?: string;
}

/** The contract's limit on bodies is 64 KiB; what is longer is refused whatever it says. */
const BODY_BYTES_MAX = 64 * 1024;

/** The contract's answer to a request that broke the handler. */
const FAILED = '{"code":"internal","message":"the request failed in the ledger"}';

/**
 * A function from requests to responses that answers the REST contract on a ledger. It never
 * rejects: what goes wrong is a response, too.
 */
export function createFetchHandler(
  ledger: Ledger,
  options: FetchHandlerOptions = {},
): (request: Request) => Promise<Response> {
  return async (request) => {
    try {
      const caller = await callerOf(request, ledger, options);
      // The body of a caller who is not known is not read.
      const body = caller === null ? new Uint8Array() : await bodyOf(request);
      const head = JSON.stringify({
        method: request.method,
        target: pathOf(request, options.basePath ?? ""),
        headers: [...request.headers],
      });
      const text = await answer(ledger, {
        head,
        body,
        caller: caller === null ? undefined : encode(caller, "caller"),
      });
      const reply = JSON.parse(text) as { status: number; headers: [string, string][]; body: string };
      return new Response(reply.body === "" ? null : reply.body, reply);
    } catch {
      const headers = { "content-type": "application/json", "cache-control": "no-store" };
      return new Response(request.method === "HEAD" ? null : FAILED, { status: 500, headers });
    }
  };
}

async function callerOf(request: Request, ledger: Ledger, options: FetchHandlerOptions): Promise<Caller | null> {
  if (options.authenticate === undefined) {
    return { subject: ledger.actor, orgs: ["*"], actions: ["read", "write"] };
  }
  try {
    return await options.authenticate(request);
  } catch {
    return null;
  }
}

function pathOf(request: Request, basePath: string): string {
  const { pathname, search } = new URL(request.url);
  const isWithin = pathname.startsWith(`${basePath}/`);
  return (isWithin ? pathname.slice(basePath.length) : "/") + search;
}

/** The body, or as much of it as shows that it is too long. */
async function bodyOf(request: Request): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = request.body?.getReader();
  while (reader !== undefined && length <= BODY_BYTES_MAX) {
    const { done, value } = await reader.read();
    if (done) {
      break;
    }
    chunks.push(value);
    length += value.length;
  }
  if (length > BODY_BYTES_MAX) {
    await reader?.cancel();
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}
