//! Reads statements of payment providers and banks, line by line, in exact minor units, compares them
//! with a ledger, and writes down what does not agree.
//!
//! ```
//! use refund_reconcile::{Item, ReadOptions, Source, read_statement};
//!
//! let statement = "\
//! Date;Reference;Amount;Currency
//! 02.03.2026;rf-1;1.012,10;EUR
//! 03.03.2026;rf-2;12,1o;EUR
//! ";
//! let map = "key=Reference,amount=Amount,currency=Currency,date=Date,\
//!            date_format=%d.%m.%Y,decimal=\",\",thousands=.";
//! let options = ReadOptions::new(Source::Csv, map.parse()?)?;
//! let mut seen = Vec::new();
//! read_statement(statement.as_bytes(), &options, &mut |item| match item {
//!     Item::Refund(line) => seen.push(format!("{:?} {} {}", line.key, line.minor, line.date)),
//!     Item::Ignored(kind) => seen.push(format!("not a refund: {kind}")),
//!     Item::Unreadable { line, .. } => seen.push(format!("line {line} is unreadable")),
//! })?;
//! assert_eq!(seen, [
//!     r#"Some("rf-1") 101210 2026-03-02T00:00:00Z"#,
//!     "line 3 is unreadable",
//! ]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Formats
//!
//! What each reader takes from a file, in which units and with which signs, its module says; here
//! is what they follow.
//!
//! | source | form | published description | key, by default |
//! |---|---|---|---|
//! | `stripe` | [balance reports](https://docs.stripe.com/reports/balance), [payout reconciliation](https://docs.stripe.com/reports/report-types/payout-reconciliation), the dashboard's history; JSON of the API: [balance transactions](https://docs.stripe.com/api/balance_transactions/object), [refunds](https://docs.stripe.com/api/refunds/object) | [columns](https://docs.stripe.com/reports/report-types/balance), [categories](https://docs.stripe.com/reports/reporting-categories), [minor units](https://docs.stripe.com/currencies) | metadata `external_refund_unique_id` of the refund, else `source_id` |
//! | `adyen` | [settlement details report](https://docs.adyen.com/reporting/settlement-reconciliation/transaction-level/settlement-details-report) | the same page, [time zones](https://docs.adyen.com/reporting/time-zone-setting) | `Modification Merchant Reference`, else `Modification Reference` |
//! | `paypal` | [settlement report](https://developer.paypal.com/docs/reports/sftp-reports/settlement-report/) | the same page, [T-codes](https://developer.paypal.com/reports/reference/t-codes.md) | `Invoice ID`, else `Transaction ID` |
//! | `camt053` | [ISO 20022](https://www.iso20022.org/iso-20022-message-definitions) camt.053.001.02 and later | message definition report "Bank-to-Customer Cash Management", [external code sets](https://www.iso20022.org/catalogue-messages/additional-content-messages/external-code-sets) | `EndToEndId`, else `AcctSvcrRef` |
//! | `csv` | any table with a header ([RFC 4180](https://www.rfc-editor.org/rfc/rfc4180)) | its [`ColumnMap`] | `key=` |
//!
//! # Reports
//!
//! | form | for | what it holds |
//! |---|---|---|
//! | [`write_json`] | programs | everything, in minor units |
//! | [`write_csv`] | spreadsheets and databases | a row for each break, in major and minor units |
//! | [`write_html`] | people | one page that explains itself, with the largest 2,000 breaks of each reason |
//! | `write_xlsx`, with the feature `xlsx` | people with a spreadsheet | a summary, and all breaks as numbers and dates |
//!
//! # What can go wrong
//!
//! What makes the whole file useless is a [`StatementError`]: another format, no content, a column
//! that is missing. What concerns one line is an [`Item::Unreadable`] with its number, and the rest
//! goes on. So is a file that ends before its end. Where that concerns every line, as dates do that
//! may be read in two ways, there is no rest, and the file is refused.
//!
//! # Limits
//!
//! A row, and an element of a list in JSON, has at most 1 MiB, a piece of XML too, and XML at most
//! 64 levels. Files of any length are read in constant memory; the one exception is Stripe's
//! reports, where refunds in another currency than the balance's are remembered, since a failure of
//! one tells only the balance's amount.
//!
//! The crate asks the platform for nothing and builds for `wasm32-unknown-unknown`.

mod dates;
mod encoding;
mod line;
mod matching;
mod money;
mod options;
mod orgs;
mod parts;
mod period;
pub mod read;
mod reconciliation;
mod references;
mod render;
mod report;
mod rows;
mod table;
mod text;
mod texts;

pub use line::{Item, Source, StatementLine};
pub use options::{ColumnMap, OptionsError, ReadOptions};
pub use orgs::{OrgError, org_of};
pub use period::{InvalidInstant, Period, instant_or_day};
pub use read::{StatementError, read_statement};
pub use reconciliation::{
    LedgerRefund, LedgerSide, ReconcileError, ReconcileOptions, Reconciliation, StatementSide,
};
pub use references::{ReferencesError, read_references};
#[cfg(feature = "xlsx")]
pub use render::write_xlsx;
pub use render::{About, harmless, title_of, write_csv, write_html, write_json};
pub use report::{Break, Proposal, Reason, Report, Sides, StatementCounts, Totals};
