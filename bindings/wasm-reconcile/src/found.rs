//! What a reconciliation found, in its forms.

use std::io::{self, Write};

use refund_ledger::{ErrorCode, Id, LedgerError};
use refund_reconcile::{
    About, ReconcileOptions, Report, title_of, write_csv, write_html, write_json,
};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::fault::thrown;
use crate::options::AboutText;

/// A report.
#[wasm_bindgen]
pub struct Found {
    pub(crate) report: Report,
    pub(crate) org: Option<Id>,
    pub(crate) options: ReconcileOptions,
}

#[wasm_bindgen]
impl Found {
    /// Whose refunds were compared; nothing where the ledger holds none.
    pub fn org(&self) -> Option<String> {
        self.org.as_ref().map(ToString::to_string)
    }

    /// The report for programs.
    ///
    /// # Errors
    /// Where it can't be written, as JSON.
    pub fn json(&self) -> Result<String, String> {
        text(|out| write_json(&self.report, out))
    }

    /// The breaks for spreadsheets.
    ///
    /// # Errors
    /// Where they can't be written, as JSON.
    pub fn csv(&self) -> Result<String, String> {
        text(|out| write_csv(&self.report, out))
    }

    /// The report for people, titled as JSON says.
    ///
    /// # Errors
    /// What is wrong with the title, as JSON.
    pub fn html(&self, about: &str) -> Result<String, String> {
        let about: AboutText =
            serde_json::from_str(about).map_err(|error| failed(&error.to_string()))?;
        let org = self.org.as_ref().map(Id::as_str);
        let title = about.title.unwrap_or_else(|| title_of(org));
        let about = About {
            title: &title,
            statement: about.statement.as_deref().unwrap_or("statement"),
            ledger: about.ledger.as_deref().unwrap_or("ledger"),
            org,
            options: self.options,
            // The same inputs are to give the same bytes.
            made_at: None,
        };
        text(|out| write_html(&self.report, &about, out))
    }
}

fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<String, String> {
    let mut bytes = Vec::new();
    write(&mut bytes).map_err(|error| failed(&error.to_string()))?;
    String::from_utf8(bytes).map_err(|_| failed("it is no UTF-8"))
}

fn failed(why: &str) -> String {
    thrown(&LedgerError::new(
        ErrorCode::Internal,
        format!("the report can't be written: {why}"),
    ))
}
