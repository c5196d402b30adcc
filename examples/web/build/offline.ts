/** What makes the page work with the network off. @module */
import type { Plugin } from "vite";

/**
 * Moves the service worker to the top of the built folder, from where it may serve all of it, and tells it
 * which files there are. Their version is a hash of what they hold: with other files comes another
 * service worker, by which browsers notice.
 */
export function offline(): Plugin {
  return {
    name: "offline",
    apply: "build",
    generateBundle: {
      order: "post",
      async handler(_options, bundle) {
        const worker = Object.values(bundle).find(
          (file) => file.type === "chunk" && file.facadeModuleId?.endsWith("/src/workers/offline.ts"),
        );
        if (worker?.type !== "chunk") {
          this.error("the service worker is not among the built files");
        }
        delete bundle[worker.fileName];
        const files = Object.values(bundle).sort((one, other) => (one.fileName < other.fileName ? -1 : 1));
        const contents = files.map((file) => (file.type === "chunk" ? file.code : file.source));
        const names = files.map(({ fileName }) => fileName);
        const facts = `const FILES = ${JSON.stringify(names)}, VERSION = ${JSON.stringify(await hash(contents))};\n`;
        this.emitFile({ type: "asset", fileName: "offline.js", source: facts + worker.code });
      },
    },
  };
}

async function hash(contents: readonly (string | Uint8Array<ArrayBufferLike>)[]): Promise<string> {
  const bytes = new Uint8Array(await new Blob(contents.map((content) => content.slice())).arrayBuffer());
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest.slice(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
