/**
 * The service worker: keeps the files that the page is made of, so that it works with the network off.
 * It sees no file that a user chooses: those go from the page to its worker.
 */
export {};

declare const self: ServiceWorkerGlobalScope;

// The build writes them before this (`build/offline.ts`).
declare const FILES: readonly string[];
declare const VERSION: string;

const PREFIX = "refund-ledger-web-";
const NAME = PREFIX + VERSION;

self.addEventListener("install", (event) => {
  event.waitUntil(keep());
});

self.addEventListener("activate", (event) => {
  event.waitUntil(takeOver());
});

self.addEventListener("fetch", (event) => {
  event.respondWith(answer(event.request));
});

async function keep(): Promise<void> {
  const cache = await caches.open(NAME);
  await Promise.all(FILES.map(async (file) => cache.put(file, await fetched(file))));
}

/** A file, as it can be kept whatever the server says beside it. */
async function fetched(file: string): Promise<Response> {
  // Past the browser's HTTP cache, which may still hold files of another version.
  const { ok, status, statusText, headers, body } = await fetch(file, { cache: "reload" });
  if (!ok) {
    throw new Error(`\`${file}\` is answered with ${status}`);
  }
  const kept = new Headers(headers);
  // There is one of each, whatever a browser asks for it with.
  kept.delete("vary");
  // It is made anew: no page is shown from an answer that was redirected, and servers redirect `index.html`.
  return new Response(body, { status, statusText, headers: kept });
}

/** A new version takes over once no tab has the one before open, so a tab never mixes two of them. */
async function takeOver(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== NAME);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

async function answer(request: Request): Promise<Response> {
  const file = request.mode === "navigate" ? page(request.url) : request;
  const kept = await caches.match(file, { cacheName: NAME });
  return kept ?? fetch(request);
}

/** The file of a page: a folder's is its `index.html`, and what stands behind `?` changes nothing. */
function page(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + (pathname.endsWith("/") ? `${pathname}index.html` : pathname);
}
