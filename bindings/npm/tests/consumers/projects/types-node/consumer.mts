// A program in Node, whose types have `Request` and `Response`, too.
import { createServer } from "node:http";
import { Ledger } from "refund-ledger";
import { createFetchHandler } from "refund-ledger/rest";
import { SqliteStore } from "refund-ledger/sqlite";
import { DatabaseSync } from "node:sqlite";

const store = new SqliteStore(new DatabaseSync("refunds.db"));
const wasm = new URL("https://localhost/ledger.wasm");
const handler = createFetchHandler(await Ledger.open({ store, wasm }), { basePath: "/api" });

createServer((incoming, outgoing) => {
  void handler(new Request(`http://localhost${incoming.url}`)).then((response) => outgoing.writeHead(response.status).end());
});

// @ts-expect-error: a request of Node's own is no `Request`
createServer((incoming) => void handler(incoming));
