/** The packed package in projects of its users: each comes to the same line. */
import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { STRICT_POLICY } from "../support/pages.js";
import { browserForTests, served, textOf } from "./page.js";
import { startVite } from "./vite.js";
import { nodes, Workshop } from "./workshop.js";

const LINE = "refunded, replayed, over_refund 400, 108.9 left, valid with 2 entries";

const workshop = new Workshop();
const browser = browserForTests();

after(() => {
  workshop.remove();
});

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
  assert.equal(await served(browser(), folder, STRICT_POLICY), LINE);
});

test("plain: what the policy must allow is noticed when it does not", async () => {
  const { folder } = workshop.project("plain");
  await assert.rejects(served(browser(), folder, STRICT_POLICY.replace(" 'wasm-unsafe-eval'", "")), (error: Error) => {
    assert.match(error.message, /the module `ledger_bg\.wasm` can't be loaded: .*'wasm-unsafe-eval'/);
    return true;
  });
});

test("plain: a module that was not packed is noticed", async () => {
  const { folder } = workshop.project("plain");
  rmSync(join(folder, "node_modules/refund-ledger/dist/wasm/ledger_bg.wasm"));
  await assert.rejects(served(browser(), folder, STRICT_POLICY), /404[^]*the module `ledger_bg\.wasm` can't be loaded/);
});

test("Vite: the production build, under a strict policy", async () => {
  const project = workshop.project("vite");
  project.tool("vite", "build");
  assert.equal(await served(browser(), join(project.folder, "dist"), STRICT_POLICY), LINE);
});

test("Vite: the dev server, without any setting", async () => {
  const { url, stop } = await startVite(workshop.project("vite"));
  try {
    assert.equal(await textOf(browser(), url), LINE);
  } finally {
    await stop();
  }
});

test("esbuild: under a strict policy", async () => {
  const project = workshop.project("esbuild");
  project.tool("esbuild", "main.js", "--bundle", "--format=esm", "--loader:.wasm=file", "--outdir=public");
  // What is served holds nothing but what was bundled.
  cpSync(join(project.folder, "index.html"), join(project.folder, "public/index.html"));
  assert.equal(await served(browser(), join(project.folder, "public"), STRICT_POLICY), LINE);
});
