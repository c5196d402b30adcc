/** How a WebAssembly module is loaded: once, whoever asks first. @module */
import { internalError, type RefundLedgerError } from "./errors.js";
import type { WasmSource } from "./wasm-source.js";
import type { InitInput, SyncInitInput } from "./wasm/ledger.js";

/** The script beside a module. */
interface Script {
  init: (source?: { module_or_path: InitInput | Promise<InitInput> }) => Promise<unknown>;
  initSync: (source: { module: SyncInitInput }) => unknown;
}

export class WasmModule {
  readonly #name: string;
  readonly #script: Script;
  #isLoaded = false;
  #loading: Promise<void> | undefined;
  #readHere: (() => Uint8Array<ArrayBuffer>) | undefined;

  /** `name` is what its file is called before `_bg.wasm`. */
  constructor(name: string, script: Script) {
    this.#name = name;
    this.#script = script;
  }

  /** Has the module read from here, where nothing else is said: Node reads a file. */
  readWith(read: () => Uint8Array<ArrayBuffer>): void {
    this.#readHere = read;
  }

  /** Loads the module, once: a later source is not looked at. */
  async load(source?: WasmSource): Promise<void> {
    // Where it is not looked at, it may fail unheard.
    Promise.resolve(source).catch(() => undefined);
    if (this.#isLoaded) {
      return;
    }
    if (source === undefined && this.#readHere !== undefined) {
      this.loadNow();
      return;
    }
    this.#loading ??= this.#loadFrom(source).finally(() => {
      // After a failure the next call tries again.
      this.#loading = undefined;
    });
    await this.#loading;
  }

  /** Loads the module without waiting, where that is possible: in Node. */
  loadNow(): void {
    if (this.#isLoaded) {
      return;
    }
    if (this.#readHere === undefined) {
      throw internalError("the module is not loaded yet; open a ledger first");
    }
    try {
      this.#script.initSync({ module: this.#readHere() });
    } catch (cause) {
      throw this.#notLoaded(cause);
    }
    this.#isLoaded = true;
  }

  async #loadFrom(source: WasmSource | undefined): Promise<void> {
    const given = source as InitInput | Promise<InitInput> | undefined;
    try {
      await (given === undefined ? this.#script.init() : this.#script.init({ module_or_path: given }));
      this.#isLoaded = true;
    } catch (cause) {
      throw this.#notLoaded(cause);
    }
  }

  #notLoaded(cause: unknown): RefundLedgerError {
    const hint = "check that it is there beside the package's scripts, or pass it as `wasm`";
    const policy = "and that a content security policy has `script-src 'wasm-unsafe-eval'`";
    return internalError(`the module \`${this.#name}_bg.wasm\` can't be loaded: ${hint}, ${policy}`, { cause });
  }
}
