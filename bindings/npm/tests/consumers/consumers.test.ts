/** The packed package in projects of its users: each comes to the same line. */
import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { after, before, test } from "node:test";
import { type Browser, chromium } from "playwright-core";
import { CHROMIUM, serveFolder, STRICT_POLICY } from "../support/pages.js";
import { textOf } from "./page.js";
import { nodes, type Project, Workshop } from "./workshop.js";

const LINE = "refunded, replayed, over_refund 400, 108.9 left, valid with 2 entries";

const workshop = new Workshop();
let browser: Browser;

before(async () => {
  browser = await chromium.launch(CHROMIUM);
});

after(async () => {
  await browser.close();
  workshop.remove();
});

/** What the page in a folder comes to under a policy. */
async function served(folder: string, policy: string): Promise<string> {
  const { origin, close } = await serveFolder(folder, policy);
  try {
    return await textOf(browser, `${origin}/`);
  } finally {
    await close();
  }
}

for (const [name, file] of [
  ["node-esm", "main.mjs"],
  ["node-cjs", "main.cjs"],
] as const) {
  test(`${name}: in each version of Node`, () => {
    const project = workshop.project(name);
    for (const node of nodes) {
      assert.equal(project.run(node, file), `${LINE}\n`);
    }
  });
}

test("plain: modules without a bundler, under a strict policy", async () => {
  const { folder } = workshop.project("plain");
  assert.equal(await served(folder, STRICT_POLICY), LINE);
});

test("plain: what the policy must allow is noticed when it does not", async () => {
  const { folder } = workshop.project("plain");
  await assert.rejects(served(folder, STRICT_POLICY.replace(" 'wasm-unsafe-eval'", "")), (error: Error) => {
    assert.match(error.message, /the ledger's module can't be loaded: .*'wasm-unsafe-eval'/);
    return true;
  });
});

test("plain: a module that was not packed is noticed", async () => {
  const { folder } = workshop.project("plain");
  rmSync(join(folder, "node_modules/refund-ledger/dist/wasm/ledger_bg.wasm"));
  await assert.rejects(served(folder, STRICT_POLICY), /404[^]*the ledger's module can't be loaded/);
});

test("Vite: the production build, under a strict policy", async () => {
  const project = workshop.project("vite");
  project.tool("vite", "build");
  assert.equal(await served(join(project.folder, "dist"), STRICT_POLICY), LINE);
});

test("Vite: the dev server, without any setting", async () => {
  const { url, stop } = await startVite(workshop.project("vite"));
  try {
    assert.equal(await textOf(browser, url), LINE);
  } finally {
    await stop();
  }
});

test("esbuild: under a strict policy", async () => {
  const project = workshop.project("esbuild");
  project.tool("esbuild", "main.js", "--bundle", "--format=esm", "--loader:.wasm=file", "--outdir=public");
  // What is served holds nothing but what was bundled.
  cpSync(join(project.folder, "index.html"), join(project.folder, "public/index.html"));
  assert.equal(await served(join(project.folder, "public"), STRICT_POLICY), LINE);
});

async function startVite({ folder }: Project): Promise<{ url: string; stop: () => Promise<void> }> {
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
