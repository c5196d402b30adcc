/**
 * Books the same refunds with rules written by hand over better-sqlite3, in memory or in a file:
 * `by-hand.js REFUNDS [file]` prints the seconds.
 *
 * It does the least that is correct: fields are checked, amounts become minor units, the tax rule is
 * checked, a repeated external id is a replay or a conflict, the cap is a conditional UPDATE, and each
 * refund has its row and an audit row with the JSON body, all in one transaction. It keeps no chain of
 * hashes, no revisions and no past, and it knows two decimals alone.
 */
import { randomUUID } from "node:crypto";
import type { Scope } from "../../src/types.js";
import { openDatabase } from "./database.js";
import { MOVEMENT, measure, movements, type Request, request, scopeOf } from "./refunds.js";

const database = openDatabase();
database.exec(`
  CREATE TABLE movements (
    org_id TEXT, subscription_id TEXT, movement_id TEXT, currency TEXT NOT NULL,
    with_taxes INTEGER NOT NULL, without_taxes INTEGER NOT NULL,
    refunded_with INTEGER NOT NULL DEFAULT 0, refunded_without INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (org_id, subscription_id, movement_id)
  ) WITHOUT ROWID;
  CREATE TABLE refunds (
    id TEXT PRIMARY KEY, org_id TEXT NOT NULL, subscription_id TEXT NOT NULL, movement_id TEXT NOT NULL,
    external_id TEXT NOT NULL, refund_datetime TEXT NOT NULL, period_start TEXT, period_end TEXT,
    currency TEXT NOT NULL, with_taxes INTEGER NOT NULL, without_taxes INTEGER NOT NULL,
    tax_type TEXT, tax_percentage INTEGER, external_invoice_id TEXT, billable INTEGER NOT NULL,
    description TEXT NOT NULL, UNIQUE (org_id, external_id)
  );
  CREATE INDEX refunds_by_date ON refunds (org_id, refund_datetime, id);
  CREATE TABLE audit (
    position INTEGER PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, op TEXT NOT NULL,
    refund_id TEXT NOT NULL, body TEXT NOT NULL
  );
`);
const findMovement = database.prepare<string[], { currency: string }>(
  "SELECT currency FROM movements WHERE org_id = ? AND subscription_id = ? AND movement_id = ?",
);
const findHolder = database.prepare<string[], Row>("SELECT * FROM refunds WHERE org_id = ? AND external_id = ?");
const take = database.prepare(`
  UPDATE movements SET refunded_with = refunded_with + ?, refunded_without = refunded_without + ?
  WHERE org_id = ? AND subscription_id = ? AND movement_id = ?
    AND refunded_with + ? <= with_taxes AND refunded_without + ? <= without_taxes
`);
const insert = database.prepare("INSERT INTO refunds VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
const audit = database.prepare("INSERT INTO audit (at, actor, op, refund_id, body) VALUES (?, ?, ?, ?, ?)");

interface Row {
  id: string;
  movement_id: string;
  refund_datetime: string;
  with_taxes: number;
  without_taxes: number;
  description: string;
}

const FIELDS = Object.keys(request(0));
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/u;
const CONTROL = /\p{Cc}/u;

function instant(value: unknown): string {
  if (typeof value !== "string" || !INSTANT.test(value) || Number.isNaN(Date.parse(value))) {
    throw new Error("not a date-time");
  }
  return value;
}

function id(value: unknown): string {
  if (typeof value !== "string" || value === "" || value.length > 255 || CONTROL.test(value)) {
    throw new Error("not an id");
  }
  return value;
}

/** Hundredths, from a number or a decimal string. */
function hundredths(value: unknown): number {
  const found = /^(\d+)(?:\.(\d{1,2})0*)?$/u.exec(String(value));
  const minor = Number(`${found?.[1]}${(found?.[2] ?? "").padEnd(2, "0")}`);
  if (!Number.isSafeInteger(minor)) {
    throw new Error("not an amount");
  }
  return minor;
}

const create = database.transaction((scope: Scope, refund: Request) => {
  if (Object.keys(refund).some((field) => !FIELDS.includes(field)) || typeof refund.billable !== "boolean") {
    throw new Error("malformed_request");
  }
  const key = [id(scope.org_id), id(scope.subscription_id), id(scope.movement_id)] as const;
  const movement = findMovement.get(...key);
  if (movement === undefined) {
    throw new Error("movement_not_found");
  }
  const date = instant(refund.refund_datetime);
  const [start, end] = [instant(refund.period_start_datetime), instant(refund.period_end_datetime)];
  if (Date.parse(start) >= Date.parse(end)) {
    throw new Error("the period ends before it starts");
  }
  const withTaxes = hundredths(refund.amount.value_with_taxes);
  const withoutTaxes = hundredths(refund.amount.value_without_taxes);
  const { type, percentage } = refund.amount.tax;
  const rate = hundredths(percentage);
  if (Math.abs(withTaxes * 10_000 - withoutTaxes * (10_000 + rate)) > 10_000) {
    throw new Error("tax_mismatch");
  }
  const externalId = id(refund.external_refund_unique_id);
  const holder = findHolder.get(key[0], externalId);
  if (holder !== undefined) {
    const isSame =
      holder.movement_id === key[2] &&
      holder.refund_datetime === date &&
      holder.with_taxes === withTaxes &&
      holder.without_taxes === withoutTaxes &&
      holder.description === refund.description;
    if (!isSame) {
      throw new Error("idempotency_conflict");
    }
    return { id: holder.id, replayed: true };
  }
  if (take.run(withTaxes, withoutTaxes, ...key, withTaxes, withoutTaxes).changes === 0) {
    throw new Error("over_refund");
  }
  const refundId = randomUUID();
  const rest = [id(refund.external_invoice_id), Number(refund.billable), refund.description] as const;
  insert.run(refundId, ...key, externalId, date, start, end, movement.currency, withTaxes, withoutTaxes, type, rate, ...rest);
  audit.run(new Date().toISOString(), "local", "create_refund", refundId, JSON.stringify(refund));
  return { id: refundId, replayed: false };
});

const record = database.prepare("INSERT INTO movements VALUES (?, ?, ?, ?, ?, ?, 0, 0)");
for (const { org_id, subscription_id, movement_id } of movements()) {
  const amount = hundredths(MOVEMENT.amount.value_with_taxes);
  record.run(org_id, subscription_id, movement_id, MOVEMENT.currency, amount, amount);
}
await measure((refund) => create(scopeOf(refund), request(refund)));
