/** From nothing to the first refund. What it costs over `empty.js` is what a program waits at its start. */
import { Ledger } from "../../src/node.js";
import { MOVEMENT, request, scopeOf } from "./refunds.js";

const ledger = await Ledger.open();
await ledger.recordMovement(scopeOf(0), MOVEMENT);
await ledger.createRefund(scopeOf(0), request(0));
