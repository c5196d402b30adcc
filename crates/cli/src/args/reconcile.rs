//! The options of `reconcile`.

use std::path::PathBuf;

use clap::Args;
use refund_ledger::{Id, Timestamp};
use refund_reconcile::{ColumnMap, Source, instant_or_day};

/// `reconcile`
#[derive(Args, Debug)]
pub(crate) struct Reconcile {
    /// The provider's or bank's file; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) statement: PathBuf,
    /// Where the statement comes from
    #[arg(long, value_name = "stripe|adyen|paypal|camt053|csv")]
    pub(crate) source: Source,
    /// Which columns of the statement mean what, and how its values are written: NAME=VALUE,
    /// separated by commas, such as `key=Reference,amount=Amount,currency=Currency,date=Date`. A
    /// value that holds a comma stands in double quotes. `csv` needs one; other sources allow it for
    /// what their format leaves open, `key` among it
    #[arg(long, value_name = "NAME=VALUE,…")]
    pub(crate) map: Option<ColumnMap>,
    /// Which external id each reference of the provider stands for: CSV of two columns, the
    /// reference and the external id. A header is not needed
    #[arg(long, value_name = "FILE.csv")]
    pub(crate) keys: Option<PathBuf>,
    /// The org whose refunds are compared; needed where the ledger holds several
    #[arg(long, value_name = "ID")]
    pub(crate) org: Option<Id>,
    /// Reconcile what is dated at this instant or later: RFC 3339, or a day such as 2026-03-01,
    /// which begins at midnight UTC
    #[arg(long, value_name = "INSTANT", value_parser = instant_or_day)]
    pub(crate) from: Option<Timestamp>,
    /// Reconcile what is dated before this instant or day
    #[arg(long, value_name = "INSTANT", value_parser = instant_or_day)]
    pub(crate) to: Option<Timestamp>,
    /// Take a refund and its lines as equal up to so many minor units, such as cents; what was let
    /// pass stands in the totals
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) tolerance_minor: u64,
    /// How many days a refund and its line may be apart; so many days beyond the period are looked
    /// at, too
    #[arg(long, value_name = "D", default_value_t = 5)]
    pub(crate) window_days: u32,
    /// Also say which lines and refunds without a partner agree in amount and date with one other
    /// alone. They stay breaks
    #[arg(long)]
    pub(crate) propose: bool,
    /// Write the whole report to this file, in the form of its ending: .html, .csv, .json or .xlsx.
    /// Any number of them; each appears only once it is complete
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) report: Vec<PathBuf>,
}
