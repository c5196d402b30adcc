//! Billing movements: the charges that can be refunded.

use crate::amount::{Amount, AmountRequest, Values};
use crate::currency::Currency;
use crate::hash::Hash;
use crate::id::MovementKey;
use crate::text::{Description, Text};
use crate::time::Timestamp;

/// A movement to record. All four fields are required. [`crate::wire::parse_movement_request`]
/// reads its JSON form; the contract has none, so it is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovementRequest {
    /// The currency in which it was charged (ISO 4217). Refunds of it are in the same.
    pub currency: Currency,
    /// When it was charged. Refunds are not dated before it, unless the policy allows it.
    pub occurred_at: Timestamp,
    /// How much was charged: what its refunds never add up beyond.
    pub amount: AmountRequest,
    /// What for.
    pub description: Text,
}

/// The end of a movement's chain of journal entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainEnd {
    /// How many entries the chain has. Every change of a movement or of one of its refunds adds
    /// one, so this is also the movement's version.
    pub length: u64,
    /// The hash of the last entry.
    pub hash: Hash,
    /// When the last entry was recorded.
    pub recorded_at: Timestamp,
}

/// What the live refunds of a movement add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refunded {
    /// The sums of their values, in minor units.
    pub values: Values,
    /// How many there are.
    pub count: u32,
}

/// A movement as the ledger keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// Its ids.
    pub key: MovementKey,
    /// When it was charged.
    pub occurred_at: Timestamp,
    /// How much was charged, in minor units of its currency.
    pub amount: Amount,
    /// What for.
    pub description: Description,
    /// When it was recorded here.
    pub recorded_at: Timestamp,
    /// Whether it was taken back. Its chain stays, and goes on if it is recorded anew.
    pub voided: bool,
    /// What its live refunds add up to.
    pub refunded: Refunded,
    /// The end of its chain.
    pub chain: ChainEnd,
}

impl Movement {
    /// The refundable balance: the amount less the live refunds, in minor units. `None` only
    /// where a store holds refunds beyond the amount, which [`crate::Ledger::verify`] reports.
    pub fn refundable(&self) -> Option<Values> {
        self.amount.values().checked_sub(self.refunded.values)
    }

    /// Whether only the sums and the end of the chain differ.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn has_same_content(&self, other: &Self) -> bool {
        self.occurred_at == other.occurred_at
            && self.amount == other.amount
            && self.description.sequence == other.description.sequence
            && self.recorded_at == other.recorded_at
            && self.voided == other.voided
    }
}
