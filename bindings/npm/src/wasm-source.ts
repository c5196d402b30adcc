/** What a module is loaded from. @module */

/**
 * Where the module comes from: its URL (text, or a `URL`), its bytes (an `ArrayBuffer`, or a view of one), a
 * `Request` for it, a `Response` with it, a compiled `WebAssembly.Module`, or a promise of one of these.
 *
 * These are the platform's, which a user's compiler need not know; and any object would pass for a compiled
 * module, of which the platform's types say nothing.
 */
export type WasmSource = string | object;
