/** Values that JSON can't say, or says differently, and that no field may have. */
import { runInNewContext } from "node:vm";

class Price {
  value = 12;
}

function cyclic(): unknown {
  const list: unknown[] = [];
  list.push({ list });
  return list;
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function throwing(trap: keyof ProxyHandler<object>, thrown: unknown): unknown {
  return new Proxy(
    { field: 1 },
    {
      [trap]: () => {
        throw thrown;
      },
    },
  );
}

function endless(): unknown {
  return new Proxy([], {
    get: () => 2 ** 40,
    getOwnPropertyDescriptor: () => ({ value: 1, configurable: true }),
  });
}

/** Each by what it is, with where below itself the fault lies (`""` is the value itself) and its code. */
export const BAD_VALUES: readonly (readonly [what: string, value: unknown, below: string, code: string])[] = [
  ["2^53 + 1", Number("9007199254740993"), "", "out_of_range"],
  ["-2^53", -(2 ** 53), "", "out_of_range"],
  ["a number that is written with an exponent", 1e21, "", "out_of_range"],
  ["the largest number", Number.MAX_VALUE, "", "out_of_range"],
  ["a number below a millionth", 1e-7, "", "too_many_decimals"],
  ["NaN", Number.NaN, "", "wrong_type"],
  ["infinity", Number.POSITIVE_INFINITY, "", "wrong_type"],
  ["a BigInt", 10n, "", "wrong_type"],
  ["a symbol", Symbol("s"), "", "wrong_type"],
  ["a function", () => 1, "", "wrong_type"],
  ["a cycle", cyclic(), "[0].list", "wrong_type"],
  ["a sparse array", [1, , 3], "[1]", "wrong_type"],
  ["an array of undefined", [undefined], "[0]", "wrong_type"],
  ["an endless array", new Array(2 ** 32 - 1), "[0]", "wrong_type"],
  ["a getter", Object.defineProperty({}, "field", { get: () => 1, enumerable: true }), ".field", "wrong_type"],
  ["a getter in an array", Object.defineProperty([], "0", { get: () => 1 }), "[0]", "wrong_type"],
  ["an own toJSON", { toJSON: () => 1 }, ".toJSON", "wrong_type"],
  ["a symbol for a name", { [Symbol("s")]: 1 }, "", "wrong_type"],
  ["an instance of a class", new Price(), "", "wrong_type"],
  ["an object with inherited fields", Object.create({ value: 12 }), "", "wrong_type"],
  ["a Map", new Map([["value", 12]]), "", "wrong_type"],
  ["a Set", new Set([12]), "", "wrong_type"],
  ["a Date", new Date(0), "", "wrong_type"],
  ["an invalid Date", new Date(Number.NaN), "", "wrong_type"],
  ["a Map of another realm", runInNewContext("new Map()"), "", "wrong_type"],
  ["a typed array", new Uint8Array(2), "", "wrong_type"],
  ["a buffer", new ArrayBuffer(2), "", "wrong_type"],
  ["an expression", /x/u, "", "wrong_type"],
  ["an error", new Error("x"), "", "wrong_type"],
  ["a promise", Promise.resolve(1), "", "wrong_type"],
  ["a boxed number", Object(12), "", "wrong_type"],
  ["a boxed string", Object("12"), "", "wrong_type"],
  ["a boxed BigInt", Object(12n), "", "wrong_type"],
  ["a lone surrogate", "a\ud800", "", "invalid_format"],
  ["a lone surrogate in a name", { "\udc00": 1 }, ".\udc00", "invalid_format"],
  ["a revoked proxy", revoked(), "", "wrong_type"],
  ["a proxy that throws for its prototype", throwing("getPrototypeOf", new TypeError("x")), "", "wrong_type"],
  ["a proxy that throws for its names", throwing("ownKeys", "x"), "", "wrong_type"],
  ["a proxy that throws for a field", throwing("getOwnPropertyDescriptor", undefined), "", "wrong_type"],
  ["a proxy that lies about its names", new Proxy({}, { ownKeys: () => ["a", "a"] }), "", "wrong_type"],
];

/** The same for what is long, which takes its time. */
export const LONG_VALUES: typeof BAD_VALUES = [
  ["a string of 10 MB", "x".repeat(10_000_000), "", "too_long"],
  ["a name of 10 MB", { ["x".repeat(10_000_000)]: 1 }, `.${"x".repeat(64)}…`, "too_long"],
  ["100,000 names", Object.fromEntries(Array.from({ length: 100_000 }, (_, at) => [`n${at}`, at])), "", "too_long"],
  ["100,000 items", new Array(100_000).fill(0), "", "too_long"],
  ["a proxy without an end", endless(), "", "too_long"],
];
