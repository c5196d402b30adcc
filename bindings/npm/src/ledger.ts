/** What a program calls. @module */
import { type Asking, inMemory, overStore } from "./asking.js";
import { batchOf } from "./batch.js";
import { bodyOf, filterOf, line, members, optionsOf, referenceOf, scopeOf } from "./commands.js";
import { encode } from "./encode.js";
import { internalError, invalidField, RefundLedgerError, type RefundLedgerErrorFields } from "./errors.js";
import { Lifetime } from "./lifetime.js";
import { ledgerModule } from "./module.js";
import { allMintedOf, asOption, type LedgerOptions, openOptions, timeOf, type WithOptions, withOptions } from "./options.js";
import type { MaybePromise } from "./store.js";
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

/** The largest page of a list, as a reader of everything takes it. */
const PAGE_LIMIT = 500;

let answerOn: (ledger: Ledger, request: RestRequest) => Promise<RestAnswer>;

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
  readonly #lifetime: Lifetime;

  static {
    answerOn = async (ledger, request) => ledger.#call(1, (asking) => asking.answer(request));
  }

  private constructor(asking: Asking, options: LedgerOptions, lifetime: Lifetime) {
    this.#asking = asking;
    this.#options = options;
    this.#lifetime = lifetime;
    lifetime.hold(asking.engine);
  }

  /**
   * Opens a ledger. The WebAssembly module is loaded once, by the first call.
   *
   * @throws `invalid_request` that names the option; `internal` where the module can't be loaded
   */
  static async open(options: LedgerOptions = {}): Promise<Ledger> {
    const given = openOptions(options);
    const policy = policyText(given);
    await ledgerModule.load(given.wasm);
    const engine = asOption({ id: "actor" }, () => new Engine(given.actor, policy));
    return new Ledger(askingOf(engine, given), given, new Lifetime(given.store));
  }

  /** Whom the journal names with every change. */
  get actor(): string {
    return this.#options.actor ?? "local";
  }

  /**
   * The same ledger for another actor, say, or under another policy. What is not given stays. The two
   * share the store, and end together.
   */
  with(options: WithOptions): Ledger {
    const given = withOptions(options);
    const policy = policyText(given);
    // Reading the options may have run code of theirs, and closed it.
    this.#lifetime.check();
    const engine = asOption({ id: "actor" }, () => this.#asking.engine.with(given.actor, policy));
    const all = { ...this.#options, ...given };
    return new Ledger(askingOf(engine, all), all, this.#lifetime);
  }

  /**
   * Closes the ledger with all that share its store by {@link Ledger.with}, and gives back what they
   * hold. Calls under way are answered first: where the store never answers one, `close` never
   * resolves. Calls made from now on are refused as `internal`. Closing again waits for the same end.
   *
   * @throws `internal` where the store can't be closed
   */
  async close(): Promise<void> {
    await this.#lifetime.close();
  }

  /**
   * Records a movement: a charge that can be refunded from now on. The same again is a replay.
   *
   * @throws `idempotency_conflict` where it is there with other content; `currency_mismatch`,
   * `invalid_request` or `tax_mismatch` for its amount
   */
  async recordMovement(scope: Scope, movement: MovementRequest): Promise<Recorded> {
    const { replayed } = await this.#execute("record_movement", scope, bodyOf(movement));
    return { replayed };
  }

  /**
   * Takes a mistyped movement back. It can then be recorded anew.
   *
   * @throws `movement_not_found`; `over_refund` where it has live refunds
   */
  async voidMovement(scope: Scope): Promise<Recorded> {
    const { replayed } = await this.#execute("void_movement", scope);
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
    return created(await this.#execute("create_refund", scope, bodyOf(request)));
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
    const key = optionsOf(options, ["idempotency_key"]);
    return created(await this.#execute("create_non_subscribable_refund", scope, key, bodyOf(request)));
  }

  /** @throws `movement_not_found`, `refund_not_found` */
  async getRefund(scope: Scope, refund: RefundReference): Promise<Refund> {
    return this.#ask("refund", line(scopeOf(scope), referenceOf(refund)));
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
    const fields = [referenceOf(refund), optionsOf(options, ["expected_revision"]), bodyOf(request)];
    return changed(await this.#execute("update_refund", scope, ...fields));
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
    const fields = [referenceOf(refund), optionsOf(options, ["expected_revision"])];
    return changed(await this.#execute("delete_refund", scope, ...fields));
  }

  /**
   * Erases the descriptions of a refund, or of the movement where none is named, in all revisions.
   * Every chain stays whole, and no revision changes.
   *
   * @throws `movement_not_found`, `refund_not_found`; `timeout` where others keep the store from
   * removing the text: the same call finishes it
   */
  eraseText(scope: Scope): Promise<Recorded>;
  eraseText(scope: Scope, refund: RefundReference): Promise<Recorded>;
  async eraseText(scope: Scope, ...named: [refund?: RefundReference]): Promise<Recorded> {
    const [refund] = named;
    if (named.length > 0 && refund === undefined) {
      // A name that got lost must not erase the movement's text.
      throw invalidField("refund", "required", "is undefined; leave it out to erase the movement's text");
    }
    const reference = refund === undefined ? "" : referenceOf(refund);
    const { replayed } = await this.#execute("erase_text", scope, reference);
    return { replayed };
  }

  /** A page of refunds, ordered by `refund_datetime`, then id. */
  async listRefunds(query: RefundQuery = {}): Promise<RefundList> {
    return this.#ask("refunds", line(members(query, "query")));
  }

  /**
   * All refunds that a filter finds, ordered by `refund_datetime`, then id. They are read page by page, so
   * there is no `limit` and no `cursor`: stop iterating where you have enough.
   */
  async *refunds(filter: RefundFilters = {}): AsyncGenerator<Refund, void, void> {
    const query = [filterOf(filter), `"limit":${PAGE_LIMIT}`];
    let from = "";
    do {
      const { items, next_cursor }: RefundList = await this.#ask("refunds", line(...query, from));
      yield* items;
      from = typeof next_cursor === "string" ? `"cursor":${encode(next_cursor)}` : "";
    } while (from !== "");
  }

  /** @throws `movement_not_found` */
  async movement(scope: Scope): Promise<Movement> {
    return this.#ask("movement", line(scopeOf(scope)));
  }

  /** @throws `movement_not_found` */
  async balance(scope: Scope): Promise<Balance> {
    return this.#ask("balance", line(scopeOf(scope)));
  }

  /**
   * Every revision of a refund, deleted ones too, with who made it.
   *
   * @throws `movement_not_found`, `refund_not_found`
   */
  async history(scope: Scope, refund: RefundReference): Promise<Revision[]> {
    const text = line(scopeOf(scope), referenceOf(refund));
    return (await this.#ask<{ items: Revision[] }>("history", text)).items;
  }

  /** A page of the journal; `next_after` is the `after` of the next one. */
  async journal(query: JournalQuery = {}): Promise<JournalPage> {
    return this.#ask("journal", line(members(query, "query")));
  }

  /**
   * Recomputes every chain, rebuilds refunds and totals from the journal, and compares. With a head
   * kept from before, nothing was cut off or rewritten since.
   */
  async verify(kept?: Head): Promise<Report> {
    const head = kept === undefined ? undefined : line(members(kept, "head"));
    return JSON.parse(await this.#call(0, (asking) => asking.verify(head))) as Report;
  }

  /** @throws `store_corrupted` where anything is wrong with the ledger */
  async head(): Promise<Head> {
    return JSON.parse(await this.#call(0, (asking) => asking.head())) as Head;
  }

  /**
   * Carries out commands in order, in one transaction, each seeing what the earlier ones did. There
   * is one result per command: a receipt, or the error that it was refused with. Under
   * `atomicity: "all"`, the default, one refusal is enough for nothing to be written; the other
   * results then say what would have been.
   *
   * @throws what the store could not do; under `all`, the first command that can't be read;
   * `invalid_request` (`too_long`) where the commands are more than 32 Mi (33,554,432) characters of JSON
   * together: split them into several batches
   */
  async executeAll(
    commands: readonly Command[],
    options: BatchOptions = {},
  ): Promise<(Receipt | RefundLedgerError)[]> {
    const { lines, unreadable } = batchOf(commands, options);
    const text = await this.#call(lines.length - 1, (asking) => asking.ask("execute_all", lines.join("\n")));
    const results = JSON.parse(text) as (Receipt | { error: RefundLedgerErrorFields })[];
    const answers = results.map((result) => ("error" in result ? new RefundLedgerError(result.error) : result));
    // Each takes its place among the others.
    let next = 0;
    return Array.from({ length: answers.length + unreadable.size }, (_, at) => {
      const answer = unreadable.get(at) ?? answers[next++];
      if (answer === undefined) {
        throw internalError("the ledger's module answered fewer commands than it was given");
      }
      return answer;
    });
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

  async #execute(op: string, scope: Scope, ...fields: string[]): Promise<Receipt> {
    const text = line(`"op":"${op}"`, scopeOf(scope), ...fields);
    return JSON.parse(await this.#call(1, (asking) => asking.execute(text))) as Receipt;
  }

  async #ask<T>(kind: string, text: string): Promise<T> {
    return JSON.parse(await this.#call(0, (asking) => asking.ask(kind, text))) as T;
  }

  /** Asks what may mint for so many commands, unless the ledger is closed. */
  #call<T>(commands: number, ask: (asking: Asking) => MaybePromise<T>): MaybePromise<T> {
    this.#lifetime.check();
    this.#prepare(commands);
    // `now` and `mint` are the program's own code, and may have closed it.
    this.#lifetime.check();
    return this.#lifetime.during(ask(this.#asking));
  }

  /** Sets the clock, and what so many commands mint: those of other ledgers may have set theirs before. */
  #prepare(commands: number): void {
    const { now, mint } = this.#options;
    const { engine } = this.#asking;
    const time = now === undefined ? undefined : timeOf(now);
    const minted = mint === undefined ? [] : allMintedOf(mint, commands);
    asOption({ timestamp: "now" }, () => {
      engine.setNow(time);
    });
    asOption({ refund_id: "mint.refund_id", salt: "mint.salt" }, () => {
      engine.mintNoMore();
      for (const { refund_id, salt } of minted) {
        engine.mintNext(refund_id, salt);
      }
    });
  }
}

function policyText({ policy }: LedgerOptions): string | undefined {
  return policy === undefined ? undefined : encode(policy, "policy");
}

function askingOf(engine: Engine, { store }: LedgerOptions): Asking {
  return store === undefined ? inMemory(engine) : overStore(engine, store);
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

/** The response as JSON, and what the store threw on the way to it. */
export interface RestAnswer {
  reply: string;
  thrown: unknown;
}

/** Answers a request to the REST contract. */
export function answer(ledger: Ledger, request: RestRequest): Promise<RestAnswer> {
  return answerOn(ledger, request);
}
