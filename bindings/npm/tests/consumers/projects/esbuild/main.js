// esbuild leaves `new URL(…, import.meta.url)` as it is, so it is told of the module.
import * as library from "refund-ledger";
import wasm from "refund-ledger/ledger.wasm";
import { scenario } from "./scenario.mjs";

document.body.textContent = await scenario(library, { wasm });
