//! What a reconciliation finds.

use std::collections::BTreeMap;
use std::fmt;

use refund_ledger::{Currency, RefundId, Timestamp};

use crate::line::Source;

/// Why a line and the ledger don't agree.
///
/// Their order is the one in which reports list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The provider gave money back, and the ledger knows no such refund.
    MissingInLedger,
    /// The ledger has a refund, and the statement has no line for it.
    MissingInStatement,
    /// The two have different amounts.
    AmountMismatch,
    /// The two have different currencies: one break for each, which share a [`Break::pair`].
    CurrencyMismatch,
    /// The amounts agree; the dates are further apart than allowed.
    DateOutsideWindow,
    /// The refund has its line already; this is one more.
    DuplicateInStatement,
    /// The provider gave money back for a refund that the ledger has as deleted.
    LedgerRefundDeleted,
    /// A line that can't be read. It is in no total.
    UnreadableLine,
}

impl Reason {
    /// All reasons, in their order.
    pub const ALL: [Self; 8] = [
        Self::MissingInLedger,
        Self::MissingInStatement,
        Self::AmountMismatch,
        Self::CurrencyMismatch,
        Self::DateOutsideWindow,
        Self::DuplicateInStatement,
        Self::LedgerRefundDeleted,
        Self::UnreadableLine,
    ];

    /// The stable name, as in the JSON report.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingInLedger => "missing_in_ledger",
            Self::MissingInStatement => "missing_in_statement",
            Self::AmountMismatch => "amount_mismatch",
            Self::CurrencyMismatch => "currency_mismatch",
            Self::DateOutsideWindow => "date_outside_window",
            Self::DuplicateInStatement => "duplicate_in_statement",
            Self::LedgerRefundDeleted => "ledger_refund_deleted",
            Self::UnreadableLine => "unreadable_line",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What both sides say, in minor units. A side that is missing counts as 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides {
    /// The currency of both.
    pub currency: Currency,
    /// What the statement gave back.
    pub statement_minor: i128,
    /// What the ledger gave back.
    pub ledger_minor: i128,
}

impl Sides {
    /// Statement less ledger.
    pub fn difference_minor(&self) -> i128 {
        self.statement_minor.saturating_sub(self.ledger_minor)
    }
}

/// Something that does not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// Why.
    pub reason: Reason,
    /// Where in the statement; the line of the earliest date where there are several.
    pub line: Option<u64>,
    /// When that line says that it was.
    pub statement_date: Option<Timestamp>,
    /// The line's key, or the refund's external id where there is no line.
    pub key: Option<Box<str>>,
    /// The refund.
    pub refund_id: Option<RefundId>,
    /// When the ledger says that it was.
    pub ledger_date: Option<Timestamp>,
    /// The amounts; `None` for a line that can't be read.
    pub sides: Option<Sides>,
    /// What two breaks of one currency mismatch share, counted from 1.
    pub pair: Option<u32>,
    /// What is wrong with a line that can't be read.
    pub message: Option<Box<str>>,
}

/// A line and a refund that might belong together: no other of the same amount, currency and time
/// is left on either side. They stay breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Where in the statement.
    pub line: u64,
    /// The line's key.
    pub key: Option<Box<str>>,
    /// The refund.
    pub refund_id: RefundId,
    /// The currency of both.
    pub currency: Currency,
    /// What both gave back, in minor units.
    pub minor: i64,
}

/// The sums of one currency, in minor units.
///
/// INVARIANT: the difference is the sum of the differences of the currency's breaks and of what was
/// tolerated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// What the statement gave back.
    pub statement_minor: i128,
    /// What the ledger gave back.
    pub ledger_minor: i128,
    /// Differences that were small enough to be matches.
    pub tolerated_minor: i128,
}

impl Totals {
    /// Statement less ledger.
    pub fn difference_minor(&self) -> i128 {
        self.statement_minor.saturating_sub(self.ledger_minor)
    }
}

/// What was read of the statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatementCounts {
    /// All its lines: those about refunds, those left out, and those that can't be read.
    pub lines: u64,
    /// Those about refunds, outside of the period too.
    pub refund_lines: u64,
    /// Those left out, by the provider's name of their type.
    pub ignored: BTreeMap<Box<str>, u64>,
}

/// What a reconciliation found. The same inputs give the same report, and the order of the
/// statement's lines changes nothing but line numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Where the statement is from.
    pub source: Source,
    /// What was read of it.
    pub statement: StatementCounts,
    /// How many of its lines agree with the ledger.
    pub matched: u64,
    /// What does not agree: by reason, the largest difference first.
    pub breaks: Vec<Break>,
    /// What might belong together, where that was asked for.
    pub proposals: Vec<Proposal>,
    /// The sums, by currency.
    pub totals: BTreeMap<Currency, Totals>,
}

impl Report {
    /// Whether something could not be read, so that the rest says less than all.
    pub fn is_incomplete(&self) -> bool {
        self.breaks
            .iter()
            .any(|found| found.reason == Reason::UnreadableLine)
    }
}
