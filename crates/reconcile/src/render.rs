//! Reports: what a reconciliation found, as JSON, CSV, HTML or a workbook.
//!
//! The same report gives the same bytes. Nothing is held that grows with the number of breaks,
//! but for a workbook.
//!
//! ```
//! use refund_reconcile::{
//!     About, ReconcileOptions, Reconciliation, Source, write_csv, write_html, write_json,
//! };
//!
//! let options = ReconcileOptions::default();
//! let report = Reconciliation::new(Source::Adyen, options).finish()?;
//! let mut json = Vec::new();
//! write_json(&report, &mut json)?;
//! assert_eq!(
//!     String::from_utf8(json)?,
//!     "{\"source\":\"adyen\",\"incomplete\":false,\"statement\":{\"lines\":0,\"refund_lines\":0,\
//!      \"ignored\":{}},\"matched\":0,\"breaks\":[],\"proposals\":[],\"totals\":{}}\n"
//! );
//! let about = About {
//!     title: "Refunds of March",
//!     statement: "settlement_detail_report_batch_7.csv",
//!     ledger: "refunds.db",
//!     org: Some("acme"),
//!     options,
//!     made_at: Some("2026-04-01T08:00:00Z".parse()?),
//! };
//! let (mut html, mut csv) = (Vec::new(), Vec::new());
//! write_html(&report, &about, &mut html)?;
//! write_csv(&report, &mut csv)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cell;
mod csv;
mod html;
mod json;
mod sums;
mod words;
#[cfg(feature = "xlsx")]
mod xlsx;

use refund_ledger::Timestamp;

use crate::reconciliation::ReconcileOptions;

pub use cell::harmless;
pub use csv::write_csv;
pub use html::write_html;
pub use json::write_json;
#[cfg(feature = "xlsx")]
pub use xlsx::write_xlsx;

/// What a report for people says beside what was found: what was compared, how and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About<'a> {
    /// The heading.
    pub title: &'a str,
    /// The statement, by the name of its file.
    pub statement: &'a str,
    /// The ledger, by the name of its file or of where it is.
    pub ledger: &'a str,
    /// Whose refunds were compared.
    pub org: Option<&'a str>,
    /// How they were compared.
    pub options: ReconcileOptions,
    /// When the report was made, if it is to say so. Without it the same inputs give the same bytes at any
    /// time.
    pub made_at: Option<Timestamp>,
}

/// The heading of a report about the refunds of an org, where none is given.
pub fn title_of(org: Option<&str>) -> String {
    org.map_or("Refunds".into(), |org| format!("Refunds of {org}"))
}
