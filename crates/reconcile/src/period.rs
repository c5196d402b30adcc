//! Which lines and refunds a reconciliation is about.

use refund_ledger::Timestamp;
use thiserror::Error;

const SECONDS_PER_DAY: i64 = 86_400;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

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
    fn window_seconds(&self) -> i64 {
        i64::from(self.window_days).saturating_mul(SECONDS_PER_DAY)
    }

    fn window_nanos(&self) -> i128 {
        i128::from(self.window_seconds()).saturating_mul(NANOS_PER_SECOND)
    }

    /// Whether what has this date is reconciled.
    pub(crate) fn contains(&self, date: Timestamp) -> bool {
        self.from.is_none_or(|from| date >= from) && self.to.is_none_or(|to| date < to)
    }

    /// The period with its window on both sides: what lies outside belongs to nothing inside.
    ///
    /// ```
    /// use refund_reconcile::{Period, instant_or_day};
    /// let march = Period {
    ///     from: Some(instant_or_day("2026-03-01")?),
    ///     to: Some(instant_or_day("2026-04-01")?),
    ///     window_days: 5,
    /// };
    /// let around = march.widened();
    /// assert_eq!(around.from, Some(instant_or_day("2026-02-24")?));
    /// assert_eq!(around.to, Some(instant_or_day("2026-04-06")?));
    /// # Ok::<(), refund_reconcile::InvalidInstant>(())
    /// ```
    #[must_use]
    pub fn widened(&self) -> Self {
        let seconds = self.window_seconds();
        // An end that no instant reaches is open.
        let moved = |end: Timestamp, seconds: i64| {
            let moved = end.unix_seconds().saturating_add(seconds);
            Timestamp::from_unix(moved, end.subsec_nanos()).ok()
        };
        Self {
            from: self
                .from
                .and_then(|from| moved(from, seconds.saturating_neg())),
            to: self.to.and_then(|to| moved(to, seconds)),
            window_days: 0,
        }
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
    use refund_ledger::Timestamp;

    use super::{Period, instant_or_day};

    #[test]
    fn a_window_is_as_wide_on_both_sides_and_ends_where_time_does() {
        let at = |text: &str| text.parse::<Timestamp>().ok();
        for (from, to, window_days, wide_from, wide_to) in [
            (
                "2026-03-01T00:00:00.5Z",
                "2026-03-02T00:00:00.5Z",
                1,
                at("2026-02-28T00:00:00.5Z"),
                at("2026-03-03T00:00:00.5Z"),
            ),
            (
                "0001-01-06T00:00:00Z",
                "9999-12-27T00:00:00Z",
                5,
                at("0001-01-01T00:00:00Z"),
                None,
            ),
            (
                "0001-01-05T00:00:00Z",
                "9999-12-26T23:59:59Z",
                5,
                None,
                at("9999-12-31T23:59:59Z"),
            ),
            (
                "2026-03-01T00:00:00Z",
                "2026-03-02T00:00:00Z",
                u32::MAX,
                None,
                None,
            ),
        ] {
            let (from, to) = (at(from), at(to));
            let wide = Period {
                from,
                to,
                window_days,
            }
            .widened();
            assert_eq!(
                (wide.from, wide.to),
                (wide_from, wide_to),
                "{from:?} {to:?}"
            );
        }
        assert_eq!(Period::default().widened().from, None);
    }

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
