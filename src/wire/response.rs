//! The forms of replies.

use serde::{Serialize, Serializer};

use crate::amount::{Amount, Tax, Values};
use crate::currency::Currency;
use crate::error::{Detail, ErrorCode, LedgerError};
use crate::hash::Hash;
use crate::id::{Id, MovementKey, RefundId};
use crate::journal::{Entry, EntryContent, EntryKind, JournalPosition, JournalRecord, entry_hash};
use crate::ledger::{Balance, Revision};
use crate::money::JsonMoney;
use crate::movement::Movement;
use crate::query::CurrencyTotals;
use crate::refund::{ExternalId, KindName, Refund, RefundDetails, RefundKind};
use crate::time::Timestamp;
use crate::verify::{Finding, Report, Verdict};

/// An amount of a reply: `value_with_taxes`, `value_without_taxes`, `tax` where there is one,
/// `currency` and, for a non-subscribable refund, `billable`. Values are JSON numbers in major
/// units, in their shortest exact form.
#[derive(Clone, Debug, Serialize)]
pub struct AmountBody<'a> {
    value_with_taxes: JsonMoney,
    value_without_taxes: JsonMoney,
    #[serde(skip_serializing_if = "Option::is_none")]
    tax: Option<&'a Tax>,
    currency: Currency,
    #[serde(skip_serializing_if = "Option::is_none")]
    billable: Option<bool>,
}

impl<'a> AmountBody<'a> {
    pub(super) fn new(amount: &'a Amount, billable: Option<bool>) -> Self {
        let (value_with_taxes, value_without_taxes) = amount.json_values();
        Self {
            value_with_taxes,
            value_without_taxes,
            tax: amount.tax(),
            currency: amount.currency(),
            billable,
        }
    }
}

/// The three ids of a movement.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of the wire")]
pub(super) struct Scope<'a> {
    org_id: &'a str,
    subscription_id: &'a str,
    movement_id: &'a str,
}

impl<'a> From<&'a MovementKey> for Scope<'a> {
    fn from(key: &'a MovementKey) -> Self {
        Self {
            org_id: key.org_id(),
            subscription_id: key.subscription_id(),
            movement_id: key.movement_id(),
        }
    }
}

/// The content that the two kinds of request share.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ContentBody<'a> {
    refund_datetime: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    period_start_datetime: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    period_end_datetime: Option<Timestamp>,
    amount: AmountBody<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_invoice_id: Option<&'a Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_refund_unique_id: Option<&'a Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_type_id: Option<&'a Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    billable: Option<bool>,
    /// `null` once erased.
    pub(super) description: Option<&'a str>,
}

impl<'a> From<&'a RefundDetails> for ContentBody<'a> {
    fn from(details: &'a RefundDetails) -> Self {
        let standard = details.kind == RefundKind::Standard;
        let billable = Some(details.billable);
        Self {
            refund_datetime: details.refund_datetime,
            period_start_datetime: details.period.start(),
            period_end_datetime: details.period.end(),
            amount: AmountBody::new(&details.amount, billable.filter(|_| !standard)),
            external_invoice_id: details.external_invoice_id.as_ref(),
            external_refund_unique_id: match &details.external_id {
                Some(ExternalId::Given(id)) => Some(id),
                Some(ExternalId::IdempotencyKey(_)) | None => None,
            },
            transaction_type_id: details.kind.transaction_type_id(),
            billable: billable.filter(|_| standard),
            description: details.description.text(),
        }
    }
}

/// A refund as the contract's `RefundResponseDTO`: every field of its request, `id`, `org_id`,
/// `subscription_id`, `movement_id`, `kind`, `revision`, `created_at`, `updated_at`, and `deleted`
/// where it is.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use refund_ledger::{RefundLookup, wire::RefundBody};
/// let (ledger, movement) = ledger()?;
/// let created = ledger.create_refund(&movement, &request("r-1", "12.1")?)?;
/// let refund = ledger.refund(&movement, &RefundLookup::Id(created.id))?;
/// let json = serde_json::to_value(RefundBody::from(&refund))?;
/// assert_eq!(json["external_refund_unique_id"], "r-1");
/// assert_eq!(json["amount"]["value_without_taxes"], 10);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct RefundBody<'a> {
    id: RefundId,
    #[serde(flatten)]
    scope: Scope<'a>,
    kind: KindName,
    #[serde(flatten)]
    content: ContentBody<'a>,
    revision: u32,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "is_false")]
    deleted: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_false(value: &bool) -> bool {
    !*value
}

impl<'a> From<&'a Refund> for RefundBody<'a> {
    fn from(refund: &'a Refund) -> Self {
        Self {
            id: refund.id,
            scope: Scope::from(&refund.movement),
            kind: refund.details.kind.name(),
            content: ContentBody::from(&refund.details),
            revision: refund.revision,
            created_at: refund.created_at,
            updated_at: refund.updated_at,
            deleted: refund.deleted,
        }
    }
}

/// One revision of a refund, with who made it: `change`, `actor`, `recorded_at` and the `refund`
/// after it.
#[derive(Clone, Debug, Serialize)]
pub struct RevisionBody<'a> {
    change: EntryKind,
    actor: &'a Id,
    recorded_at: Timestamp,
    refund: RefundBody<'a>,
}

impl<'a> From<&'a Revision> for RevisionBody<'a> {
    fn from(revision: &'a Revision) -> Self {
        Self {
            change: revision.kind,
            actor: &revision.actor,
            recorded_at: revision.recorded_at,
            refund: RefundBody::from(&revision.refund),
        }
    }
}

#[derive(Clone, Copy, Debug, Serialize)]
struct ValuesBody {
    value_with_taxes: JsonMoney,
    value_without_taxes: JsonMoney,
}

impl ValuesBody {
    fn new(values: Values, currency: Currency) -> Self {
        let money = |minor: i64| JsonMoney {
            minor: minor.into(),
            currency,
        };
        Self {
            value_with_taxes: money(values.with),
            value_without_taxes: money(values.without),
        }
    }
}

/// The balance of a movement, in major units: what was charged, what was given back, what is left,
/// and how many live refunds there are.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use refund_ledger::wire::BalanceBody;
/// let (ledger, movement) = ledger()?;
/// ledger.create_refund(&movement, &request("r-1", "12.1")?)?;
/// let json = serde_json::to_value(BalanceBody::from(&ledger.balance(&movement)?))?;
/// assert_eq!(json["amount"]["value_with_taxes"], 121);
/// assert_eq!(json["refunded"]["value_with_taxes"], 12.1);
/// assert_eq!(json["refundable"]["value_with_taxes"], 108.9);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct BalanceBody {
    currency: Currency,
    amount: ValuesBody,
    refunded: ValuesBody,
    refundable: ValuesBody,
    count: u32,
}

impl From<&Balance> for BalanceBody {
    fn from(balance: &Balance) -> Self {
        let values = |values| ValuesBody::new(values, balance.currency);
        Self {
            currency: balance.currency,
            amount: values(balance.amount),
            refunded: values(balance.refunded),
            refundable: values(balance.refundable),
            count: balance.count,
        }
    }
}

/// A movement as it is read: the fields of its request, `org_id`, `subscription_id`,
/// `movement_id`, `recorded_at`, its `balance`, and `voided` where it is.
#[derive(Clone, Debug, Serialize)]
pub struct MovementBody<'a> {
    #[serde(flatten)]
    scope: Scope<'a>,
    currency: Currency,
    occurred_at: Timestamp,
    amount: AmountBody<'a>,
    description: Option<&'a str>,
    recorded_at: Timestamp,
    balance: BalanceBody,
    #[serde(skip_serializing_if = "is_false")]
    voided: bool,
}

impl<'a> From<&'a Movement> for MovementBody<'a> {
    fn from(movement: &'a Movement) -> Self {
        Self {
            scope: Scope::from(&movement.key),
            currency: movement.amount.currency(),
            occurred_at: movement.occurred_at,
            amount: AmountBody::new(&movement.amount, None),
            description: movement.description.text(),
            recorded_at: movement.recorded_at,
            balance: BalanceBody::from(&Balance::of(movement)),
            voided: movement.voided,
        }
    }
}

/// One entry of the journal feed: `position`, the movement's ids, `sequence`, `recorded_at`,
/// `actor`, `kind`, the full `content` after the change, and the hashes that chain it.
#[derive(Clone, Debug, Serialize)]
pub struct JournalLine<'a> {
    position: JournalPosition,
    #[serde(flatten)]
    scope: Scope<'a>,
    sequence: u64,
    recorded_at: Timestamp,
    actor: &'a Id,
    kind: EntryKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_id: Option<RefundId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u32>,
    content: JournalContent<'a>,
    text_hash: Hash,
    /// The sequence of the entry that brought the description: an entry that kept it names an
    /// earlier one, and has no text of its own.
    text_sequence: u64,
    previous_hash: Hash,
    hash: Hash,
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum JournalContent<'a> {
    Movement {
        currency: Currency,
        occurred_at: Timestamp,
        amount: AmountBody<'a>,
        description: Option<&'a str>,
    },
    Refund {
        #[serde(rename = "kind")]
        refund_kind: KindName,
        #[serde(flatten)]
        content: ContentBody<'a>,
    },
}

impl<'a> JournalLine<'a> {
    /// The form of an entry that was decoded from a record.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use refund_ledger::wire::JournalLine;
    /// let (ledger, _) = ledger()?;
    /// for record in ledger.journal(0, 500)? {
    ///     let entry = record.decode()?;
    ///     let json = serde_json::to_value(JournalLine::new(&record, &entry))?;
    ///     assert_eq!(json["kind"], "movement_recorded");
    ///     assert_eq!(json["content"]["amount"]["value_with_taxes"], 121);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn new(record: &JournalRecord, entry: &'a Entry) -> Self {
        let (refund_id, revision, content) = match &entry.content {
            EntryContent::Movement(movement) => (
                None,
                None,
                JournalContent::Movement {
                    currency: movement.amount.currency(),
                    occurred_at: movement.occurred_at,
                    amount: AmountBody::new(&movement.amount, None),
                    description: movement.description.text(),
                },
            ),
            EntryContent::Refund(refund) => (
                Some(refund.id),
                Some(refund.revision),
                JournalContent::Refund {
                    refund_kind: refund.details.kind.name(),
                    content: ContentBody::from(&refund.details),
                },
            ),
        };
        Self {
            position: record.position,
            scope: Scope::from(&entry.movement),
            sequence: entry.sequence,
            recorded_at: entry.recorded_at,
            actor: &entry.actor,
            kind: entry.kind,
            refund_id,
            revision,
            content,
            text_hash: entry.content.description().digest,
            text_sequence: entry.content.description().sequence,
            previous_hash: entry.previous,
            hash: entry_hash(&record.entry.bytes),
        }
    }
}

/// An error as the contract's `GenericResponseDTO`: `code`, `message`, `details` where fields are
/// at fault, and `holder` where somebody else has the external id.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use refund_ledger::{MovementKey, wire::ErrorBody};
/// let (ledger, _) = ledger()?;
/// let unknown = MovementKey::new("acme", "sub-7", "mov-43")?;
/// let refused = ledger.balance(&unknown).unwrap_err();
/// let json = serde_json::to_string(&ErrorBody::from(&refused))?;
/// assert_eq!(json, r#"{"code":"movement_not_found","message":"there is no such movement"}"#);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct ErrorBody<'a> {
    code: ErrorCode,
    message: &'a str,
    #[serde(skip_serializing_if = "<[Detail]>::is_empty")]
    details: &'a [Detail],
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<HolderBody<'a>>,
}

#[derive(Clone, Debug, Serialize)]
struct HolderBody<'a> {
    #[serde(flatten)]
    scope: Scope<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_id: Option<RefundId>,
}

impl<'a> From<&'a LedgerError> for ErrorBody<'a> {
    fn from(error: &'a LedgerError) -> Self {
        Self {
            code: error.code(),
            message: error.message(),
            details: error.details(),
            holder: error.holder().map(|holder| HolderBody {
                scope: Scope::from(&holder.movement),
                refund_id: holder.refund_id,
            }),
        }
    }
}

/// The result of a verification: `verdict`, `movements`, `entries` and `findings`.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use refund_ledger::wire::ReportBody;
/// let (ledger, _) = ledger()?;
/// let json = serde_json::to_string(&ReportBody::from(&ledger.verify(None)?))?;
/// assert_eq!(json, r#"{"verdict":"valid","movements":1,"entries":1,"findings":[]}"#);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct ReportBody<'a> {
    verdict: Verdict,
    movements: u64,
    entries: u64,
    findings: Vec<FindingBody<'a>>,
}

/// What is wrong with one movement, or with the whole: the movement's ids, the `sequence` of the
/// first bad entry, and the `message`.
#[derive(Clone, Debug, Serialize)]
pub struct FindingBody<'a> {
    #[serde(flatten)]
    scope: Option<Scope<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    message: &'a str,
}

impl<'a> From<&'a Finding> for FindingBody<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            scope: finding.movement.as_ref().map(Scope::from),
            sequence: finding.sequence,
            message: &finding.message,
        }
    }
}

impl<'a> From<&'a Report> for ReportBody<'a> {
    fn from(report: &'a Report) -> Self {
        Self {
            verdict: report.verdict,
            movements: report.movements,
            entries: report.entries,
            findings: report.findings.iter().map(FindingBody::from).collect(),
        }
    }
}

/// What some refunds add up to in one currency, in major units: `currency`, `count`,
/// `value_with_taxes` and `value_without_taxes`.
#[derive(Clone, Copy, Debug)]
pub struct TotalsBody(pub CurrencyTotals);

impl Serialize for TotalsBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Body {
            currency: Currency,
            count: u64,
            value_with_taxes: JsonMoney,
            value_without_taxes: JsonMoney,
        }
        let currency = self.0.currency;
        let money = |minor| JsonMoney { minor, currency };
        Body {
            currency,
            count: self.0.count,
            value_with_taxes: money(self.0.with_minor),
            value_without_taxes: money(self.0.without_minor),
        }
        .serialize(serializer)
    }
}
