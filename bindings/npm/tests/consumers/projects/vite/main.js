import * as library from "refund-ledger";
import { scenario } from "./scenario.mjs";

document.body.textContent = await scenario(library);
