/** The golden table of the REST contract, through the `fetch` handler and the module. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { Ledger, type Policy, type RefundStore, StoreError, type StoreErrorKind } from "../src/node.js";
import { type Caller, createFetchHandler } from "../src/rest.js";
import { fromTop } from "./support/files.js";
import { MapStore } from "./support/map-store.js";

interface GoldenBody {
  json?: unknown;
  body?: string;
  body_hex?: string;
  padded_to?: number;
}

interface Step {
  about: string;
  now?: string;
  caller?: Caller | null;
  policy?: Policy;
  store_fails_with?: StoreErrorKind;
  request: { method: string; path: string; headers?: Record<string, string>; raw_path?: boolean } & GoldenBody;
  response: { status: number; headers?: Record<string, string> } & GoldenBody;
}

interface Table {
  now: string;
  caller: Caller | null;
  scenarios: { name: string; policy?: Policy; steps: Step[] }[];
}

const folder = fromTop("crates/rest/tests/golden");
const tables = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(readFileSync(`${folder}/${name}`, "utf8")) as Table);

/** The policy when nothing is said. */
const DEFAULT: Policy = {
  allow_refund_before_movement: false,
  future_skew_max_seconds: 24 * 60 * 60,
  window_max_seconds: null,
  live_refunds_max: null,
};

/** A store that fails in every call, while it is told to. */
class Failing extends MapStore {
  failsWith: StoreErrorKind | undefined;

  #fail(): void {
    if (this.failsWith !== undefined) {
      throw new StoreError(this.failsWith, "as the scenario says");
    }
  }
  override load(...wanted: Parameters<MapStore["load"]>) {
    this.#fail();
    return super.load(...wanted);
  }
  override commit(...batch: Parameters<MapStore["commit"]>) {
    this.#fail();
    super.commit(...batch);
  }
  override listRefunds(...query: Parameters<MapStore["listRefunds"]>) {
    this.#fail();
    return super.listRefunds(...query);
  }
  override journal(...page: Parameters<MapStore["journal"]>) {
    this.#fail();
    return super.journal(...page);
  }
  override scan(...range: Parameters<MapStore["scan"]>) {
    this.#fail();
    return super.scan(...range);
  }
}

function bytesOf({ json, body, body_hex, padded_to }: GoldenBody): Uint8Array<ArrayBuffer> {
  const text = json === undefined ? (body ?? "") : JSON.stringify(json);
  const bytes = body_hex === undefined ? new TextEncoder().encode(text) : Uint8Array.from(Buffer.from(body_hex, "hex"));
  const padded = new Uint8Array(Math.max(bytes.length, padded_to ?? 0)).fill(0x20);
  padded.set(bytes);
  return padded;
}

function hasBody(body: GoldenBody): boolean {
  return body.json !== undefined || body.body !== undefined || body.body_hex !== undefined;
}

async function play(table: Table, scenario: Table["scenarios"][number], store: RefundStore | undefined) {
  const ledger = await Ledger.open(store === undefined ? {} : { store });
  for (const [at, step] of scenario.steps.entries()) {
    const n = at + 1;
    const asStep = ledger.with({
      now: () => step.now ?? table.now,
      policy: { ...DEFAULT, ...(step.policy ?? scenario.policy) },
      mint: () => ({
        refund_id: `017f42c6-d000-7000-8000-${String(n).padStart(12, "0")}`,
        salt: n.toString(16).padStart(2, "0").repeat(16),
      }),
    });
    const caller = step.caller === undefined ? table.caller : step.caller;
    if (store instanceof Failing) {
      store.failsWith = step.store_fails_with;
    }
    const { method, path, headers, ...sent } = step.request;
    const handler = createFetchHandler(asStep, { authenticate: () => caller });
    const body = hasBody(sent) ? bytesOf(sent) : null;
    const request = new Request(`http://ledger${path}`, { method, headers: headers ?? {}, body });
    const response = await handler(request);
    const told = `step ${n} of \`${scenario.name}\`: ${step.about}`;
    assert.equal(response.status, step.response.status, `${told}: ${await response.clone().text()}`);
    assert.deepEqual(Object.fromEntries(response.headers), step.response.headers ?? {}, told);
    assert.equal(await response.text(), new TextDecoder().decode(bytesOf(step.response)), told);
  }
}

function isPlayable(steps: Step[], withFailures: boolean): boolean {
  // A `Request` resolves the steps of a path, and can't send what a browser never would.
  const isSendable = steps.every(({ request }) => request.raw_path !== true);
  return isSendable && (withFailures || steps.every((step) => step.store_fails_with === undefined));
}

for (const table of tables) {
  for (const scenario of table.scenarios) {
    if (isPlayable(scenario.steps, true)) {
      test(`over a store in JavaScript: ${scenario.name}`, () => play(table, scenario, new Failing()));
    }
    if (isPlayable(scenario.steps, false)) {
      test(`in memory: ${scenario.name}`, () => play(table, scenario, undefined));
    }
  }
}

test("without `authenticate`, changes are recorded as the ledger's actor's", async () => {
  const ledger = await Ledger.open({ actor: "till-3" });
  const handler = createFetchHandler(ledger);
  const recorded = await handler(
    new Request("http://ledger/v1/orgs/acme/subscription/sub-7/movement/mov-42", {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        currency: "EUR",
        occurred_at: "2022-02-01T00:00:00Z",
        amount: { value_with_taxes: 121 },
        description: "February",
      }),
    }),
  );
  assert.equal(recorded.status, 201);
  assert.deepEqual((await ledger.journal()).items.map(({ actor }) => actor), ["till-3"]);
});
