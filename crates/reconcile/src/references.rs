//! A file that says which external id each reference of a provider stands for.

use std::io::{self, Read};

use refund_ledger::Id;
use thiserror::Error;

use crate::read::StatementError;
use crate::reconciliation::Reconciliation;
use crate::rows::{Next, Row, Rows, Split};
use crate::text::Opened;

/// What separates the two columns: the first under which the first row has two.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// What makes a file of references useless.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReferencesError {
    /// The stream fails.
    #[error("the references can't be read: {0}")]
    Io(#[from] io::Error),
    /// Nothing is in it.
    #[error("it is empty")]
    Empty,
    /// It is not text.
    #[error("it is no text: {seen}")]
    Binary {
        /// What it seems to be.
        seen: String,
    },
    /// A line says nothing that could be meant.
    #[error("line {line}: {reason}")]
    Line {
        /// Which.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}

impl From<StatementError> for ReferencesError {
    fn from(error: StatementError) -> Self {
        match error {
            StatementError::Io(error) => Self::Io(error),
            StatementError::Binary { seen } => Self::Binary { seen },
            // Nothing else is found out before the rows are read.
            _ => Self::Empty,
        }
    }
}

/// Reads CSV of two columns, the provider's reference and the external id, for the lines of the
/// statement that are read afterwards (see [`Reconciliation::reference`]). A header needs no rule: it
/// stands for nothing, as no provider calls a refund by it. A comma, a semicolon or a tab separates
/// the columns.
///
/// # Errors
/// The first line that is not two cells, or whose reference stands for another external id already.
///
/// ```
/// use refund_reconcile::{ReconcileOptions, Reconciliation, Source, read_references};
///
/// let mut both = Reconciliation::new(Source::Stripe, ReconcileOptions::default());
/// read_references("reference,external id\nre_1,ticket-1\n".as_bytes(), &mut both)?;
/// let other = "re_1;ticket-2\n".as_bytes();
/// let refused = read_references(other, &mut both).unwrap_err();
/// assert!(refused.to_string().starts_with("line 1: the reference `re_1` stands for two"));
/// # Ok::<(), refund_reconcile::ReferencesError>(())
/// ```
pub fn read_references(input: impl Read, both: &mut Reconciliation) -> Result<(), ReferencesError> {
    let mut rows = Rows::new(Opened::new(input, None)?, b',');
    find_delimiter(&mut rows)?;
    loop {
        let at = |line| move |reason| ReferencesError::Line { line, reason };
        match rows.next()? {
            Next::End => return Ok(()),
            Next::Fault(fault) => return Err(at(fault.line)(fault.reason)),
            Next::Row => match rows.row() {
                Some(row) => pair(&row, both).map_err(at(row.line))?,
                None => return Err(at(rows.line())("the line is not UTF-8".into())),
            },
        }
    }
}

fn find_delimiter<R: Read>(rows: &mut Rows<R>) -> io::Result<()> {
    let mut found = b',';
    for delimiter in DELIMITERS {
        rows.delimiter = delimiter;
        let is_row = matches!(rows.split_here()?, Split::Row { .. });
        if is_row && rows.row().is_some_and(|row| row.len() == 2) {
            found = delimiter;
            break;
        }
    }
    rows.delimiter = found;
    // The first row is still to be read.
    rows.pass(0);
    Ok(())
}

/// Takes one row, or says what is wrong with it.
fn pair(row: &Row<'_>, both: &mut Reconciliation) -> Result<(), String> {
    if row.len() != 2 {
        let cells = match row.len() {
            1 => "one cell".into(),
            several => format!("{several} cells"),
        };
        return Err(format!(
            "it has {cells}, not two: the provider's reference and the external id, separated by a \
             comma, a semicolon or a tab"
        ));
    }
    let (reference, external_id) = (row.get(0), row.get(1));
    if reference.is_empty() {
        return Err("the provider's reference is empty".into());
    }
    if let Err(error) = Id::new(external_id) {
        return Err(format!("`{external_id}` is no external id: {error}"));
    }
    both.reference(reference, external_id)
        .map_err(|error| error.to_string())
}
