/**
 * What a bundler makes of the module: its URL (esbuild's loader `file`, webpack's `asset/resource`) or its
 * bytes (esbuild's loader `binary`). Pass it to `reconcile({ wasm })`.
 */
declare const wasm: string | Uint8Array;
export default wasm;
