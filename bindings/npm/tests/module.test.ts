/** A WebAssembly module that can't be loaded: in a process of its own, where none is loaded yet. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Ledger } from "../src/node.js";
import { as, isInvalid, refusal } from "./support/refusals.js";

const bytes = readFileSync(fileURLToPath(new URL("../src/wasm/ledger_bg.wasm", import.meta.url)));

const offline = () => Promise.reject<Response>(new Error("offline"));

test("a source that is no module is told, and the next one is tried", async () => {
  const sources = [
    "no URL",
    "http://127.0.0.1:1/ledger_bg.wasm",
    {},
    new Uint8Array(),
    bytes.subarray(0, 1_000),
    new Response("not found", { status: 404 }),
    Promise.resolve(5),
  ];
  for (const wasm of [null, 5, "", () => 1]) {
    await isInvalid(() => Ledger.open({ wasm: as(wasm) }), "wasm", "wrong_type");
  }
  const opens = sources.map((wasm) => () => Ledger.open({ wasm: as(wasm) }));
  for (const open of [...opens, () => Ledger.open({ wasm: offline() })]) {
    const error = await refusal(open);
    assert.equal(error.code, "internal");
    assert.match(error.message, /the module `ledger_bg\.wasm` can't be loaded/u);
    assert.notEqual(error.cause, undefined);
  }
  const ledger = await Ledger.open({ wasm: Promise.resolve(new Uint8Array(bytes)) });
  assert.equal((await ledger.journal()).items.length, 0);
  // It is there: another source is not looked at, and may fail unheard.
  await Ledger.open({ wasm: offline() });
  await setImmediate();
});
