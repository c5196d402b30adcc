/** The statements that the readers are tested with, and ledgers beside them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command, MovementRequest } from "../../src/node.js";
import type { StatementSource } from "../../src/reconcile-node.js";
import { fromTop } from "./files.js";

export interface Statement {
  source: StatementSource;
  path: string;
  bytes: Uint8Array;
  /** The text of `--map`. */
  map: string | undefined;
}

const FIXTURES = fromTop("crates/reconcile/tests/fixtures");
const SOURCES: readonly StatementSource[] = ["stripe", "adyen", "paypal", "camt053", "csv"];

/** All of them, also those that are refused. */
export const STATEMENTS: readonly Statement[] = SOURCES.flatMap((source) => {
  const folder = join(FIXTURES, source);
  const names = readdirSync(folder).sort();
  return names
    .filter((name) => !name.endsWith(".map"))
    .map((name) => {
      const path = join(folder, name);
      const map = names.includes(`${name}.map`) ? readFileSync(`${path}.map`, "utf8").trim() : undefined;
      return { source, path, bytes: readFileSync(path), map };
    });
});

/** A refund that a ledger is to have. */
export interface Wanted {
  external_id: string;
  currency: string;
  minor: number;
}

/** The commands of a ledger with these refunds, a movement for each. */
export function commandsOf(refunds: readonly Wanted[], org_id = "acme"): Command[] {
  return refunds.flatMap(({ external_id, minor, ...of }, at): Command[] => {
    const currency = of.currency as MovementRequest["currency"];
    const scope = { org_id, subscription_id: "sub", movement_id: `mov-${at}` };
    const amount = { value_with_taxes: major(minor, currency) };
    const date = "2026-03-02T00:00:00Z";
    return [
      { op: "record_movement", ...scope, body: { currency, occurred_at: date, amount, description: "March" } },
      {
        op: "create_refund",
        ...scope,
        body: {
          refund_datetime: date,
          amount,
          external_refund_unique_id: external_id,
          billable: false,
          description: "a day without service",
        },
      },
    ];
  });
}

/** The lines of an import file. */
export function linesOf(commands: readonly Command[]): string {
  return commands.map((command) => `${JSON.stringify(command)}\n`).join("");
}

/** Minor units as a decimal number. */
export function major(minor: number, currency: string): string {
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  const decimals = format.resolvedOptions().maximumFractionDigits ?? 2;
  const digits = String(minor).padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  return decimals === 0 ? whole : `${whole}.${digits.slice(-decimals)}`;
}
