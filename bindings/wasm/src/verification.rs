//! Proof afterwards, over a store in JavaScript: rows are pushed in the order of a scan.

use refund_ledger::wire::ReportBody;
use refund_ledger::{Head, LedgerError, Report, StoreError, Verifier};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::ask::thrown;
use crate::reply;
use crate::rows::RowReader;
use crate::session::store_error;

/// A verification that is under way. It holds one movement at a time.
#[wasm_bindgen]
pub struct Verification {
    verifier: Verifier,
    rows: RowReader,
}

#[wasm_bindgen]
impl Verification {
    /// Begins; `head` is one that was kept from before, as JSON.
    ///
    /// # Errors
    /// What is wrong with the head, as JSON.
    #[wasm_bindgen(constructor)]
    pub fn new(head: Option<String>) -> Result<Verification, String> {
        let kept = read_head(head.as_deref()).map_err(|error| thrown(&error))?;
        Ok(Self {
            verifier: Verifier::new(kept),
            rows: RowReader::default(),
        })
    }

    /// Takes a row of the scan.
    pub fn visit(&mut self, row: &str) {
        if let Some(row) = self.rows.read(row) {
            self.verifier.visit(row.as_row());
        }
    }

    /// The report as JSON, once the scan is through.
    ///
    /// # Errors
    /// None.
    pub fn report(self, position: f64) -> Result<String, String> {
        let report = self.verifier.finish(crate::position(position), None);
        report_text(&report).map_err(|error| thrown(&error))
    }

    /// The head as JSON, once the scan is through.
    ///
    /// # Errors
    /// `store_corrupted` where anything is wrong with the ledger.
    pub fn head(self, position: f64) -> Result<String, String> {
        let report = self.verifier.finish(crate::position(position), None);
        head_text(&report).map_err(|error| thrown(&error))
    }

    /// There is no head where the scan failed in this way.
    ///
    /// # Errors
    /// The failure, as JSON.
    #[wasm_bindgen(js_name = noHead)]
    pub fn no_head(self, kind: &str, reason: String) -> Result<String, String> {
        Err(thrown(&store_error(kind, reason).into()))
    }

    /// The report as JSON where the scan failed in this way.
    ///
    /// # Errors
    /// The failure, where it says nothing about the ledger.
    pub fn failed(self, kind: &str, reason: String) -> Result<String, String> {
        match store_error(kind, reason) {
            error @ (StoreError::Corrupted { .. } | StoreError::Failed { .. }) => {
                let report = self.verifier.finish(0, Some(&error.into()));
                report_text(&report).map_err(|error| thrown(&error))
            }
            error => Err(thrown(&error.into())),
        }
    }
}

pub(crate) fn read_head(text: Option<&str>) -> Result<Option<Head>, LedgerError> {
    text.map(Head::from_json).transpose()
}

pub(crate) fn report_text(report: &Report) -> Result<String, LedgerError> {
    reply::json(&ReportBody::from(report))
}

pub(crate) fn head_text(report: &Report) -> Result<String, LedgerError> {
    match report.findings.first() {
        None => Ok(report.head.to_json()),
        Some(finding) => Err(StoreError::Corrupted {
            reason: finding.message.clone(),
        }
        .into()),
    }
}
