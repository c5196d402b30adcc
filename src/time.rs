//! Instants: RFC 3339 in, UTC to the nanosecond inside.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use serde::Serialize;

use crate::error::LedgerError;

/// An instant in UTC, to the nanosecond, from year 1 to 9999.
///
/// It is read from RFC 3339 with a capital `T`, an offset (`Z` or `+hh:mm`), at most nine
/// fractional digits and no leap second; it is written with `Z` and no more digits than it needs.
///
/// ```
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::{ErrorCode, Timestamp};
/// let instant: Timestamp = "2022-02-24T14:45:10.50+01:00".parse()?;
/// assert_eq!(instant.to_string(), "2022-02-24T13:45:10.5Z");
/// for inexact in ["2022-02-24 13:45:10Z", "2022-02-24T13:45:10", "2016-12-31T23:59:60Z"] {
///     let refused = inexact.parse::<Timestamp>().unwrap_err();
///     assert_eq!(refused.code(), ErrorCode::InvalidRequest);
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

const RULE: &str = "must be an RFC 3339 date-time such as `2022-02-24T13:45:10Z`: with `T`, an \
                    offset, at most 9 fractional digits, no leap second, years 0001 to 9999";

impl Timestamp {
    /// The last instant that can be kept.
    pub const MAX: Self = match NaiveDate::from_ymd_opt(9999, 12, 31) {
        Some(date) => match date.and_hms_nano_opt(23, 59, 59, 999_999_999) {
            Some(last) => Self(last.and_utc()),
            None => Self(DateTime::<Utc>::MAX_UTC),
        },
        None => Self(DateTime::<Utc>::MAX_UTC),
    };

    /// The instant this many seconds and nanoseconds after 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// `invalid_request` where the year is not 1 to 9999, or the nanoseconds pass a second.
    ///
    /// ```
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{ErrorCode, Timestamp};
    /// let instant = Timestamp::from_unix(1_645_710_310, 500_000_000)?;
    /// assert_eq!(instant.to_string(), "2022-02-24T13:45:10.5Z");
    /// let refused = Timestamp::from_unix(0, 1_000_000_000).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::InvalidRequest);
    /// # Ok(()) }
    /// ```
    pub fn from_unix(seconds: i64, nanoseconds: u32) -> Result<Self, LedgerError> {
        DateTime::from_timestamp(seconds, nanoseconds)
            .and_then(Self::in_range)
            .ok_or_else(Self::fault)
    }

    fn in_range(instant: DateTime<Utc>) -> Option<Self> {
        (1..=9999).contains(&instant.year()).then_some(())?;
        // chrono keeps a leap second as more than a second's nanoseconds.
        (instant.nanosecond() < 1_000_000_000).then_some(Self(instant))
    }

    fn fault() -> LedgerError {
        LedgerError::invalid_field("timestamp", "invalid_format", RULE)
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded towards the past.
    pub fn unix_seconds(self) -> i64 {
        self.0.timestamp()
    }

    /// Milliseconds since 1970-01-01T00:00:00Z, rounded towards the past.
    pub fn unix_millis(self) -> i64 {
        self.0.timestamp_millis()
    }

    /// Nanoseconds past the whole second, 0 to 999999999.
    pub fn subsec_nanos(self) -> u32 {
        self.0.nanosecond()
    }

    /// How many nanoseconds this instant lies after the other; negative where it lies before.
    pub fn nanos_since(self, other: Self) -> i128 {
        let nanos = |t: Self| {
            i128::from(t.unix_seconds())
                .saturating_mul(1_000_000_000)
                .saturating_add(i128::from(t.subsec_nanos()))
        };
        nanos(self).saturating_sub(nanos(other))
    }

    /// The instant as text of fixed width (30 bytes, nine fractional digits), whose order as text
    /// is the order in time.
    pub fn to_fixed_width(self) -> String {
        let (date, time) = (self.0.date_naive(), self.0.time());
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z",
            date.year(),
            date.month(),
            date.day(),
            time.hour(),
            time.minute(),
            time.second(),
            time.nanosecond()
        )
    }
}

/// The two decimal digits at `at`.
fn two(bytes: &[u8], at: usize) -> Option<u32> {
    number(bytes.get(at..at.checked_add(2)?)?)
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |value, byte| {
        let digit = char::from(*byte).to_digit(10)?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

fn parse(text: &str) -> Option<Timestamp> {
    // Everything is checked here, since chrono takes a space for the `T`, leap seconds and more.
    let bytes = text.as_bytes();
    let is = |at: usize, byte: u8| bytes.get(at) == Some(&byte);
    if !(is(4, b'-') && is(7, b'-') && is(10, b'T') && is(13, b':') && is(16, b':')) {
        return None;
    }
    let year = i32::try_from(number(bytes.get(..4)?)?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, two(bytes, 5)?, two(bytes, 8)?)?;
    let rest = bytes.get(19..)?;
    let (nanos, offset) = match rest.strip_prefix(b".") {
        None => (0, rest),
        Some(rest) => {
            let length = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            let missing = u32::try_from(9_usize.checked_sub(length)?).ok()?;
            if length == 0 {
                return None;
            }
            let (digits, offset) = rest.split_at_checked(length)?;
            (
                number(digits)?.checked_mul(10_u32.checked_pow(missing)?)?,
                offset,
            )
        }
    };
    let local = date.and_hms_nano_opt(two(bytes, 11)?, two(bytes, 14)?, two(bytes, 17)?, nanos)?;
    let offset_minutes = match offset {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (two(offset, 1)?, two(offset, 4)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let minutes = i64::from(hours.checked_mul(60)?.checked_add(minutes)?);
            if *sign == b'-' {
                minutes.checked_neg()?
            } else {
                minutes
            }
        }
        _ => return None,
    };
    let instant = local
        .and_utc()
        .checked_sub_signed(chrono::TimeDelta::try_minutes(offset_minutes)?)?;
    Timestamp::in_range(instant)
}

impl FromStr for Timestamp {
    type Err = LedgerError;

    /// Reads an RFC 3339 date-time.
    ///
    /// # Errors
    /// `invalid_request` for anything that the type does not take.
    fn from_str(text: &str) -> Result<Self, LedgerError> {
        parse(text).ok_or_else(Self::fault)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fixed = self.to_fixed_width();
        let shortest = fixed
            .trim_end_matches('Z')
            .trim_end_matches('0')
            .trim_end_matches('.');
        write!(f, "{shortest}Z")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The period that a refund is for: `period_start_datetime` and `period_end_datetime` of the
/// contract's requests. Each end is optional; with both, the start is before the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

impl Period {
    /// A period with the ends that are known.
    ///
    /// # Errors
    /// `invalid_request` on `period_end_datetime` where the start is not before the end.
    ///
    /// ```
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{ErrorCode, Period};
    /// let start = Some("2022-01-31T23:00:00Z".parse()?);
    /// let end = Some("2022-02-28T22:59:59.999999999Z".parse()?);
    /// assert_eq!(Period::new(start, end)?.start(), start);
    /// assert_eq!(Period::new(start, None)?.end(), None);
    /// let refused = Period::new(end, start).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::InvalidRequest);
    /// # Ok(()) }
    /// ```
    pub fn new(start: Option<Timestamp>, end: Option<Timestamp>) -> Result<Self, LedgerError> {
        if let (Some(start), Some(end)) = (start, end)
            && start >= end
        {
            return Err(LedgerError::invalid_field(
                "period_end_datetime",
                "out_of_range",
                "must be after `period_start_datetime`",
            ));
        }
        Ok(Self { start, end })
    }

    /// `period_start_datetime`.
    pub fn start(&self) -> Option<Timestamp> {
        self.start
    }

    /// `period_end_datetime`.
    pub fn end(&self) -> Option<Timestamp> {
        self.end
    }
}
