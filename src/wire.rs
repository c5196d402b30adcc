//! JSON in and out: the one parser of requests, and the forms of replies.
//!
//! Requests are read strictly: JSON (RFC 8259) in UTF-8 without a byte order mark, one size and
//! depth for all, no repeated and no unknown keys, numbers by their own digits. `null` counts as
//! absent. Every fault in the values is told at once, by field.
//!
//! Replies are the types whose names end in `Body`, and [`JournalLine`]. Each borrows what it
//! writes. They are meant for `serde_json`: a value of more than fifteen digits keeps them all only
//! there.

mod export;
mod line;
mod object;
mod query;
mod request;
mod response;
mod scan;

pub(crate) use export::export_line;
pub use line::{Line, parse_line};
pub(crate) use query::parse_head;
pub use query::{
    JournalQuery, parse_journal_query, parse_movement_key, parse_refund_query,
    parse_refund_reference,
};
pub use request::{
    parse_movement_request, parse_non_subscribable_request, parse_refund_request,
    parse_update_request,
};
pub use response::{
    AmountBody, BalanceBody, ErrorBody, FindingBody, JournalLine, MovementBody, RefundBody,
    ReportBody, RevisionBody, TotalsBody,
};

/// The largest request body, in bytes: 64 KiB.
pub const BODY_BYTES_MAX: usize = 64 * 1_024;

/// How deep a request body may be nested, in levels of objects and arrays.
pub const DEPTH_MAX: usize = 16;
