/** Thousands of bad calls leave no memory behind. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const program = fileURLToPath(new URL("support/bad-calls.js", import.meta.url));

/** By how much the heap may have grown: code and caches of the engine's, 100 bytes a call. */
const HEAP_BYTES_MAX = 1_000_000;

/** What 10,000 bad calls leave behind, in bytes. */
async function left(...planted: string[]): Promise<{ module: number; heap: number }> {
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", program, ...planted]);
  return JSON.parse(stdout) as { module: number; heap: number };
}

test("10,000 bad calls leave nothing in the module's memory, nor on the heap", async () => {
  const { module, heap } = await left();
  assert.equal(module, 0);
  assert.ok(heap < HEAP_BYTES_MAX, `the heap has grown by ${heap} bytes`);
});

test("sessions that are not freed would be found", async () => {
  const { module } = await left("sessions");
  assert.ok(module > 0);
});

test("errors that are kept would be found", async () => {
  const { heap } = await left("errors");
  assert.ok(heap > HEAP_BYTES_MAX, `the heap has grown by ${heap} bytes alone`);
});
