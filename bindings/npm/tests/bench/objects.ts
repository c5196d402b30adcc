/** Books refunds as programs do, in memory: `objects.js REFUNDS` prints the seconds. */
import { Ledger } from "../../src/node.js";
import { MOVEMENT, measure, movements, request, scopeOf } from "./refunds.js";

const ledger = await Ledger.open();
for (const scope of movements()) {
  await ledger.recordMovement(scope, MOVEMENT);
}
await measure((refund) => ledger.createRefund(scopeOf(refund), request(refund)));
