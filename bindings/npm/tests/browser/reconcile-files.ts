/** The files that the page's tests compare, and what the command makes of them. @module */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { fromTop } from "../support/files.js";
import { command, folder, refunds } from "../support/refunds.js";
import type { UserFile } from "./reconcile-page.js";

export function file(name: string, content: string | Buffer): UserFile {
  return { name, content };
}

/** The month that `refunds demo` reconciles: its commands, the ledger's export, the statement. */
export const commands = ["sample.jsonl", "march.jsonl"].map((name) => fromTop(`crates/cli/demo/${name}`));
export const statement = file("statement.csv", readFileSync(fromTop("crates/cli/demo/statement.csv")));
export const database = join(folder(), "ledger.jsonl");
refunds(database, "import", ...commands);
export const ledger = file("ledger.jsonl", refunds(database, "export"));

/** A table of one refund that the ledger of the demo has and one that it has not. */
export const table = file(
  "table.csv",
  'Ref;"Amount; ""EUR""";Day\n987654331;-12,10;02/03/2022\nnobody;-1,00;02/03/2022\n',
);

/** The reports that the command writes of the demo's month. */
export function reportsOfCommand(): { paths: string[]; texts: string[] } {
  const place = folder();
  writeFileSync(join(place, statement.name), statement.content);
  const paths = ["html", "csv", "json"].map((ending) => join(place, `report.${ending}`));
  const of = ["--source", "stripe", "--statement", join(place, statement.name)];
  const period = ["--from", "2022-03-01", "--to", "2022-04-01"];
  const args = ["--ledger", database, "reconcile", ...of, ...period, "--report", ...paths];
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  assert.equal(status, 1, `the command finds breaks: ${stderr}`);
  return { paths, texts: paths.map((path) => readFileSync(path, "utf8")) };
}

/** The export of a ledger with two orgs. */
export function ofTwoOrgs(): string {
  const path = join(folder(), "both.db");
  const sample = readFileSync(commands[0] ?? "", "utf8");
  const other = join(folder(), "zeta.jsonl");
  writeFileSync(other, sample.replaceAll('"org_id":"acme"', '"org_id":"zeta"'));
  refunds(path, "import", commands[0] ?? "", other);
  return refunds(path, "export");
}
