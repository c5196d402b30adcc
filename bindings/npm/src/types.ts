/** What goes into a ledger and comes out of it: the forms of the REST contract. @module */
import type { components } from "./generated/contract.js";

type Schemas = components["schemas"];

/** The contract's `RefundRequestDTO`. */
export type RefundRequest = Schemas["RefundRequestDTO"];
/** The contract's `RefundNonSubscribableProductsRequestDTO`. */
export type NonSubscribableRefundRequest = Schemas["RefundNonSubscribableProductsRequestDTO"];
/** A movement to record. */
export type MovementRequest = Schemas["MovementRequestDTO"];
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

/** The three ids of a movement: 1 to 255 bytes of UTF-8 each. */
export interface Scope {
  org_id: string;
  subscription_id: string;
  movement_id: string;
}

/** Which refund of a movement: its id, or one of the two as a field. */
export type RefundReference = string | { refund_id: string } | { external_refund_unique_id: string };

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

/** Filters of lists; what is left out is any. */
export interface RefundFilters {
  org_id?: string;
  subscription_id?: string;
  movement_id?: string;
  /** RFC 3339; inclusive. */
  from?: string;
  /** RFC 3339; exclusive. */
  to?: string;
  external_refund_unique_id?: string;
  external_invoice_id?: string;
  kind?: "standard" | "non_subscribable";
  billable?: boolean;
  include_deleted?: boolean;
}

/** A page of a list: `limit` is 1 to 500, 100 by default; `cursor` is the `next_cursor` of the page before. */
export interface RefundQuery extends RefundFilters {
  limit?: number;
  cursor?: string;
}

/** A page of the journal: from behind the position `after`, `limit` entries at most (1 to 500). */
export interface JournalQuery {
  /** One org's entries alone. */
  org_id?: string;
  after?: number;
  limit?: number;
}

/** A short value that commits to the whole journal up to a position. */
export interface Head {
  version: 1;
  position: number;
  entries: number;
  movements: number;
  /** 32 bytes in hexadecimal digits: a Merkle root as in RFC 6962. */
  root: string;
}

/** What is wrong with one movement, or with the whole. */
export interface Finding extends Partial<Scope> {
  /** The first bad entry of the movement. */
  sequence?: number;
  message: string;
}

/** The result of a verification. */
export interface Report {
  verdict: "valid" | "divergent" | "incomplete";
  movements: number;
  entries: number;
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
    | ({ op: "erase_text" } & Partial<RefundOfCommand>)
  );

/** Which refund a command is about (give one of the two ids), and the revision that it must be at. */
export interface RefundOfCommand {
  refund_id?: string;
  external_refund_unique_id?: string;
  expected_revision?: number;
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
