/** Keeping the page for when the network is off. @module */
import { element } from "./element.js";

/** Starts the service worker that keeps the page's files, and says when they are kept. */
export function keepForOffline(): void {
  // While the page is developed its files change, and are served by Vite alone.
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) {
    return;
  }
  const told = element("offline");
  navigator.serviceWorker
    .register("./offline.js")
    .then(kept)
    .then(
      () => {
        told.textContent = "This page is kept in the browser: it also works with the network off.";
      },
      () => {
        told.textContent = "The browser does not keep this page: it needs the network to load, but not to compare.";
      },
    );
}

/** Resolves once the files are kept. Where one of them can't be, the browser drops the service worker. */
function kept({ active, installing }: ServiceWorkerRegistration): Promise<unknown> {
  if (active !== null || installing === null) {
    return navigator.serviceWorker.ready;
  }
  return new Promise<void>((resolve, reject) => {
    installing.addEventListener("statechange", () => {
      if (installing.state === "activated") {
        resolve();
      } else if (installing.state === "redundant") {
        reject(new Error("the service worker could not be installed"));
      }
    });
  });
}
