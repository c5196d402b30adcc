/** Work that goes on beside the page, in a worker of its own. @module */
import type { Failed, Job, Outcome, Progress, Said } from "./messages.js";
import workerUrl from "./workers/reconcile.ts?worker&url";

/** Whom the work tells. */
export interface Listener {
  progress(progress: Progress): void;
  done(outcome: Outcome): void;
  failed(failed: Failed): void;
}

/**
 * A worker whose script is a file of the server is under the policy that the server sends, and the server may
 * send none. One that begins in the page is under the page's policy: it can't reach another server either.
 */
const script = `import ${JSON.stringify(new URL(workerUrl, document.baseURI).href)};`;
const scriptUrl = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));

/** Begins a job; what it answers ends the work at once. */
export function run(job: Job, listener: Listener): () => void {
  const worker = new Worker(scriptUrl, { type: "module" });
  worker.addEventListener("message", ({ data }: MessageEvent<Said>) => {
    if (data.kind === "progress") {
      listener.progress(data.progress);
      return;
    }
    worker.terminate();
    if (data.kind === "done") {
      listener.done(data.outcome);
    } else {
      listener.failed(data.failed);
    }
  });
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    worker.terminate();
    const message = event.message
      ? `The work broke off: ${event.message}`
      : "The part of this page that compares can't be loaded. Load the page anew; it needs the network once.";
    listener.failed({ field: undefined, message });
  });
  worker.postMessage(job);
  return () => worker.terminate();
}
