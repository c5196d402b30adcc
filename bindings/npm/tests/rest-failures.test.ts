/** Requests that are bad or break off, and what the operator is told of failures. */
import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { test } from "node:test";
import { Ledger, type RefundLedgerError, StoreError, type StoreErrorKind } from "../src/node.js";
import { type Caller, createFetchHandler, type FetchHandlerOptions } from "../src/rest.js";
import { faulty } from "./support/faulty.js";
import { as, isInvalid, MOVEMENT, opened, SCOPE } from "./support/refusals.js";

const PATH = `/v1/orgs/${SCOPE.org_id}/subscription/${SCOPE.subscription_id}/movement/${SCOPE.movement_id}`;
const JSON_TYPE = { "content-type": "application/json" };

/** A handler, and what its operator was told. */
async function served(options: FetchHandlerOptions = {}, has?: "transact") {
  const { store, faults } = faulty(has);
  const ledger = await opened({ store });
  const told: { error: RefundLedgerError; request: Request }[] = [];
  const handler = createFetchHandler(ledger, {
    onError: (error, request) => told.push({ error, request }),
    ...options,
  });
  const send = (path: string, init: RequestInit & { duplex?: "half" } = {}) =>
    handler(new Request(`http://ledger${path}`, init));
  return { ledger, handler, send, faults, told };
}

function put(body: unknown): RequestInit {
  return { method: "PUT", headers: JSON_TYPE, body: as(body), duplex: "half" } as RequestInit;
}

async function codeOf(response: Response): Promise<[status: number, code: string]> {
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.equal(response.headers.get("content-type"), "application/json");
  const { code, message } = (await response.json()) as { code: string; message: string };
  assert.equal(typeof message, "string");
  return [response.status, code];
}

function stream(pull: (controller: ReadableStreamDefaultController<unknown>) => unknown): ReadableStream {
  return new ReadableStream({ pull: (controller) => as(pull(controller)) });
}

const KINDS: readonly (readonly [kind: StoreErrorKind, status: number, code: string])[] = [
  ["busy", 504, "timeout"],
  ["unavailable", 502, "store_unavailable"],
  ["outcome_unknown", 502, "store_unavailable"],
  ["corrupted", 500, "store_corrupted"],
  ["unsupported", 500, "internal"],
  ["failed", 500, "internal"],
];

for (const [kind, status, code] of KINDS) {
  for (const has of [undefined, "transact"] as const) {
    test(`a store that fails as ${kind} ${has ? "in its transaction " : ""}is told to the operator, with why`, async () => {
      const { send, faults, told } = await served({}, has);
      const cause = new StoreError(kind, "the password is hunter2");
      const fails = () => {
        throw cause;
      };
      Object.assign(faults, { load: fails, transact: fails });
      for (const init of [{}, { method: "HEAD" }, put(JSON.stringify(MOVEMENT))]) {
        const response = await send(PATH, init);
        assert.equal(response.status, status);
        assert.ok(!(await response.text()).includes("hunter2"));
        const [last] = told.splice(0);
        assert.deepEqual([last?.error.code, last?.error.status, last?.error.cause], [code, status, cause]);
        assert.equal(new URL(last?.request.url ?? "").pathname, PATH);
      }
    });
  }
}

test("what a store answered that can't be is told with the reason", async () => {
  const { send, faults, told } = await served();
  faults.load = () => ({ movements: [{ row: {} }], refunds: [] });
  assert.deepEqual(await codeOf(await send(PATH)), [500, "store_corrupted"]);
  assert.match(String(told[0]?.error.cause), /org_id/u);
});

test("an error that was overcome is not told", async () => {
  const { send, faults, told } = await served();
  let attempts = 0;
  faults.commit = (usual) => {
    attempts += 1;
    if (attempts === 1) {
      throw new StoreError("conflict", "somebody else was faster");
    }
    return usual();
  };
  assert.equal((await send(PATH, { method: "DELETE" })).status, 204);
  assert.deepEqual([attempts, told.length], [2, 0]);
});

test("refusals are not told to the operator", async () => {
  const { send, told } = await served();
  const statuses = await Promise.all([
    send("/nowhere"),
    send(`${PATH}/refund/x`),
    send(PATH, { method: "PATCH" }),
    send(PATH, put("{")),
    send(`${PATH}/refund`, { method: "POST", headers: JSON_TYPE, body: "{}" }),
  ]);
  assert.deepEqual(statuses.map(({ status }) => status), [404, 404, 405, 400, 400]);
  assert.equal(told.length, 0);
});

test("what `onError` throws or rejects with changes no response", async () => {
  for (const onError of [
    () => {
      throw new Error("the log is full");
    },
    () => Promise.reject(new Error("the log is full")),
    () => ({ then: () => { throw new Error("then"); } }), // prettier-ignore
    () => new Promise(() => undefined),
  ]) {
    const { send, faults } = await served({ onError });
    faults.load = () => {
      throw new Error("the disk is full");
    };
    assert.deepEqual(await codeOf(await send(PATH)), [500, "internal"]);
  }
  await setTimeout(5);
});

test("without `onError` nobody is told", async () => {
  const { ledger, faults } = await served();
  faults.load = () => {
    throw new Error("the disk is full");
  };
  assert.equal((await createFetchHandler(ledger)(new Request(`http://ledger${PATH}`))).status, 500);
});

test("a clock that tells no time is the operator's affair, and so is a closed ledger", async () => {
  const { ledger } = await served();
  const told: RefundLedgerError[] = [];
  const options = { onError: (error: RefundLedgerError) => told.push(error) };
  const late = createFetchHandler(ledger.with({ now: () => "soon" }), options);
  assert.deepEqual(await codeOf(await late(new Request(`http://ledger${PATH}`))), [500, "internal"]);
  assert.match(String(told[0]?.cause), /`now`/u);
  await ledger.close();
  assert.deepEqual(await codeOf(await createFetchHandler(ledger, options)(new Request(`http://ledger${PATH}`))), [500, "internal"]);
  assert.match(told[1]?.message ?? "", /closed/u);
});

test("a misspelt option is refused", async () => {
  const { ledger } = await served();
  await isInvalid(() => createFetchHandler(ledger, as({ autenticate: () => null })), "autenticate", "not_allowed");
  await isInvalid(() => createFetchHandler(ledger, as({ authenticate: null })), "authenticate", "wrong_type");
  await isInvalid(() => createFetchHandler(ledger, as({ onError: 5 })), "onError", "wrong_type");
  await isInvalid(() => createFetchHandler(ledger, as(null)), "options", "wrong_type");
  await isInvalid(() => createFetchHandler(ledger, as(() => null)), "options", "wrong_type");
});

test("a base path that is no path is refused, and one that is goes before `/v1`", async () => {
  const { ledger } = await served();
  await isInvalid(() => createFetchHandler(ledger, as({ basePath: 1 })), "basePath", "wrong_type");
  await isInvalid(() => createFetchHandler(ledger, as({ basePath: null })), "basePath", "wrong_type");
  const bad = ["api", "/", "/api/", "/a b", "//api", "/api?x", "/api#x", "/a/../b", "/./a", "/ä", "/a\\b", "http://x/api", " "];
  for (const basePath of bad) {
    await isInvalid(() => createFetchHandler(ledger, { basePath }), "basePath", "invalid_format");
  }
  for (const basePath of ["", "/api", "/a/b", "/a%20b", "/%C3%A4"]) {
    const handler = createFetchHandler(ledger, { basePath });
    assert.equal((await handler(new Request(`http://ledger${basePath}${PATH}`))).status, 200, basePath);
    const headers = { "content-type": "application/json" };
    const movement = { currency: "EUR", occurred_at: "2022-02-01T00:00:00Z", amount: { value_with_taxes: 1 }, description: "x" };
    const url = `http://ledger${basePath}/v1/orgs/acme/subscription/s/movement/m${encodeURIComponent(basePath)}`;
    const made = await handler(new Request(url, { method: "PUT", headers, body: JSON.stringify(movement) }));
    const found = await handler(new Request(`http://ledger${made.headers.get("location")}`));
    assert.deepEqual([made.status, found.status], [201, 200], basePath);
  }
});

test("what is no ledger is refused at once", async () => {
  for (const ledger of [Ledger.open(), null, {}, undefined]) {
    await isInvalid(() => createFetchHandler(as(ledger)), "ledger", "wrong_type");
  }
});

test("what is no request is the program's mistake: the handler rejects, and asks nobody", async () => {
  let asked = 0;
  const { handler, told } = await served({ authenticate: () => { asked += 1; return null; } }); // prettier-ignore
  const incoming = { url: "/v1/orgs", method: "GET", headers: { host: "ledger" } };
  for (const request of [undefined, null, 5, "http://ledger/", {}, new URL("http://ledger/"), incoming]) {
    await isInvalid(() => handler(as(request)), "request", "wrong_type");
  }
  assert.deepEqual([asked, told.length], [0, 0]);
  const { url, method, headers } = new Request(`http://ledger${PATH}`);
  assert.equal((await handler(as({ url, method, headers, body: null }))).status, 401);
});

const CALLER: Caller = { subject: "ops", orgs: ["*"], actions: ["read"] };

test("who is nobody gets a 401, and their body is not read", async () => {
  const answers = [
    () => null,
    () => undefined,
    () => Promise.resolve(null),
    () => Promise.reject(new Error("an old token")),
    () => {
      throw new Error("no token");
    },
  ];
  for (const authenticate of answers) {
    const { send, told } = await served({ authenticate: as(authenticate) });
    let reads = 0;
    const body = new ReadableStream({ pull: () => { reads += 1; } }, { highWaterMark: 0 }); // prettier-ignore
    assert.deepEqual(await codeOf(await send(PATH, put(body))), [401, "unauthorized"]);
    assert.deepEqual([reads, told.length], [0, 0]);
  }
});

test("who is no caller gets nothing, and the operator is told", async () => {
  const callers = [
    5,
    "ops",
    true,
    {},
    [],
    new Map(Object.entries(CALLER)),
    { ...CALLER, subject: undefined },
    { ...CALLER, subject: 5n },
    { ...CALLER, subject: "" },
    { ...CALLER, orgs: "*" },
    { ...CALLER, orgs: [""] },
    { ...CALLER, actions: ["everything"] },
    { ...CALLER, actions: [1] },
    { ...CALLER, admin: true },
  ];
  for (const caller of callers) {
    const { send, told } = await served({ authenticate: () => as(caller) });
    assert.deepEqual(await codeOf(await send(PATH)), [500, "internal"]);
    assert.equal(told.length, 1);
    assert.equal(told[0]?.error.code, "internal");
    assert.match(told[0].error.message, /caller/u);
  }
});

test("a body that is too long is refused, whatever it is made of", async () => {
  const long = [
    "x".repeat(2_000_000),
    new Uint8Array(2_000_000),
    JSON.stringify({ ...MOVEMENT, description: "x".repeat(2_000_000) }),
    stream((controller) => {
      controller.enqueue(new Uint8Array(1_000));
    }),
    stream((controller) => {
      controller.enqueue(new Uint8Array(0));
      controller.enqueue(new Uint8Array(64 * 1024 + 1));
    }),
    new ReadableStream({
      pull: (controller) => {
        controller.enqueue(new Uint8Array(70_000));
      },
      cancel: () => Promise.reject(new Error("it can't be stopped")),
    }),
  ];
  for (const body of long) {
    const { send, told } = await served();
    assert.deepEqual(await codeOf(await send(PATH, put(body))), [400, "malformed_request"]);
    assert.equal(told.length, 0);
  }
});

test("a body that breaks off is refused, and nothing is recorded", async () => {
  const { send, told, ledger } = await served();
  const parts = ['{"currency":"EUR",'];
  const body = stream((controller) => {
    const part = parts.shift();
    if (part === undefined) {
      controller.error(new Error("the connection was reset"));
    } else {
      controller.enqueue(new TextEncoder().encode(part));
    }
  });
  assert.deepEqual(await codeOf(await send(PATH, put(body))), [400, "malformed_request"]);
  const aborting = new AbortController();
  const endless = put(new ReadableStream());
  const answer = send(PATH, { ...endless, signal: aborting.signal });
  await setTimeout(5);
  aborting.abort();
  const response = await Promise.race([answer, setTimeout(1_000)]);
  assert.ok(response instanceof Response, "an aborted request is left waiting");
  assert.equal(response.status, 400);
  assert.equal(told.length, 0);
  assert.equal((await ledger.journal()).items.length, 1);
});

test("a body that somebody read before is told to the operator", async () => {
  const { handler, told } = await served();
  const request = new Request(`http://ledger${PATH}`, put(JSON.stringify(MOVEMENT)));
  await request.text();
  assert.equal((await handler(request)).status, 500);
  assert.match(told[0]?.error.message ?? "", /was read before/u);
  const locked = new Request(`http://ledger${PATH}`, put(JSON.stringify(MOVEMENT)));
  locked.body?.getReader();
  assert.equal((await handler(locked)).status, 500);
});

test("bytes that are no text, and types that are none", async () => {
  const { send, told } = await served();
  const text = JSON.stringify(MOVEMENT);
  const bodies: [body: BodyInit, headers: Record<string, string>][] = [
    [Uint8Array.from([0x7b, 0xff, 0xfe, 0x7d]), JSON_TYPE],
    [Uint8Array.from([0xed, 0xa0, 0x80]), JSON_TYPE],
    [new Blob(["\ufeff", text]), JSON_TYPE],
    [text, { "content-type": "text/plain" }],
    [text, { "content-type": "application/jsonx" }],
    [text, { "content-type": "application/json; charset=latin1" }],
    [text, { "content-type": "application/json, application/json" }],
    [text, { "content-type": "\xe9" }],
    [text, { ...JSON_TYPE, "content-encoding": "gzip" }],
    [new Uint8Array(), JSON_TYPE],
    [new Blob([text]), {}],
  ];
  for (const [body, headers] of bodies) {
    assert.deepEqual(await codeOf(await send(PATH, { method: "PUT", body, headers })), [400, "malformed_request"]);
  }
  for (const [name, value] of [["if-match", "\xe9"], ["if-match", "W/\"1\""], ["idempotency-key", "\xe9\xff"]] as const) {
    const method = name === "if-match" ? "DELETE" : "POST";
    const path = name === "if-match" ? `${PATH}/refund/x` : `${PATH}/refund/non-subscribable-products`;
    const body = method === "POST" ? { body: "{}" } : {};
    const response = await send(path, { method, headers: { ...JSON_TYPE, [name]: value }, ...body });
    assert.equal(response.status, 400, `${name}: ${value}`);
  }
  assert.equal(told.length, 0);
});

test("methods and paths that there are not", async () => {
  const { send, told } = await served();
  for (const method of ["OPTIONS", "POST", "PATCH", "PURGE", "patch", "M-SEARCH"]) {
    const response = await send(PATH, { method });
    assert.equal(response.headers.get("allow"), "PUT, GET, HEAD, DELETE", method);
    assert.deepEqual(await codeOf(response), [405, "method_not_allowed"]);
  }
  const paths = ["/", "/v1", "/v1/", "/v2/orgs/acme/refunds", `${PATH}/`, `/${PATH}`, "/v1/orgs//refunds/", "//"];
  for (const path of paths) {
    assert.equal((await send(path)).status, 404, path);
  }
  const strange = ["%", "%zz", "%ff", "%00", "%ed%a0%80", "%2f", "..%2f", "%c3", "a|b^c`d'e\"f<g>{h}", "\u{1f600}", "x".repeat(300)];
  for (const segment of strange) {
    for (const path of [PATH.replace("mov-42", segment), `/v1/orgs/${segment}/refunds`, `/v1/orgs/acme/refunds?cursor=${segment}`]) {
      const { status } = await send(path);
      assert.ok(status < 500, `${path}: ${status}`);
    }
  }
  const { status } = await send(`/v1/orgs/acme/refunds?cursor=${"x".repeat(70_000)}`);
  assert.equal(status, 400);
  const head = await send(`/v1/orgs/acme/refunds?cursor=${"x".repeat(70_000)}`, { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [400, ""]);
  assert.equal(told.length, 0);
});
