/** What the package finds is what the command `refunds reconcile` finds, byte for byte. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Reconciled, reconcile } from "../src/reconcile-node.js";
import { RefundLedgerError } from "../src/node.js";
import { assertSame } from "./support/same.js";
import { command, folder, importLines, refunds } from "./support/refunds.js";
import { commandsOf, STATEMENTS, type Statement, type Wanted } from "./support/statements.js";

/** What the command prints and writes, or the error that it ends with. */
function byCommand(ledger: string, { source, path, map }: Statement): Record<string, string> {
  const place = folder();
  const reports = ["report.json", "report.csv", "report.html"].map((name) => join(place, name));
  const options = ["--source", source, "--statement", path, ...(map === undefined ? [] : ["--map", map])];
  const { status, stderr } = spawnSync(
    command,
    ["--ledger", ledger, "reconcile", ...options, "--propose", "--report", ...reports],
    { encoding: "utf8" },
  );
  if (status === 2) {
    return { error: stderr };
  }
  const [json, csv, html] = reports.map((report) => readFileSync(report, "utf8"));
  return { json: json ?? "", csv: csv ?? "", html: html ?? "" };
}

function formsOf(found: Reconciled, { path }: Statement): Record<string, string> {
  const html = found.html({ statement: path.split("/").at(-1) ?? "", ledger: "refunds.db" });
  return { json: found.json(), csv: found.csv(), html };
}

/** A ledger that agrees with a third of a statement, is a unit off from another, and lacks the last. */
async function ledgerBeside(statement: Statement): Promise<string> {
  const ledger = join(folder(), "refunds.db");
  const other = { external_id: "none of them", currency: "EUR", minor: 12_345 };
  importLines(ledger, commandsOf([other]));
  const { source, bytes, map } = statement;
  const request = { source, statement: bytes, ledger: refunds(ledger, "export"), ...(map !== undefined && { map }) };
  const { report } = await reconcile(request);
  const wanted = new Map<string, Wanted>();
  report.breaks.forEach(({ reason, key, currency, statement_minor }, at) => {
    const minor = Number(statement_minor);
    if (reason === "missing_in_ledger" && key !== null && currency !== null && minor > 0 && minor < 1e12 && at % 3 < 2) {
      wanted.set(key, { external_id: key, currency, minor: minor + (at % 3) });
    }
  });
  importLines(ledger, commandsOf([...wanted.values()]));
  return ledger;
}

let compared = 0;
let refused = 0;

for (const statement of STATEMENTS) {
  const name = statement.path.split("/").slice(-2).join("/");
  test(`${name} beside a ledger`, async () => {
    const { source, bytes, map } = statement;
    let ledger: string;
    try {
      ledger = await ledgerBeside(statement);
    } catch (thrown) {
      assert.ok(thrown instanceof RefundLedgerError, String(thrown));
      assert.equal(thrown.details[0]?.field, "statement");
      const why = thrown.details[0].message.replace("can't be read: ", "");
      ledger = join(folder(), "refunds.db");
      importLines(ledger, commandsOf([]));
      const { error } = byCommand(ledger, statement);
      assert.ok(error?.includes(why), `\`${why}\` is not in ${error ?? "what passed"}`);
      refused += 1;
      return;
    }
    const request = { source, statement: bytes, ledger: refunds(ledger, "export"), propose: true };
    const found = await reconcile({ ...request, ...(map !== undefined && { map }) });
    const expected = byCommand(ledger, statement);
    for (const [form, text] of Object.entries(formsOf(found, statement))) {
      assertSame(text, expected[form] ?? "");
    }
    compared += 1;
  });
}

test("most statements were compared, and some refused", () => {
  assert.ok(compared > 60, `${compared}`);
  assert.ok(refused > 20, `${refused}`);
});

test("references are read as the command reads them", async () => {
  const place = folder();
  const [ledger, keys, statement] = ["refunds.db", "keys.csv", "statement.csv"].map((name) => join(place, name));
  assert.ok(ledger !== undefined && keys !== undefined && statement !== undefined);
  importLines(ledger, commandsOf([{ external_id: "ticket-1", currency: "EUR", minor: 1_000 }]));
  writeFileSync(keys, "re_1,ticket-1\n");
  writeFileSync(statement, "Ref,Amount,Currency,Date\nre_1,10,EUR,2026-03-02\n");
  const map = "key=Ref,amount=Amount,currency=Currency,date=Date";
  const options = ["--source", "csv", "--statement", statement, "--map", map, "--keys", keys, "--format", "json"];
  const printed = refunds(ledger, "reconcile", ...options);
  const found = await reconcile({
    source: "csv",
    statement: readFileSync(statement),
    ledger: refunds(ledger, "export"),
    keys: readFileSync(keys, "utf8"),
    map: { key: "Ref", amount: "Amount", currency: "Currency", date: "Date" },
  });
  assert.equal(found.json(), printed);
  assert.equal(found.report.matched, 1);
});
