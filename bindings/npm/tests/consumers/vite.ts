/** Vite's dev server, on a port that the system chooses. @module */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { Project } from "./workshop.js";

/** Starts the dev server in a project, and answers where it listens. */
export async function startVite({ folder }: Project): Promise<{ url: string; stop: () => Promise<void> }> {
  const vite: ChildProcessByStdio<null, Readable, null> = spawn(
    process.execPath,
    ["../../node_modules/vite/bin/vite.js", "--host", "127.0.0.1", "--port", "0"],
    { cwd: folder, env: { ...process.env, NO_COLOR: "1" }, stdio: ["ignore", "pipe", "inherit"] },
  );
  const ended = new Promise<void>((resolve) => vite.once("close", () => resolve()));
  let printed = "";
  const url = await new Promise<string>((resolve, reject) => {
    vite.stdout.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
      const found = /http:\/\/127\.0\.0\.1:\d+\//.exec(printed);
      if (found !== null) {
        resolve(found[0]);
      }
    });
    void ended.then(() => reject(new Error(`Vite does not say where it listens: ${printed}`)));
  });
  return {
    url,
    stop: () => {
      vite.kill();
      return ended;
    },
  };
}
