//! The operations: the contract's five, and ours. Routes and the OpenAPI document are both made from
//! this table.

use http::Method;
use refund_ledger::Action;

/// What a request asks for, by its method and path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// The contract's POST of a `RefundRequestDTO`.
    CreateRefund,
    /// The contract's POST of a `RefundNonSubscribableProductsRequestDTO`.
    CreateNonSubscribableRefund,
    /// The contract's GET of a refund.
    GetRefund,
    /// The contract's PUT of a refund.
    UpdateRefund,
    /// The contract's DELETE of a refund.
    DeleteRefund,
    /// Ours: records a movement.
    RecordMovement,
    /// Ours: reads a movement with its balance.
    GetMovement,
    /// Ours: takes a movement back.
    VoidMovement,
    /// Ours: lists the refunds of an org.
    ListRefunds,
    /// Ours: lists the refunds of a movement.
    ListMovementRefunds,
    /// Ours: lists the revisions of a refund.
    GetRefundHistory,
    /// Ours: an org's part of the journal.
    GetJournal,
}

/// The query parameters of lists: first those that narrow the scope within an org, then the others.
const LIST_PARAMETERS: [&str; 11] = [
    "subscription_id",
    "movement_id",
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

/// How many of them narrow the scope.
const SCOPE_PARAMETERS: usize = 2;

macro_rules! movement_path {
    ($rest:literal) => {
        concat!(
            "/v1/orgs/{orgId}/subscription/{subscriptionId}/movement/{movementId}",
            $rest
        )
    };
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 12] = [
        Self::CreateRefund,
        Self::GetRefund,
        Self::UpdateRefund,
        Self::DeleteRefund,
        Self::CreateNonSubscribableRefund,
        Self::RecordMovement,
        Self::GetMovement,
        Self::VoidMovement,
        Self::ListMovementRefunds,
        Self::ListRefunds,
        Self::GetRefundHistory,
        Self::GetJournal,
    ];

    /// The name that logs and the OpenAPI document give it.
    pub const fn id(self) -> &'static str {
        match self {
            Self::CreateRefund => "createRefund",
            Self::CreateNonSubscribableRefund => "createNonSubscribableRefund",
            Self::GetRefund => "getRefund",
            Self::UpdateRefund => "updateRefund",
            Self::DeleteRefund => "deleteRefund",
            Self::RecordMovement => "recordMovement",
            Self::GetMovement => "getMovement",
            Self::VoidMovement => "voidMovement",
            Self::ListRefunds => "listRefunds",
            Self::ListMovementRefunds => "listMovementRefunds",
            Self::GetRefundHistory => "getRefundHistory",
            Self::GetJournal => "getJournal",
        }
    }

    /// Its method. Where that is GET, HEAD is answered too.
    pub const fn method(self) -> Method {
        match self {
            Self::CreateRefund | Self::CreateNonSubscribableRefund => Method::POST,
            Self::UpdateRefund | Self::RecordMovement => Method::PUT,
            Self::DeleteRefund | Self::VoidMovement => Method::DELETE,
            Self::GetRefund
            | Self::GetMovement
            | Self::ListRefunds
            | Self::ListMovementRefunds
            | Self::GetRefundHistory
            | Self::GetJournal => Method::GET,
        }
    }

    /// Its path, with the names of its ids in braces.
    pub const fn path(self) -> &'static str {
        match self {
            Self::CreateRefund | Self::ListMovementRefunds => movement_path!("/refund"),
            Self::CreateNonSubscribableRefund => {
                movement_path!("/refund/non-subscribable-products")
            }
            Self::GetRefund | Self::UpdateRefund | Self::DeleteRefund => {
                movement_path!("/refund/{refundId}")
            }
            Self::GetRefundHistory => movement_path!("/refund/{refundId}/history"),
            Self::RecordMovement | Self::GetMovement | Self::VoidMovement => movement_path!(""),
            Self::ListRefunds => "/v1/orgs/{orgId}/refunds",
            Self::GetJournal => "/v1/orgs/{orgId}/journal",
        }
    }

    /// What the caller must be allowed to do.
    pub const fn action(self) -> Action {
        match self {
            Self::CreateRefund | Self::CreateNonSubscribableRefund => Action::CreateRefund,
            Self::UpdateRefund => Action::UpdateRefund,
            Self::DeleteRefund => Action::DeleteRefund,
            Self::RecordMovement => Action::RecordMovement,
            Self::VoidMovement => Action::VoidMovement,
            Self::GetRefund | Self::GetMovement | Self::GetRefundHistory => Action::Read,
            Self::ListRefunds | Self::ListMovementRefunds => Action::List,
            Self::GetJournal => Action::Audit,
        }
    }

    /// Whether it takes a body.
    pub const fn has_body(self) -> bool {
        matches!(
            self,
            Self::CreateRefund
                | Self::CreateNonSubscribableRefund
                | Self::UpdateRefund
                | Self::RecordMovement
        )
    }

    /// The query parameters that it knows.
    pub const fn query_parameters(self) -> &'static [&'static str] {
        match self {
            Self::ListRefunds => &LIST_PARAMETERS,
            // The path says the scope.
            Self::ListMovementRefunds => LIST_PARAMETERS.split_at(SCOPE_PARAMETERS).1,
            Self::GetJournal => &["after", "limit"],
            _ => &[],
        }
    }
}
