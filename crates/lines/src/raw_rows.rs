//! Rows of CSV, read one by one in bounded memory.

use std::io::{self, BufRead};
use std::str;

use csv_core::ReadRecordResult;
use refund_ledger::{ErrorCode, LedgerError};

use crate::{LINE_BYTES_MAX, beginning, too_long};

/// More cells than any header has columns.
const CELLS_MAX: usize = 64;

/// Rows as cells of text, whatever they mean.
#[derive(Debug)]
pub(crate) struct RawRows<R> {
    source: R,
    core: Box<csv_core::Reader>,
    /// The line of the file that the row begins on.
    pub(crate) number: u64,
    /// The line that is read next.
    line: u64,
    /// The row's bytes, or the beginning of a row that is too long.
    input: Vec<u8>,
    /// How many bytes it has.
    bytes: u64,
    /// The cells' texts in one piece, and where each ends.
    output: Vec<u8>,
    ends: Vec<usize>,
    cells: usize,
    too_many_cells: bool,
}

impl<R: BufRead> RawRows<R> {
    pub(crate) fn new(source: R) -> Self {
        let mut core = Box::new(csv_core::Reader::new());
        // It would skip a byte order mark that is all in the first bytes it is given, and we have skipped the one
        // that may be there: a second one is text. Given no room for an answer, it reads nothing.
        core.read_record(b"\n", &mut [], &mut []);
        Self {
            source,
            core,
            number: 0,
            line: 1,
            input: Vec::new(),
            bytes: 0,
            // The row's text without quotes is never longer than the row.
            output: vec![0; LINE_BYTES_MAX],
            ends: vec![0; CELLS_MAX],
            cells: 0,
            too_many_cells: false,
        }
    }

    /// Spreadsheets begin their files with one.
    pub(crate) fn skip_byte_order_mark(&mut self) -> io::Result<()> {
        if self.source.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
            self.source.consume(3);
        }
        Ok(())
    }

    fn skip_line_ends(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.source.fill_buf()?;
            let ends = buffer
                .iter()
                .take_while(|byte| matches!(byte, b'\r' | b'\n'));
            let (mut used, mut lines) = (0, 0);
            for end in ends {
                used += 1;
                lines += u64::from(*end == b'\n');
            }
            let done = used < buffer.len() || buffer.is_empty();
            self.source.consume(used);
            self.line = self.line.saturating_add(lines);
            if done {
                return Ok(());
            }
        }
    }

    /// Reads the next row; `false` at the end of the file.
    pub(crate) fn next(&mut self) -> io::Result<bool> {
        self.skip_line_ends()?;
        self.number = self.line;
        self.input.clear();
        self.bytes = 0;
        self.cells = 0;
        self.too_many_cells = false;
        let mut filled = 0;
        loop {
            let buffer = self.source.fill_buf()?;
            let output = self.output.get_mut(filled..).unwrap_or_default();
            let ends = self.ends.get_mut(self.cells..).unwrap_or_default();
            let (result, used, written, ended) = self.core.read_record(buffer, output, ends);
            let part = buffer.get(..used).unwrap_or_default();
            let lines = part.split(|byte| *byte == b'\n').count().saturating_sub(1);
            let room = LINE_BYTES_MAX.saturating_sub(self.input.len());
            self.input
                .extend_from_slice(part.get(..room).unwrap_or(part));
            self.source.consume(used);
            self.line = self
                .line
                .saturating_add(lines.try_into().unwrap_or(u64::MAX));
            self.bytes = self
                .bytes
                .saturating_add(used.try_into().unwrap_or(u64::MAX));
            filled += written;
            self.cells += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                // A row that fills the room is too long: its cells are not wanted any more.
                ReadRecordResult::OutputFull => filled = 0,
                ReadRecordResult::OutputEndsFull => {
                    self.too_many_cells = true;
                    self.cells = 0;
                }
                ReadRecordResult::Record => return Ok(true),
                ReadRecordResult::End => return Ok(false),
            }
        }
    }

    fn is_too_long(&self) -> bool {
        usize::try_from(self.bytes).map_or(true, |bytes| bytes > LINE_BYTES_MAX)
    }

    /// The row's cells.
    pub(crate) fn cells(&self) -> Result<Vec<&str>, LedgerError> {
        if self.is_too_long() {
            return Err(too_long("row", self.bytes));
        }
        if self.too_many_cells {
            return Err(malformed(format!(
                "the row has more than {CELLS_MAX} cells"
            )));
        }
        check_quotes(&self.input)?;
        let mut cells = Vec::with_capacity(self.cells);
        let mut start = 0;
        for end in self.ends.iter().take(self.cells) {
            let cell = self.output.get(start..*end).unwrap_or_default();
            cells.push(str::from_utf8(cell).map_err(|_| {
                malformed(format!("cell {} of the row is not UTF-8", cells.len() + 1))
            })?);
            start = *end;
        }
        Ok(cells)
    }

    /// The row as it was given, without its end.
    pub(crate) fn text(&self) -> Vec<u8> {
        if self.is_too_long() {
            beginning(&self.input)
        } else {
            self.input.trim_ascii_end().to_vec()
        }
    }
}

/// Refuses a row whose quotes don't pair up. Read leniently, a quote that is missing would swallow
/// the rows behind it.
fn check_quotes(row: &[u8]) -> Result<(), LedgerError> {
    let mut rest = row.iter().copied().peekable();
    let mut cell_begins = true;
    while let Some(byte) = rest.next() {
        if byte != b'"' || !cell_begins {
            cell_begins = byte == b',';
            continue;
        }
        loop {
            match rest.next() {
                None => {
                    return Err(malformed(
                        "the row ends inside a quoted cell; a closing quote is missing, here or in \
                         a row before"
                            .into(),
                    ));
                }
                // Two quotes in a row stand for one.
                Some(b'"') if rest.next_if_eq(&b'"').is_none() => break,
                Some(_) => {}
            }
        }
        match rest.next() {
            None | Some(b',' | b'\r' | b'\n') => cell_begins = true,
            Some(_) => {
                return Err(malformed(
                    "text stands behind a closing quote; a quote inside a cell is written twice"
                        .into(),
                ));
            }
        }
    }
    Ok(())
}

pub(crate) fn malformed(message: String) -> LedgerError {
    LedgerError::new(ErrorCode::MalformedRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_pair_up_or_the_row_is_refused() {
        for good in [
            "a,b\n",
            "\"a\",b\r\n",
            "\"a, \"\"b\"\"\",\"\"\n",
            "a\"b,c",
            "\"two\nlines\",c",
            "",
        ] {
            assert!(
                check_quotes(good.as_bytes()).is_ok(),
                "{good:?} is well quoted"
            );
        }
        for bad in [
            "\"a",
            "x,\"a\nb,c\n",
            "\"a\"b,c",
            "x,\"a\" ,c",
            "\"a\"\"",
            "\"",
        ] {
            assert!(check_quotes(bad.as_bytes()).is_err(), "{bad:?} is not");
        }
    }

    fn rows(text: &[u8]) -> Vec<(u64, Result<Vec<String>, String>)> {
        let source = io::BufReader::with_capacity(7, io::Cursor::new(text.to_vec()));
        let mut raw = RawRows::new(source);
        raw.skip_byte_order_mark().unwrap();
        let mut rows = Vec::new();
        while raw.next().unwrap() {
            let cells = raw.cells().map_err(|error| error.to_string());
            rows.push((
                raw.number,
                cells.map(|cells| cells.into_iter().map(Into::into).collect()),
            ));
        }
        rows
    }

    #[test]
    fn rows_have_the_number_of_the_line_they_begin_on() {
        let text = b"\xef\xbb\xbfa,b\r\n\r\n1,\"x\r\ny\"\r\n\n2,\"q\"\"q\"";
        let expected = [
            (1, vec!["a", "b"]),
            (3, vec!["1", "x\r\ny"]),
            (6, vec!["2", "q\"q"]),
        ];
        for ((number, cells), expected) in rows(text).into_iter().zip(expected) {
            assert_eq!(
                (number, cells.unwrap()),
                (
                    expected.0,
                    expected.1.into_iter().map(String::from).collect()
                )
            );
        }
        assert_eq!(rows(text).len(), 3);
    }

    #[test]
    fn a_second_byte_order_mark_is_text() {
        let marks = "\u{feff}\r\u{feff}a,b";
        let expected = vec!["\u{feff}a".to_owned(), "b".to_owned()];
        assert_eq!(rows(marks.as_bytes()), [(1, Ok(expected.clone()))]);
        let mut whole = RawRows::new(marks.as_bytes());
        whole.skip_byte_order_mark().unwrap();
        assert!(whole.next().unwrap());
        assert_eq!(whole.cells().unwrap(), expected, "in one piece");
    }

    #[test]
    fn what_is_too_long_or_too_wide_is_told_and_the_next_row_read() {
        let mut text = vec![b'x'; LINE_BYTES_MAX * 3];
        text.extend_from_slice(b"\n1,2\n");
        text.extend_from_slice(&[b','; 200]);
        text.extend_from_slice(b"\n\xff,2\n3,4\n");
        let rows = rows(&text);
        let messages: Vec<String> = rows
            .iter()
            .map(|(n, cells)| {
                format!(
                    "{n}: {}",
                    match cells {
                        Ok(cells) => cells.join("|"),
                        Err(error) => error.clone(),
                    }
                )
            })
            .collect();
        assert_eq!(
            messages,
            [
                "1: the row has 393217 bytes; at most 131072 are read",
                "2: 1|2",
                "3: the row has more than 64 cells",
                "4: cell 1 of the row is not UTF-8",
                "5: 3|4",
            ]
        );
    }
}
