/** A month of many refunds: a statement, and the ledger that it is about. @module */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Command, Ledger, type MovementRequest } from "../../src/node.js";
import { folder } from "./refunds.js";

const MOVEMENTS = 1_000;
const REFUNDS_EACH = 100;

/** How many refunds of each movement the ledger has; a report lists the largest of the others. */
const KNOWN_EACH = 40;

const HEADER =
  "balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id," +
  "refund_metadata[external_refund_unique_id]";

const TAX = { type: "IVA", percentage: 21 };

/** Files of 100,000 lines of Stripe, and of the export of a ledger that has 40,000 of them. */
export async function manyLines(): Promise<{ statement: string; ledger: string }> {
  const ledger = await Ledger.open();
  const lines = [HEADER];
  for (let movement = 0; movement < MOVEMENTS; movement += 1) {
    const ids = Array.from({ length: REFUNDS_EACH }, (_, at) => `r-${movement}-${at}`);
    lines.push(...ids.map((id) => `txn_${id},2022-03-02 10:00:00,eur,-12.10,0.00,-12.10,refund,re_${id},${id}`));
    await ledger.executeAll(commandsOf(`mov-${movement}`, ids.slice(0, KNOWN_EACH)));
  }
  const exported: string[] = [];
  for await (const line of ledger.exportCommands()) {
    exported.push(line);
  }
  const place = folder();
  const paths = { statement: join(place, "lines.csv"), ledger: join(place, "ledger.jsonl") };
  writeFileSync(paths.statement, lines.join("\n"));
  writeFileSync(paths.ledger, exported.join("\n"));
  return paths;
}

/** A movement, and refunds of it with these external ids. */
function commandsOf(movement_id: string, ids: readonly string[]): Command[] {
  const scope = { org_id: "acme", subscription_id: "sub-1", movement_id };
  const movement: MovementRequest = {
    currency: "EUR",
    occurred_at: "2022-03-01T00:00:00Z",
    amount: { value_with_taxes: "1210", tax: TAX },
    description: "March",
  };
  const refunds = ids.map((id): Command => {
    const body = {
      refund_datetime: "2022-03-02T09:00:00Z",
      amount: { value_with_taxes: "12.10", tax: TAX },
      external_refund_unique_id: id,
      billable: false,
      description: "A day without service",
    };
    return { op: "create_refund", ...scope, body };
  });
  return [{ op: "record_movement", ...scope, body: movement }, ...refunds];
}
