/** What the encoder refuses, by its path, and what it takes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { encode } from "../src/encode.js";
import { BAD_VALUES, LONG_VALUES } from "./support/bad-values.js";
import { isInvalid } from "./support/refusals.js";

for (const [what, value, below, code] of [...BAD_VALUES, ...LONG_VALUES]) {
  test(`${what} is refused by its path`, async () => {
    const whole = below.replace(/^\./u, "");
    await isInvalid(() => encode(value), whole || "request", code);
    await isInvalid(() => encode(value, "", "policy"), whole || "policy", code);
    await isInvalid(() => encode({ field: value }), `field${below}`, code);
    await isInvalid(() => encode([0, { field: value }]), `[1].field${below}`, code);
    await isInvalid(() => encode(value, "body.x"), `body.x${below}`, code);
  });
}

test("`undefined` counts as absent in an object, and as nothing that JSON could say elsewhere", async () => {
  assert.equal(encode({ a: undefined, b: 1, c: undefined }), '{"b":1}');
  await isInvalid(() => encode(undefined), "request", "wrong_type");
  await isInvalid(() => encode({ a: [undefined] }), "a[0]", "wrong_type");
});

test("32 levels are written, and not one more", async () => {
  const nested = (levels: number): unknown =>
    Array(levels).fill("deeper").reduce((inner: unknown) => ({ deeper: inner }), 1);
  assert.deepEqual(JSON.parse(encode(nested(32))), nested(32));
  await isInvalid(() => encode(nested(33)), Array(32).fill("deeper").join("."), "not_allowed");
  await isInvalid(() => encode(nested(10_000)), Array(32).fill("deeper").join("."), "not_allowed");
});

const GOOD: readonly (readonly [what: string, value: unknown, json: string])[] = [
  ["numbers as they are written", [0, -0, 12.1, 1e-6, -5, 0.1 + 0.2], "[0,0,12.1,0.000001,-5,0.30000000000000004]"],
  ["the largest whole number that is one", 2 ** 53 - 1, "9007199254740991"],
  ["names in their order, numbers first", { b: 1, a: 2, 1: 3 }, '{"1":3,"b":1,"a":2}'],
  ["an object without a prototype", Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
  ["an object of another realm", runInNewContext('({ a: [1, { b: "x" }] })'), '{"a":[1,{"b":"x"}]}'],
  ["a proxy that tells the truth", new Proxy({ a: [1] }, {}), '{"a":[1]}'],
  ["a frozen object", Object.freeze({ a: 1 }), '{"a":1}'],
  ["an own field `__proto__`", JSON.parse('{"__proto__":{"a":1}}'), '{"__proto__":{"a":1}}'],
  ["an own field `constructor`", { constructor: 1, hasOwnProperty: 2 }, '{"constructor":1,"hasOwnProperty":2}'],
  ["the same object twice", ((one) => [one, one])({ a: 1 }), '[{"a":1},{"a":1}]'],
  ["what is not enumerable, as nothing", Object.defineProperty({ a: 1 }, "b", { value: 2 }), '{"a":1}'],
  ["pairs of surrogates and control characters", "\u{1f600}\n\u0000\u2028", '"\u{1f600}\\n\\u0000\u2028"'],
];

for (const [what, value, json] of GOOD) {
  test(`it takes ${what}`, () => {
    assert.equal(encode(value), json);
  });
}

test("a `toJSON` that every object, array, string and number inherits deceives nobody", () => {
  const prototypes = [Object.prototype, Array.prototype, String.prototype, Number.prototype, Boolean.prototype];
  for (const prototype of prototypes) {
    Object.defineProperty(prototype, "toJSON", { value: () => "deceived", configurable: true, writable: true });
  }
  try {
    assert.equal(encode({ a: ["x", 1, true, null, {}] }), '{"a":["x",1,true,null,{}]}');
  } finally {
    for (const prototype of prototypes) {
      Reflect.deleteProperty(prototype, "toJSON");
    }
  }
});

test("what every array inherits fills no hole", () => {
  Object.defineProperty(Array.prototype, "0", { value: "deceived", configurable: true, writable: true });
  try {
    assert.throws(() => encode(new Array(1)), { code: "invalid_request", message: /^`\[0\]` is undefined/u });
  } finally {
    Reflect.deleteProperty(Array.prototype, "0");
  }
});
