//! Dates as statements write them, and the zones that they are in.

use chrono::format::{Item as Code, Parsed, StrftimeItems, parse};
use chrono::{
    DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeZone as _, Utc,
};
use refund_ledger::Timestamp;

use crate::money::shown;

/// A date as it is written: a time and an offset may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) day: NaiveDate,
    pub(crate) time: Option<NaiveTime>,
    pub(crate) offset: Option<FixedOffset>,
}

fn utc() -> FixedOffset {
    Utc.fix()
}

impl Civil {
    /// Reads a date whose year stands first: `2026-03-02`, `2026/03/02 10:15`,
    /// `2026-03-02T10:15:30.5+01:00`.
    ///
    /// It is nothing where the year doesn't stand first, or the day does not exist.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (day, rest) = text.as_bytes().split_at_checked(10)?;
        let [y1, y2, y3, y4, mark, m1, m2, second_mark, d1, d2] = day else {
            return None;
        };
        if mark != second_mark || !matches!(mark, b'-' | b'/') {
            return None;
        }
        let year = number(&[*y1, *y2, *y3, *y4])?;
        let year = i32::try_from(year).ok().filter(|year| *year > 0)?;
        let day = NaiveDate::from_ymd_opt(year, number(&[*m1, *m2])?, number(&[*d1, *d2])?)?;
        let (time, rest) = match rest {
            [b'T' | b' ', b'0'..=b'9', ..] => {
                let (time, rest) = read_time(rest.get(1..)?)?;
                (Some(time), rest)
            }
            _ => (None, rest),
        };
        // A space may stand before it.
        let offset = match rest.strip_prefix(b" ").unwrap_or(rest) {
            [] => None,
            rest => Some(read_offset(rest)?),
        };
        Some(Self { day, time, offset })
    }

    /// The instant; an offset of its own goes before the zone, and no time is midnight.
    pub(crate) fn at(self, zone: Option<FixedOffset>) -> Option<Timestamp> {
        let local = NaiveDateTime::new(self.day, self.time.unwrap_or(NaiveTime::MIN));
        let offset = self.offset.or(zone).unwrap_or_else(utc);
        timestamp(offset.from_local_datetime(&local).single()?)
    }
}

fn timestamp(instant: DateTime<FixedOffset>) -> Option<Timestamp> {
    Timestamp::from_unix(instant.timestamp(), instant.timestamp_subsec_nanos()).ok()
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |value, byte| {
        let digit = char::from(*byte).to_digit(10)?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// `hh:mm`, with seconds and their fraction or without.
fn read_time(text: &[u8]) -> Option<(NaiveTime, &[u8])> {
    let [h1, h2, b':', m1, m2, rest @ ..] = text else {
        return None;
    };
    let (seconds, rest) = match rest {
        [b':', s1, s2, rest @ ..] => (number(&[*s1, *s2])?, rest),
        _ => (0, rest),
    };
    let (nanos, rest) = match rest.strip_prefix(b".") {
        None => (0, rest),
        Some(rest) => {
            let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let missing = u32::try_from(9_usize.checked_sub(length)?).ok()?;
            let (digits, rest) = rest.split_at_checked(length).filter(|_| length > 0)?;
            (
                number(digits)?.checked_mul(10_u32.checked_pow(missing)?)?,
                rest,
            )
        }
    };
    let time =
        NaiveTime::from_hms_nano_opt(number(&[*h1, *h2])?, number(&[*m1, *m2])?, seconds, nanos)?;
    Some((time, rest))
}

/// `Z`, `+hh:mm` or `+hhmm`.
fn read_offset(text: &[u8]) -> Option<FixedOffset> {
    let (sign, hours, minutes) = match text {
        [b'Z'] => return Some(utc()),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] | [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            (*sign, number(&[*h1, *h2])?, number(&[*m1, *m2])?)
        }
        _ => return None,
    };
    if minutes > 59 {
        return None;
    }
    let seconds = hours
        .checked_mul(60)?
        .checked_add(minutes)?
        .checked_mul(60)?;
    let seconds = i32::try_from(seconds).ok()?;
    match sign {
        b'-' => FixedOffset::west_opt(seconds),
        _ => FixedOffset::east_opt(seconds),
    }
}

/// Reads the value of `time_zone`.
pub(crate) fn parse_zone(value: &str) -> Result<FixedOffset, &'static str> {
    if value.eq_ignore_ascii_case("utc") {
        return Ok(utc());
    }
    read_offset(value.as_bytes()).ok_or("`UTC` or an offset such as `+01:00`")
}

/// What an abbreviation of a time zone says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Abbreviation {
    Known(FixedOffset),
    /// It stands for several zones, none likelier than the others.
    Ambiguous,
    Unknown,
}

/// Reads the abbreviation of a time zone, as Adyen's reports print it.
///
/// `CST` is read as the one of North America, and `BST` as British Summer Time. What stands for
/// several zones alike (India, Ireland and Israel share `IST`) is told apart by nobody.
pub(crate) fn abbreviation(text: &str) -> Abbreviation {
    let minutes: i32 = match text {
        "UTC" | "GMT" | "WET" | "Z" => 0,
        "CET" | "WEST" | "BST" => 60,
        "CEST" | "EET" | "SAST" => 120,
        "EEST" | "MSK" | "TRT" => 180,
        "SGT" | "HKT" | "AWST" => 480,
        "JST" | "KST" => 540,
        "ACST" => 570,
        "AEST" => 600,
        "ACDT" => 630,
        "AEDT" => 660,
        "NZST" => 720,
        "NZDT" => 780,
        "BRT" | "ADT" => -180,
        "BRST" => -120,
        "NST" => -210,
        "NDT" => -150,
        "EDT" => -240,
        "EST" | "CDT" => -300,
        "CST" | "MDT" => -360,
        "MST" | "PDT" => -420,
        "PST" | "AKDT" => -480,
        "AKST" => -540,
        "HST" => -600,
        "IST" | "AST" | "GST" | "SST" => return Abbreviation::Ambiguous,
        _ => return Abbreviation::Unknown,
    };
    match minutes.checked_mul(60).and_then(FixedOffset::east_opt) {
        Some(offset) => Abbreviation::Known(offset),
        None => Abbreviation::Unknown,
    }
}

/// How the dates of a table are written.
#[derive(Clone, Debug, Default)]
pub(crate) enum DateFormat {
    /// The year first, as ISO 8601 has it.
    #[default]
    Iso,
    /// By chrono's codes, which are compiled once.
    Codes(Vec<Code<'static>>),
}

impl DateFormat {
    pub(crate) fn parse(value: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "`iso`, or codes that give a whole day, such as `%d/%m/%Y` or \
                                `%Y-%m-%d %H:%M:%S`";
        if value.eq_ignore_ascii_case("iso") {
            return Ok(Self::Iso);
        }
        let codes = StrftimeItems::new(value)
            .parse_to_owned()
            .map_err(|_| EXPECTED)?;
        // A day that is written and read again must be the same, or the codes leave something out.
        let day = NaiveDate::from_ymd_opt(2001, 12, 13).ok_or(EXPECTED)?;
        let sample = utc().from_utc_datetime(&NaiveDateTime::new(day, NaiveTime::MIN));
        let mut written = String::new();
        std::fmt::write(
            &mut written,
            format_args!("{}", sample.format_with_items(codes.iter())),
        )
        .map_err(|_| EXPECTED)?;
        let read = read_by_codes(&codes, &written, None);
        if read != timestamp(sample) {
            return Err(EXPECTED);
        }
        Ok(Self::Codes(codes))
    }

    /// Reads a date; without an offset it is in the zone, without one of those in UTC.
    pub(crate) fn read(
        &self,
        column: &str,
        text: &str,
        zone: Option<FixedOffset>,
    ) -> Result<Timestamp, String> {
        if text.is_empty() {
            return Err(format!("`{column}` is empty; it must be a date"));
        }
        match self {
            Self::Iso => Civil::read(text).and_then(|civil| civil.at(zone)).ok_or_else(|| {
                format!(
                    "`{column}` is `{}`; if that is a date, say how it is written, for instance \
                     `date_format=%d/%m/%Y` or `date_format=%m/%d/%Y`",
                    shown(text)
                )
            }),
            Self::Codes(codes) => read_by_codes(codes, text, zone).ok_or_else(|| {
                format!("`{column}` is `{}`, which `date_format` does not fit", shown(text))
            }),
        }
    }
}

fn read_by_codes(
    codes: &[Code<'static>],
    text: &str,
    zone: Option<FixedOffset>,
) -> Option<Timestamp> {
    let mut parsed = Parsed::new();
    parse(&mut parsed, text, codes.iter()).ok()?;
    if let Some(seconds) = parsed.timestamp() {
        return Timestamp::from_unix(seconds, parsed.nanosecond().unwrap_or(0)).ok();
    }
    let day = parsed.to_naive_date().ok()?;
    // A time that was begun must be whole: an hour of twelve needs its half of the day.
    let has_time = parsed.hour_mod_12().is_some() || parsed.hour_div_12().is_some();
    let time = if has_time {
        parsed.to_naive_time().ok()?
    } else {
        NaiveTime::MIN
    };
    let own = parsed.offset().and_then(FixedOffset::east_opt);
    let offset = own.or(zone).unwrap_or_else(utc);
    let instant = offset
        .from_local_datetime(&NaiveDateTime::new(day, time))
        .single()?;
    // chrono keeps a leap second as more than a second's nanoseconds; no ledger has one.
    timestamp(instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(text: &str, zone: &str) -> Option<String> {
        let zone = (!zone.is_empty()).then(|| parse_zone(zone).unwrap());
        let read = DateFormat::Iso.read("d", text, zone);
        read.ok().map(|instant| instant.to_string())
    }

    #[test]
    fn dates_with_the_year_first_are_read() {
        for (text, zone, expected) in [
            ("2026-03-02", "", "2026-03-02T00:00:00Z"),
            ("2026-03-02", "+01:00", "2026-03-01T23:00:00Z"),
            ("2026-03-02 10:15", "", "2026-03-02T10:15:00Z"),
            ("2026-03-02 10:15:30", "-08:00", "2026-03-02T18:15:30Z"),
            (
                "2026-03-02T10:15:30.25Z",
                "+01:00",
                "2026-03-02T10:15:30.25Z",
            ),
            ("2026-03-02T10:15:30+01:00", "", "2026-03-02T09:15:30Z"),
            ("2026/03/02 10:15:00 -0800", "", "2026-03-02T18:15:00Z"),
            ("2026-03-02+01:00", "", "2026-03-01T23:00:00Z"),
            ("2024-02-29", "", "2024-02-29T00:00:00Z"),
        ] {
            assert_eq!(
                iso(text, zone).as_deref(),
                Some(expected),
                "{text} in `{zone}`"
            );
        }
    }

    #[test]
    fn what_is_no_date_or_not_clear_is_refused() {
        for text in [
            "",
            "03/04/2026",
            "3/4/2026",
            "02.03.2026",
            "20260302",
            "2026-3-2",
            "2026-02-30",
            "2026-03/02",
            "2026-03-02T",
            "2026-03-02T10",
            "2026-03-02 25:00",
            "0000-01-01",
            "2026-03-02T23:59:60Z",
            "2026-03-02 10:15:00 CET",
            "2026-03-02 10:15:00.",
            "9999-12-31T23:59:59-01:00",
            "2026-03-02T10:15:00+0860",
            "٢٠٢٦-03-02",
        ] {
            assert_eq!(iso(text, ""), None, "{text}");
        }
        let refused = DateFormat::Iso
            .read("Date", "03/04/2026", None)
            .unwrap_err();
        assert!(
            refused.contains("`date_format=%d/%m/%Y` or `date_format=%m/%d/%Y`"),
            "{refused}"
        );
    }

    #[test]
    fn codes_say_how_a_date_is_written() {
        let read = |codes: &str, text: &str| {
            let format = DateFormat::parse(codes).unwrap();
            format
                .read("d", text, parse_zone("+01:00").ok())
                .ok()
                .map(|at| at.to_string())
        };
        for (codes, text, expected) in [
            ("%d/%m/%Y", "03/04/2026", Some("2026-04-02T23:00:00Z")),
            ("%m/%d/%Y", "03/04/2026", Some("2026-03-03T23:00:00Z")),
            (
                "%d.%m.%y %H:%M",
                "03.04.26 10:15",
                Some("2026-04-03T09:15:00Z"),
            ),
            ("%d %b %Y", "3 Apr 2026", Some("2026-04-02T23:00:00Z")),
            (
                "%d/%m/%Y %I:%M %p",
                "03/04/2026 01:15 PM",
                Some("2026-04-03T12:15:00Z"),
            ),
            (
                "%Y%m%dT%H%M%S%z",
                "20260403T101500-0800",
                Some("2026-04-03T18:15:00Z"),
            ),
            ("%s", "1772445600", Some("2026-03-02T10:00:00Z")),
            ("%d/%m/%Y", "31/04/2026", None),
            ("%d/%m/%Y", "03/04/2026 10:15", None),
            ("%d/%m/%Y", "03-04-2026", None),
            ("%Y-%m-%d %H:%M:%S", "2026-04-03 23:59:60", None),
        ] {
            assert_eq!(read(codes, text).as_deref(), expected, "{text} by {codes}");
        }
        for incomplete in ["%d/%m", "%H:%M", "%Q", "%Y-%m", "%d/%m/%Y %I:%M", "text"] {
            assert!(DateFormat::parse(incomplete).is_err(), "{incomplete}");
        }
    }

    #[test]
    fn zones_by_abbreviation() {
        let known = |text| match abbreviation(text) {
            Abbreviation::Known(offset) => Some(offset.local_minus_utc() / 60),
            _ => None,
        };
        for (text, minutes) in [
            ("UTC", 0),
            ("GMT", 0),
            ("BST", 60),
            ("CET", 60),
            ("CEST", 120),
            ("EST", -300),
            ("EDT", -240),
            ("CST", -360),
            ("CDT", -300),
            ("MST", -420),
            ("MDT", -360),
            ("PST", -480),
            ("PDT", -420),
            ("AEST", 600),
            ("AEDT", 660),
            ("SGT", 480),
            ("JST", 540),
            ("HKT", 480),
            ("NZDT", 780),
        ] {
            assert_eq!(known(text), Some(minutes), "{text}");
        }
        assert_eq!(abbreviation("IST"), Abbreviation::Ambiguous);
        assert_eq!(abbreviation("XYZ"), Abbreviation::Unknown);
        assert_eq!(abbreviation(""), Abbreviation::Unknown);
    }
}
