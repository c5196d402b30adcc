/** Pages of users in Chromium, as their server sends them. @module */
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { type Browser, chromium } from "playwright-core";

/** The strictest policy under which a page can run WebAssembly. */
export const STRICT_POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; style-src 'self'";

const TYPES = new Map([
  [".html", "text/html"],
  [".js", "text/javascript"],
  [".mjs", "text/javascript"],
  [".wasm", "application/wasm"],
]);

/** How long a page may take: the machine may be busy. */
const PAGE_MS_MAX = 60_000;

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts Chromium with an empty profile. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: "/usr/bin/chromium", headless: true, args: ARGUMENTS });
}

/** Serves the files of a folder under a content security policy. */
export async function serve(folder: string, policy: string): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const path = join(folder, normalize(pathname === "/" ? "/index.html" : pathname));
    const type = TYPES.get(extname(path)) ?? "application/octet-stream";
    readFile(path).then(
      (body) => {
        response.writeHead(200, { "content-security-policy": policy, "content-type": type }).end(body);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, server };
}

/**
 * Opens a page and answers with the text that it comes to. Rejects with everything that the browser
 * complained about: errors, what the policy kept back, requests to another place.
 */
export async function textOf(browser: Browser, url: string): Promise<string> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  const failed = new Promise<never>((_, reject) => {
    page.on("pageerror", (error) => {
      reject(new Error([...complaints, error.message].join("\n")));
    });
  });
  // Where the page does not fail, nobody waits for it.
  failed.catch(() => undefined);
  page.on("console", (message) => {
    // Nobody has given the page an icon.
    if (message.type() === "error" && !message.location().url.endsWith("/favicon.ico")) {
      complaints.push(message.text());
    }
  });
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) {
      complaints.push(`it asked for ${request.url()}`);
    }
  });
  try {
    await page.goto(url);
    const body = page.locator("body:not(:empty)");
    await Promise.race([body.waitFor({ timeout: PAGE_MS_MAX }), failed]);
    const text = await body.innerText();
    if (complaints.length > 0) {
      throw new Error(complaints.join("\n"));
    }
    return text;
  } finally {
    await page.close();
  }
}
