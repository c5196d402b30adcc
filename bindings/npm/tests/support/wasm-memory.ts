/** Modules with less memory than they may have, so that tests can fill it. @module */
import assert from "node:assert/strict";

const MEMORY_SECTION = 5;
const HEAD_BYTES = 8;

/** A module whose memory has a page count at most, 64 KiB each. */
export function withMemoryMax(module: Uint8Array, pages: number): Uint8Array {
  for (let at = HEAD_BYTES; at < module.length; ) {
    const start = at;
    const [length, from] = number(module, at + 1);
    at = from + length;
    if (module[start] === MEMORY_SECTION) {
      const [count, flags] = [module[from], module[from + 1]];
      assert.deepEqual([count, flags], [1, 0], "there is one memory, without a maximum");
      const [min] = number(module, from + 2);
      const section = [1, 1, ...bytes(min), ...bytes(pages)];
      return Buffer.concat([
        module.subarray(0, start),
        Uint8Array.of(MEMORY_SECTION, ...bytes(section.length), ...section),
        module.subarray(at),
      ]);
    }
  }
  return assert.fail("the module has no memory");
}

/** A number of LEB128, and where the next one begins. */
function number(module: Uint8Array, at: number): [value: number, next: number] {
  const byte = module[at] ?? assert.fail("the module is cut off");
  if (byte < 0x80) {
    return [byte, at + 1];
  }
  const [rest, next] = number(module, at + 1);
  return [(byte & 0x7f) + rest * 0x80, next];
}

function bytes(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...bytes(Math.floor(value / 0x80))];
}
