import * as library from "refund-ledger";
import { scenario } from "./scenario.mjs";

console.log(await scenario(library));
