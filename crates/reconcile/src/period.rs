//! Which lines and refunds a reconciliation is about.

use refund_ledger::Timestamp;
use thiserror::Error;

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

/// What a period can't begin or end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "it must be a day such as `2026-03-01`, or an instant of RFC 3339 such as \
     `2026-03-01T00:00:00Z`"
)]
pub struct InvalidInstant;

/// What a period begins or ends with: an instant of RFC 3339, or a day for its midnight in UTC.
///
/// # Errors
/// Where it is neither.
///
/// ```
/// use refund_reconcile::instant_or_day;
/// assert_eq!(instant_or_day("2026-03-01")?.to_string(), "2026-03-01T00:00:00Z");
/// assert!(instant_or_day("03/01/2026").is_err());
/// # Ok::<(), refund_reconcile::InvalidInstant>(())
/// ```
pub fn instant_or_day(text: &str) -> Result<Timestamp, InvalidInstant> {
    let is_day = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let midnight = format!("{text}T00:00:00Z");
    let instant = if is_day { &midnight } else { text };
    instant.parse().map_err(|_| InvalidInstant)
}

#[cfg(test)]
mod tests {
    use super::instant_or_day;

    #[test]
    fn a_day_begins_at_midnight_utc() {
        for (text, instant) in [
            ("2026-03-01", "2026-03-01T00:00:00Z"),
            ("2026-03-01T01:00:00+01:00", "2026-03-01T00:00:00Z"),
            ("2026-03-01T12:00:00.5Z", "2026-03-01T12:00:00.5Z"),
        ] {
            assert_eq!(
                instant_or_day(text).map(|i| i.to_string()),
                Ok(instant.into()),
                "{text}"
            );
        }
        for text in [
            "2026-02-30",
            "2026-3-1",
            "03/01/2026",
            "2026-03-01T00:00:00",
            "20260301--",
            "",
        ] {
            let refused = instant_or_day(text).unwrap_err().to_string();
            assert!(refused.contains("`2026-03-01`"), "{text}: {refused}");
        }
    }
}
