/** What the tests of the IndexedDB store run inside pages. */
import { IndexedDbStore } from "../../../src/indexeddb.js";
import { MIGRATIONS, openDatabase } from "../../../src/indexeddb/open.js";
import { StoreError } from "../../../src/store.js";
import {
  createWithinCap,
  entryRow,
  movementKey,
  record,
  refundId,
  scanned,
  wanted,
} from "../../support/rows.js";

/** The test hears of a refund that this page takes for created. It answers the last one never. */
declare function acknowledge(number: number): Promise<void>;

/** Waits until all tabs that race have checked for the first time. */
declare function allHaveChecked(): Promise<void>;

const NAME = "refund-ledger";
const KEY = movementKey("m");

let kept: IndexedDbStore | null = null;

/** The store that this page keeps open. */
async function store(): Promise<IndexedDbStore> {
  kept ??= await IndexedDbStore.open();
  return kept;
}

/** Records the movement that the refunds are of, of an amount in cents. */
export async function furnish(amount: number): Promise<void> {
  const minor = String(amount);
  await (await store()).commit(record(KEY, { with_taxes_minor: minor, without_taxes_minor: minor }));
}

/** Creates a refund of 1.00 where there is room for it; calls `tell` once it takes it for created. */
type Create = (number: number, tell: () => Promise<void> | void) => Promise<boolean>;

const sound: Create = async (number, tell) => {
  let isCreated = false;
  await (
    await store()
  ).transact(wanted(KEY), (snapshot) => {
    const planned = createWithinCap(snapshot, refundId(number), {});
    isCreated = planned !== null;
    return planned;
  });
  tell();
  return isCreated;
};

const checkThenWrite: Create = async (number, tell) => {
  const snapshot = await (await store()).load(wanted(KEY));
  // With the text of the movement, and without an entry: of two entries with one sequence an index refuses
  // the second.
  const planned = createWithinCap(snapshot, refundId(number), { text_sequence: 1 });
  if (planned === null) {
    return false;
  }
  await allHaveChecked();
  await (await store()).commit({ ...planned, preconditions: [], entries: [] });
  tell();
  return true;
};

const tellThenBegin: Create = async (number, tell) => {
  await tell();
  return sound(number, () => {});
};

/** As the ledger creates refunds, and with the mistakes that the tests must catch. */
const WAYS = {
  sound,
  "check, then write": checkThenWrite,
  "tell, then begin": tellThenBegin,
};

export type Way = keyof typeof WAYS;

/** Tries to create refunds with these numbers, one after the other; answers how many there was room for. */
export async function createAll(numbers: number[], way: Way): Promise<number> {
  let created = 0;
  for (const number of numbers) {
    created += Number(await WAYS[way](number, () => {}));
  }
  return created;
}

/** Creates refunds from this number on, and acknowledges each, until one fails or the page is gone. */
export async function stream(first: number, way: Way): Promise<never> {
  for (let number = first; ; number += 1) {
    await WAYS[way](number, () => acknowledge(number));
  }
}

/** What the store holds of its movement, by its row, by its refunds and by its journal. */
export interface Standing {
  chainLength: number;
  refundedByRow: number;
  entries: number;
  /** Their ids, in order. */
  refunds: string[];
  invalid: string[];
}

export async function standing(): Promise<Standing> {
  const found: Standing = { chainLength: 0, refundedByRow: 0, entries: 0, refunds: [], invalid: [] };
  for (const row of (await scanned(await store())).rows) {
    switch (row.kind) {
      case "movement":
        found.chainLength = row.row.chain_length;
        found.refundedByRow = Number(row.row.refunded_with_taxes_minor);
        break;
      case "entry":
        found.entries += 1;
        break;
      case "refund":
        found.refunds.push(row.row.id);
        break;
      case "invalid":
        found.invalid.push(row.reason);
    }
  }
  return found;
}

/** What a call came to: the kind of the error, or `null`, and its message. */
export type Told = [kind: string | null, message: string];

async function told(call: () => unknown): Promise<Told> {
  try {
    await call();
    return [null, ""];
  } catch (error) {
    return [error instanceof StoreError ? error.kind : "not a store's", String(error)];
  }
}

/** Reads from the store that this page keeps open. */
export function read(): Promise<Told> {
  return told(async () => (await store()).load(wanted(KEY)));
}

/** Creates refunds, and acknowledges each, until one fails; tells why it did. */
export function createUntilFailure(): Promise<Told> {
  return told(() => stream(0, "sound"));
}

/** Opens the database anew, as a page that is loaded again does. */
export async function reopen(): Promise<void> {
  kept = await IndexedDbStore.open();
}

/** Records movements of half a megabyte each until one fails; tells how many are there, and why it did. */
export async function fill(): Promise<{ recorded: number; failure: Told }> {
  const within = await store();
  let recorded = 0;
  const failure = await told(async () => {
    for (; recorded < 100; recorded += 1) {
      const key = movementKey(`filler-${recorded}`);
      const entry = { ...entryRow(key, 1, null, "a movement"), bytes: randomDigits(500_000) };
      await within.commit({ ...record(key), entries: [entry] });
    }
  });
  return { recorded, failure };
}

/** Digits that no database can store in less room. */
function randomDigits(length: number): string {
  const bytes = new Uint8Array(length / 2);
  for (let at = 0; at < bytes.length; at += 50_000) {
    crypto.getRandomValues(bytes.subarray(at, at + 50_000));
  }
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Holds the database open as a program does that makes no room for others. */
export function hold(): Promise<void> {
  return new Promise((resolve) => {
    indexedDB.open(NAME).onsuccess = () => resolve();
  });
}

/** Opens the database as a later version of the ledger would. */
export function upgrade(timeoutMs: number): Promise<Told> {
  return told(async () => {
    const database = await openDatabase(indexedDB, NAME, [...MIGRATIONS, () => {}], timeoutMs);
    database.close();
  });
}

/** Opens the database as this version does. */
export function open(): Promise<Told> {
  return told(async () => (await IndexedDbStore.open()).close());
}

/** Whether code that the policy of the page forbids can run. */
export function evaluates(): boolean {
  try {
    return new Function("return true")();
  } catch {
    return false;
  }
}
