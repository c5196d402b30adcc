/** The packed package as its users' compilers and resolvers see it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { fromTop } from "../support/files.js";
import { tarball, Workshop } from "./workshop.js";

const workshop = new Workshop();

after(() => {
  workshop.remove();
});

/** The newest compiler, the one that the package is compiled with, and the oldest that the README names. */
const newest = "../../node_modules/typescript/bin/tsc";
const oldest = "../../node_modules/typescript-oldest/bin/tsc";
const compilers = [newest, fromTop("bindings/npm/node_modules/typescript/bin/tsc"), oldest];

const resolutions = [
  ["--module", "NodeNext", "--moduleResolution", "NodeNext"],
  ["--module", "ESNext", "--moduleResolution", "Bundler"],
];

test("a strict program that uses every entry compiles, the package's own types checked", () => {
  const project = workshop.project("types");
  for (const compiler of compilers) {
    for (const resolution of resolutions) {
      project.run(process.execPath, compiler, "--project", ".", ...resolution);
    }
  }
});

test("without the browser's types and Node's, all but `/rest` and `/indexeddb` compiles, from CommonJS, too", () => {
  const project = workshop.project("types-bare");
  for (const compiler of compilers) {
    project.run(process.execPath, compiler, "--project", ".");
  }
});

test("CommonJS under `node16` is refused by the compiler, as the README says", () => {
  const project = workshop.project("types-bare");
  const node16 = ["--module", "Node16", "--moduleResolution", "Node16"];
  assert.throws(() => project.run(process.execPath, oldest, "--project", ".", ...node16), /consumer\.cts.*TS1479/);
});

test("with Node's types alone, `/rest` compiles, too", () => {
  const project = workshop.project("types-node");
  for (const compiler of compilers) {
    project.run(process.execPath, compiler, "--project", ".");
  }
});

test("a type that came out as `any` is noticed by that program", () => {
  const packed = workshop.packAnew("any", (folder) => {
    const planted = "export declare const Ledger: any;\nexport type Ledger = any;\n";
    writeFileSync(join(folder, "dist/ledger.d.ts"), planted);
  });
  const project = workshop.project("types", packed);
  assert.throws(() => project.run(process.execPath, newest, "--project", "."), /Unused '@ts-expect-error'/);
});

test("the README and both licences are packed", () => {
  const packed = execFileSync("tar", ["-tzf", tarball()], { encoding: "utf8" }).split("\n");
  for (const name of ["README.md", "LICENSE-APACHE", "LICENSE-MIT"]) {
    assert.ok(packed.includes(`package/${name}`), `${name} is not packed`);
  }
});

test("publint has nothing to say", () => {
  const { status, stdout } = workshop.judge("publint", "run", tarball(), "--strict");
  assert.equal(status, 0, stdout);
});

// `esm-only` leaves out what can't find or `require` ES modules: Node before 20.19, and `moduleResolution`
// `node10`. The package supports neither.
const attw = (packed: string) => workshop.judge("attw", packed, "--profile", "esm-only", "--no-color");

test("every entry resolves to its types", () => {
  const { status, stdout } = attw(tarball());
  assert.equal(status, 0, stdout);
  for (const entry of [".", "/conformance", "/indexeddb", "/ledger.wasm", "/rest", "/sqlite"]) {
    assert.ok(stdout.includes(`"refund-ledger${entry === "." ? "" : entry}"`), `${entry} was not looked at`);
  }
});

test("an entry without its files is noticed", () => {
  const packed = workshop.packAnew("missing", (folder) => {
    rmSync(join(folder, "dist/rest.d.ts"));
    rmSync(join(folder, "dist/rest.js"));
  });
  assert.notEqual(workshop.judge("publint", "run", packed, "--strict").status, 0, "publint");
  assert.notEqual(attw(packed).status, 0, "attw");
});
