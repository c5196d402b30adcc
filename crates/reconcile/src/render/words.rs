//! What a report says in words.

use refund_ledger::Currency;

use super::About;
use super::cell::{Amount, Count, day_and_time};
use super::sums::of_reason;
use crate::line::Source;
use crate::report::{Reason, Report};

impl Reason {
    /// The reason as a heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::MissingInLedger => "Missing in the ledger",
            Self::MissingInStatement => "Missing in the statement",
            Self::AmountMismatch => "Amounts differ",
            Self::CurrencyMismatch => "Currencies differ",
            Self::DateOutsideWindow => "Dates too far apart",
            Self::DuplicateInStatement => "Twice in the statement",
            Self::LedgerRefundDeleted => "Deleted in the ledger, yet paid",
            Self::UnreadableLine => "Lines that can't be read",
        }
    }

    /// What it means, in a sentence for somebody who works with the figures.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::MissingInLedger => {
                "The provider gave money back, and the ledger knows no such refund."
            }
            Self::MissingInStatement => {
                "The ledger has a refund, and the statement has no line for it."
            }
            Self::AmountMismatch => {
                "Statement and ledger have the same refund with different amounts. Where a refund \
                 has several lines, their sum is compared."
            }
            Self::CurrencyMismatch => {
                "The statement has the refund in another currency than the ledger. Each is listed \
                 twice, once in each currency; the two rows have one pair number."
            }
            Self::DateOutsideWindow => {
                "The amounts agree, but the dates are further apart than was allowed."
            }
            Self::DuplicateInStatement => {
                "The refund has its line in the statement already; this is one more for it."
            }
            Self::LedgerRefundDeleted => {
                "The provider gave money back for a refund that was deleted in the ledger."
            }
            Self::UnreadableLine => {
                "Nobody knows what these lines say, so their money is in no total."
            }
        }
    }

    /// What to do about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::MissingInLedger => {
                "Find out who gave the money back. Record the refund if it is right, or ask the \
                 provider why it was paid. If the ledger has it under another reference, give a \
                 file of keys that says which stands for which."
            }
            Self::MissingInStatement => {
                "Look into the next statement, since the provider may pay later. If it is not \
                 there either, ask the provider; if it was never paid, pay it or delete it in \
                 the ledger."
            }
            Self::AmountMismatch => {
                "Compare both with what the customer was promised. Correct the refund in the \
                 ledger, or settle the difference with the provider. Fees that were taken off \
                 are a frequent cause."
            }
            Self::CurrencyMismatch => {
                "Check in which currency the customer paid. If the provider converted the money, \
                 take a report that has the customer's amounts; else correct the ledger."
            }
            Self::DateOutsideWindow => {
                "If the provider was only slow, allow more days between the two. Else check \
                 whether the line belongs to another refund with the same reference."
            }
            Self::DuplicateInStatement => {
                "Check whether the customer got the money twice, and claim it back if so. If it \
                 was another refund, record it in the ledger."
            }
            Self::LedgerRefundDeleted => {
                "If the money has left, record the refund anew, with a new reference. Else have \
                 the provider take it back."
            }
            Self::UnreadableLine => {
                "Mend the lines, or get the statement anew, and reconcile once more."
            }
        }
    }
}

impl Source {
    /// The name as people write it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Stripe => "Stripe",
            Self::Adyen => "Adyen",
            Self::PayPal => "PayPal",
            Self::Camt053 => "bank statement (camt.053)",
            Self::Csv => "table (CSV)",
        }
    }
}

/// How a reconciliation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Agrees,
    Differs,
    Incomplete,
    /// Neither side had anything, which somebody has to know.
    Nothing,
}

/// The outcome, said plainly.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    pub(crate) heading: &'static str,
    pub(crate) sentences: Vec<String>,
}

/// More currencies than this are left to the table.
const CURRENCIES_IN_WORDS_MAX: usize = 4;

pub(crate) fn verdict(report: &Report, about: &About<'_>) -> Verdict {
    let unreadable = of_reason(report, Reason::UnreadableLine).count();
    let breaks = report.breaks.len().saturating_sub(unreadable);
    let nothing = breaks == 0 && report.matched == 0 && report.totals.is_empty();
    let (outcome, heading) = match (nothing, breaks, unreadable) {
        (true, _, 0) => (Outcome::Nothing, "There was nothing to compare"),
        (true, ..) => (
            Outcome::Incomplete,
            "Nothing could be compared: the result is incomplete",
        ),
        (_, 0, 0) => (Outcome::Agrees, "The statement and the ledger agree"),
        (_, 0, _) => (
            Outcome::Incomplete,
            "What could be read agrees, but the result is incomplete",
        ),
        (_, _, 0) => (
            Outcome::Differs,
            "The statement and the ledger do not agree",
        ),
        (..) => (
            Outcome::Differs,
            "The statement and the ledger do not agree, and the result is incomplete",
        ),
    };
    let mut sentences = Vec::new();
    if nothing && unreadable == 0 {
        sentences.push(
            "Neither the statement nor the ledger has a refund in the period. If there should be \
             some, check the period, the org and the file."
                .to_owned(),
        );
    } else {
        sentences.push(counted(
            report.matched,
            "line of the statement agrees with the ledger.",
            "lines of the statement agree with the ledger.",
        ));
    }
    if breaks > 0 {
        sentences.push(counted(
            length(breaks),
            "difference was found. It is listed with what it means and what to do.",
            "differences were found. They are listed by reason, with what each means and what to \
             do.",
        ));
        sentences.extend(totals_in_words(report));
    }
    if unreadable > 0 {
        sentences.push(counted(
            length(unreadable),
            "line of the statement can't be read. Its money is in no figure of this report, so \
             the true totals may be others.",
            "lines of the statement can't be read. Their money is in no figure of this report, \
             so the true totals may be others.",
        ));
    }
    sentences.extend(tolerated_in_words(report, about));
    Verdict {
        outcome,
        heading,
        sentences,
    }
}

pub(crate) fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// `1 line`, `2 lines`.
pub(crate) fn counted(count: u64, one: &str, several: &str) -> String {
    format!(
        "{} {}",
        Count(count),
        if count == 1 { one } else { several }
    )
}

fn totals_in_words(report: &Report) -> Vec<String> {
    if report.totals.len() > CURRENCIES_IN_WORDS_MAX {
        return Vec::new();
    }
    let sentence = |(currency, minor): (Currency, i128)| {
        let amount = absolute(minor, currency);
        match minor {
            0 => format!("In {currency} the two totals are the same."),
            1.. => format!("The statement gave back {amount} more than the ledger has."),
            _ => format!("The statement gave back {amount} less than the ledger has."),
        }
    };
    let totals = report.totals.iter();
    totals
        .map(|(currency, totals)| sentence((*currency, totals.difference_minor())))
        .collect()
}

fn absolute(minor: i128, currency: Currency) -> Amount {
    Amount(minor.saturating_abs(), currency)
}

fn tolerated_in_words(report: &Report, about: &About<'_>) -> Option<String> {
    let tolerated = report
        .totals
        .iter()
        .filter(|(_, totals)| totals.tolerated_minor != 0);
    let sums: Vec<_> = tolerated
        .map(|(currency, totals)| Amount(totals.tolerated_minor, *currency).to_string())
        .collect();
    if sums.is_empty() {
        return None;
    }
    let most = tolerance(about);
    Some(format!(
        "Differences of {most} were let pass; they add up to {}.",
        sums.join(", ")
    ))
}

/// What differences are matches, in words.
pub(crate) fn tolerance(about: &About<'_>) -> String {
    match about.options.tolerance_minor {
        0 => "none".to_owned(),
        minor => format!("at most {}", counted(minor, "minor unit", "minor units")),
    }
}

/// The period in words, in UTC.
pub(crate) fn period(about: &About<'_>) -> String {
    let period = &about.options.period;
    match (period.from, period.to) {
        (None, None) => "all time".to_owned(),
        (Some(from), None) => format!("from {}", day_and_time(from)),
        (None, Some(to)) => format!("before {}", day_and_time(to)),
        (Some(from), Some(to)) => {
            format!("from {}, before {}", day_and_time(from), day_and_time(to))
        }
    }
}
