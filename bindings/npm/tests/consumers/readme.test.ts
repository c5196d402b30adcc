/** Every snippet of the README, as it stands there, in a project of somebody who has just installed the package. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { fromTop } from "../support/files.js";
import { serveFolder, STRICT_POLICY } from "../support/pages.js";
import { browserForTests, served, textOf } from "./page.js";
import { checkSize, readReadme, snippetsOf, tableOf, unclaimed } from "./readme.js";
import { startVite } from "./vite.js";
import { nodes, type Project, Workshop } from "./workshop.js";

const [older, newer] = nodes as [string, string];

const readme = readReadme();
const snippets = snippetsOf(readme);
const claimed = new Set<string>();

const workshop = new Workshop();
const browser = browserForTests();

after(() => {
  workshop.remove();
});

/** The text of a snippet, for a test that is declared: whoever takes it runs it. */
function claim(name: string): string {
  const snippet = snippets.find((each) => each.name === name);
  assert.ok(snippet !== undefined, `the README has a snippet \`${name}\``);
  claimed.add(name);
  return snippet.text;
}

/** A new project with these files. */
function projectOf(name: string, files: Record<string, string>): Project {
  const project = workshop.emptyProject(name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(project.folder, path)), { recursive: true });
    writeFileSync(join(project.folder, path), text);
  }
  return project;
}

/** A page that runs a script, for snippets that show the script alone. */
const pageOf = (script: string): string => `<!doctype html>\n<script type="module" src="${script}"></script>\n`;

/** What was printed, with the first id as `id 1` and so on: they are new in every run. */
function withoutIds(printed: string): string {
  const ids: string[] = [];
  return printed.replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (id) => {
    if (!ids.includes(id)) {
      ids.push(id);
    }
    return `id ${ids.indexOf(id) + 1}`;
  });
}

const install = claim("install");

test("the package is installed by its name", () => {
  assert.equal(install, "npm install refund-ledger\n");
});

for (const name of ["first-refund", "authenticate", "proof", "reconcile"]) {
  const program = claim(`${name}.mjs`);
  const output = claim(`${name}.out`);
  test(`${name}: prints what the README says, in each version of Node`, () => {
    const project = projectOf(name, { "snippet.mjs": program });
    for (const node of nodes) {
      assert.equal(withoutIds(project.run(node, "snippet.mjs")), withoutIds(output));
    }
  });
}

test("first-refund: a refund, a replay, and a refused over-refund", () => {
  assert.match(claim("first-refund.out"), /replayed: false[^]+replayed: true[^]+over_refund: requested 109 EUR/);
});

for (const library of ["better-sqlite3", "node-sqlite"]) {
  const opening = claim(`${library}.mjs`);
  const [, , ...rest] = claim("first-refund.mjs").split("\n");
  test(`${library}: in place of the first two lines, remembers what an earlier run booked`, () => {
    const project = projectOf(library, { "snippet.mjs": opening + rest.join("\n") });
    symlinkSync(
      fromTop("bindings/npm/node_modules/better-sqlite3"),
      join(project.folder, "node_modules/better-sqlite3"),
    );
    const first = project.run(newer, "snippet.mjs");
    assert.equal(withoutIds(first), withoutIds(claim("first-refund.out")));
    assert.equal(project.run(newer, "snippet.mjs"), first.replace("replayed: false", "replayed: true"));
  });
}

const vitePage = { "index.html": claim("index.html"), "main.js": claim("main.js") };
const [sizeOfModule, sizeOfScripts] = tableOf(readme, "| | bytes | gzipped |");

/** What the page of the README comes to, opened twice by one user. */
async function openTwice(url: string): Promise<void> {
  const context = await browser().newContext();
  try {
    const texts = [await textOf(context, url), await textOf(context, url)].map(withoutIds);
    assert.deepEqual(texts, [
      "id 1 is booked, 108.9 EUR are left",
      "id 1 was booked, 108.9 EUR are left",
    ]);
  } finally {
    await context.close();
  }
}

/** What a row of the table of sizes states is so for the files with this ending, plain and gzipped. */
function checkSizes([what = "", plain, gzipped]: readonly string[] = [], folder: string, ending: string): void {
  const names = readdirSync(folder).filter((name) => name.endsWith(ending));
  const files = names.map((name) => readFileSync(join(folder, name)));
  const sum = (sizes: number[]) => sizes.reduce((total, size) => total + size, 0);
  checkSize(what, plain, sum(files.map((file) => file.length)));
  checkSize(`${what}, gzipped`, gzipped, sum(files.map((file) => gzipSync(file, { level: 9 }).length)));
}

test("Vite: the production build under a strict policy, and its size", async () => {
  const project = projectOf("vite-build", vitePage);
  project.tool("vite", "build");
  const { origin, close } = await serveFolder(join(project.folder, "dist"), STRICT_POLICY);
  try {
    await openTwice(`${origin}/`);
  } finally {
    await close();
  }
  const assets = join(project.folder, "dist/assets");
  checkSizes(sizeOfScripts, assets, ".js");
  checkSizes(sizeOfModule, assets, ".wasm");
});

test("Vite: the dev server, without any setting", async () => {
  const { url, stop } = await startVite(projectOf("vite-dev", vitePage));
  try {
    await openTwice(url);
  } finally {
    await stop();
  }
});

const bundled = claim("bundled.js");
const bundle = claim("esbuild");

test("esbuild: under a strict policy", async () => {
  const project = projectOf("esbuild", {
    "bundled.js": `${bundled}document.body.textContent = (await ledger.verify()).verdict;\n`,
    "public/index.html": pageOf("./bundled.js"),
  });
  project.run("sh", "-c", bundle);
  assert.equal(await served(browser(), join(project.folder, "public"), STRICT_POLICY), "valid");
});

const importMap = claim("import-map.html");

test("an import map, without a bundler", async () => {
  const { folder } = projectOf("import-map", { "index.html": importMap });
  const policy = STRICT_POLICY.replace("script-src", "script-src 'unsafe-inline'");
  assert.equal(await served(browser(), folder, policy), "a ledger with 0 entries");
});

const worker = claim("sw.js");
const workerConfig = claim("vite.config.mjs");
const page = claim("page.js");

const withWorker = {
  "vite.config.mjs": workerConfig,
  "sw.js": worker,
  "page.js": page,
  "index.html": claim("index.html").replace("main.js", "page.js"),
};
const ANSWERED = "201: 12.1 EUR given back";

test("a service worker answers a POST and a GET of its page: as Vite builds it, under a strict policy", async () => {
  const project = projectOf("service-worker-build", withWorker);
  project.tool("vite", "build");
  assert.equal(await served(browser(), join(project.folder, "dist"), STRICT_POLICY), ANSWERED);
});

test("a service worker answers a POST and a GET of its page: in Vite's dev server", async () => {
  const { url, stop } = await startVite(projectOf("service-worker-dev", withWorker));
  try {
    assert.equal(await textOf(browser(), url), ANSWERED);
  } finally {
    await stop();
  }
});

const mockServer = claim("mock-server.mjs");
const mocked = claim("mock-server.out");

test("Mock Service Worker answers with the handler", () => {
  const project = projectOf("mock-server", { "mock-server.mjs": mockServer });
  assert.equal(project.run(newer, "mock-server.mjs"), mocked);
});

test("Mock Service Worker answers with the handler: in a browser", async () => {
  const script = mockServer
    .replace("msw/node", "msw/browser")
    .replace("setupServer(", "await setupWorker(")
    .replace("setupServer", "setupWorker")
    .replace(".listen()", ".start()")
    .replace("https://billing.example", "")
    .replace(/console\.log\((.*)\);/, "document.body.textContent = JSON.stringify([$1]);");
  const project = projectOf("mock-worker", { "main.js": script, "index.html": claim("index.html") });
  project.tool("msw", "init", "public");
  project.tool("vite", "build");
  const text = await served(browser(), join(project.folder, "dist"), STRICT_POLICY);
  assert.equal(text, '[201,{"value_with_taxes":121,"value_without_taxes":121}]');
});

const store = claim("map-store.mts");
const suite = claim("map-store.test.mjs");

test("a store of one's own passes the suite", () => {
  const project = projectOf("map-store", { "map-store.mts": store, "map-store.test.mjs": suite });
  const printed = project.run(newer, "--test", "--test-reporter=tap", "map-store.test.mjs");
  assert.match(printed, /^# pass [1-9]\d+\n# fail 0\n/m);
});

test("that store is the one that our own tests use", () => {
  const ours = readFileSync(fromTop("bindings/npm/tests/support/map-store.ts"), "utf8");
  const code = ours.slice(ours.indexOf("import "));
  assert.equal(store, code.replace('"../../src/store.js"', '"refund-ledger"'));
});

const typed = claim("typed.ts");

test("what is TypeScript compiles strictly", () => {
  const project = projectOf("typed", { "typed.ts": typed, "map-store.mts": store });
  const options = ["--noEmit", "--strict", "--target", "ES2022", "--lib", "ES2023,DOM", "--types", ""];
  for (const resolution of ["NodeNext", "Bundler"]) {
    const module = resolution === "Bundler" ? "ESNext" : resolution;
    const how = ["--module", module, "--moduleResolution", resolution];
    project.run(older, "../../node_modules/typescript/bin/tsc", ...options, ...how, "typed.ts", "map-store.mts");
  }
});

test("each snippet is claimed by a test", () => {
  assert.deepEqual(unclaimed(snippets, claimed), []);
});

test("a snippet that no test claims is noticed", () => {
  const planted = snippetsOf(`${readme}\n\`\`\`js planted.mjs\nthrow new Error();\n\`\`\`\n`);
  assert.deepEqual(unclaimed(planted, claimed), ["planted.mjs"]);
});

test("a snippet without a name, or with one that is taken, is noticed", () => {
  for (const planted of ["```js\n```", "```\n```", "~~~\n~~~", "  ```js planted.mjs\n```", "```js main.js\n```"]) {
    assert.throws(() => snippetsOf(`${readme}\n${planted}\n`), /needs a language and a name of its own/, planted);
  }
  assert.throws(() => snippetsOf("```js planted.mjs\n"), /does not end/);
});
