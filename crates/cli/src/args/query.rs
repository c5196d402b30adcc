//! The options of the commands that read.

use clap::{Args, ValueEnum};
use refund_ledger::{Cursor, Id, JournalPosition, KindName, RefundFilter, Timestamp};

/// The kinds of refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Of a subscription
    #[value(name = "standard")]
    Standard,
    /// Of products that can't be subscribed to
    #[value(name = "non_subscribable", alias = "non-subscribable")]
    NonSubscribable,
}

impl From<Kind> for KindName {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Standard => Self::Standard,
            Kind::NonSubscribable => Self::NonSubscribable,
        }
    }
}

/// `list`
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only refunds of this org
    #[arg(long, value_name = "ID")]
    org: Option<Id>,
    /// Only refunds of this subscription
    #[arg(long, value_name = "ID")]
    subscription: Option<Id>,
    /// Only refunds of this movement
    #[arg(long, value_name = "ID")]
    movement: Option<Id>,
    /// Only refunds dated at this instant or later, such as 2022-02-01T00:00:00Z
    #[arg(long, value_name = "INSTANT")]
    from: Option<Timestamp>,
    /// Only refunds dated before this instant
    #[arg(long, value_name = "INSTANT")]
    to: Option<Timestamp>,
    /// Only the refund with this external id
    #[arg(long, value_name = "KEY")]
    external_id: Option<Id>,
    /// Only refunds of this invoice
    #[arg(long, value_name = "ID")]
    invoice: Option<Id>,
    /// Only refunds of this kind
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Only refunds that can be billed, or only those that can't
    #[arg(long, value_name = "true|false")]
    billable: Option<bool>,
    /// Deleted refunds too
    #[arg(long)]
    include_deleted: bool,
    /// How many at most. For tables and JSON 1 to 500, 100 unless given; for JSON Lines and CSV
    /// any number, all unless given
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Where to continue: the `next_cursor` of an earlier page with the same filters
    #[arg(long, value_name = "CURSOR")]
    pub(crate) cursor: Option<Cursor>,
}

impl List {
    pub(crate) fn filter(&self) -> RefundFilter {
        RefundFilter {
            org: self.org.clone(),
            subscription: self.subscription.clone(),
            movement: self.movement.clone(),
            refund_id: None,
            from: self.from,
            to: self.to,
            external_id: self.external_id.clone(),
            invoice: self.invoice.clone(),
            kind: self.kind.map(KindName::from),
            billable: self.billable,
            include_deleted: self.include_deleted,
        }
    }
}

/// `movements`
#[derive(Args, Debug)]
pub(crate) struct Movements {
    /// Only movements of this org
    #[arg(long, value_name = "ID")]
    pub(crate) org: Option<Id>,
    /// How many at most. 100 unless given; for JSON Lines all
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

/// `totals`
#[derive(Args, Debug)]
pub(crate) struct Totals {
    /// Only refunds of this org
    #[arg(long, value_name = "ID")]
    pub(crate) org: Option<Id>,
    /// Only refunds dated at this instant or later, such as 2022-02-01T00:00:00Z
    #[arg(long, value_name = "INSTANT")]
    pub(crate) from: Option<Timestamp>,
    /// Only refunds dated before this instant
    #[arg(long, value_name = "INSTANT")]
    pub(crate) to: Option<Timestamp>,
}

/// `journal`
#[derive(Args, Debug)]
pub(crate) struct Journal {
    /// Only entries behind this position; continue from the `position` of the last line
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
    pub(crate) after: JournalPosition,
    /// How many at most; all unless given
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}
