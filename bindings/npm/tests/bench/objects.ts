/**
 * Books refunds as programs do, in memory or in a file: `objects.js REFUNDS [file]` prints the seconds.
 *
 * @module
 */
import { Ledger } from "../../src/node.js";
import { SqliteStore } from "../../src/sqlite.js";
import { isInFile, openDatabase } from "./database.js";
import { MOVEMENT, measure, movements, request, scopeOf } from "./refunds.js";

const ledger = await Ledger.open(isInFile ? { store: new SqliteStore(openDatabase()) } : {});
for (const scope of movements()) {
  await ledger.recordMovement(scope, MOVEMENT);
}
await measure((refund) => ledger.createRefund(scopeOf(refund), request(refund)));
