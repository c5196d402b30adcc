//! The forms of a report.

use std::io::{self, Write};

use refund_reconcile::{About, Report, write_csv, write_html, write_json, write_xlsx};

/// A form that a report can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Html,
    Csv,
    Json,
    Xlsx,
}

impl Form {
    /// The endings of their files, for people.
    pub(super) const ENDINGS: &str = "`.html`, `.csv`, `.json` or `.xlsx`";

    /// The form of a file with this ending, in lower case.
    pub(super) fn of_ending(ending: &str) -> Option<Self> {
        match ending {
            "html" => Some(Self::Html),
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "xlsx" => Some(Self::Xlsx),
            _ => None,
        }
    }

    /// Writes the whole report.
    pub(super) fn write(
        self,
        report: &Report,
        about: &About<'_>,
        out: &mut (dyn Write + Send),
    ) -> io::Result<()> {
        match self {
            Self::Html => write_html(report, about, out),
            Self::Csv => write_csv(report, out),
            Self::Json => write_json(report, out),
            Self::Xlsx => write_xlsx(report, about, out),
        }
    }
}
