/** Writes the refunds that are measured as lines of commands: `write-lines.js FILE REFUNDS`. */
import { writeFileSync } from "node:fs";
import { MOVEMENT, movements, request, scopeOf } from "./refunds.js";

const [file, refunds] = process.argv.slice(2);
if (file === undefined) {
  throw new Error("a file must be named");
}
const commands = [
  ...movements().map((scope) => ({ op: "record_movement", ...scope, body: MOVEMENT })),
  ...Array.from({ length: Number(refunds) }, (_, refund) => ({
    op: "create_refund",
    ...scopeOf(refund),
    body: request(refund),
  })),
];
writeFileSync(file, commands.map((command) => `${JSON.stringify(command)}\n`).join(""));
