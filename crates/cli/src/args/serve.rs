//! The options of `serve`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

/// `serve`
#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// Where to listen: an address and a port, 0 for any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) listen: String,
    /// Who may call: a TOML file with tokens (see `refunds token`) or a `[jwt]` table
    #[arg(long, value_name = "FILE")]
    pub(crate) auth: Option<PathBuf>,
    /// Let everybody on this machine do everything; only for trying it out on a loopback address
    #[arg(long, conflicts_with = "auth")]
    pub(crate) insecure_no_auth: bool,
    /// How long a request waits for a store that others keep busy, or that does not answer, before it
    /// is answered with 504 or 502, such as 500ms, 5s or 1m
    #[arg(long, value_name = "TIME", value_parser = parse_time, default_value = "5s")]
    pub(crate) store_timeout: Duration,
    /// How many connections to the PostgreSQL server are open at once; requests that find none free
    /// wait, as for a busy store [default: 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(3..=1_000))]
    pub(crate) store_connections: Option<u16>,
    /// How long a client may take to send the head of a request, its body, or to take an answer
    #[arg(long, value_name = "TIME", value_parser = parse_time, default_value = "30s")]
    pub(crate) client_timeout: Duration,
    /// How many connections are open at once; more wait to be accepted
    #[arg(long, value_name = "N", default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) connections_max: u32,
    /// What the log on standard error looks like
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// What is logged: every request (info), or only what went wrong
    #[arg(long, value_enum, default_value_t = LogLevel::Info)]
    pub(crate) log_level: LogLevel,
}

/// The forms of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    /// What failed inside
    Error,
    /// And what is odd
    Warn,
    /// And every request
    Info,
    /// And connections
    Debug,
}

/// The longest time that can be waited for: a day.
const TIME_MAX: Duration = Duration::from_hours(24);

/// Reads a number with its unit; a number alone is in seconds.
fn parse_time(text: &str) -> Result<Duration, String> {
    let (number, unit_ms) = if let Some(number) = text.strip_suffix("ms") {
        (number, 1)
    } else if let Some(number) = text.strip_suffix('s') {
        (number, 1_000)
    } else if let Some(number) = text.strip_suffix('m') {
        (number, 60_000)
    } else {
        (text, 1_000)
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit_ms))
        .map(Duration::from_millis)
        .filter(|time| (Duration::from_millis(1)..=TIME_MAX).contains(time))
        .ok_or_else(|| "give a time from 1ms to 24 hours, such as 500ms, 5s or 1m".into())
}

#[cfg(test)]
mod tests {
    use super::parse_time;
    use std::time::Duration;

    #[test]
    fn times_have_units() {
        for (text, ms) in [("500ms", 500), ("5s", 5_000), ("5", 5_000), ("2m", 120_000)] {
            assert_eq!(parse_time(text), Ok(Duration::from_millis(ms)), "`{text}`");
        }
        for text in [
            "",
            "s",
            "0s",
            "-1s",
            "1h",
            "1.5s",
            "99999999999999999999s",
            "25000m",
        ] {
            assert!(parse_time(text).is_err(), "`{text}`");
        }
    }
}
