//! A reconciliation under way.

use std::mem;

use refund_ledger::{Id, LedgerError};
use refund_reconcile::{
    OrgError, ReadOptions, ReconcileOptions, Reconciliation, org_of, read_references,
    read_statement,
};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::export::{Export, add_refunds};
use crate::fault::{thrown, unreadable};
use crate::found::Found;
use crate::memory::make_room;
use crate::options::Options;
use crate::pieces::{Pieces, Told};

/// Takes the files: the references first, then ledger and statement, and then compares.
#[wasm_bindgen]
pub struct Work {
    read: ReadOptions,
    options: ReconcileOptions,
    org: Option<Id>,
    both: Reconciliation,
    references: Pieces,
    export: Export,
    statement: Pieces,
}

#[wasm_bindgen]
impl Work {
    /// Takes the options as JSON.
    ///
    /// # Errors
    /// What is wrong with them, as JSON.
    #[wasm_bindgen(constructor)]
    pub fn new(options: &str) -> Result<Work, String> {
        Self::with(options).map_err(|error| thrown(&error))
    }

    fn with(text: &str) -> Result<Self, LedgerError> {
        let given: Options = serde_json::from_str(text).map_err(|error| {
            LedgerError::new(
                refund_ledger::ErrorCode::Internal,
                format!("the options are wrong: {error}"),
            )
        })?;
        let (read, options) = (given.read()?, given.reconcile()?);
        Ok(Self {
            org: given.org()?,
            both: Reconciliation::new(read.source(), options),
            read,
            options,
            references: Pieces::default(),
            export: Export::new(),
            statement: Pieces::default(),
        })
    }

    /// Takes the next piece of the file of references.
    #[wasm_bindgen(js_name = addReferences)]
    pub fn add_references(&mut self, piece: Vec<u8>) {
        self.references.add(piece);
    }

    /// Reads the references.
    ///
    /// # Errors
    /// What is wrong with them, as JSON.
    #[wasm_bindgen(js_name = readReferences)]
    pub fn read_references(&mut self) -> Result<(), String> {
        read_references(mem::take(&mut self.references), &mut self.both)
            .map_err(|error| thrown(&unreadable("keys", &error)))
    }

    /// Takes the next piece of the ledger's export. Answers how many lines have been read.
    ///
    /// # Errors
    /// What is wrong with a line, as JSON.
    #[wasm_bindgen(js_name = addLedger)]
    pub fn add_ledger(&mut self, piece: &[u8]) -> Result<f64, String> {
        make_room();
        self.export.add(piece).map_err(|error| thrown(&error))?;
        #[expect(clippy::cast_precision_loss, reason = "no file has 2^53 lines")]
        Ok(self.export.lines() as f64)
    }

    /// Ends the ledger's export, and takes its refunds. A file without a line is none; the export of
    /// a ledger may be one.
    ///
    /// # Errors
    /// What is wrong with it or with the org, as JSON.
    #[wasm_bindgen(js_name = endLedger)]
    pub fn end_ledger(&mut self, is_file: bool) -> Result<(), String> {
        self.take_ledger(is_file).map_err(|error| thrown(&error))
    }

    fn take_ledger(&mut self, is_file: bool) -> Result<(), LedgerError> {
        let export = mem::replace(&mut self.export, Export::new());
        let ledger = export.finish(is_file)?;
        self.org = org_of(&ledger, self.org.as_ref()).map_err(|error| match error {
            OrgError::Ledger(error) => error,
            OrgError::Several { .. } => {
                LedgerError::invalid_field("org_id", "required", format!("is needed: {error}"))
            }
            other => {
                LedgerError::invalid_field("org_id", "not_allowed", format!("is wrong: {other}"))
            }
        })?;
        match &self.org {
            Some(org) => add_refunds(&ledger, org, &mut self.both),
            None => Ok(()),
        }
    }

    /// Takes the next piece of the statement.
    #[wasm_bindgen(js_name = addStatement)]
    pub fn add_statement(&mut self, piece: Vec<u8>) {
        make_room();
        self.statement.add(piece);
    }

    /// Reads the statement.
    ///
    /// # Errors
    /// What makes all of it useless, as JSON.
    #[wasm_bindgen(js_name = readStatement)]
    pub fn read_statement(&mut self) -> Result<(), String> {
        let source = Told {
            source: mem::take(&mut self.statement),
            bytes: 0,
        };
        let mut taken = Ok(());
        let read = read_statement(source, &self.read, &mut |item| {
            if taken.is_ok() {
                taken = self.both.item(item);
            }
        });
        let unreadable = |why: &dyn std::fmt::Display| thrown(&unreadable("statement", why));
        taken.map_err(|error| unreadable(&error))?;
        read.map_err(|error| unreadable(&error))
    }

    /// Compares both sides.
    ///
    /// # Errors
    /// Why they can't be compared, as JSON.
    pub fn compare(self) -> Result<Found, String> {
        let report = self.both.finish();
        let report = report.map_err(|error| thrown(&unreadable("ledger", &error)))?;
        Ok(Found {
            report,
            org: self.org,
            options: self.options,
        })
    }
}
