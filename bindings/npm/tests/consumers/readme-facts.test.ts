/** What the tables of the README state, beside what is so. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import {
  Ledger,
  type MovementRequest,
  RefundLedgerError,
  type RefundRequest,
  type RefundStore,
  StoreError,
  type StoreErrorKind,
} from "../../src/node.js";
import { fromTop } from "../support/files.js";
import { MapStore } from "../support/map-store.js";
import { checkSize, readReadme, tableOf } from "./readme.js";
import { tarball } from "./workshop.js";

const readme = readReadme();
const codes = tableOf(readme, "| `code` | `status` |");
const kinds = tableOf(readme, "| `kind` |");

const SCOPE = { org_id: "acme", subscription_id: "sub-7", movement_id: "mov-42" };
const MOVEMENT = {
  currency: "EUR",
  occurred_at: "2022-02-01T00:00:00Z",
  amount: { value_with_taxes: 121 },
  description: "February",
} as const;

/** The codes of the contract, in its order. */
function codesOfContract(): string[] {
  const contract = JSON.parse(readFileSync(fromTop("crates/rest/openapi.json"), "utf8")) as {
    components: { schemas: { GenericResponseDTO: { properties: { code: { enum: string[] } } } } };
  };
  return contract.components.schemas.GenericResponseDTO.properties.code.enum;
}

/** The ledger's codes, in order of precedence, each with its status and whether it is retryable. */
function codesOfLedger(): string[] {
  const golden = readFileSync(fromTop("tests/golden/errors.txt"), "utf8");
  const lines = golden.split("\n").filter((line) => /^\d{3} /.test(line));
  return [...new Set(lines)];
}

test("the table of codes has each code of the contract, in its order", () => {
  assert.deepEqual(
    codes.map(([code]) => code),
    codesOfContract(),
  );
});

test("the table of codes has the status of each, and whether it is retryable", () => {
  const stated = codes.map(([code, status, retryable]) => {
    const word = { yes: " (retryable)", no: "" }[retryable ?? ""];
    return `${status} ${code}${word}`;
  });
  assert.deepEqual(stated, [...codesOfLedger(), "404 path_not_found", "405 method_not_allowed"]);
});

test("the table of fields has those of an error", () => {
  const error = new RefundLedgerError({ code: "internal", message: "", status: 500, retryable: false }, { cause: 1 });
  const fields = new Set(Object.getOwnPropertyNames(error));
  fields.delete("stack");
  fields.delete("name");
  const stated = tableOf(readme, "| field |").map(([field]) => field);
  assert.deepEqual(stated.sort(), [...fields].sort());
});

test("the table of methods has those that a store must have", () => {
  const stated = tableOf(readme, "| method |").map(([call]) => call?.split("(")[0]);
  const methods = Object.getOwnPropertyNames(MapStore.prototype).filter((name) => name !== "constructor");
  assert.deepEqual(stated, methods);
});

/** What a caller gets from a ledger whose store throws this at each commit. */
async function answerOver(kind: StoreErrorKind): Promise<RefundLedgerError | null> {
  const store: RefundStore = new (class extends MapStore {
    override commit(): void {
      throw new StoreError(kind, "planted");
    }
  })();
  const ledger = await Ledger.open({ store });
  return ledger.recordMovement(SCOPE, MOVEMENT).then(
    () => null,
    (error: RefundLedgerError) => error,
  );
}

for (const [kind, , what] of kinds) {
  test(`a store that throws \`${kind}\`: the caller gets what the README says`, async () => {
    const error = await answerOver(kind as StoreErrorKind);
    assert.ok(error instanceof RefundLedgerError);
    assert.equal(error.code, what?.split(/[ ,]/)[0]);
  });
}

/** The code that a refund of this amount is refused with; `null` where it is booked. */
async function refusal(
  currency: MovementRequest["currency"],
  amount: RefundRequest["amount"],
): Promise<string | null> {
  const ledger = await Ledger.open();
  await ledger.recordMovement(SCOPE, { ...MOVEMENT, currency });
  const request = { external_refund_unique_id: "1", billable: false, description: "Two days", amount };
  return ledger.createRefund(SCOPE, { ...request, refund_datetime: "2022-02-24T13:45:10Z" }).then(
    () => null,
    (error: RefundLedgerError) => error.code,
  );
}

test("amounts are taken and refused as the README says", async () => {
  const tax = { type: "IVA", percentage: 21 };
  assert.equal(await refusal("EUR", { value_with_taxes: 12.1 }), null);
  assert.equal(await refusal("EUR", { value_with_taxes: "12.10" }), null);
  assert.equal(await refusal("EUR", { value_with_taxes: 0.1 + 0.2 }), "invalid_request");
  assert.equal(await refusal("EUR", { value_with_taxes: "12.101" }), "invalid_request");
  assert.equal(await refusal("JPY", { value_with_taxes: 12.1 }), "invalid_request");
  assert.equal(await refusal("BHD", { value_with_taxes: "12.101" }), null);
  assert.equal(await refusal("EUR", { value_with_taxes: 12.1, tax }), null);
  assert.equal(await refusal("EUR", { value_with_taxes: 12.1, value_without_taxes: 9, tax }), "tax_mismatch");
  assert.equal(await refusal("EUR", { value_with_taxes: 12.1, value_without_taxes: 10 }), "tax_mismatch");
});

test("links lead to headings of the README, or to the web: elsewhere they would lead nowhere", () => {
  const headings = readme.match(/^#+ .*$/gm) ?? [];
  const slugs = headings.map((line) => line.replaceAll(/^#+ |,/g, "").toLowerCase().replaceAll(" ", "-"));
  for (const [, target = ""] of readme.matchAll(/\]\(([^)]*)\)/g)) {
    assert.ok(target.startsWith("https://") || slugs.includes(target.slice(1)), target);
  }
});

test("the size of the tarball is about what the README says", () => {
  const size = tableOf(readme, "| | bytes | gzipped |");
  checkSize("the tarball", size.at(-1)?.[2], readFileSync(tarball()).length);
});

test("the module for reconciliation has about the size that the README says", () => {
  const [, , row = []] = tableOf(readme, "| | bytes | gzipped |");
  assert.match(row[0] ?? "", /reconciliation/);
  const module = readFileSync(fromTop("bindings/npm/dist/wasm/reconcile_bg.wasm"));
  checkSize("reconciliation", row[1], module.length);
  checkSize("reconciliation, gzipped", row[2], gzipSync(module, { level: 9 }).length);
});

test("a size that is not right any more is noticed", () => {
  checkSize("planted", "199,000", 201_000);
  for (const stated of ["199,000", "", undefined, "many"]) {
    assert.throws(() => checkSize("planted", stated, 210_000), /planted: the README says/);
  }
});
