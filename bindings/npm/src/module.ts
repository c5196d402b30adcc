/** The WebAssembly module: there is one, which all ledgers share. @module */
import init, { initSync } from "./wasm/ledger.js";
import { internalError, type RefundLedgerError } from "./errors.js";

/**
 * Where the module comes from: its URL (text, or a `URL`), its bytes (an `ArrayBuffer`, or a view of one), a
 * `Request` for it, a `Response` with it, a compiled `WebAssembly.Module`, or a promise of one of these.
 *
 * These are the platform's, which a user's compiler need not know; and any object would pass for a compiled
 * module, of which the platform's types say nothing.
 */
export type WasmSource = string | object;

/** What the script takes. */
type ScriptSource = NonNullable<Parameters<typeof init>[0]>;

let isLoaded = false;
let loading: Promise<void> | undefined;
let readHere: (() => Uint8Array<ArrayBuffer>) | undefined;

/** Has the module read from here, where nothing else is said: Node reads a file. */
export function readWith(read: () => Uint8Array<ArrayBuffer>): void {
  readHere = read;
}

/** Loads the module, once: a later source is not looked at. */
export async function load(source?: WasmSource): Promise<void> {
  // Where it is not looked at, it may fail unheard.
  Promise.resolve(source).catch(() => undefined);
  if (isLoaded) {
    return;
  }
  if (source === undefined && readHere !== undefined) {
    loadNow();
    return;
  }
  loading ??= loadFrom(source).finally(() => {
    // After a failure the next call tries again.
    loading = undefined;
  });
  await loading;
}

/** Loads the module without waiting, where that is possible: in Node. */
export function loadNow(): void {
  if (isLoaded) {
    return;
  }
  if (readHere === undefined) {
    throw internalError("the module is not loaded yet; open a ledger first");
  }
  try {
    initSync({ module: readHere() });
  } catch (cause) {
    throw notLoaded(cause);
  }
  isLoaded = true;
}

async function loadFrom(source: WasmSource | undefined): Promise<void> {
  try {
    await (source === undefined ? init() : init({ module_or_path: source } as ScriptSource));
    isLoaded = true;
  } catch (cause) {
    throw notLoaded(cause);
  }
}

function notLoaded(cause: unknown): RefundLedgerError {
  const hint = "check that `ledger_bg.wasm` is there beside the package's scripts, or pass it as `wasm`";
  const policy = "and that a content security policy has `script-src 'wasm-unsafe-eval'`";
  return internalError(`the ledger's module can't be loaded: ${hint}, ${policy}`, { cause });
}
