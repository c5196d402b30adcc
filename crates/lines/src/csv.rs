//! CSV with a header of flattened names.

use std::io::{self, BufRead};

use refund_ledger::{LedgerError, excerpt, wire};

use crate::raw_rows::{RawRows, malformed};
use crate::{RawLine, row};

/// Why the rows of a file can't be begun with.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// The source can't be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The header is none, in words that follow its name.
    #[error("the header {0}")]
    Invalid(String),
}

/// The rows of a file.
#[derive(Debug)]
pub struct CsvRows<R> {
    raw: RawRows<R>,
    columns: Vec<&'static str>,
}

impl<R: BufRead> CsvRows<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// Where the source can't be read, or its first row is no header.
    pub fn begin(source: R) -> Result<Self, HeaderError> {
        let mut raw = RawRows::new(source);
        raw.skip_byte_order_mark()?;
        let columns = if raw.next()? {
            raw.cells()
                .map_err(|error| error.to_string())
                .and_then(|cells| columns(&cells))
                .map_err(HeaderError::Invalid)?
        } else {
            // An empty file has no rows.
            Vec::new()
        };
        Ok(Self { raw, columns })
    }

    /// The next row that has something in it; `None` at the end.
    ///
    /// # Errors
    /// Where the source can't be read.
    pub fn next_line(&mut self) -> io::Result<Option<RawLine>> {
        while self.raw.next()? {
            let parsed = match self.raw.cells() {
                Ok(cells) if cells.iter().all(|cell| cell.trim().is_empty()) => continue,
                Ok(cells) => self.parse(&cells),
                Err(error) => Err(error),
            };
            return Ok(Some(RawLine {
                number: self.raw.number,
                input: self.raw.text(),
                parsed,
            }));
        }
        Ok(None)
    }

    fn parse(&self, cells: &[&str]) -> Result<wire::Line, LedgerError> {
        if cells.len() != self.columns.len() {
            return Err(malformed(format!(
                "the row has {} cells; the header has {}",
                cells.len(),
                self.columns.len()
            )));
        }
        let row: Vec<(&'static str, &str)> = self
            .columns
            .iter()
            .copied()
            .zip(cells.iter().copied())
            .collect();
        wire::parse_line(row::to_line(&row).as_bytes())
    }
}

/// The columns that a header names, or what is wrong with it.
fn columns(cells: &[&str]) -> Result<Vec<&'static str>, String> {
    let mut columns = Vec::with_capacity(cells.len());
    for cell in cells {
        let Some(column) = row::column(cell) else {
            let hint = if cell.contains([';', '\t', '|']) {
                "; cells are separated by commas"
            } else {
                ""
            };
            return Err(format!("has the unknown column `{}`{hint}", excerpt(cell)));
        };
        if columns.contains(&column) {
            return Err(format!("has the column `{column}` twice"));
        }
        columns.push(column);
    }
    if !columns.contains(&"op") {
        return Err("lacks the column `op`".into());
    }
    Ok(columns)
}
