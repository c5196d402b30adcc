//! Which lines and refunds a reconciliation is about.

use refund_ledger::Timestamp;

const NANOS_PER_DAY: i128 = 86_400 * 1_000_000_000;

/// A period `[from, to)` in UTC, open where an end is not given, and how many days a refund and its
/// line may be apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first instant inside.
    pub from: Option<Timestamp>,
    /// The first instant behind.
    pub to: Option<Timestamp>,
    /// How many days a refund and its line may be apart. So many days beyond the period, too, are
    /// looked at, for what is inside may belong to them.
    pub window_days: u32,
}

impl Default for Period {
    /// All time, and five days.
    fn default() -> Self {
        Self {
            from: None,
            to: None,
            window_days: 5,
        }
    }
}

impl Period {
    fn window_nanos(&self) -> i128 {
        i128::from(self.window_days).saturating_mul(NANOS_PER_DAY)
    }

    /// Whether what has this date is reconciled.
    pub(crate) fn contains(&self, date: Timestamp) -> bool {
        self.from.is_none_or(|from| date >= from) && self.to.is_none_or(|to| date < to)
    }

    /// Whether what has this date may belong to something inside.
    pub(crate) fn is_near(&self, date: Timestamp) -> bool {
        let window = self.window_nanos();
        self.from
            .is_none_or(|from| from.nanos_since(date) <= window)
            && self.to.is_none_or(|to| date.nanos_since(to) < window)
    }

    /// Whether two dates are close enough for a refund and its line.
    pub(crate) fn allows(&self, one: Timestamp, other: Timestamp) -> bool {
        one.nanos_since(other).abs() <= self.window_nanos()
    }
}
