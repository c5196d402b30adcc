/** Reconciliation as a program calls it: what goes in, what is told, and what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { Ledger } from "../src/node.js";
import {
  type FileContent,
  type Reconciled,
  type ReconcileProgress,
  type ReconcileRequest,
  reconcile,
} from "../src/reconcile-node.js";
import { as, isInvalid, refusal } from "./support/refusals.js";
import { commandsOf } from "./support/statements.js";
import { Work } from "../src/wasm/reconcile.js";

const MAP = { key: "Ref", amount: "Amount", currency: "Currency", date: "Date" } as const;
const STATEMENT = "Ref,Amount,Currency,Date\na,10,EUR,2026-03-02\nb,5.01,EUR,2026-03-02\nc,1o,EUR,2026-03-02\n";

const REFUNDS = [
  { external_id: "a", currency: "EUR", minor: 1_000 },
  { external_id: "b", currency: "EUR", minor: 500 },
];

/** Two refunds, of which the second is a cent below its line. */
const LEDGER = await Ledger.open();
await LEDGER.executeAll(commandsOf(REFUNDS));
const EXPORT = await exported(LEDGER);

async function exported(ledger: Ledger): Promise<string> {
  let text = "";
  for await (const line of ledger.exportCommands()) {
    text += `${line}\n`;
  }
  return text;
}

const REQUEST: ReconcileRequest = { source: "csv", statement: STATEMENT, map: MAP, ledger: LEDGER };

function found(more: Partial<ReconcileRequest> = {}): Promise<Reconciled> {
  return reconcile({ ...REQUEST, ...more });
}

test("a statement is reconciled with a ledger", async () => {
  const { org_id, report } = await found();
  assert.equal(org_id, "acme");
  assert.equal(report.incomplete, true);
  assert.deepEqual(report.statement, { lines: 3, refund_lines: 2, ignored: {} });
  assert.equal(report.matched, 1);
  assert.deepEqual(
    report.breaks.map(({ reason, line, key, difference_minor }) => [reason, line, key, difference_minor]),
    [
      ["amount_mismatch", 3, "b", 1],
      ["unreadable_line", 4, null, null],
    ],
  );
  assert.deepEqual(report.totals, {
    EUR: { statement_minor: 1501, ledger_minor: 1500, difference_minor: 1, tolerated_minor: 0 },
  });
});

test("a report comes in its forms", async () => {
  const reconciled = await found();
  assert.deepEqual(JSON.parse(reconciled.json()), reconciled.report);
  assert.match(reconciled.csv(), /amount_mismatch/u);
  assert.match(reconciled.html(), /Refunds of acme/u);
  const html = reconciled.html({ title: "March <1>", statement: "from-bank.csv", ledger: "refunds" });
  assert.match(html, /March &lt;1&gt;[^]*from-bank\.csv/u);
  await isInvalid(() => reconciled.html(as({ titel: "March" })), "titel", "not_allowed");
  await isInvalid(() => reconciled.html({ title: as(5) }), "title", "wrong_type");
});

test("a report is closed", async () => {
  const reconciled = await found();
  const { report } = reconciled;
  reconciled.close();
  reconciled.close();
  for (const ask of [
    () => reconciled.org_id,
    () => reconciled.json(),
    () => reconciled.csv(),
    () => reconciled.html(),
  ]) {
    const { code, message } = await refusal(ask);
    assert.deepEqual([code, message], ["internal", "the report is closed; reconcile anew"]);
  }
  assert.equal(reconciled.report, report, "what was read is still there");
});

test("options count", async () => {
  const tolerant = await found({ tolerance_minor: 1 });
  assert.equal(tolerant.report.totals["EUR"]?.tolerated_minor, 1);
  const later = await found({ from: "2026-03-10", window_days: 0 });
  assert.deepEqual(later.report.totals, {});
  const before = await found({ to: "2026-03-02T00:00:00Z", window_days: 0 });
  assert.deepEqual(before.report.totals, {});
  const line = "Ref,Amount,Currency,Date\nx,10,EUR,2026-03-02\n";
  assert.equal((await found({ statement: line, propose: true })).report.proposals.length, 1);
  assert.equal((await found({ statement: line })).report.proposals.length, 0);
});

test("values of a map may hold commas and quotes", async () => {
  const statement = 'Ref,"Amount, ""EUR""",Date\na,"10,00",2026-03-02\n';
  const map = { key: "Ref", amount: 'Amount, "EUR"', decimal: ",", fixed_currency: "EUR", date: "Date" } as const;
  assert.equal((await found({ statement, map })).report.matched, 1);
  const text = 'key=Ref,amount="Amount, ""EUR""",decimal=",",fixed_currency=EUR,date=Date';
  assert.equal((await found({ statement, map: text })).report.matched, 1);
});

test("files come in any form", async () => {
  const bytes = new TextEncoder().encode(STATEMENT);
  const padded = new Uint8Array(bytes.length + 2);
  padded.set(bytes, 1);
  const pieces = Array.from(bytes, (byte) => Uint8Array.of(byte));
  const later = async function* () {
    yield* pieces;
  };
  const expected = (await found()).json();
  const forms: FileContent[] = [
    bytes,
    bytes.buffer,
    padded.subarray(1, -1),
    new DataView(bytes.buffer),
    new Blob([bytes]),
    new Response(bytes),
    [STATEMENT.slice(0, 30), bytes.subarray(30)],
    pieces,
    later(),
    new Blob([bytes]).stream(),
    // As browsers have it where streams can't be iterated over.
    Object.defineProperty(new Blob([bytes]).stream(), Symbol.asyncIterator, { value: undefined }),
    // Buffers of a frame or of a test's sandbox, and those that threads share.
    runInNewContext("Uint8Array.from(bytes).buffer", { bytes }) as ArrayBuffer,
    { arrayBuffer: () => Promise.resolve(runInNewContext("Uint8Array.from(bytes).buffer", { bytes }) as ArrayBuffer) },
    shared(bytes),
  ];
  for (const statement of forms) {
    assert.equal((await found({ statement })).json(), expected);
  }
  const lines = new TextEncoder().encode(EXPORT);
  const cut = Array.from({ length: Math.ceil(lines.length / 7) }, (_, at) => lines.subarray(at * 7, at * 7 + 7));
  for (const ledger of [EXPORT, EXPORT.trimEnd(), `\uFEFF${EXPORT.replaceAll("\n", "\r\n\r\n")}`, new Blob([EXPORT]), cut]) {
    assert.equal((await found({ ledger })).json(), expected);
  }
});

function shared(bytes: Uint8Array): ArrayBuffer {
  const buffer = new SharedArrayBuffer(bytes.length);
  new Uint8Array(buffer).set(bytes);
  return as(buffer);
}

test("text may be cut within a character", async () => {
  const statement = "Ref,Amount,Currency,Date\n\u{1F600}é€,10,EUR,2026-03-02\n";
  const key = async (pieces: (string | Uint8Array)[]): Promise<string | null | undefined> =>
    (await found({ statement: pieces })).report.breaks.find(({ line }) => line === 2)?.key;
  // `split` takes halves of characters apart.
  assert.equal(await key(statement.split("")), "\u{1F600}é€");
  const [at, halves] = [statement.indexOf("\u{1F600}") + 1, new TextEncoder()];
  const mixed = [statement.slice(0, at), halves.encode("x"), statement.slice(at)];
  assert.equal(await key(mixed), "\uFFFDx\uFFFDé€", "halves that nothing completes are not lost");
});

test("deleted refunds count as deleted", async () => {
  const ledger = await Ledger.open();
  await ledger.executeAll(commandsOf(REFUNDS));
  const scope = { org_id: "acme", subscription_id: "sub", movement_id: "mov-0" };
  await ledger.deleteRefund(scope, { external_refund_unique_id: "a" });
  const { breaks } = (await found({ ledger })).report;
  assert.ok(breaks.some(({ reason, key }) => reason === "ledger_refund_deleted" && key === "a"));
});

test("of several orgs one must be named", async () => {
  const ledger = await Ledger.open();
  await ledger.executeAll([...commandsOf(REFUNDS), ...commandsOf(REFUNDS.slice(0, 1), "globex")]);
  const error = await refusal(() => found({ ledger }));
  assert.deepEqual(error.details[0]?.field, "org_id");
  assert.match(error.message, /several orgs: `acme`, `globex`/u);
  const { org_id, report } = await found({ ledger, org_id: "globex" });
  assert.equal(org_id, "globex");
  assert.equal(report.breaks[0]?.reason, "missing_in_ledger");
  await isInvalid(() => found({ ledger, org_id: "glob" }), "org_id", "not_allowed");
  await isInvalid(() => found({ ledger, org_id: "" }), "org_id", "too_short");
  const empty = await found({ ledger: await Ledger.open() });
  assert.equal(empty.org_id, undefined);
  assert.equal(empty.report.breaks.length, 3);
});

test("how far it has come is told", async () => {
  const news: ReconcileProgress[] = [];
  const row = "a,10,EUR,2026-03-02\n";
  const statement = `Ref,Amount,Currency,Date\n${row.repeat(60_000)}`;
  const bytes_total = statement.length;
  await found({ statement, onProgress: (progress) => news.push(progress) });
  const bytes = news.flatMap((progress) => (progress.part === "statement" ? [progress.bytes] : []));
  assert.ok(bytes.length > 3, `${bytes.length}`);
  assert.deepEqual(bytes, [...bytes].sort((one, other) => one - other));
  assert.equal(bytes.at(-1), bytes_total);
  assert.deepEqual(news[0], { part: "ledger", lines: 4 });
  assert.deepEqual(news.at(-1), { part: "matching" });
  const stop = new Error("enough");
  for (const part of ["ledger", "statement", "matching"]) {
    const stopped = found({
      onProgress: (progress) => {
        if (progress.part === part) {
          throw stop;
        }
      },
    });
    await assert.rejects(stopped, (thrown) => thrown === stop);
  }
});

test("files that can't be read are named, with the line", async () => {
  const sqlite = new TextEncoder().encode("SQLite format 3\0…");
  const cases: [Partial<ReconcileRequest>, string, RegExp][] = [
    [{ statement: "" }, "statement", /is empty/u],
    [{ statement: new Uint8Array([0x50, 0x4b, 3, 4]) }, "statement", /ZIP archive/u],
    [{ statement: "a,b\n1,2\n" }, "statement", /no column `Amount`/u],
    [{ source: "adyen", map: "" }, "statement", /./u],
    [{ ledger: "" }, "ledger", /it is empty/u],
    [{ ledger: "\n \n" }, "ledger", /it is empty/u],
    [{ ledger: STATEMENT }, "ledger", /line 1: it is no export of a ledger/u],
    [{ ledger: Buffer.from(`\uFEFF${EXPORT}`, "utf16le") }, "ledger", /UTF-16/u],
    [{ ledger: gzipSync(EXPORT) }, "ledger", /gzip: unpack it/u],
    [{ ledger: sqlite }, "ledger", /SQLite file; `refunds --ledger FILE export`/u],
    [{ ledger: `${EXPORT}{` }, "ledger", /line 5: /u],
    [{ ledger: EXPORT.split("\n").slice(1).join("\n") }, "ledger", /line 1: there is no such movement/u],
    [{ ledger: EXPORT.replace(/,"preserved".*\n/u, "}\n") }, "ledger", /line 1: .*only an export/u],
    [{ ledger: `{"op":"${"x".repeat(300_000)}` }, "ledger", /line 1: it has more than/u],
    [{ keys: "" }, "keys", /it is empty/u],
    [{ keys: "a,b\nre_1\n" }, "keys", /line 2: it has one cell/u],
    [{ keys: new Uint8Array([0x61, 0x2c, 0xff]) }, "keys", /line 1: the line is not UTF-8/u],
  ];
  for (const [more, field, message] of cases) {
    const error = await refusal(async () => assert.fail(`${field} passed: ${(await found(more)).json()}`));
    assert.equal(error.code, "invalid_request");
    assert.equal(error.details[0]?.field, field, error.message);
    assert.match(error.message, message);
  }
});

test("what is no request is refused by its field", async () => {
  const { ledger, statement } = REQUEST;
  await isInvalid(() => reconcile(as(undefined)), "options", "wrong_type");
  await isInvalid(() => reconcile(as({ source: "csv", statement })), "ledger", "required");
  await isInvalid(() => reconcile(as({ source: "csv", ledger })), "statement", "required");
  await isInvalid(() => reconcile(as({ statement, ledger })), "source", "required");
  const wrong: [object, string, string][] = [
    [{ source: "strype" }, "source", "not_allowed"],
    [{ source: 5 }, "source", "wrong_type"],
    [{ orgid: "acme" }, "orgid", "not_allowed"],
    [{ map: "amuont=Amount" }, "map", "invalid_format"],
    [{ map: { amuont: "Amount" } }, "map", "invalid_format"],
    [{ map: { ...MAP, decimal: 5 } }, "map.decimal", "wrong_type"],
    [{ map: new Map() }, "map", "wrong_type"],
    [{ map: undefined }, "map", "invalid_format"],
    [{ from: "03/01/2026" }, "from", "invalid_format"],
    [{ to: "2026-02-30" }, "to", "invalid_format"],
    [{ from: "2026-03-02", to: "2026-03-01" }, "to", "out_of_range"],
    [{ tolerance_minor: -1 }, "tolerance_minor", "out_of_range"],
    [{ tolerance_minor: 0.5 }, "tolerance_minor", "out_of_range"],
    [{ tolerance_minor: 5n }, "tolerance_minor", "wrong_type"],
    [{ window_days: 2 ** 32 }, "window_days", "out_of_range"],
    [{ propose: "yes" }, "propose", "wrong_type"],
    [{ onProgress: "yes" }, "onProgress", "wrong_type"],
    [{ org_id: "\uD800" }, "org_id", "invalid_format"],
    [{ statement: 5 }, "statement", "wrong_type"],
    [{ statement: {} }, "statement", "wrong_type"],
    [{ statement: [5] }, "statement", "wrong_type"],
    [{ statement: null }, "statement", "wrong_type"],
    [{ ledger: null }, "ledger", "wrong_type"],
    [{ ledger: {} }, "ledger", "wrong_type"],
    [{ ledger: { exportCommands: () => undefined } }, "ledger", "not_allowed"],
    [{ ledger: { exportCommands: () => [undefined] } }, "ledger", "wrong_type"],
    [{ ledger: { exportCommands: () => [Symbol("line")] } }, "ledger", "wrong_type"],
    [{ keys: [{}] }, "keys", "wrong_type"],
    [{ wasm: null }, "wasm", "wrong_type"],
  ];
  for (const [more, field, code] of wrong) {
    await isInvalid(() => reconcile(as({ ...REQUEST, ...more })), field, code);
  }
});

test("what a source throws is the cause", async () => {
  const cause = new Error("the disk is gone");
  const failing: FileContent[] = [
    { arrayBuffer: () => Promise.reject(cause) },
    {
      *[Symbol.iterator]() {
        yield "Ref";
        throw cause;
      },
    },
  ];
  for (const content of failing) {
    for (const field of ["statement", "ledger", "keys"]) {
      const error = await refusal(() => found({ [field]: content }));
      assert.equal(error.details[0]?.field, field);
      assert.equal(error.cause, cause);
    }
  }
  const cancelled: unknown[] = [];
  const wrong = new ReadableStream({
    start: (controller) => controller.enqueue(5),
    cancel: (reason) => void cancelled.push(reason),
  });
  Object.defineProperty(wrong, Symbol.asyncIterator, { value: undefined });
  await isInvalid(() => found({ statement: wrong }), "statement", "wrong_type");
  assert.equal(cancelled.length, 1, "a stream that is not read to its end is cancelled");
  const ledgers: unknown[] = [
    {
      exportCommands() {
        throw cause;
      },
    },
    {
      async *exportCommands() {
        throw cause;
      },
    },
    {
      get exportCommands() {
        throw cause;
      },
    },
  ];
  for (const ledger of ledgers) {
    const error = await refusal(() => found({ ledger: as(ledger) }));
    assert.equal(error.details[0]?.field, "ledger");
    assert.equal(error.cause, cause);
  }
  const map = {
    get key() {
      throw cause;
    },
  };
  const error = await refusal(() => found({ map: as(map) }));
  assert.equal(error.details[0]?.field, "map");
  assert.equal(error.cause, cause);
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  for (const field of ["map", "ledger", "statement", "keys"]) {
    await isInvalid(() => found({ [field]: proxy }), field);
  }
  const closed = await Ledger.open();
  await closed.close();
  assert.equal((await refusal(() => found({ ledger: closed }))).code, "internal");
});

test("what does not fit into the module's memory is too long, and the next call finds room", async (t) => {
  for (const [method, field] of [
    ["addStatement", "statement"],
    ["addReferences", "keys"],
  ] as const) {
    const full = t.mock.method(Work.prototype, method, () => {
      throw new WebAssembly.RuntimeError("unreachable");
    });
    const freed = t.mock.method(Work.prototype, "free");
    await isInvalid(() => found({ [field]: "x,y\n" }), field, "too_long");
    assert.equal(freed.mock.callCount(), 1);
    full.mock.restore();
    freed.mock.restore();
  }
  assert.equal((await found()).report.matched, 1);
});
