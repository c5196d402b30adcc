/** The command `refunds`, which has the Rust store: what it makes of a file, and what it says of one. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command, Head, Report } from "../../src/node.js";
import { fromTop } from "./files.js";

export const command = fromTop("target/debug/refunds");
if (!existsSync(command)) {
  throw new Error(`there is no ${command}: build it with \`cargo build -p refund-cli\``);
}

/** Runs the command on a ledger; answers its standard output. */
export function refunds(ledger: string, ...args: string[]): string {
  return execFileSync(command, ["--ledger", ledger, ...args], { encoding: "utf8" });
}

/** Its output where that is JSON, one value a line. */
export function refundsJson(ledger: string, ...args: string[]): Record<string, unknown>[] {
  const lines = refunds(ledger, ...args).split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** What `refunds verify` says. */
export function verify(ledger: string): Report {
  const { stdout } = spawnSync(command, ["--ledger", ledger, "verify", "--format", "json"], {
    encoding: "utf8",
  });
  return JSON.parse(stdout) as Report;
}

export function head(ledger: string): Head {
  return JSON.parse(refunds(ledger, "head")) as Head;
}

const top = mkdtempSync(join(tmpdir(), "refund-ledger-sqlite-"));
process.once("exit", () => {
  rmSync(top, { recursive: true });
});

/** A folder of its own for a test. */
export function folder(): string {
  return mkdtempSync(join(top, "test-"));
}

/** Carries out lines of an import file, as many as can be. */
export function importLines(ledger: string, lines: readonly Command[]): void {
  const file = join(folder(), "lines.jsonl");
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  // Exit code 1: some were rejected.
  const { status, stderr } = spawnSync(command, ["--ledger", ledger, "import", file], { encoding: "utf8" });
  if (status !== 0 && status !== 1) {
    throw new Error(`the import failed: ${stderr}`);
  }
}

/**
 * The commands of the core's golden file: every kind of change, ids of several scripts, periods with and
 * without ends, taxes, erased texts, movements that are voided and recorded anew, the first and the last
 * year.
 */
export function goldenLines(): Command[] {
  const golden = JSON.parse(
    readFileSync(fromTop("src/store/conformance/golden/journal-v1.json"), "utf8"),
  ) as { steps: { commands: { line: Command }[] }[] };
  return golden.steps.flatMap((step) => step.commands.map(({ line }) => line));
}
