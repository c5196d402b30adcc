/** What goes into a ledger and comes out of it: the forms of the REST contract. @module */
import type { components } from "./generated/contract.js";

type Schemas = components["schemas"];

/** What an amount must have at least. */
type OneValue = { value_with_taxes: number | string } | { value_without_taxes: number | string };

/** The same request, whose amount has one of its values. The type made from the contract lets `{}` be an amount. */
type WithAmount<Request extends { amount: unknown }> = Omit<Request, "amount"> & {
  amount: Exclude<Request["amount"], OneValue> & OneValue;
};

/** The contract's `RefundRequestDTO`. */
export type RefundRequest = WithAmount<Schemas["RefundRequestDTO"]>;
/** The contract's `RefundNonSubscribableProductsRequestDTO`. */
export type NonSubscribableRefundRequest = WithAmount<Schemas["RefundNonSubscribableProductsRequestDTO"]>;
/** A movement to record. */
export type MovementRequest = WithAmount<Schemas["MovementRequestDTO"]>;
/** The contract's `RefundResponseDTO`. */
export type Refund = Schemas["RefundResponseDTO"];
/** A movement with its balance. */
export type Movement = Schemas["MovementResponseDTO"];
/** What was charged, given back and is left, in major units. */
export type Balance = Schemas["BalanceDTO"];
/** A page of refunds. */
export type RefundList = Schemas["RefundListDTO"];
/** One revision of a refund, with who made it. */
export type Revision = Schemas["RevisionDTO"];
/** An entry of the journal. */
export type JournalEntry = Schemas["JournalEntryDTO"];
/** A page of the journal. */
export type JournalPage = Schemas["JournalDTO"];
/** One field at fault. */
export type ErrorDetail = Schemas["ErrorDetailDTO"];
/** Who holds an external id. */
export type Holder = Schemas["HolderDTO"];
/** The stable names of errors. */
export type ErrorCode = Schemas["GenericResponseDTO"]["code"];

/**
 * The three ids of a movement, which are yours: 1 to 255 bytes of UTF-8 each, without control characters,
 * and without white space at either end. They are compared byte for byte.
 */
export interface Scope {
  /** The organisation. An external id of a refund is unique in it. */
  org_id: string;
  /** The subscription that was charged. */
  subscription_id: string;
  /** The charge, unique in its subscription. */
  movement_id: string;
}

/** A refund by one of its two ids. */
export type RefundIds =
  | { refund_id: string; external_refund_unique_id?: never }
  | { external_refund_unique_id: string; refund_id?: never };

/** Which refund of a movement: its id, or one of the two as a field. */
export type RefundReference = string | RefundIds;

/** The answer to a refund that was created, now or before. */
export interface Created {
  /** The refund's id. */
  id: string;
  revision: number;
  /** Whether it had been created before, by a request with the same external id and content. */
  replayed: boolean;
}

/** The answer to a change of a movement. */
export interface Recorded {
  /** Whether nothing had to be written. */
  replayed: boolean;
}

/** The answer to a change of a refund. */
export interface Changed {
  /** The refund's revision now. */
  revision: number;
  /** Whether nothing had to be written. */
  replayed: boolean;
}

/** The answer to one command of a batch. */
export interface Receipt {
  /** The refund that it was about. */
  refund_id?: string;
  /** That refund's revision now. */
  revision?: number;
  /** Whether it had been carried out before, so that nothing was written. */
  replayed: boolean;
}

/** Which refunds of all; what is left out is any. */
interface Filters {
  /** Those of this org. */
  org_id?: string;
  /** Those of movements with this subscription id. */
  subscription_id?: string;
  /** Those of movements with this id. */
  movement_id?: string;
  /** Those whose `refund_datetime` is this or later: RFC 3339. */
  from?: string;
  /** Those whose `refund_datetime` is before this: RFC 3339. */
  to?: string;
  /** The one with this external id in each org. An idempotency key is none. */
  external_refund_unique_id?: string;
  /** Those of this invoice. */
  external_invoice_id?: string;
  /** Those of one kind: what `createRefund` books, or what `createNonSubscribableRefund` does. */
  kind?: "standard" | "non_subscribable";
  /** Those that are billed, or those that are not. */
  billable?: boolean;
  /** Whether deleted refunds are listed, too: not by default. */
  include_deleted?: boolean;
}

/** The filters of `refunds`, which gives all pages of a list: none is chosen. */
export interface RefundFilters extends Filters {
  limit?: never;
  cursor?: never;
}

/** A page of a list, with its filters. */
export interface RefundQuery extends Filters {
  /** How many refunds at most: 1 to 500, and 100 by default. */
  limit?: number;
  /** Where the page begins: the `next_cursor` of the page before, which had the same filters. */
  cursor?: string;
}

/** A page of the journal. */
export interface JournalQuery {
  /** One org's entries alone. */
  org_id?: string;
  /** The position behind which the page begins: 0, the default, or the `next_after` of the page before. */
  after?: number;
  /** How many entries at most: 1 to 500, and 100 by default. */
  limit?: number;
}

/** A short value that commits to the whole journal up to a position. */
export interface Head {
  /** The version of this form. */
  version: 1;
  /** The position of the journal's last entry; 0 where there is none. */
  position: number;
  /** How many entries the journal has. */
  entries: number;
  /** How many movements there are, voided ones too. */
  movements: number;
  /** 32 bytes in hexadecimal digits: a Merkle root as in RFC 6962. */
  root: string;
}

/** What is wrong with one movement, or with the whole. */
export interface Finding extends Partial<Scope> {
  /** The first bad entry of the movement. */
  sequence?: number;
  /** What is wrong, in words. */
  message: string;
}

/** The result of a verification. */
export interface Report {
  /**
   * `valid`: everything is as the journal says. `divergent`: something is not; the findings say what.
   * `incomplete`: something could not be read (a damaged row, or all the rest where the store failed), and
   * all that could be is sound. A store that is `busy` or `unavailable` tells nothing about the ledger:
   * `verify` then rejects with `timeout` or `store_unavailable`, as every call does.
   */
  verdict: "valid" | "divergent" | "incomplete";
  /** How many movements were looked at. */
  movements: number;
  /** How many journal entries were looked at. */
  entries: number;
  /**
   * What is wrong, or could not be read: the first 1,000 findings about movements, as many about the whole,
   * and how many more there are.
   */
  findings: Finding[];
}

/** A command as data: a line of an import file. */
export type Command = Scope &
  (
    | { op: "record_movement"; body: MovementRequest }
    | { op: "void_movement" }
    | { op: "create_refund"; body: RefundRequest }
    | {
        op: "create_non_subscribable_refund";
        body: NonSubscribableRefundRequest;
        /** Takes the external id's place, where the body has none. */
        idempotency_key?: string;
      }
    | ({ op: "update_refund"; body: RefundRequest | NonSubscribableRefundRequest } & RefundOfCommand)
    | ({ op: "delete_refund" } & RefundOfCommand)
    | ({ op: "erase_text" } & (RefundOfCommand | NoRefund))
  );

/** Which refund a command is about, and the revision that it must be at. */
export type RefundOfCommand = RefundIds & { expected_revision?: number };

/** What a command does not say that is about the movement itself. */
interface NoRefund {
  refund_id?: never;
  external_refund_unique_id?: never;
  expected_revision?: never;
}

/** How a batch is carried out. */
export interface BatchOptions {
  /** `all` (the default): one refused command is enough for nothing to be written. `per_item`: good ones land. */
  atomicity?: "all" | "per_item";
  /** `as_file`: whatever a command asked for and that was done before is a replay, as in an import. */
  repeats?: "as_requests" | "as_file";
}

/** Limits on new refunds. What is left out is as by default; `null` is without limit. */
export interface Policy {
  /** Whether a refund may be dated before its movement: off by default. */
  allow_refund_before_movement?: boolean;
  /** How far in the future a refund may be dated: one day by default. */
  future_skew_max_seconds?: number | null;
  /** How long after its movement a refund may be dated: no limit by default. */
  window_max_seconds?: number | null;
  /** How many live refunds a movement may have: no limit by default. */
  live_refunds_max?: number | null;
}
