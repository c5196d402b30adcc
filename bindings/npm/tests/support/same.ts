/** Long texts beside each other. @module */
import assert from "node:assert/strict";

/** Two texts are the same; what differs first is told, not the whole of both. */
export function assertSame(actual: string, expected: string): void {
  const [lines, wanted] = [actual.trimEnd().split("\n"), expected.trimEnd().split("\n")];
  const at = wanted.findIndex((line, at) => line !== lines[at]);
  assert.equal(lines[at], wanted[at], `line ${at + 1}`);
  assert.equal(lines.length, wanted.length);
}
