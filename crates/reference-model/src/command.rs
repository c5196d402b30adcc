//! What is asked of both ledgers.

use crate::amount::Tax;

/// Where a movement is: org, subscription, movement.
pub(crate) type Key = (&'static str, &'static str, &'static str);

/// Hundred-thousandths of a currency's unit: no currency is finer.
pub(crate) type Value = i128;

/// How a value is written, which must not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Number,
    LongNumber,
    Text,
    LongText,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) with: Option<Value>,
    pub(crate) without: Option<Value>,
    pub(crate) tax: Tax,
    pub(crate) currency: Option<&'static str>,
    pub(crate) form: Form,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MovementAsk {
    pub(crate) currency: &'static str,
    pub(crate) occurred_at: i64,
    pub(crate) amount: Ask,
    pub(crate) text: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefundAsk {
    /// The transaction type of a non-subscribable refund.
    pub(crate) transaction_type: Option<&'static str>,
    pub(crate) datetime: i64,
    pub(crate) period: (Option<i64>, Option<i64>),
    pub(crate) amount: Ask,
    pub(crate) billable: bool,
    pub(crate) invoice: Option<&'static str>,
    pub(crate) external_id: Option<&'static str>,
    pub(crate) text: &'static str,
}

/// Which refund: the one that the n-th command created, or by external id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Nth(u64),
    External(&'static str),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Record(MovementAsk),
    Void,
    Create(RefundAsk, Option<&'static str>),
    Update(Target, Option<u32>, RefundAsk),
    Delete(Target, Option<u32>),
    Erase(Option<Target>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) key: Key,
    pub(crate) op: Op,
}
