//! The rows that a store in JavaScript keeps, and what passes through its interface: plain JSON.
//!
//! `rows.ts` of the npm package is made of these types.

mod found;
mod read;
mod row;
mod written;

pub(crate) use found::{read_page, read_records, read_snapshot};
pub(crate) use row::{Row, RowReader};
pub(crate) use written::text_owner;

use serde::Serialize;

#[cfg(test)]
use ts_rs::TS;

/// A movement's three ids: at most 255 bytes of UTF-8 each, without control characters.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(TS))]
#[expect(
    clippy::struct_field_names,
    reason = "the names are those of the contract"
)]
pub(crate) struct MovementKey {
    pub(crate) org_id: String,
    pub(crate) subscription_id: String,
    pub(crate) movement_id: String,
}

/// A movement as it is stored. Instants are UTC, RFC 3339 in 30 characters to the nanosecond
/// (`2022-02-24T13:45:10.000000000Z`), so they sort as text. Money is in minor units of the
/// currency, as decimal digits, since it may pass 2^53. Hashes are lower-case hexadecimal.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(TS))]
pub(crate) struct MovementRow {
    org_id: String,
    subscription_id: String,
    movement_id: String,
    occurred_at: String,
    currency: String,
    with_taxes_minor: String,
    without_taxes_minor: String,
    tax_type: Option<String>,
    tax_ten_thousandths: Option<u32>,
    /// The sequence, in this movement's chain, of the entry that brought the description.
    #[cfg_attr(test, ts(type = "number"))]
    text_sequence: u64,
    recorded_at: String,
    voided: bool,
    refunded_with_taxes_minor: String,
    refunded_without_taxes_minor: String,
    refunded_count: u32,
    /// The version of the movement: how many entries its chain has.
    #[cfg_attr(test, ts(type = "number"))]
    chain_length: u64,
    chain_hash: String,
    chain_recorded_at: String,
}

/// A refund as it is stored; units are those of `MovementRow`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(TS))]
pub(crate) struct RefundRow {
    /// A UUID in lower case with hyphens. Sorts as its bytes do.
    id: String,
    org_id: String,
    subscription_id: String,
    movement_id: String,
    /// The external id, or the idempotency key that takes its place. Unique in an org, for ever.
    external_id: Option<String>,
    external_id_is_key: bool,
    /// `null` for a standard refund.
    transaction_type_id: Option<String>,
    refund_datetime: String,
    period_start_datetime: Option<String>,
    period_end_datetime: Option<String>,
    currency: String,
    with_taxes_minor: String,
    without_taxes_minor: String,
    tax_type: Option<String>,
    tax_ten_thousandths: Option<u32>,
    billable: bool,
    external_invoice_id: Option<String>,
    /// The sequence, in its movement's chain, of the entry that brought the description.
    #[cfg_attr(test, ts(type = "number"))]
    text_sequence: u64,
    revision: u32,
    created_at: String,
    updated_at: String,
    deleted: bool,
}

/// An entry of a movement's chain.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(TS))]
pub(crate) struct EntryRow {
    org_id: String,
    subscription_id: String,
    movement_id: String,
    /// 1, 2, … in its movement.
    #[cfg_attr(test, ts(type = "number"))]
    sequence: u64,
    /// The bytes that its hash is over, in hexadecimal digits.
    bytes: String,
    /// The refund whose text it may bring; `null` for the movement's own.
    owner: Option<String>,
    /// 16 bytes in hexadecimal digits, where the entry brought a text that was not erased.
    salt: Option<String>,
    text: Option<String>,
}

/// An entry with its store-wide position.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(Serialize, TS))]
pub(crate) struct JournalRow {
    #[cfg_attr(test, ts(type = "number"))]
    position: u64,
    #[cfg_attr(test, serde(flatten))]
    entry: EntryRow,
}

/// One refund to look up in an org: by id or by external id; the other is `null`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(TS))]
pub(crate) struct RefundLookup {
    org_id: String,
    id: Option<String>,
    external_id: Option<String>,
    /// Past revisions that are asked for.
    revisions: Vec<u32>,
}

/// What a decision reads.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(TS))]
pub(crate) struct ReadSet {
    movements: Vec<MovementKey>,
    refunds: Vec<RefundLookup>,
}

/// A movement that was found.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(Serialize, TS))]
pub(crate) struct FoundMovement {
    row: MovementRow,
    /// The entry at `row.text_sequence` of its chain.
    text: EntryRow,
}

/// A refund that was found.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(Serialize, TS))]
pub(crate) struct FoundRefund {
    row: RefundRow,
    /// The entry at `row.text_sequence` of its movement's chain.
    text: EntryRow,
    /// Where a revision other than `row.revision` is asked for: those entries of its movement's
    /// chain whose `owner` it is, in order of sequence. Those of others do no harm, but a batch about
    /// many refunds of one movement would have them once for each.
    chain: Vec<EntryRow>,
}

/// What was found, in the order in which it was asked for; `null` where there is nothing.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(Serialize, TS))]
pub(crate) struct Snapshot {
    movements: Vec<Option<FoundMovement>>,
    refunds: Vec<Option<FoundRefund>>,
}

/// What must hold for a batch to be applied.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(TS))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Precondition {
    /// The movement has this many entries; 0 where it must not be there.
    MovementAt {
        org_id: String,
        subscription_id: String,
        movement_id: String,
        #[cfg_attr(test, ts(type = "number"))]
        version: u64,
    },
    /// Nobody in the org has the external id.
    ExternalIdFree { org_id: String, external_id: String },
}

/// A refund to write.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(TS))]
pub(crate) struct RefundWrite {
    /// Whether the refund is new.
    insert: bool,
    row: RefundRow,
}

/// Texts to erase: of the entries of this owner up to this sequence, those of the batch included.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(TS))]
pub(crate) struct Erasure {
    org_id: String,
    subscription_id: String,
    movement_id: String,
    /// The refund whose texts they are; `null` for the movement's own.
    owner: Option<String>,
    #[cfg_attr(test, ts(type = "number"))]
    through_sequence: u64,
}

/// What to write: all of it or nothing. There is one row per movement and refund.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(TS))]
pub(crate) struct WriteBatch {
    preconditions: Vec<Precondition>,
    movements: Vec<MovementRow>,
    refunds: Vec<RefundWrite>,
    /// In the order of their positions.
    entries: Vec<EntryRow>,
    /// Applied behind the entries.
    erasures: Vec<Erasure>,
}

/// Which refunds a list has; `null` is any.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(TS))]
pub(crate) struct RefundFilter {
    org_id: Option<String>,
    subscription_id: Option<String>,
    movement_id: Option<String>,
    refund_id: Option<String>,
    /// Inclusive.
    from: Option<String>,
    /// Exclusive.
    to: Option<String>,
    /// Idempotency keys are not found.
    external_id: Option<String>,
    external_invoice_id: Option<String>,
    #[cfg_attr(test, ts(type = "\"standard\" | \"non_subscribable\" | null"))]
    kind: Option<&'static str>,
    billable: Option<bool>,
    include_deleted: bool,
}

/// A place in a list: right behind this refund, whether it is there or not.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(TS))]
pub(crate) struct ListAfter {
    refund_datetime: String,
    id: String,
}

/// One refund of a list.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(Serialize, TS))]
pub(crate) struct ListedRefund {
    row: RefundRow,
    /// The entry at `row.text_sequence` of its movement's chain.
    text: EntryRow,
}

/// A page of a list.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(Serialize, TS))]
pub(crate) struct RefundPage {
    items: Vec<ListedRefund>,
    more: bool,
}

/// Which movements a scan visits, and how much of each.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(TS))]
pub(crate) struct ScanRange {
    org_id: Option<String>,
    /// Only this movement.
    only: Option<MovementKey>,
    /// Only movements behind this key.
    after: Option<MovementKey>,
    entries: bool,
    refunds: bool,
}

/// What a scan visits.
#[derive(Clone, Debug)]
#[cfg_attr(
    test,
    derive(Serialize, TS),
    serde(tag = "kind", rename_all = "snake_case")
)]
pub(crate) enum ScanRow {
    /// A movement, before its entries and refunds.
    Movement { row: MovementRow, text: EntryRow },
    /// An entry of the movement visited last.
    Entry(JournalRow),
    /// A refund of the movement visited last, and whom a look-up of its external id finds: itself,
    /// in a sound store.
    Refund {
        row: RefundRow,
        text: EntryRow,
        holder: Option<String>,
    },
    /// Something stored that is not what it should be.
    Invalid {
        movement: Option<MovementKey>,
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The types of the npm package are these.
    #[test]
    #[allow(clippy::disallowed_methods, reason = "how a golden file is made anew")]
    fn the_types_in_typescript_are_those_in_rust() {
        let config = ts_rs::Config::new();
        let mut text = String::from(
            "// Made from bindings/wasm/src/rows.rs by `UPDATE_GOLDEN=1 cargo test -p refund-wasm`.\n",
        );
        macro_rules! declare {
            ($($name:ident)*) => {$(
                text.push('\n');
                text.push_str(&<$name as TS>::docs().unwrap_or_default());
                text.push_str(&format!("export {}\n", <$name as TS>::decl(&config)));
            )*};
        }
        declare!(MovementKey MovementRow RefundRow EntryRow JournalRow RefundLookup ReadSet
            FoundMovement FoundRefund Snapshot Precondition RefundWrite Erasure WriteBatch
            RefundFilter ListAfter ListedRefund RefundPage ScanRange ScanRow);
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../npm/src/rows.ts");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap();
        assert!(
            kept == text,
            "{path} is out of date; its first line says how to make it"
        );
    }
}
