/** Bad input to every method: an error that names the field, nothing is changed, and the next call works. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Ledger, type LedgerOptions, RefundLedgerError } from "../src/node.js";
import { BAD_VALUES, LONG_VALUES } from "./support/bad-values.js";
import { MapStore } from "./support/map-store.js";
import { as, isInvalid, isUnknown, MOVEMENT, opened, outcome, refund, refusal, SCOPE } from "./support/refusals.js";

const ID = "018f0000-0000-7000-8000-000000000001";

/** Where a value can stand, and the path that an error has for it there. */
const PLACES: readonly (readonly [path: string, call: (ledger: Ledger, value: never) => unknown])[] = [
  ["scope", (ledger, scope) => ledger.balance(scope)],
  ["org_id", (ledger, org_id) => ledger.movement({ ...SCOPE, org_id })],
  ["movement_id", (ledger, movement_id) => ledger.voidMovement({ ...SCOPE, movement_id })],
  ["request", (ledger, request) => ledger.recordMovement(SCOPE, request)],
  ["amount", (ledger, amount) => ledger.recordMovement(SCOPE, { ...MOVEMENT, amount })],
  ["description", (ledger, description) => ledger.createRefund(SCOPE, { ...refund("r"), description })],
  [
    "amount.value_with_taxes",
    (ledger, value_with_taxes) => ledger.createRefund(SCOPE, { ...refund("r"), amount: { value_with_taxes } }),
  ],
  ["refund_datetime", (ledger, refund_datetime) => ledger.updateRefund(SCOPE, ID, { ...refund("r"), refund_datetime })],
  ["request", (ledger, request) => ledger.createNonSubscribableRefund(SCOPE, request)],
  ["idempotency_key", (ledger, idempotency_key) => ledger.createNonSubscribableRefund(SCOPE, as(refund("r")), { idempotency_key })],
  ["options", (ledger, options) => ledger.createNonSubscribableRefund(SCOPE, as(refund("r")), options)],
  ["refund", (ledger, reference) => ledger.getRefund(SCOPE, reference)],
  ["refund", (ledger, reference) => ledger.eraseText(SCOPE, reference)],
  ["refund_id", (ledger, refund_id) => ledger.history(SCOPE, { refund_id })],
  ["external_refund_unique_id", (ledger, external_refund_unique_id) => ledger.deleteRefund(SCOPE, { external_refund_unique_id })],
  ["expected_revision", (ledger, expected_revision) => ledger.deleteRefund(SCOPE, ID, { expected_revision })],
  ["options", (ledger, options) => ledger.updateRefund(SCOPE, ID, refund("r"), options)],
  ["query", (ledger, query) => ledger.listRefunds(query)],
  ["limit", (ledger, limit) => ledger.listRefunds({ limit })],
  ["cursor", (ledger, cursor) => ledger.listRefunds({ cursor })],
  ["filter", (ledger, filter) => ledger.refunds(filter).next()],
  ["billable", (ledger, billable) => ledger.refunds({ billable }).next()],
  ["query", (ledger, query) => ledger.journal(query)],
  ["after", (ledger, after) => ledger.journal({ after })],
  ["head", (ledger, head) => ledger.verify(head)],
  ["position", (ledger, position) => ledger.verify({ version: 1, position, entries: 1, movements: 1, root: "00".repeat(32) })],
  ["commands[0]", (ledger, command) => ledger.executeAll([command])],
  ["commands[1].body", (ledger, body) => ledger.executeAll([{ op: "void_movement", ...SCOPE }, { op: "create_refund", ...SCOPE, body }])],
  ["options", (ledger, options) => ledger.executeAll([], options)],
  ["repeats", (ledger, repeats) => ledger.executeAll([], { repeats })],
  ["policy", (ledger, policy) => ledger.with({ policy })],
  ["policy.live_refunds_max", (ledger, live_refunds_max) => ledger.with({ policy: { live_refunds_max } })],
];

const STORES: readonly (readonly [where: string, options: () => LedgerOptions])[] = [
  ["in memory", () => ({})],
  ["over a store in JavaScript", () => ({ store: new MapStore() })],
];

/** Places whose faults are named as those of the whole question. */
const WHOLES = ["scope", "request", "refund", "query", "filter", "head", "options"];

function pathOf(place: string, value: unknown, below: string): string {
  if (place === "refund" && typeof value === "string") {
    return "refund_id";
  }
  return WHOLES.includes(place) ? below.replace(/^\./u, "") || place : `${place}${below}`;
}

/** The ledger still works, and holds what it held. */
async function isUnchanged(ledger: Ledger): Promise<void> {
  assert.equal((await ledger.balance(SCOPE)).refundable.value_with_taxes, 121);
  assert.equal((await ledger.journal()).items.length, 1);
}

for (const [where, optionsOf] of STORES) {
  test(`${where}: no value that JSON can't say is taken anywhere`, async () => {
    const ledger = await opened(optionsOf());
    for (const [place, call] of PLACES) {
      for (const [what, value, below, code] of BAD_VALUES) {
        try {
          await isInvalid(() => call(ledger, as(value)), pathOf(place, value, below), code);
        } catch (cause) {
          throw new Error(`${what} as \`${place}\``, { cause });
        }
        await isUnchanged(ledger);
      }
    }
    for (const [, value, below, code] of LONG_VALUES) {
      const call = () => ledger.createRefund(SCOPE, { ...refund("r"), description: as(value) });
      await isInvalid(call, `description${below}`, code);
      await isUnchanged(ledger);
    }
    assert.equal((await ledger.createRefund(SCOPE, refund("r-1"))).revision, 1);
  });

  test(`${where}: no value of another type breaks anything`, async () => {
    const ledger = await opened(optionsOf());
    for (const [place, call] of PLACES) {
      for (const value of [5, -1.5, "", "text", true, [], [[]], {}, { x: 1 }, null, undefined]) {
        const error = await outcome(() => call(ledger, as(value)));
        assert.ok((error?.status ?? 200) < 500, `${JSON.stringify(value)} as \`${place}\`: ${error?.message}`);
      }
    }
    assert.equal((await ledger.verify()).verdict, "valid");
  });

  test(`${where}: amounts that a double can't hold are refused by their field`, async () => {
    const ledger = await opened(optionsOf());
    const values = [
      [Number("9007199254740993"), "out_of_range"],
      [Number("9007199254740991"), "too_long"],
      [0.1 + 0.2, "too_long"],
      [1234567.123456789, "too_long"],
      ["0.30000000000000004", "too_long"],
      [1e21, "out_of_range"],
      [1e-7, "too_many_decimals"],
      [5e-324, "too_many_decimals"],
      [-0, "out_of_range"],
      [-1, "invalid_format"],
      ["1e3", "invalid_format"],
      ["12,10", "invalid_format"],
      ["０", "invalid_format"],
      ["", "invalid_format"],
      [true, "wrong_type"],
    ] as const;
    for (const [value_with_taxes, code] of values) {
      const request = { ...refund("r"), amount: { value_with_taxes: as<number>(value_with_taxes) } };
      await isInvalid(() => ledger.createRefund(SCOPE, request), "amount.value_with_taxes", code);
      const batched = () => ledger.executeAll([{ op: "create_refund", ...SCOPE, body: request }]);
      assert.match((await refusal(batched)).details[0]?.field ?? "", /^commands\[0\]\.(body\.)?amount\.value_with_taxes$/u);
    }
    await isUnchanged(ledger);
  });

  test(`${where}: limits, positions and cursors that are none are refused by their field`, async () => {
    const ledger = await opened(optionsOf());
    for (const limit of [0, -1, 1e9, 501, 1.5, "10", 2 ** 53, true]) {
      await isInvalid(() => ledger.listRefunds({ limit: as(limit) }), "limit");
      await isInvalid(() => ledger.journal({ limit: as(limit) }), "limit");
    }
    for (const after of [-1, 0.5, "0", 2 ** 53, 1e300]) {
      await isInvalid(() => ledger.journal({ after: as(after) }), "after");
    }
    for (const cursor of ["", "garbage", "ü", "AAAA", "x".repeat(9_999), 5]) {
      await isInvalid(() => ledger.listRefunds({ cursor: as(cursor) }), "cursor");
    }
    for (const expected_revision of [-1, 1.5, "1", 2 ** 32, 2 ** 53]) {
      const options = { expected_revision: as<number>(expected_revision) };
      await isInvalid(() => ledger.deleteRefund(SCOPE, ID, options), "expected_revision");
    }
    await isUnchanged(ledger);
  });

  test(`${where}: a message says what can be done about that field`, async () => {
    const ledger = await opened(optionsOf());
    const messageOf = async (call: () => unknown) => (await refusal(call)).message;
    for (const limit of [1.5, -1, 0, 501, "10"]) {
      const message = await messageOf(() => ledger.listRefunds({ limit: as(limit) }));
      assert.equal(message, "`limit` must be a whole number from 1 to 500");
    }
    for (const limit of [Number.NaN, 1e30, 10n]) {
      assert.doesNotMatch(await messageOf(() => ledger.listRefunds({ limit: as(limit) })), /decimal string/u);
    }
    const amount = { value_with_taxes: 1e-7 };
    const small = await messageOf(() => ledger.createRefund(SCOPE, { ...refund("r"), amount }));
    assert.equal(
      small,
      "`amount.value_with_taxes` is 1e-7, which is closer to 0 than any number in a request may be",
    );
    const inherits = await messageOf(() => ledger.balance(as({ __proto__: { ...SCOPE } })));
    assert.equal(inherits, "`scope` must be a plain object; it has a prototype of its own");
    const map = await messageOf(() => ledger.balance(as(new Map())));
    assert.equal(map, "`scope` must be a plain object; it is of the class `Map`");
  });

  test(`${where}: a reference that names no refund erases nothing`, async () => {
    const ledger = await opened(optionsOf());
    for (const reference of [{}, { refund_id: undefined }, { refund_id: null }, { external_refund_unique_id: null }]) {
      await isInvalid(() => ledger.eraseText(SCOPE, as(reference)), "refund", "required");
    }
    for (const reference of [null, 5, [], new Map([["refund_id", ID]])]) {
      await isInvalid(() => ledger.eraseText(SCOPE, as(reference)), "refund", "wrong_type");
    }
    await isInvalid(() => ledger.eraseText(as({ ...SCOPE, refund_id: ID })), "refund_id", "not_allowed");
    await isInvalid(() => ledger.eraseText(SCOPE, as(undefined)), "refund", "required");
    for (const name of ["refund_id", "external_refund_unique_id"]) {
      const lost = { op: "erase_text", ...SCOPE, [name]: undefined };
      await isInvalid(() => ledger.executeAll([as(lost)]), `commands[0].${name}`, "required");
      const [answer] = await ledger.executeAll([as(lost)], { atomicity: "per_item" });
      assert.ok(answer instanceof RefundLedgerError);
      await isInvalid(() => ledger.executeAll([as({ ...lost, [name]: null })]), "commands[0].refund_id", "required");
    }
    assert.equal((await ledger.movement(SCOPE)).description, "February");
    await isUnchanged(ledger);
  });

  test(`${where}: what only a prototype has is not left out`, async () => {
    const ledger = await opened(optionsOf());
    const { id } = await ledger.createRefund(SCOPE, refund("r-1"));
    const inherit = (fields: object): never => as(Object.create(Object.assign(Object.create(null), fields)));
    await isInvalid(() => ledger.listRefunds(inherit({ org_id: "other" })), "query", "wrong_type");
    await isInvalid(() => ledger.deleteRefund(SCOPE, id, inherit({ expected_revision: 7 })), "options", "wrong_type");
    await isInvalid(() => ledger.with(inherit({ actor: "else" })), "options", "wrong_type");
    class Bare extends (null as unknown as ObjectConstructor) {}
    await isInvalid(() => ledger.listRefunds(as(Object.create(Bare.prototype))), "query", "wrong_type");
  });

  test(`${where}: a long name is not repeated whole`, async () => {
    const ledger = await opened(optionsOf());
    const name = "k".repeat(60_000);
    const { message } = await refusal(() => ledger.with(as({ [name]: 1 })));
    const Long = class {};
    Object.defineProperty(Long, "name", { value: name });
    const ofClass = await refusal(() => ledger.listRefunds(as(new Long())));
    assert.ok(message.length < 300 && ofClass.message.length < 300);
  });

  test(`${where}: what is misspelt is not left out`, async () => {
    const ledger = await opened(optionsOf());
    const { id } = await ledger.createRefund(SCOPE, refund("r-1"));
    await isInvalid(() => ledger.deleteRefund(SCOPE, id, as({ expectedRevision: 7 })), "expectedRevision", "not_allowed");
    await isInvalid(() => ledger.deleteRefund(SCOPE, as({ refund_id: id, expected_revision: 7 })), "expected_revision");
    await isInvalid(() => ledger.executeAll([], as({ atomic: "all" })), "atomic", "not_allowed");
    await isInvalid(() => ledger.executeAll([], as({ atomicity: "some" })), "atomicity", "out_of_range");
    await isInvalid(() => ledger.executeAll([], as({ atomicity: ["per_item"] })), "atomicity", "out_of_range");
    const head = await ledger.head();
    await isUnknown(() => ledger.verify(as({ ...head, z: 1 })), "z");
    await isUnknown(() => ledger.createRefund(SCOPE, { ...refund("r-2"), colour: 1 } as never), "colour");
    const command = { op: "void_movement", ...SCOPE, colour: 1 };
    await isUnknown(() => ledger.executeAll([as(command)]), "commands[0].colour");
    for (const filter of [{ orgId: "acme" }, { limit: 3 }, { cursor: "x" }, { org_id: "acme", limit: 500 }]) {
      const misspelt = Object.keys(filter).at(-1) ?? "";
      await isInvalid(() => ledger.refunds(as(filter)).next(), misspelt, "not_allowed");
    }
    assert.equal((await ledger.getRefund(SCOPE, id)).revision, 1);
  });

  test(`${where}: a bad command of a batch is told by its place, and the others are carried out or not`, async () => {
    const ledger = await opened(optionsOf());
    const good = (id: string) => ({ op: "create_refund" as const, ...SCOPE, body: refund(id) });
    const commands = [good("r-1"), 5, good("r-2"), { ...good("r-3"), body: { amount: 1n } }, , good("r-4")];
    await isInvalid(() => ledger.executeAll(as(commands)), "commands[1]", "wrong_type");
    await isUnchanged(ledger);
    const results = await ledger.executeAll(as(commands), { atomicity: "per_item" });
    const told = results.map((result) => ("code" in result ? result.details[0]?.field : result.revision));
    assert.deepEqual(told, [1, "command", 1, "body.amount", "command", 1]);
    for (const many of [5, null, {}, "commands", new Set(commands), BAD_PROXY]) {
      await isInvalid(() => ledger.executeAll(as(many)), "commands", "wrong_type");
    }
    assert.equal((await ledger.journal()).items.length, 4);
  });

  test(`${where}: calls around a bad one are carried out`, async () => {
    const ledger = await opened(optionsOf());
    const calls = Array.from({ length: 20 }, (_, at) =>
      ledger.createRefund(SCOPE, at % 2 === 0 ? refund(`r-${at}`) : { ...refund("bad"), amount: as(0.1 + 0.2) }),
    );
    const outcomes = await Promise.allSettled(calls);
    assert.deepEqual(outcomes.map(({ status }) => status), calls.map((_, at) => (at % 2 === 0 ? "fulfilled" : "rejected")));
    assert.equal((await ledger.balance(SCOPE)).refunded.value_with_taxes, 0.1);
    assert.equal((await ledger.verify()).verdict, "valid");
  });
}

const BAD_PROXY = new Proxy([], {
  get: () => {
    throw new TypeError("nothing to see");
  },
});

test("an option that is none is refused by its name", async () => {
  for (const options of [null, 5, "memory", [], new Date(), new Map(), new MapStore(), () => 1]) {
    await isInvalid(() => Ledger.open(as(options)), "options", "wrong_type");
  }
  const ledger = await opened();
  for (const options of [undefined, null, 5, new Map()]) {
    await isInvalid(() => ledger.with(as(options)), "options", "wrong_type");
  }
  await isInvalid(() => Ledger.open(as({ stor: new MapStore() })), "stor", "not_allowed");
  await isInvalid(() => ledger.with(as({ store: new MapStore() })), "store", "not_allowed");
  await isInvalid(() => Ledger.open(as({ get actor() { throw new Error("no"); } })), "options", "wrong_type"); // prettier-ignore
  for (const actor of [5, null, {}, 5n, Symbol("s")]) {
    await isInvalid(() => Ledger.open({ actor: as(actor) }), "actor", "wrong_type");
  }
  for (const actor of ["", "a\0b", "x".repeat(256), "x".repeat(1_000_000), "\ud800"]) {
    await isInvalid(() => Ledger.open({ actor }), "actor");
    await isInvalid(() => ledger.with({ actor }), "actor");
  }
  for (const policy of [5, null, [], "strict"]) {
    await isInvalid(() => Ledger.open({ policy: as(policy) }), "policy", "wrong_type");
  }
  for (const [member, value, code] of [
    ["live_refunds_max", -1, "invalid_format"],
    ["live_refunds_max", 2 ** 32, "invalid_format"],
    ["window_max_seconds", 0.5, "invalid_format"],
    ["future_skew_max_seconds", "60", "invalid_format"],
    ["allow_refund_before_movement", null, "invalid_format"],
    ["allow", true, "not_allowed"],
  ] as const) {
    await isInvalid(() => Ledger.open({ policy: as({ [member]: value }) }), `policy.${member}`, code);
    await isInvalid(() => ledger.with({ policy: as({ [member]: value }) }), `policy.${member}`, code);
  }
  for (const name of ["now", "mint"]) {
    await isInvalid(() => Ledger.open(as({ [name]: 5 })), name, "wrong_type");
    await isInvalid(() => ledger.with(as({ [name]: null })), name, "wrong_type");
  }
});

test("a store that is none is refused", async () => {
  const store = new MapStore();
  for (const bad of [null, 5, "memory", {}, [], MapStore, { ...store }]) {
    await isInvalid(() => Ledger.open({ store: as(bad) }), "store", "wrong_type");
  }
  for (const method of ["load", "commit", "listRefunds", "journal", "scan", "transact", "scrub", "close"]) {
    const lacking = new Proxy(store, { get: (of, name) => (name === method ? 5 : (Reflect.get(of, name) as unknown)) });
    await isInvalid(() => Ledger.open({ store: lacking }), "store", "wrong_type");
  }
  const throwing = new Proxy(store, { get: (_, name) => { throw new Error(String(name)); } }); // prettier-ignore
  await isInvalid(() => Ledger.open({ store: throwing }), "options", "wrong_type");
});

test("a clock that tells no time fails the call by its name", async () => {
  const times = [5, null, undefined, {}, new Date(Number.NaN), new Date(8.64e15), "soon", "", "2022-02-30T00:00:00Z", 5n];
  for (const time of times) {
    const ledger = await Ledger.open({ now: () => as(time) });
    await isInvalid(() => ledger.recordMovement(SCOPE, MOVEMENT), "now");
  }
  const cause = new Error("no time");
  const ledger = await Ledger.open({ now: () => { throw cause; } }); // prettier-ignore
  assert.equal((await refusal(() => ledger.journal())).cause, cause);
  assert.equal((await ledger.with({ now: () => new Date() }).journal()).items.length, 0);
});

test("what can't be minted fails the call by its name", async () => {
  const salt = "00".repeat(16);
  const answers = [5, null, undefined, {}, { refund_id: ID }, { refund_id: 5, salt }, { refund_id: ID, salt: null }, "x"];
  for (const minted of answers) {
    const ledger = await Ledger.open({ mint: () => as(minted) });
    await isInvalid(() => ledger.recordMovement(SCOPE, MOVEMENT), "mint");
  }
  const open = (minted: { refund_id: string; salt: string }) => Ledger.open({ mint: () => minted });
  await isInvalid(async () => (await open({ refund_id: "x", salt })).recordMovement(SCOPE, MOVEMENT), "mint.refund_id");
  await isInvalid(async () => (await open({ refund_id: ID, salt: "x" })).recordMovement(SCOPE, MOVEMENT), "mint.salt");
});

for (const [where, optionsOf] of STORES) {
  test(`${where}: an id that is minted twice is told as such, and books nothing`, async () => {
    const ledger = (await opened(optionsOf())).with({ mint: () => ({ refund_id: ID, salt: "00".repeat(16) }) });
    const command = (id: string) => ({ op: "create_refund" as const, ...SCOPE, body: refund(id) });
    await isInvalid(() => ledger.executeAll([command("r-1"), command("r-2")]), "mint.refund_id", "not_allowed");
    await isUnchanged(ledger);
    assert.equal((await ledger.createRefund(SCOPE, refund("r-1"))).id, ID);
    const error = await refusal(() => ledger.createRefund(SCOPE, refund("r-2")));
    assert.equal(error.code, "internal");
    assert.match(error.message, /a refund has the id already that was minted/u);
    assert.equal((await ledger.createRefund(SCOPE, refund("r-1"))).replayed, true);
    assert.equal((await ledger.verify()).verdict, "valid");
  });
}

test("a clock and ids of one ledger are not those of another that was made of it", async () => {
  const ledger = await opened();
  const past = ledger.with({
    now: () => "2022-03-01T00:00:00Z",
    mint: () => ({ refund_id: ID, salt: "00".repeat(16) }),
  });
  await isInvalid(() => past.createRefund(SCOPE, { ...refund("r"), amount: as({}) }), "amount.value_with_taxes");
  await past.balance(SCOPE);
  const { id } = await ledger.createRefund(SCOPE, refund("r-1"));
  assert.notEqual(id, ID);
  assert.notEqual((await ledger.getRefund(SCOPE, id)).created_at.slice(0, 4), "2022");
  assert.equal(past.with({ actor: as(undefined) }).actor, "local");
  const named = ledger.with({ actor: "till-3" });
  assert.equal(named.with({ actor: as(undefined) }).actor, "till-3");
});
