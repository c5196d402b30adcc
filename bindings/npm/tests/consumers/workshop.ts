/**
 * Projects of users: new folders in which the packed package is installed, with the tools of their trade.
 *
 * @module
 */
import { execFileSync, type SpawnSyncReturns, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromTop } from "../support/files.js";

const here = fromTop("bindings/npm/tests/consumers");

/** The package as it would be published. */
export function tarball(): string {
  const path = process.env["REFUND_LEDGER_TARBALL"];
  if (path === undefined) {
    throw new Error("REFUND_LEDGER_TARBALL names no tarball: run `cargo xtask npm --test`");
  }
  return path;
}

/** The versions of Node that the package is tried in: this one, and a newer one. */
export const nodes = [process.execPath, fromTop("bindings/npm/node_modules/node/bin/node")];

/** A folder with the tools that `tools/package-lock.json` names, and projects below it. */
export class Workshop {
  readonly #folder = mkdtempSync(join(tmpdir(), "refund-ledger-consumers-"));

  constructor() {
    for (const name of ["package.json", "package-lock.json"]) {
      cpSync(join(here, "tools", name), join(this.#folder, name));
    }
    mkdirSync(join(this.#folder, "projects"));
    // Some tools run in the newer Node alone, of which npm would warn.
    execFileSync("npm", ["ci", "--loglevel=error"], { cwd: this.#folder, stdio: ["ignore", "ignore", "inherit"] });
  }

  /**
   * Makes a new project with the package installed from a tarball, and nothing else in it. Its scripts are
   * CommonJS where they don't say otherwise, as `npm init` writes it.
   */
  emptyProject(name: string, packed = tarball()): Project {
    const folder = mkdtempSync(join(this.#folder, "projects", `${name}-`));
    writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "commonjs" }');
    const project = new Project(folder);
    project.run("npm", "install", "--offline", packed);
    return project;
  }

  /** The same with the files in `projects/NAME`. */
  project(name: string, packed = tarball()): Project {
    const project = this.emptyProject(name, packed);
    cpSync(join(here, "projects", name), project.folder, { recursive: true });
    cpSync(join(here, "projects/scenario.mjs"), join(project.folder, "scenario.mjs"));
    return project;
  }

  /** Packs the package anew with something changed: what publishing a mistake would look like. */
  packAnew(name: string, change: (folder: string) => void): string {
    const folder = join(this.#folder, "changed", name);
    mkdirSync(folder, { recursive: true });
    execFileSync("tar", ["-xzf", tarball(), "-C", folder]);
    change(join(folder, "package"));
    const packed = join(folder, "package.tgz");
    execFileSync("tar", ["-czf", packed, "-C", folder, "package"]);
    return packed;
  }

  /** Runs one of the tools on a tarball; answers how it went. */
  judge(tool: string, ...args: string[]): SpawnSyncReturns<string> {
    return spawnSync("npx", ["--no", "--", tool, ...args], { cwd: this.#folder, encoding: "utf8" });
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

/** A project of a user. */
export class Project {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Runs a program in the project and answers what it prints. A program that fails throws. */
  run(program: string, ...args: string[]): string {
    // In a test's process tests report to it, and print nothing.
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
    const { status, stdout, stderr } = spawnSync(program, args, { cwd: this.folder, encoding: "utf8", env });
    if (status !== 0) {
      throw new Error(`\`${program} ${args.join(" ")}\` failed in ${this.folder}:\n${stdout}${stderr}`);
    }
    return stdout;
  }

  /** Runs one of the workshop's tools in the project. */
  tool(name: string, ...args: string[]): string {
    return this.run("npx", "--no", "--", name, ...args);
  }
}
