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
  // Past the browser's HTTP cache, which may still hold files of another version.
  await cache.addAll(FILES.map((file) => new Request(file, { cache: "reload" })));
}

/** A new version takes over once no tab has the one before open, so a tab never mixes two of them. */
async function takeOver(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== NAME);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

async function answer(request: Request): Promise<Response> {
  const cache = await caches.open(NAME);
  const kept = await cache.match(request.mode === "navigate" ? page(request.url) : request);
  return kept ?? fetch(request);
}

/** The file of a page: a folder's is its `index.html`, and what stands behind `?` changes nothing. */
function page(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + (pathname.endsWith("/") ? `${pathname}index.html` : pathname);
}
