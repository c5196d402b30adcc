//! CSV with a header of flattened names.

use std::io;
use std::path::Path;

use refund_ledger::{LedgerError, excerpt, wire};

use super::inputs::{RawLine, Source};
use super::rows::{RawRows, malformed};
use crate::failure::Failure;
use crate::row;

/// The rows of a file.
pub(super) struct CsvRows {
    raw: RawRows,
    columns: Vec<&'static str>,
}

impl CsvRows {
    /// Reads the header.
    pub(super) fn begin(source: Source, path: &Path) -> Result<Self, Failure> {
        let mut raw = RawRows::new(source);
        let read = raw
            .skip_byte_order_mark()
            .and_then(|()| raw.next())
            .map_err(|error| Failure::file("read", path, error))?;
        let columns = if read {
            raw.cells()
                .map_err(|error| error.to_string())
                .and_then(|cells| columns(&cells))
                .map_err(|why| {
                    Failure::Usage(format!("the header of `{}` {why}", path.display()))
                })?
        } else {
            // An empty file has no rows.
            Vec::new()
        };
        Ok(Self { raw, columns })
    }

    /// The next row that has something in it.
    pub(super) fn next(&mut self) -> io::Result<Option<RawLine>> {
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
