/** Does one job, away from the page, which stays free for its user. */
import { Ledger, RefundLedgerError } from "refund-ledger";
import { IndexedDbStore } from "refund-ledger/indexeddb";
import { reconcile, type Reconciled, type ReconcileRequest } from "refund-ledger/reconcile";

import { FIELDS } from "../messages.js";
import type { Failed, Field, Job, LedgerSource, Outcome, Progress, Said } from "../messages.js";

/** How often the page is told, in milliseconds. */
const TOLD_EVERY_MS = 100;

/** An error about one field of the form. */
class Refused extends Error {
  readonly field: Field;

  constructor(field: Field, message: string) {
    super(message);
    this.field = field;
  }
}

let told: { part: Progress["part"]; at: number } | undefined;

addEventListener("message", ({ data }: MessageEvent<Job>) => {
  void answer(data);
});

async function answer(job: Job): Promise<void> {
  try {
    tell({ kind: "done", outcome: await perform(job) });
  } catch (error) {
    tell({ kind: "failed", failed: failure(error, job) });
  }
}

function tell(said: Said): void {
  postMessage(said);
}

function progress(progress: Progress): void {
  const now = performance.now();
  if (progress.part !== told?.part || now - told.at >= TOLD_EVERY_MS) {
    told = { part: progress.part, at: now };
    tell({ kind: "progress", progress });
  }
}

async function perform(job: Job): Promise<Outcome> {
  await assertReadable(job);
  progress({ part: "opening" });
  const ledger = await refundsOf(job.ledger);
  const reconciled = await reconcile({ ...job, ledger, onProgress: progress });
  progress({ part: "writing" });
  return outcomeOf(job, reconciled);
}

/** A file may be gone or changed since it was chosen; later nobody could tell which one it was. */
async function assertReadable({ statement, ledger, keys }: Job): Promise<void> {
  const files: [Field, File | undefined][] = [
    ["statement", statement],
    ["ledger", ledger.kind === "export" ? ledger.file : undefined],
    ["keys", keys],
  ];
  for (const [field, file] of files) {
    try {
      await file?.slice(0, 1).arrayBuffer();
    } catch {
      throw new Refused(field, "The file can't be read: it was moved, changed or removed. Choose it again.");
    }
  }
}

async function refundsOf(source: LedgerSource): Promise<ReconcileRequest["ledger"]> {
  if (source.kind === "export") {
    return source.file;
  }
  const { database } = source;
  // Opening one that is not there would make it.
  const kept = await databases();
  if (!kept.some(({ name }) => name === database)) {
    throw new Refused("database", `This browser keeps no ledger \`${database}\` for pages of ${location.origin}.`);
  }
  try {
    return await Ledger.open({ store: await IndexedDbStore.open(database) });
  } catch (error) {
    throw new Refused("database", sentence(messageOf(error)));
  }
}

async function databases(): Promise<IDBDatabaseInfo[]> {
  try {
    return await indexedDB.databases();
  } catch (error) {
    const said = messageOf(error).replace(/\.$/, "");
    const why = `The browser does not let this page see which ledgers it keeps (${said})`;
    throw new Refused("database", `${why}: allow site data for ${location.origin}, or compare an export.`);
  }
}

function outcomeOf({ statement, ledger }: Job, reconciled: Reconciled): Outcome {
  const { matched, breaks, incomplete } = reconciled.report;
  const names = {
    statement: statement.name,
    ledger: ledger.kind === "export" ? ledger.file.name : `${ledger.database} in this browser`,
  };
  return {
    matched: Number(matched),
    breaks: breaks.length,
    incomplete,
    html: new Blob([reconciled.html(names)], { type: "text/html" }),
    csv: new Blob([reconciled.csv()], { type: "text/csv" }),
    json: new Blob([reconciled.json()], { type: "application/json" }),
  };
}

function failure(error: unknown, { ledger }: Job): Failed {
  if (error instanceof Refused) {
    return { field: error.field, message: error.message };
  }
  const [detail] = error instanceof RefundLedgerError ? error.details : [];
  const field = FIELDS.find((name) => name === detail?.field);
  if (field === undefined) {
    return { field, message: sentence(messageOf(error)) };
  }
  return {
    field: field === "ledger" && ledger.kind === "browser" ? "database" : field,
    // Beside its field the message need not name it.
    message: sentence((detail?.message ?? messageOf(error)).replace(/^is wrong: map: /, "")),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The library's errors are parts of a sentence. */
function sentence(message: string): string {
  const begun = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
