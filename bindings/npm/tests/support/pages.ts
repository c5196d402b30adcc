/** Chromium for tests, and pages served from a folder on loopback. @module */
import { readFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import { extname, join, normalize } from "node:path";

/** How Chromium is started: the one of the system's package, or where `CHROMIUM` says. */
export const CHROMIUM = {
  executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
  headless: true,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
};

/** The strictest content security policy under which a page can run WebAssembly. */
export const STRICT_POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; style-src 'self'";

const TYPES = new Map([
  [".html", "text/html"],
  [".css", "text/css"],
  [".js", "text/javascript"],
  [".mjs", "text/javascript"],
  [".json", "application/json"],
  [".wasm", "application/wasm"],
  [".svg", "image/svg+xml"],
]);

/** A folder as a server gives it. */
export interface ServedFolder {
  /** Where pages come from, without a slash at the end. */
  origin: string;
  close(): Promise<void>;
}

/**
 * Serves the files below a folder under a policy, or under none. A path that ends in `/` is the `index.html`
 * there; `/` is an empty page where it has none.
 */
export async function serveFolder(folder: string, policy?: string): Promise<ServedFolder> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (policy !== undefined) {
      response.setHeader("content-security-policy", policy);
    }
    response.setHeader("cache-control", "no-store");
    // Scripts of a sandboxed frame, whose origin is nobody's, are loaded from here too.
    response.setHeader("access-control-allow-origin", "*");
    void answer(folder, pathname, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") {
    throw new Error("the server has no port");
  }
  return {
    origin: `http://127.0.0.1:${address.port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(folder: string, pathname: string, response: ServerResponse): Promise<void> {
  const path = normalize(pathname.endsWith("/") ? `${pathname}index.html` : pathname);
  try {
    const body = await readFile(join(folder, path));
    response.setHeader("content-type", TYPES.get(extname(path)) ?? "application/octet-stream");
    response.end(body);
  } catch {
    if (pathname === "/") {
      response.setHeader("content-type", "text/html");
      response.end("<!doctype html><title>refund-ledger</title>");
    } else {
      response.writeHead(404).end();
    }
  }
}
