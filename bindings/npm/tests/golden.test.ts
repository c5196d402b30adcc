/** The golden file of the core: replies, journal bytes, hashes and head equal the native ones. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type Command, Ledger, RefundLedgerError, type RefundStore } from "../src/node.js";
import { MapStore } from "./support/map-store.js";
import { fromTop } from "./support/files.js";

interface Golden {
  steps: {
    now: string;
    actor: string;
    atomicity: "all" | "per_item";
    repeats: "as_requests" | "as_file";
    commands: {
      line: Command;
      refund_id: string;
      salt: string;
      reply: { refund_id?: string; revision?: number; replayed?: boolean; code?: string; fields?: string[] };
    }[];
  }[];
  journal: { bytes: string; hash: string; salt: string | null; text: string | null }[];
  head: { entries: number; movements: number; root: string };
}

const golden = JSON.parse(
  readFileSync(fromTop("src/store/conformance/golden/journal-v1.json"), "utf8"),
) as Golden;

async function play(store: RefundStore | undefined): Promise<Ledger> {
  const ledger = await Ledger.open(store === undefined ? {} : { store });
  for (const [at, step] of golden.steps.entries()) {
    const minted = step.commands[Symbol.iterator]();
    const asStep = ledger.with({
      actor: step.actor,
      now: () => step.now,
      mint: () => minted.next().value ?? assert.fail("more is minted than the step has commands"),
    });
    const { atomicity, repeats } = step;
    const lines = step.commands.map(({ line }) => line);
    const results = await asStep.executeAll(lines, { atomicity, repeats });
    const replies = results.map((result) =>
      result instanceof RefundLedgerError ? refusal(result) : result,
    );
    assert.deepEqual(replies, step.commands.map(({ reply }) => reply), `step ${at}`);
  }
  return ledger;
}

function refusal({ code, details }: RefundLedgerError): object {
  const fields = details.map(({ field }) => field);
  return fields.length === 0 ? { code } : { code, fields };
}

for (const [name, open] of [
  ["in memory", () => undefined],
  ["over a store in JavaScript", () => new MapStore()],
] as const) {
  test(`the golden commands come to the native journal ${name}`, async () => {
    const store = open();
    const ledger = await play(store);
    const { items } = await ledger.journal({ limit: 500 });
    const hashes = golden.journal.map(({ hash }) => hash);
    assert.deepEqual(items.map(({ hash }) => hash), hashes);
    if (store !== undefined) {
      const rows = store.journal(0, 500).map(({ bytes, salt, text }) => ({ bytes, salt, text }));
      assert.deepEqual(rows, golden.journal.map(({ bytes, salt, text }) => ({ bytes, salt, text })));
    }
    const { entries, movements, root } = await ledger.head();
    assert.deepEqual({ entries, movements, root }, golden.head);
    assert.equal((await ledger.verify(await ledger.head())).verdict, "valid");
  });
}
