// Without a bundler a package is named by its path: an import map would be an inline script, which the
// policy forbids.
import * as library from "./node_modules/refund-ledger/dist/index.js";
import { scenario } from "./scenario.mjs";

document.body.textContent = await scenario(library);
