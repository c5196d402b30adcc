/**
 * Chromium for tests: a browser of its own with an empty profile, and pages that are served from a folder
 * on loopback under a strict content security policy.
 *
 * @module
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { type BrowserContext, type CDPSession, chromium, type Page } from "playwright-core";

/** Where Debian's and Ubuntu's package `chromium` puts it. */
const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";

const CONTENT_TYPES = new Map([
  [".html", "text/html"],
  [".js", "text/javascript"],
  [".json", "application/json"],
  [".wasm", "application/wasm"],
]);

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
  readonly #server: Server;
  readonly #profile: string;

  private constructor(context: BrowserContext, server: Server, profile: string, origin: string) {
    this.#context = context;
    this.#server = server;
    this.#profile = profile;
    this.origin = origin;
  }

  /** Starts a browser whose pages are the files below a folder; `/` is an empty page. */
  static async start(root: string): Promise<Browser> {
    const profile = await mkdtemp(join(tmpdir(), "refund-ledger-browser-"));
    const options = { executablePath: CHROMIUM, headless: true, args: ARGUMENTS };
    const context = await chromium.launchPersistentContext(profile, options);
    const server = createServer((request, response) => void serve(root, request.url ?? "/", response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") {
      throw new Error("the server has no port");
    }
    return new Browser(context, server, profile, `http://127.0.0.1:${address.port}`);
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
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#profile, { recursive: true, force: true });
  }
}

async function serve(root: string, url: string, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(url, "http://localhost");
  response.setHeader("content-security-policy", CONTENT_SECURITY_POLICY);
  response.setHeader("cache-control", "no-store");
  if (pathname === "/") {
    response.setHeader("content-type", "text/html");
    response.end("<!doctype html><title>refund-ledger</title>");
    return;
  }
  try {
    const body = await readFile(join(root, normalize(pathname)));
    response.setHeader("content-type", CONTENT_TYPES.get(extname(pathname)) ?? "application/octet-stream");
    response.end(body);
  } catch {
    response.statusCode = 404;
    response.end();
  }
}
