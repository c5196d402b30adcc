//! Questions as JSON: what a front that speaks JSON asks of a ledger.

use super::line::{lookup, movement_key};
use super::object::Object;
use super::scan::Document;
use super::{BODY_BYTES_MAX, DEPTH_MAX};
use crate::error::{Faults, LedgerError};
use crate::head::Head;
use crate::id::{Id, MovementKey};
use crate::journal::JournalPosition;
use crate::query::{LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX, RefundFilter, RefundQuery};
use crate::refund::KindName;
use crate::store::RefundLookup;

const SCOPE: [&str; 3] = ["org_id", "subscription_id", "movement_id"];

fn check(text: &[u8]) -> Result<Document<'_>, LedgerError> {
    Document::check(text, BODY_BYTES_MAX, DEPTH_MAX)
}

/// What is there once no fault was found.
fn sound<T>(faults: Faults, value: Option<T>) -> Result<T, LedgerError> {
    faults.into_result()?;
    value.ok_or_else(|| LedgerError::internal("a question without a fault lacks a field"))
}

/// Reads which movement is meant: `org_id`, `subscription_id` and `movement_id`.
///
/// # Errors
/// `malformed_request`; `invalid_request` that lists every field at fault.
///
/// ```
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::wire::parse_movement_key;
/// let text = br#"{"org_id":"acme","subscription_id":"sub-7","movement_id":"mov-42"}"#;
/// assert_eq!(parse_movement_key(text)?.movement_id(), "mov-42");
/// let refused = parse_movement_key(br#"{"org_id":"acme"}"#).unwrap_err();
/// assert_eq!(refused.details().len(), 2);
/// # Ok(()) }
/// ```
pub fn parse_movement_key(text: &[u8]) -> Result<MovementKey, LedgerError> {
    let document = check(text)?;
    let object = Object::root(document.root(), &SCOPE)?;
    let mut faults = Faults::default();
    let key = movement_key(&object, &mut faults);
    sound(faults, key)
}

/// Reads which refund is meant: its movement's three ids, and `refund_id` or
/// `external_refund_unique_id`.
///
/// # Errors
/// `malformed_request`; `invalid_request` that lists every field at fault.
///
/// ```
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::{Id, RefundLookup, wire::parse_refund_reference};
/// let text = br#"{"org_id":"acme","subscription_id":"sub-7","movement_id":"mov-42",
///     "external_refund_unique_id":"r-1"}"#;
/// let (_, refund) = parse_refund_reference(text)?;
/// assert_eq!(refund, RefundLookup::ExternalId(Id::new("r-1")?));
/// # Ok(()) }
/// ```
pub fn parse_refund_reference(text: &[u8]) -> Result<(MovementKey, RefundLookup), LedgerError> {
    let known = [
        SCOPE.as_slice(),
        &["refund_id", "external_refund_unique_id"],
    ]
    .concat();
    let document = check(text)?;
    let object = Object::root(document.root(), &known)?;
    let mut faults = Faults::default();
    let (key, refund) = (
        movement_key(&object, &mut faults),
        lookup(&object, &mut faults),
    );
    sound(faults, key.zip(refund))
}

/// Reads which refunds to list: any of `org_id`, `subscription_id`, `movement_id`, `from`
/// (inclusive), `to` (exclusive), `external_refund_unique_id`, `external_invoice_id`, `kind`,
/// `billable`, `include_deleted`, `limit` and `cursor`. Nothing given lists everything.
///
/// # Errors
/// `malformed_request`; `invalid_request` that lists every field at fault.
///
/// ```
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::wire::parse_refund_query;
/// let query = parse_refund_query(br#"{"org_id":"acme","billable":true,"limit":10}"#)?;
/// assert_eq!((query.filter.billable, query.limit), (Some(true), Some(10)));
/// assert!(parse_refund_query(br#"{"limit":501}"#).is_err());
/// # Ok(()) }
/// ```
pub fn parse_refund_query(text: &[u8]) -> Result<RefundQuery, LedgerError> {
    let own = [
        "from",
        "to",
        "external_refund_unique_id",
        "external_invoice_id",
        "kind",
        "billable",
        "include_deleted",
        "limit",
        "cursor",
    ];
    let document = check(text)?;
    let object = Object::root(document.root(), &[SCOPE.as_slice(), &own].concat())?;
    let mut faults = Faults::default();
    let kind = object.get("kind").and_then(|value| {
        object.parsed("kind", value, &mut faults, |text| match text {
            "standard" => Ok(KindName::Standard),
            "non_subscribable" => Ok(KindName::NonSubscribable),
            _ => Err(LedgerError::invalid_field(
                "kind",
                "out_of_range",
                "must be `standard` or `non_subscribable`",
            )),
        })
    });
    let filter = RefundFilter {
        org: object.id("org_id", &mut faults),
        subscription: object.id("subscription_id", &mut faults),
        movement: object.id("movement_id", &mut faults),
        refund_id: None,
        from: object.timestamp("from", &mut faults),
        to: object.timestamp("to", &mut faults),
        external_id: object.id("external_refund_unique_id", &mut faults),
        invoice: object.id("external_invoice_id", &mut faults),
        kind,
        billable: flag(&object, "billable", &mut faults),
        include_deleted: flag(&object, "include_deleted", &mut faults).unwrap_or(false),
    };
    let limit = limit(&object, &mut faults);
    let cursor = object
        .get("cursor")
        .and_then(|value| object.parsed("cursor", value, &mut faults, str::parse));
    let query = RefundQuery {
        filter,
        limit,
        cursor,
    };
    sound(faults, Some(query))
}

/// Where a page of the journal begins and ends, and whose entries it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalQuery {
    /// One org's entries alone; all where it is `None`.
    pub org: Option<Id>,
    /// The position behind which the page begins: 0 for the first page.
    pub after: JournalPosition,
    /// How many entries at most: 1 to [`LIST_LIMIT_MAX`].
    pub limit: usize,
}

/// Reads which page of the journal is meant: any of `org_id`, `after` and `limit`.
///
/// # Errors
/// `malformed_request`; `invalid_request` that lists every field at fault.
///
/// ```
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::wire::parse_journal_query;
/// assert_eq!(parse_journal_query(br#"{"after":7}"#)?.after, 7);
/// assert!(parse_journal_query(br#"{"after":-1}"#).is_err());
/// # Ok(()) }
/// ```
pub fn parse_journal_query(text: &[u8]) -> Result<JournalQuery, LedgerError> {
    let document = check(text)?;
    let object = Object::root(document.root(), &["org_id", "after", "limit"])?;
    let mut faults = Faults::default();
    let org = object.id("org_id", &mut faults);
    // Positions are signed in some stores.
    let after = object
        .get("after")
        .and_then(|value| object.whole::<u64>("after", value, &mut faults));
    if after.is_some_and(|after| i64::try_from(after).is_err()) {
        faults.add("after", "out_of_range", "must be a position of the journal");
    }
    let limit = limit(&object, &mut faults);
    let query = JournalQuery {
        org,
        after: after.unwrap_or(0),
        limit: limit.unwrap_or(LIST_LIMIT_DEFAULT),
    };
    sound(faults, Some(query))
}

/// Reads a head that was kept from before, as [`Head::to_json`] writes it.
///
/// # Errors
/// `malformed_request`; `invalid_request` that lists every field at fault.
pub(crate) fn parse_head(text: &str) -> Result<Head, LedgerError> {
    let document = check(text.as_bytes())?;
    let known = ["version", "position", "entries", "movements", "root"];
    let object = Object::root(document.root(), &known)?;
    let mut faults = Faults::default();
    let version = object.u64("version", &mut faults);
    let position = object.u64("position", &mut faults);
    let entries = object.u64("entries", &mut faults);
    let movements = object.u64("movements", &mut faults);
    let root = object
        .required("root", &mut faults)
        .and_then(|value| object.parsed("root", value, &mut faults, str::parse));
    if version.is_some_and(|version| version != u64::from(Head::VERSION)) {
        faults.add(
            "version",
            "out_of_range",
            "must be 1, the only version that is known",
        );
    }
    let head = position.zip(entries).zip(movements).zip(root);
    let (((position, entries), movements), root) = sound(faults, head)?;
    Ok(Head {
        version: Head::VERSION,
        position,
        entries,
        movements,
        root,
    })
}

fn flag(object: &Object<'_>, name: &str, faults: &mut Faults) -> Option<bool> {
    object.get(name)?;
    object.required_bool(name, faults)
}

fn limit(object: &Object<'_>, faults: &mut Faults) -> Option<usize> {
    let text = object.get("limit")?.text();
    let limit = text.parse().ok();
    let limit = limit.filter(|limit| (1..=LIST_LIMIT_MAX).contains(limit));
    if limit.is_none() {
        let is_number = text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
        faults.add(
            "limit",
            if is_number {
                "out_of_range"
            } else {
                "wrong_type"
            },
            format!("must be a whole number from 1 to {LIST_LIMIT_MAX}"),
        );
    }
    limit
}
