//! Tables: rows below a header that names their columns.

use std::io::Read;

use crate::read::StatementError;
use crate::rows::{Fault, Next, Row, Rows, Split};
use crate::text::Opened;

/// Where a header may stand: among this many first rows.
const HEADER_ROWS_MAX: usize = 50;

/// What separates fields where nobody said it: whichever brings the needed columns to light.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The names of columns.
#[derive(Debug, Default)]
pub(crate) struct Header {
    names: Vec<String>,
}

impl Header {
    fn of(row: &Row<'_>) -> Self {
        Self {
            names: (0..row.len())
                .map(|index| row.get(index).to_owned())
                .collect(),
        }
    }

    /// Where a column is; nothing where there is none.
    ///
    /// # Errors
    /// Where two columns have the name.
    pub(crate) fn find(&self, name: &str) -> Result<Option<usize>, StatementError> {
        let mut found = self
            .names
            .iter()
            .enumerate()
            .filter(|(_, own)| *own == name);
        let first = found.next().map(|(index, _)| index);
        match found.next() {
            Some(_) => Err(StatementError::RepeatedColumn { name: name.into() }),
            None => Ok(first),
        }
    }

    /// Where a column is that must be there.
    pub(crate) fn need(&self, name: &str) -> Result<usize, StatementError> {
        self.find(name)?
            .ok_or_else(|| StatementError::MissingColumn {
                name: name.into(),
                seen: self.shown(),
            })
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|own| own == name)
    }

    /// The columns, for a message.
    pub(crate) fn shown(&self) -> String {
        let mut names: String = self.names.join("`, `").chars().take(300).collect();
        if self.names.iter().map(String::len).sum::<usize>() > 300 {
            names.push('…');
        }
        format!("`{}`", names.replace(['\r', '\n'], " "))
    }
}

/// A table: rows below a header.
pub(crate) struct Table<R> {
    rows: Rows<R>,
    pub(crate) header: Header,
    pub(crate) is_found: bool,
}

impl<R: Read> Table<R> {
    /// Finds the header among the first rows: the first that is `wanted` under the declared
    /// delimiter, or under one of the usual. Where none is, `is_found` is false and the header is
    /// the first row, for a message.
    pub(crate) fn open(
        opened: Opened<R>,
        declared: Option<u8>,
        wanted: impl Fn(&Header) -> bool,
    ) -> Result<Self, StatementError> {
        let candidates = match &declared {
            Some(delimiter) => std::slice::from_ref(delimiter),
            None => &DELIMITERS,
        };
        let usual = candidates.first().copied().unwrap_or(b',');
        let mut rows = Rows::new(opened, usual);
        let mut first: Option<(u64, Header)> = None;
        let mut not_text = None;
        for _ in 0..HEADER_ROWS_MAX {
            if !rows.has_more()? {
                break;
            }
            for delimiter in candidates {
                rows.delimiter = *delimiter;
                if !matches!(rows.split_here()?, Split::Row { .. }) {
                    continue;
                }
                let Some(row) = rows.row() else {
                    not_text = not_text.or_else(|| Some(rows.not_text()));
                    continue;
                };
                if row.is_blank() {
                    continue;
                }
                let header = Header::of(&row);
                if wanted(&header) {
                    return Ok(Self {
                        rows,
                        header,
                        is_found: true,
                    });
                }
                // The delimiter that makes the most fields shows best what the file is.
                let shows_more = match &first {
                    None => true,
                    Some((line, shown)) => {
                        *line == rows.line() && shown.names.len() < header.names.len()
                    }
                };
                if shows_more {
                    first = Some((rows.line(), header));
                }
            }
            rows.delimiter = usual;
            match rows.split_here()? {
                Split::Row { length, .. } => rows.pass(length),
                Split::Unfinished | Split::Fault(_) => rows.pass_line()?,
            }
        }
        // It may have been the header.
        if let Some(fault) = not_text {
            let Fault { line, reason } = fault;
            return Err(StatementError::Undeclared {
                reason: format!("line {line}: {reason}"),
            });
        }
        match first {
            Some((_, header)) => Ok(Self {
                rows,
                header,
                is_found: false,
            }),
            None => Err(StatementError::NoTable),
        }
    }

    /// Goes through all rows below the header. A row that is longer or shorter than it is a fault.
    pub(crate) fn each(
        mut self,
        mut visit: impl FnMut(Result<Row<'_>, Fault>),
    ) -> Result<(), StatementError> {
        let columns = self.header.names.len();
        loop {
            match self.rows.next()? {
                Next::End => return Ok(()),
                Next::Fault(fault) => visit(Err(fault)),
                Next::Row => {
                    let ended = self.rows.ended();
                    if let Some(row) = self.rows.row() {
                        visit(fits(row, columns, ended));
                    }
                }
            }
        }
    }
}

/// A row with as many fields as the header; more may be there if they are empty.
fn fits(row: Row<'_>, columns: usize, ended: bool) -> Result<Row<'_>, Fault> {
    let fields = row.len();
    let reason = if fields < columns && !ended {
        format!(
            "the file ends in the middle of this row, after {fields} of {columns} fields; what \
             may follow is missing"
        )
    } else if fields < columns || (columns..fields).any(|index| !row.get(index).is_empty()) {
        format!("the row has {fields} fields, but the header has {columns}")
    } else {
        return Ok(row);
    };
    Err(Fault {
        line: row.line,
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_found_under_any_delimiter() {
        for (text, declared, found) in [
            ("a,b\n1,2\n", None, true),
            ("\"a\";\"b\"\n1;2\n", None, true),
            ("a\tb\n1\t2\n", None, true),
            ("report of March\n\na|b\n1|2\n", None, true),
            ("a^b\n1^2\n", None, false),
            ("a^b\n1^2\n", Some(b'^'), true),
            ("a;b\n1;2\n", Some(b','), false),
            ("\"\"x\na,b\n", None, true),
        ] {
            let opened = Opened::new(text.as_bytes(), None).unwrap();
            let table = Table::open(opened, declared, |header| {
                header.has("a") && header.has("b")
            });
            assert_eq!(table.unwrap().is_found, found, "{text}");
        }
    }

    #[test]
    fn rows_that_do_not_fit_the_header_are_faults() {
        let rows = |text: &str| {
            let opened = Opened::new(text.as_bytes(), None).unwrap();
            let mut seen = Vec::new();
            let table = Table::open(opened, None, |_| true).unwrap();
            table
                .each(|row| seen.push(row.map(|row| row.line).map_err(|fault| fault.reason)))
                .unwrap();
            seen
        };
        assert_eq!(rows("a,b\n1,2\n1,2,,\n\n3,4"), [Ok(2), Ok(3), Ok(5)]);
        let fault = |reason: &str| Err(reason.to_owned());
        assert_eq!(
            rows("a,b\n1,2,3\n1\n1"),
            [
                fault("the row has 3 fields, but the header has 2"),
                fault("the row has 1 fields, but the header has 2"),
                fault(
                    "the file ends in the middle of this row, after 1 of 2 fields; what may follow is missing"
                ),
            ]
        );
    }
}
