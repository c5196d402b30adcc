/** Batches: how long they may be. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command } from "../src/node.js";
import { isInvalid, opened, refund, refusal, SCOPE } from "./support/refusals.js";

test("a batch that is too long as a whole is refused before its text fills the memory", async () => {
  const ledger = await opened();
  const body = { ...refund("r-1"), description: "x".repeat(60_000) };
  const command: Command = { op: "create_refund", ...SCOPE, body };
  const commands = new Array<Command>(9_500).fill(command);
  for (const atomicity of ["all", "per_item"] as const) {
    const call = () => ledger.executeAll(commands, { atomicity });
    await isInvalid(call, "commands", "too_long");
    assert.match((await refusal(call)).message, /33554432 characters of JSON; split it/u);
  }
  assert.equal((await ledger.journal()).items.length, 1);
});

test("a batch just below the limit is read to its end", async () => {
  const ledger = await opened();
  const body = { ...refund("r-1"), description: "x".repeat(60_000) };
  const command: Command = { op: "create_refund", ...SCOPE, body };
  const commands = new Array<Command>(Math.floor((32 * 1024 * 1024) / (JSON.stringify(command).length + 1))).fill(command);
  await isInvalid(() => ledger.executeAll(commands), "commands[0].description", "too_long");
  const results = await ledger.executeAll(commands, { atomicity: "per_item" });
  assert.equal(results.length, commands.length);
  assert.ok(results.every((result) => "code" in result && result.code === "invalid_request"));
});
