//! Refunds: money given back on one movement.

use std::fmt;

use serde::Serialize;

use crate::amount::{Amount, AmountRequest};
use crate::id::{Id, MovementKey, RefundId};
use crate::text::{Description, Text};
use crate::time::{Period, Timestamp};

/// The two kinds of refund, with what only one of them has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundKind {
    /// Of a subscription: the contract's `RefundRequestDTO`.
    Standard,
    /// Of products that can't be subscribed to: the contract's
    /// `RefundNonSubscribableProductsRequestDTO`.
    NonSubscribable {
        /// The type of transaction, as the caller names it.
        transaction_type_id: Id,
    },
}

impl RefundKind {
    /// The kind's name on the wire.
    pub fn name(&self) -> KindName {
        match self {
            Self::Standard => KindName::Standard,
            Self::NonSubscribable { .. } => KindName::NonSubscribable,
        }
    }

    /// The transaction type of a non-subscribable refund.
    pub fn transaction_type_id(&self) -> Option<&Id> {
        match self {
            Self::Standard => None,
            Self::NonSubscribable {
                transaction_type_id,
            } => Some(transaction_type_id),
        }
    }
}

/// The name of a kind of refund, for filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KindName {
    /// `standard`
    Standard,
    /// `non_subscribable`
    NonSubscribable,
}

impl KindName {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::NonSubscribable => "non_subscribable",
        }
    }
}

impl fmt::Display for KindName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refund to book: the contract's `RefundRequestDTO`, with its field names.
/// [`crate::wire::parse_refund_request`] reads its JSON form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRequest {
    /// When the money was given back.
    pub refund_datetime: Timestamp,
    /// The period that it is given back for: `period_start_datetime`, `period_end_datetime`.
    pub period: Period,
    /// How much.
    pub amount: AmountRequest,
    /// The invoice that it belongs to.
    pub external_invoice_id: Option<Id>,
    /// The caller's idempotency key: unique in an org, for ever.
    pub external_refund_unique_id: Id,
    /// Whether it can be billed.
    pub billable: bool,
    /// What for.
    pub description: Text,
}

/// A refund of products that can't be subscribed to: the contract's
/// `RefundNonSubscribableProductsRequestDTO`, with its field names.
/// [`crate::wire::parse_non_subscribable_request`] reads its JSON form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NonSubscribableRefundRequest {
    /// When the money was given back.
    pub refund_datetime: Timestamp,
    /// The period that it is given back for: `period_start_datetime`, `period_end_datetime`.
    pub period: Period,
    /// How much: the contract's `BillableAmountRequestDTO`, without `billable`.
    pub amount: AmountRequest,
    /// Whether it can be billed: `amount.billable`.
    pub billable: bool,
    /// The invoice that it belongs to.
    pub external_invoice_id: Option<Id>,
    /// The caller's idempotency key: unique in an org, for ever. Without it (and without an
    /// idempotency key beside the request) a repeated request is booked again.
    pub external_refund_unique_id: Option<Id>,
    /// The type of transaction.
    pub transaction_type_id: Id,
    /// What for.
    pub description: Text,
}

/// What a request of either kind asks a refund to be. Both kinds convert into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundContent {
    /// Its kind.
    pub kind: RefundKind,
    /// When the money was given back.
    pub refund_datetime: Timestamp,
    /// The period that it is given back for.
    pub period: Period,
    /// How much.
    pub amount: AmountRequest,
    /// Whether it can be billed.
    pub billable: bool,
    /// The invoice that it belongs to.
    pub external_invoice_id: Option<Id>,
    /// The caller's idempotency key. An update that leaves it out leaves it as it is.
    pub external_refund_unique_id: Option<Id>,
    /// What for.
    pub description: Text,
}

impl From<RefundRequest> for RefundContent {
    fn from(request: RefundRequest) -> Self {
        Self {
            kind: RefundKind::Standard,
            refund_datetime: request.refund_datetime,
            period: request.period,
            amount: request.amount,
            billable: request.billable,
            external_invoice_id: request.external_invoice_id,
            external_refund_unique_id: Some(request.external_refund_unique_id),
            description: request.description,
        }
    }
}

impl From<NonSubscribableRefundRequest> for RefundContent {
    fn from(request: NonSubscribableRefundRequest) -> Self {
        Self {
            kind: RefundKind::NonSubscribable {
                transaction_type_id: request.transaction_type_id,
            },
            refund_datetime: request.refund_datetime,
            period: request.period,
            amount: request.amount,
            billable: request.billable,
            external_invoice_id: request.external_invoice_id,
            external_refund_unique_id: request.external_refund_unique_id,
            description: request.description,
        }
    }
}

impl From<&RefundRequest> for RefundContent {
    fn from(request: &RefundRequest) -> Self {
        request.clone().into()
    }
}

impl From<&NonSubscribableRefundRequest> for RefundContent {
    fn from(request: &NonSubscribableRefundRequest) -> Self {
        request.clone().into()
    }
}

/// The key under which a refund is unique in its org.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExternalId {
    /// `external_refund_unique_id` of the request.
    Given(Id),
    /// An idempotency key that came beside a request without an external id. It shares the
    /// namespace of the external ids, and is never shown as one.
    IdempotencyKey(Id),
}

impl ExternalId {
    /// The key, wherever it came from.
    pub fn id(&self) -> &Id {
        match self {
            Self::Given(id) | Self::IdempotencyKey(id) => id,
        }
    }
}

/// The content of a refund as the ledger keeps it: the fields of its request, checked and in minor
/// units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundDetails {
    /// Its kind.
    pub kind: RefundKind,
    /// When the money was given back.
    pub refund_datetime: Timestamp,
    /// The period that it is given back for.
    pub period: Period,
    /// How much, in minor units of the movement's currency.
    pub amount: Amount,
    /// Whether it can be billed.
    pub billable: bool,
    /// The invoice that it belongs to.
    pub external_invoice_id: Option<Id>,
    /// The key under which it is unique in its org.
    pub external_id: Option<ExternalId>,
    /// What for.
    pub description: Description,
}

/// A refund as the ledger keeps it. [`crate::wire::RefundBody`] writes it as the contract's
/// `RefundResponseDTO`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// The ledger's own id.
    pub id: RefundId,
    /// The movement that it gives money back on.
    pub movement: MovementKey,
    /// Its content.
    pub details: RefundDetails,
    /// 1 when created, one more with each update and with the deletion.
    pub revision: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its revision last changed.
    pub updated_at: Timestamp,
    /// Whether it was deleted. A deleted refund keeps its row and its external id.
    pub deleted: bool,
}
