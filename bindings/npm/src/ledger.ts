/** What a program calls. @module */
import { type Asking, inMemory, overStore } from "./asking.js";
import { command, members, referenceOf } from "./commands.js";
import { encode } from "./encode.js";
import { guarded, invalidField, RefundLedgerError, type RefundLedgerErrorFields } from "./errors.js";
import { load, type WasmSource } from "./module.js";
import type { RefundStore } from "./store.js";
import type {
  Balance,
  BatchOptions,
  Changed,
  Command,
  Created,
  Head,
  JournalPage,
  JournalQuery,
  Movement,
  MovementRequest,
  NonSubscribableRefundRequest,
  Policy,
  Receipt,
  Recorded,
  Refund,
  RefundFilters,
  RefundList,
  RefundQuery,
  RefundReference,
  RefundRequest,
  Report,
  Revision,
  Scope,
} from "./types.js";
import { Engine } from "./wasm/ledger.js";

/** What a ledger is opened with. */
export interface LedgerOptions {
  /** Where it is kept; without one, in memory, and nothing of it outlives the page or process. */
  store?: RefundStore;
  /** The clock: a `Date`, or RFC 3339 text for more than milliseconds. The platform's by default. */
  now?: () => Date | string;
  /** Whom the journal names with every change: `local` by default. */
  actor?: string;
  policy?: Policy;
  /** The WebAssembly module, where it can't be loaded from beside the package's scripts. */
  wasm?: WasmSource;
  /**
   * For tests that compare: the refund id (a UUID in lower case) and the salt (32 hexadecimal digits)
   * of each command, in place of random ones. Never give the same twice.
   */
  mint?: () => { refund_id: string; salt: string };
}

/** The largest page of a list, as a reader of everything takes it. */
const PAGE_LIMIT = 500;

let answerOn: (ledger: Ledger, request: RestRequest) => Promise<string>;

/**
 * A refund ledger: it never refunds a movement beyond its amount, never books the same refund twice,
 * and proves afterwards what happened.
 *
 * Every method rejects with a {@link RefundLedgerError}, whose `code` is stable. A change that was
 * answered is as durable as the store makes it. Amounts are in major units: a number of at most 15
 * significant digits or a decimal string (`12.1`, `"12.10"`) goes in, a number comes out.
 */
export class Ledger {
  readonly #asking: Asking;
  readonly #options: LedgerOptions;

  static {
    answerOn = async (ledger, request) => {
      ledger.#prepare(1);
      return ledger.#asking.answer(request);
    };
  }

  private constructor(asking: Asking, options: LedgerOptions) {
    this.#asking = asking;
    this.#options = options;
  }

  /** Opens a ledger. The WebAssembly module is loaded once, by the first call. */
  static async open(options: LedgerOptions = {}): Promise<Ledger> {
    await load(options.wasm);
    const engine = guarded(() => new Engine(options.actor, policyText(options)));
    return new Ledger(askingOf(engine, options), options);
  }

  /** Whom the journal names with every change. */
  get actor(): string {
    return this.#options.actor ?? "local";
  }

  /** The same ledger for another actor, say, or under another policy. What is not given stays. */
  with(options: Pick<LedgerOptions, "actor" | "policy" | "now" | "mint">): Ledger {
    const engine = guarded(() => this.#asking.engine.with(options.actor, policyText(options)));
    const all = { ...this.#options, ...options };
    return new Ledger(askingOf(engine, all), all);
  }

  /** Gives back what the ledger and its store hold. Neither can be used any more. */
  async close(): Promise<void> {
    this.#asking.engine.free();
    await this.#options.store?.close?.();
  }

  /**
   * Records a movement: a charge that can be refunded from now on. The same again is a replay.
   *
   * @throws `idempotency_conflict` where it is there with other content; `currency_mismatch`,
   * `invalid_request` or `tax_mismatch` for its amount
   */
  async recordMovement(scope: Scope, movement: MovementRequest): Promise<Recorded> {
    const { replayed } = await this.#execute("record_movement", scope, { body: movement });
    return { replayed };
  }

  /**
   * Takes a mistyped movement back. It can then be recorded anew.
   *
   * @throws `movement_not_found`; `over_refund` where it has live refunds
   */
  async voidMovement(scope: Scope): Promise<Recorded> {
    const { replayed } = await this.#execute("void_movement", scope, {});
    return { replayed };
  }

  /**
   * Books a refund: the contract's POST of a `RefundRequestDTO`. The same external id again with the
   * same content is a replay.
   *
   * @throws in the order in which they are checked: `movement_not_found`; `refund_deleted` or
   * `idempotency_conflict` where the external id is taken; `currency_mismatch`, `invalid_request` or
   * `tax_mismatch` for the amount; those of the policy; `over_refund`
   */
  async createRefund(scope: Scope, request: RefundRequest): Promise<Created> {
    return created(await this.#execute("create_refund", scope, { body: request }));
  }

  /**
   * Books a refund of products that can't be subscribed to. `idempotency_key` takes the place of an
   * external id where the request has none. One of the two must be there.
   *
   * @throws as {@link Ledger.createRefund}
   */
  async createNonSubscribableRefund(
    scope: Scope,
    request: NonSubscribableRefundRequest,
    options: { idempotency_key?: string } = {},
  ): Promise<Created> {
    const fields = { body: request, idempotency_key: options.idempotency_key };
    return created(await this.#execute("create_non_subscribable_refund", scope, fields));
  }

  /** @throws `movement_not_found`, `refund_not_found` */
  async getRefund(scope: Scope, refund: RefundReference): Promise<Refund> {
    return this.#ask("refund", command(scope, referenceOf(refund)));
  }

  /**
   * Replaces every field of a refund but its external id: the contract's PUT. What is there already
   * is not written again.
   *
   * @throws `movement_not_found`, `refund_not_found`, `kind_mismatch`, `immutable_field`,
   * `stale_revision`, and those of {@link Ledger.createRefund} for the amount and the date
   */
  async updateRefund(
    scope: Scope,
    refund: RefundReference,
    request: RefundRequest | NonSubscribableRefundRequest,
    options: { expected_revision?: number } = {},
  ): Promise<Changed> {
    return changed(
      await this.#execute("update_refund", scope, {
        ...referenceOf(refund),
        expected_revision: options.expected_revision,
        body: request,
      }),
    );
  }

  /**
   * Deletes a refund. Its amount can be refunded again; its external id stays taken.
   *
   * @throws `movement_not_found`; `refund_not_found`, also where it was deleted before; `stale_revision`
   */
  async deleteRefund(
    scope: Scope,
    refund: RefundReference,
    options: { expected_revision?: number } = {},
  ): Promise<Changed> {
    const fields = { ...referenceOf(refund), expected_revision: options.expected_revision };
    return changed(await this.#execute("delete_refund", scope, fields));
  }

  /**
   * Erases the descriptions of a refund, or of the movement where none is named, in all revisions.
   * Every chain stays whole, and no revision changes.
   *
   * @throws `movement_not_found`, `refund_not_found`; `timeout` where others keep the store from
   * removing the text: the same call finishes it
   */
  async eraseText(scope: Scope, refund?: RefundReference): Promise<Recorded> {
    const fields = refund === undefined ? {} : referenceOf(refund);
    const { replayed } = await this.#execute("erase_text", scope, fields);
    return { replayed };
  }

  /** A page of refunds, ordered by `refund_datetime`, then id. */
  async listRefunds(query: RefundQuery = {}): Promise<RefundList> {
    return this.#ask("refunds", encode(query));
  }

  /** All refunds that a filter finds, ordered by `refund_datetime`, then id. */
  async *refunds(filter: RefundFilters = {}): AsyncGenerator<Refund, void, void> {
    let cursor: string | null | undefined;
    do {
      const query: RefundQuery = { ...filter, limit: PAGE_LIMIT };
      const page = await this.listRefunds(typeof cursor === "string" ? { ...query, cursor } : query);
      yield* page.items;
      cursor = page.next_cursor;
    } while (typeof cursor === "string");
  }

  /** @throws `movement_not_found` */
  async movement(scope: Scope): Promise<Movement> {
    return this.#ask("movement", encode(scope));
  }

  /** @throws `movement_not_found` */
  async balance(scope: Scope): Promise<Balance> {
    return this.#ask("balance", encode(scope));
  }

  /**
   * Every revision of a refund, deleted ones too, with who made it.
   *
   * @throws `movement_not_found`, `refund_not_found`
   */
  async history(scope: Scope, refund: RefundReference): Promise<Revision[]> {
    const text = command(scope, referenceOf(refund));
    return (await this.#ask<{ items: Revision[] }>("history", text)).items;
  }

  /** A page of the journal; `next_after` is the `after` of the next one. */
  async journal(query: JournalQuery = {}): Promise<JournalPage> {
    return this.#ask("journal", encode(query));
  }

  /**
   * Recomputes every chain, rebuilds refunds and totals from the journal, and compares. With a head
   * kept from before, nothing was cut off or rewritten since.
   */
  async verify(kept?: Head): Promise<Report> {
    const head = kept === undefined ? undefined : encode(kept, "head");
    return JSON.parse(await this.#asking.verify(head)) as Report;
  }

  /** @throws `store_corrupted` where anything is wrong with the ledger */
  async head(): Promise<Head> {
    return JSON.parse(await this.#asking.head()) as Head;
  }

  /**
   * Carries out commands in order, in one transaction, each seeing what the earlier ones did. There
   * is one result per command: a receipt, or the error that it was refused with. Under
   * `atomicity: "all"`, the default, one refusal is enough for nothing to be written; the other
   * results then say what would have been.
   *
   * @throws what the store could not do; under `all`, the first command that can't be read
   */
  async executeAll(
    commands: readonly Command[],
    options: BatchOptions = {},
  ): Promise<(Receipt | RefundLedgerError)[]> {
    const unreadable = new Map<number, RefundLedgerError>();
    const lines = [encode(options, "options")];
    commands.forEach((each, at) => {
      try {
        lines.push(encode(each, options.atomicity === "per_item" ? "" : `commands[${at}]`));
      } catch (thrown) {
        if (options.atomicity !== "per_item" || !(thrown instanceof RefundLedgerError)) {
          throw thrown;
        }
        unreadable.set(at, thrown);
      }
    });
    this.#prepare(lines.length - 1);
    const text = await this.#asking.ask("execute_all", lines.join("\n"));
    const results = JSON.parse(text) as (Receipt | { error: RefundLedgerErrorFields })[];
    const answers = results.map((result) => ("error" in result ? new RefundLedgerError(result.error) : result));
    for (const [at, error] of [...unreadable].sort(([a], [b]) => a - b)) {
      answers.splice(at, 0, error);
    }
    return answers;
  }

  /**
   * The whole ledger as commands, in journal order: one line of JSON each, without a line end.
   * `refunds import --preserve` rebuilds it from them.
   */
  async *exportCommands(): AsyncGenerator<string, void, void> {
    let after: number | null = 0;
    while (after !== null) {
      const page: { lines: string[]; next_after: number | null } = await this.#ask("export", encode({ after }));
      yield* page.lines;
      after = page.next_after;
    }
  }

  async #execute(op: string, scope: Scope, fields: Record<string, unknown>): Promise<Receipt> {
    const text = `{${[`"op":"${op}"`, members(scope, "scope"), members(fields, "")].filter(Boolean).join(",")}}`;
    this.#prepare(1);
    return JSON.parse(await this.#asking.ask("execute", text)) as Receipt;
  }

  async #ask<T>(kind: string, text: string): Promise<T> {
    this.#prepare(0);
    return JSON.parse(await this.#asking.ask(kind, text)) as T;
  }

  /** Sets the clock, and what so many commands mint, where the options give them. */
  #prepare(commands: number): void {
    const { now, mint } = this.#options;
    const { engine } = this.#asking;
    if (now !== undefined) {
      const time = now();
      guarded(() => engine.setNow(typeof time === "string" ? time : isoText(time)));
    }
    if (mint !== undefined) {
      engine.mintNoMore();
      for (let at = 0; at < commands; at += 1) {
        const { refund_id, salt } = mint();
        guarded(() => engine.mintNext(refund_id, salt));
      }
    }
  }
}

function policyText({ policy }: LedgerOptions): string | undefined {
  return policy === undefined ? undefined : encode(policy, "policy");
}

function askingOf(engine: Engine, { store }: LedgerOptions): Asking {
  return store === undefined ? inMemory(engine) : overStore(engine, store);
}

function isoText(time: Date): string {
  if (Number.isNaN(time.getTime())) {
    throw invalidField("now", "invalid_format", "must answer a valid date");
  }
  return time.toISOString();
}

function created({ refund_id, revision, replayed }: Receipt): Created {
  return { id: refund_id ?? "", revision: revision ?? 0, replayed };
}

function changed({ revision, replayed }: Receipt): Changed {
  return { revision: revision ?? 0, replayed };
}

/** A request to the REST contract. */
export interface RestRequest {
  /** Method, URL and headers, as JSON. */
  head: string;
  body: Uint8Array;
  /** The caller as JSON; `undefined` where nobody is known. */
  caller: string | undefined;
}

/** Answers a request to the REST contract, as JSON. */
export function answer(ledger: Ledger, request: RestRequest): Promise<string> {
  return answerOn(ledger, request);
}
