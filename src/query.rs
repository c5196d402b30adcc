//! Lists of refunds: filters, pages and the cursors that join them.

use std::str::FromStr;

use crate::currency::Currency;
use crate::error::LedgerError;
use crate::hash::Hash;
use crate::id::{Id, RefundId};
use crate::refund::{KindName, Refund};
use crate::time::Timestamp;

/// The most items of one page.
pub const LIST_LIMIT_MAX: usize = 500;

/// The items of a page where no limit is given.
pub(crate) const LIST_LIMIT_DEFAULT: usize = 100;

/// Which refunds a list holds; what is not given does not filter. The default holds every refund
/// that is not deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefundFilter {
    /// Of this org.
    pub org: Option<Id>,
    /// Of this subscription.
    pub subscription: Option<Id>,
    /// Of this movement.
    pub movement: Option<Id>,
    /// With this id.
    pub refund_id: Option<RefundId>,
    /// With `refund_datetime` at this instant or later.
    pub from: Option<Timestamp>,
    /// With `refund_datetime` before this instant.
    pub to: Option<Timestamp>,
    /// With this external id (an idempotency key is none).
    pub external_id: Option<Id>,
    /// With this invoice.
    pub invoice: Option<Id>,
    /// Of this kind.
    pub kind: Option<KindName>,
    /// Billable, or not.
    pub billable: Option<bool>,
    /// Deleted ones too.
    pub include_deleted: bool,
}

impl RefundFilter {
    /// Whether a refund is one of the list.
    pub fn matches(&self, refund: &Refund) -> bool {
        fn is<T: PartialEq + ?Sized>(wanted: Option<&T>, have: Option<&T>) -> bool {
            wanted.is_none() || wanted == have
        }
        let details = &refund.details;
        let key = &refund.movement;
        let external_id = match &details.external_id {
            Some(crate::ExternalId::Given(id)) => Some(id),
            Some(crate::ExternalId::IdempotencyKey(_)) | None => None,
        };
        is(self.org.as_ref().map(Id::as_str), Some(key.org_id()))
            && is(
                self.subscription.as_ref().map(Id::as_str),
                Some(key.subscription_id()),
            )
            && is(
                self.movement.as_ref().map(Id::as_str),
                Some(key.movement_id()),
            )
            && is(self.refund_id.as_ref(), Some(&refund.id))
            && self.from.is_none_or(|from| details.refund_datetime >= from)
            && self.to.is_none_or(|to| details.refund_datetime < to)
            && is(self.external_id.as_ref(), external_id)
            && is(self.invoice.as_ref(), details.external_invoice_id.as_ref())
            && is(self.kind.as_ref(), Some(&details.kind.name()))
            && is(self.billable.as_ref(), Some(&details.billable))
            && (self.include_deleted || !refund.deleted)
    }

    /// A short value that tells these filters from others.
    fn digest(&self) -> [u8; 8] {
        let date = |date: Option<Timestamp>| date.map(Timestamp::to_fixed_width);
        let flag = |flag: bool| if flag { "true" } else { "false" };
        let (from, to) = (date(self.from), date(self.to));
        let refund_id = self.refund_id.map(|id| id.to_string());
        let parts = [
            self.org.as_ref().map(Id::as_str),
            self.subscription.as_ref().map(Id::as_str),
            self.movement.as_ref().map(Id::as_str),
            self.external_id.as_ref().map(Id::as_str),
            self.invoice.as_ref().map(Id::as_str),
            refund_id.as_deref(),
            from.as_deref(),
            to.as_deref(),
            self.kind.map(KindName::as_str),
            self.billable.map(flag),
            Some(flag(self.include_deleted)),
        ];
        // No part contains a NUL, nor is empty where it is there.
        let form = parts.map(Option::unwrap_or_default).join("\0");
        let hash = Hash::of(&[b"refund-ledger filter", form.as_bytes()]);
        hash.0.first_chunk().copied().unwrap_or_default()
    }
}

/// Where a page ends: the order of lists is by `refund_datetime`, then id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListAfter {
    /// The `refund_datetime` of the last refund of the page before.
    pub refund_datetime: Timestamp,
    /// Its id.
    pub id: RefundId,
}

impl From<&Refund> for ListAfter {
    fn from(refund: &Refund) -> Self {
        Self {
            refund_datetime: refund.details.refund_datetime,
            id: refund.id,
        }
    }
}

/// The opaque token that continues a list. It belongs to the filters that it was made with. Send it
/// as text (`next_cursor`), and read it back.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::{Cursor, ErrorCode, RefundQuery};
/// let (ledger, movement) = ledger()?;
/// # ledger.create_refund(&movement, &request("r-1", "12.1")?)?;
/// # ledger.create_refund(&movement, &request("r-2", "12.1")?)?;
/// let mut query = RefundQuery { limit: Some(1), ..RefundQuery::default() };
/// let next = ledger.list_refunds(&query)?.next_cursor.map(|cursor| cursor.to_string());
/// query.cursor = next.map(|text| text.parse()).transpose()?;
/// assert_eq!(ledger.list_refunds(&query)?.items.len(), 1);
///
/// let refused = "page 2".parse::<Cursor>().unwrap_err();
/// assert_eq!(refused.code(), ErrorCode::InvalidRequest);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    filter: [u8; 8],
    after: ListAfter,
}

impl Cursor {
    const BYTES: usize = 36;

    pub(crate) fn new(filter: &RefundFilter, after: ListAfter) -> Self {
        Self {
            filter: filter.digest(),
            after,
        }
    }

    /// Where it continues, if it was made with these filters.
    pub(crate) fn after(&self, filter: &RefundFilter) -> Result<ListAfter, LedgerError> {
        if self.filter == filter.digest() {
            Ok(self.after)
        } else {
            Err(LedgerError::invalid_field(
                "cursor",
                "not_allowed",
                "was made with other filters; start again without it",
            ))
        }
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (filter, rest) = bytes.split_first_chunk()?;
        let (seconds, rest) = rest.split_first_chunk()?;
        let (nanos, rest) = rest.split_first_chunk()?;
        let id: [u8; 16] = rest.try_into().ok()?;
        let refund_datetime =
            Timestamp::from_unix(i64::from_be_bytes(*seconds), u32::from_be_bytes(*nanos)).ok()?;
        Some(Self {
            filter: *filter,
            after: ListAfter {
                refund_datetime,
                id: RefundId::from_bytes(id),
            },
        })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut bytes = Vec::with_capacity(Self::BYTES);
        bytes.extend_from_slice(&self.filter);
        bytes.extend_from_slice(&self.after.refund_datetime.unix_seconds().to_be_bytes());
        bytes.extend_from_slice(&self.after.refund_datetime.subsec_nanos().to_be_bytes());
        bytes.extend_from_slice(self.after.id.as_bytes());
        f.write_str(&base16ct::lower::encode_string(&bytes))
    }
}

impl FromStr for Cursor {
    type Err = LedgerError;

    /// Reads what `Display` writes.
    ///
    /// # Errors
    /// `invalid_request` for anything else.
    fn from_str(text: &str) -> Result<Self, LedgerError> {
        let mut bytes = [0; Self::BYTES];
        base16ct::lower::decode(text, &mut bytes)
            .ok()
            .filter(|decoded| decoded.len() == Self::BYTES)
            .and_then(Self::from_bytes)
            .ok_or_else(|| {
                LedgerError::invalid_field(
                    "cursor",
                    "invalid_format",
                    "must be the `next_cursor` of an earlier page",
                )
            })
    }
}

/// A list to read: which refunds, how many, from where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefundQuery {
    /// Which refunds.
    pub filter: RefundFilter,
    /// How many at most, 1 to [`LIST_LIMIT_MAX`]; 100 unless given.
    pub limit: Option<usize>,
    /// Where to continue.
    pub cursor: Option<Cursor>,
}

impl RefundQuery {
    pub(crate) fn limit(&self) -> Result<usize, LedgerError> {
        let limit = self.limit.unwrap_or(LIST_LIMIT_DEFAULT);
        if (1..=LIST_LIMIT_MAX).contains(&limit) {
            Ok(limit)
        } else {
            Err(LedgerError::invalid_field(
                "limit",
                "out_of_range",
                format!("is {limit}; 1 to {LIST_LIMIT_MAX} are allowed"),
            ))
        }
    }
}

/// Some items of a list, in its order: what a [`Store`](crate::Store) answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Whether there are more behind them.
    pub more: bool,
}

/// What the refunds of a list add up to in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrencyTotals {
    /// The currency.
    pub currency: Currency,
    /// How many refunds.
    pub count: u64,
    /// The sum of their values with taxes, in minor units.
    pub with_minor: i128,
    /// The sum of their values without taxes, in minor units.
    pub without_minor: i128,
}
