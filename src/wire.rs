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
mod request;
mod response;
mod scan;

pub(crate) use export::export_line;
pub use line::{Line, parse_line};
pub use request::{
    parse_movement_request, parse_non_subscribable_request, parse_refund_request,
    parse_update_request,
};
pub use response::{
    AmountBody, BalanceBody, ErrorBody, FindingBody, JournalLine, MovementBody, RefundBody,
    ReportBody, RevisionBody, TotalsBody,
};

use crate::error::{Faults, LedgerError};
use crate::head::Head;

/// The largest request body, in bytes: 64 KiB.
pub const BODY_BYTES_MAX: usize = 64 * 1_024;

/// How deep a request body may be nested, in levels of objects and arrays.
pub const DEPTH_MAX: usize = 16;

/// Reads the JSON form of a head.
pub(crate) fn parse_head(text: &str) -> Result<Head, LedgerError> {
    let raw = scan::check(text.as_bytes(), BODY_BYTES_MAX, DEPTH_MAX)?;
    let fields = ["version", "position", "entries", "movements", "root"];
    let mut faults = Faults::default();
    let head = object::Object::root(raw, &fields)?;
    let version = head.u64("version", &mut faults);
    let position = head.u64("position", &mut faults);
    let entries = head.u64("entries", &mut faults);
    let movements = head.u64("movements", &mut faults);
    let root = head
        .required("root", &mut faults)
        .and_then(|raw| head.text("root", raw, &mut faults))
        .and_then(|text| faults.keep_at("root", text.parse()));
    if version.is_some_and(|version| version != u64::from(Head::VERSION)) {
        faults.add(
            "version",
            "out_of_range",
            "must be 1, the only version that is known",
        );
    }
    faults.into_result()?;
    match (position, entries, movements, root) {
        (Some(position), Some(entries), Some(movements), Some(root)) => Ok(Head {
            version: Head::VERSION,
            position,
            entries,
            movements,
            root,
        }),
        _ => Err(LedgerError::internal(
            "a head without a fault lacks a field",
        )),
    }
}
