/**
 * Chromium for tests: a browser of its own with an empty profile, and pages that are served from a folder
 * on loopback under a strict content security policy.
 *
 * @module
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type BrowserContext,
  type CDPSession,
  chromium,
  type Frame,
  type Page,
  type Browser as PlaywrightBrowser,
} from "playwright-core";
import { CHROMIUM, type ServedFolder, serveFolder, STRICT_POLICY } from "../support/pages.js";

/** What its user has set who blocks the data of all sites, cookies included. */
export const SITE_DATA_BLOCKED = { profile: { default_content_setting_values: { cookies: 2 } } };

type Exports = Record<string, (...values: never[]) => unknown>;

/**
 * A function that calls what a module of the page exports, with values that JSON can carry. `path` is
 * that of the module on the server.
 */
export function caller<Module extends Exports>(path: string) {
  return <Name extends string & keyof Module>(
    page: Page | Frame,
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
  /** What its tabs complained about: errors, and what the policy kept back. */
  readonly complaints: string[] = [];
  readonly #pages: ServedFolder;
  readonly #profile: string;
  #context: BrowserContext;

  private constructor(context: BrowserContext, pages: ServedFolder, profile: string) {
    this.#context = context;
    this.#pages = pages;
    this.#profile = profile;
    this.origin = pages.origin;
    this.#listen();
  }

  /**
   * Starts a browser whose pages are the files below a folder; `/` is an empty page where that has no
   * `index.html`. `preferences` are what its user has set before.
   */
  static async start(root: string, preferences: object = {}): Promise<Browser> {
    const pages = await serveFolder(root, STRICT_POLICY);
    const profile = await mkdtemp(join(tmpdir(), "refund-ledger-browser-"));
    await mkdir(join(profile, "Default"));
    await writeFile(join(profile, "Default/Preferences"), JSON.stringify(preferences));
    return new Browser(await chromium.launchPersistentContext(profile, CHROMIUM), pages, profile);
  }

  /** Ends the browser and starts it anew for the same user. */
  async restart(): Promise<void> {
    await this.#context.close();
    this.#context = await chromium.launchPersistentContext(this.#profile, CHROMIUM);
    this.#listen();
  }

  #listen(): void {
    this.#context.on("console", (message) => {
      // Nobody has given the pages an icon.
      if (message.type() === "error" && !message.location().url.endsWith("/favicon.ico")) {
        this.complaints.push(message.text());
      }
    });
    this.#context.on("weberror", (error) => this.complaints.push(error.error().message));
  }

  /** Opens a tab. */
  async open(path = "/"): Promise<Page> {
    const page = await this.#context.newPage();
    await page.goto(this.origin + path);
    return page;
  }

  /** Opens a tab with a sandboxed frame in it: its page runs scripts, but belongs to no origin. */
  async openSandboxed(): Promise<Frame> {
    const page = await this.#context.newPage();
    const loaded = page.waitForEvent("framenavigated", (frame) => frame.url().startsWith(this.origin));
    await page.setContent(`<iframe sandbox="allow-scripts" src="${this.origin}/"></iframe>`);
    return loaded;
  }

  /** Opens a private window as long as something runs. */
  async withPrivateWindow(run: (open: () => Promise<Page>) => Promise<void>): Promise<void> {
    const window = await this.#running().newContext();
    await run(async () => {
      const page = await window.newPage();
      await page.goto(this.origin);
      return page;
    });
    await window.close();
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
    const session = await this.#running().newBrowserCDPSession();
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

  #running(): PlaywrightBrowser {
    const browser = this.#context.browser();
    if (browser === null) {
      throw new Error("the browser is closed");
    }
    return browser;
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
