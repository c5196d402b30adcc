/**
 * Chromium for tests: a browser of its own with an empty profile, and pages that are served from a folder
 * on loopback under a strict content security policy.
 *
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, type CDPSession, chromium, type Page } from "playwright-core";
import { CHROMIUM, type ServedFolder, serveFolder, STRICT_POLICY } from "../support/pages.js";

type Exports = Record<string, (...values: never[]) => unknown>;

/**
 * A function that calls what a module of the page exports, with values that JSON can carry. `path` is
 * that of the module on the server.
 */
export function caller<Module extends Exports>(path: string) {
  return <Name extends string & keyof Module>(
    page: Page,
    name: Name,
    ...values: Parameters<Module[Name]>
  ): Promise<Awaited<ReturnType<Module[Name]>>> =>
    page.evaluate(async ([path, name, values]) => (await import(path))[name](...values), [
      path,
      name,
      values,
    ] as const);
}

/** A running browser and the server of its pages. */
export class Browser {
  /** Where pages come from, without a slash at the end. */
  readonly origin: string;
  readonly #context: BrowserContext;
  readonly #pages: ServedFolder;
  readonly #profile: string;

  private constructor(context: BrowserContext, pages: ServedFolder, profile: string) {
    this.#context = context;
    this.#pages = pages;
    this.#profile = profile;
    this.origin = pages.origin;
  }

  /** Starts a browser whose pages are the files below a folder; `/` is an empty page. */
  static async start(root: string): Promise<Browser> {
    const pages = await serveFolder(root, STRICT_POLICY);
    const profile = await mkdtemp(join(tmpdir(), "refund-ledger-browser-"));
    const context = await chromium.launchPersistentContext(profile, CHROMIUM);
    return new Browser(context, pages, profile);
  }

  /** Opens a tab. */
  async open(path = "/"): Promise<Page> {
    const page = await this.#context.newPage();
    await page.goto(this.origin + path);
    return page;
  }

  /** Clears what pages have stored, as users do in the browser's settings. */
  async clearData(): Promise<void> {
    await this.#withSession((session) =>
      session.send("Storage.clearDataForOrigin", { origin: this.origin, storageTypes: "all" }),
    );
  }

  /** Limits what pages may store, in bytes, as long as something runs. */
  async withStorageLimit(quotaSize: number, run: () => Promise<void>): Promise<void> {
    await this.#withSession(async (session) => {
      await session.send("Storage.overrideQuotaForOrigin", { origin: this.origin, quotaSize });
      await run();
    });
  }

  /** Kills the processes that run pages, as the kernel does when memory runs out, until the browser knows. */
  async killRenderers(): Promise<void> {
    const browser = this.#context.browser();
    if (browser === null) {
      throw new Error("the browser is closed");
    }
    const session = await browser.newBrowserCDPSession();
    const renderers = async (): Promise<number[]> => {
      const { processInfo } = await session.send("SystemInfo.getProcessInfo");
      return processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
    };
    const killed = new Set(await renderers());
    for (const id of killed) {
      try {
        process.kill(id, "SIGKILL");
      } catch {
        // It ended by itself.
      }
    }
    // A new tab would be given one of them otherwise.
    while ((await renderers()).some((id) => killed.has(id)));
    await session.detach();
  }

  async #withSession(use: (session: CDPSession) => Promise<unknown>): Promise<void> {
    const page = await this.#context.newPage();
    await use(await this.#context.newCDPSession(page));
    await page.close();
  }

  async close(): Promise<void> {
    await this.#context.close();
    await this.#pages.close();
    await rm(this.#profile, { recursive: true, force: true });
  }
}
