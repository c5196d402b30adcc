//! Rows of CSV, with the line that each begins on.
//!
//! The form is RFC 4180's, and `\n` alone ends a row too. Fields are read as they stand, without
//! the blanks around them. It is stricter than common readers in one thing: text behind a closing
//! quote is a fault of that row. Otherwise one quote that is missing turns what is inside quotes
//! and what is outside around, and whole rows vanish into a field that nobody looks at. So is a
//! carriage return outside of quotes that no line feed follows. After a fault reading goes on with the
//! next line of the file.

use std::io::{self, Read};

use memchr::{memchr, memchr_iter};

use crate::encoding::Encoding;
use crate::text::{Opened, Text, invalid_text};

/// The most bytes of a row.
pub(crate) const ROW_BYTES_MAX: usize = 1024 * 1024;

/// Where a field stands: in the row, or among the fields that had doubled quotes.
#[derive(Clone, Copy, Debug)]
struct Place {
    from: usize,
    to: usize,
    rewritten: bool,
}

/// A row of fields.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) line: u64,
    text: &'a str,
    rewritten: &'a str,
    places: &'a [Place],
}

impl<'a> Row<'a> {
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// A field, without blanks around it; empty where the row has none.
    pub(crate) fn get(&self, index: usize) -> &'a str {
        let text = |place: &Place| {
            let all = if place.rewritten {
                self.rewritten
            } else {
                self.text
            };
            all.get(place.from..place.to).map(trimmed)
        };
        self.places.get(index).and_then(text).unwrap_or_default()
    }

    /// The same, or nothing where it is empty.
    pub(crate) fn filled(&self, index: Option<usize>) -> Option<&'a str> {
        index
            .map(|index| self.get(index))
            .filter(|text| !text.is_empty())
    }

    pub(crate) fn is_blank(&self) -> bool {
        (0..self.len()).all(|index| self.get(index).is_empty())
    }
}

/// What most fields begin and end with is no blank, and looking is cheaper than cutting.
fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim(),
    }
}

/// What can be wrong with a row as such.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) line: u64,
    pub(crate) reason: String,
}

/// What came next.
pub(crate) enum Next {
    /// A row; [`Rows::row`] is it.
    Row,
    Fault(Fault),
    End,
}

/// How far a row goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Split {
    /// This many bytes, its line end included where there is one.
    Row {
        length: usize,
        ended: bool,
    },
    /// It goes on behind the bytes that are there.
    Unfinished,
    Fault(&'static str),
}

/// Rows of a stream.
pub(crate) struct Rows<R> {
    input: Text<R>,
    encoding: Encoding,
    pub(crate) delimiter: u8,
    /// The bytes from `start` to `filled` are there and not yet done with.
    buffer: Vec<u8>,
    filled: usize,
    start: usize,
    length: usize,
    at_end: bool,
    line: u64,
    places: Vec<Place>,
    rewritten: Vec<u8>,
    /// Whether the current row has a line end behind it.
    ended: bool,
}

const BUFFER_BYTES: usize = 64 * 1024;

impl<R: Read> Rows<R> {
    pub(crate) fn new(opened: Opened<R>, delimiter: u8) -> Self {
        let encoding = opened.encoding();
        Self {
            input: opened.decode(encoding),
            encoding,
            delimiter,
            buffer: vec![0; BUFFER_BYTES],
            filled: 0,
            start: 0,
            length: 0,
            at_end: false,
            line: 1,
            places: Vec::new(),
            rewritten: Vec::new(),
            ended: true,
        }
    }

    /// The line that the current row begins on; after the end, the last one of the file.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// Goes on to the next row that has any field filled.
    pub(crate) fn next(&mut self) -> io::Result<Next> {
        loop {
            self.pass(self.length);
            let next = self.split()?;
            if !matches!(next, Next::Row) {
                return Ok(next);
            }
            match self.row() {
                Some(row) if row.is_blank() => {}
                Some(_) => return Ok(next),
                None => return Ok(Next::Fault(self.not_text())),
            }
        }
    }

    pub(crate) fn not_text(&self) -> Fault {
        let reason = match memchr(0, self.bytes()) {
            Some(_) => "the line holds a byte of zero, which text does not have".into(),
            None => format!("the line {}", invalid_text(self.encoding)),
        };
        Fault {
            line: self.line,
            reason,
        }
    }

    /// Whether anything stands behind what was passed.
    pub(crate) fn has_more(&mut self) -> io::Result<bool> {
        if self.start == self.filled && !self.at_end {
            self.fill()?;
        }
        Ok(self.start < self.filled)
    }

    fn bytes(&self) -> &[u8] {
        let end = self.start.saturating_add(self.length);
        self.buffer.get(self.start..end).unwrap_or_default()
    }

    /// The current row, if it is text.
    pub(crate) fn row(&self) -> Option<Row<'_>> {
        let bytes = self.bytes();
        if memchr(0, bytes).is_some() {
            return None;
        }
        Some(Row {
            line: self.line,
            text: std::str::from_utf8(bytes).ok()?,
            rewritten: std::str::from_utf8(&self.rewritten).ok()?,
            places: &self.places,
        })
    }

    /// Whether the file goes on behind the current row's own end.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Leaves this many bytes behind.
    pub(crate) fn pass(&mut self, length: usize) {
        let end = self.start.saturating_add(length).min(self.filled);
        let passed = self.buffer.get(self.start..end).unwrap_or_default();
        let lines = memchr_iter(b'\n', passed).count();
        self.line = self.line.saturating_add(lines as u64);
        self.start = end;
        self.length = 0;
    }

    /// Finds the end of the row that begins at `start`, reading on where it must.
    pub(crate) fn split_here(&mut self) -> io::Result<Split> {
        loop {
            let bytes = self.buffer.get(self.start..self.filled).unwrap_or_default();
            self.places.clear();
            self.rewritten.clear();
            let split = split_row(
                bytes,
                self.delimiter,
                self.at_end,
                &mut self.places,
                &mut self.rewritten,
            );
            let available = bytes.len();
            match split {
                Split::Row { length, .. } if length > ROW_BYTES_MAX => {
                    return Ok(Split::Fault("the row has more than 1 MiB"));
                }
                Split::Row { length, .. } if is_broken_inside(bytes, length, &self.places) => {
                    return Ok(Split::Fault(
                        "a carriage return without a line feed stands in the line, where it may be the \
                         end of a row; save the file with one kind of line end",
                    ));
                }
                Split::Row { length, ended } => {
                    (self.length, self.ended) = (length, ended);
                    return Ok(split);
                }
                Split::Unfinished if self.at_end => {
                    return Ok(Split::Fault(
                        "a quote that opens here is not closed before the end of the file",
                    ));
                }
                Split::Unfinished if available > ROW_BYTES_MAX => {
                    return Ok(Split::Fault(
                        "the row has more than 1 MiB; if that is a quote that is not closed, \
                         close it",
                    ));
                }
                Split::Unfinished => self.fill()?,
                Split::Fault(_) => return Ok(split),
            }
        }
    }

    fn split(&mut self) -> io::Result<Next> {
        if !self.has_more()? {
            return Ok(Next::End);
        }
        match self.split_here()? {
            Split::Row { .. } | Split::Unfinished => Ok(Next::Row),
            Split::Fault(reason) => {
                let fault = Fault {
                    line: self.line,
                    reason: reason.into(),
                };
                self.pass_line()?;
                Ok(Next::Fault(fault))
            }
        }
    }

    /// Goes to the next line of the file, whatever stands on this one.
    pub(crate) fn pass_line(&mut self) -> io::Result<()> {
        self.length = 0;
        loop {
            let bytes = self.buffer.get(self.start..self.filled).unwrap_or_default();
            match memchr(b'\n', bytes) {
                Some(at) => {
                    self.pass(at.saturating_add(1));
                    return Ok(());
                }
                None if self.at_end => {
                    self.pass(bytes.len());
                    return Ok(());
                }
                None => {
                    // Nothing of this line is needed, so that it takes no memory.
                    (self.start, self.filled) = (0, 0);
                    self.fill()?;
                }
            }
        }
    }

    /// Brings more bytes, as many as there is room for.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.filled, 0);
        self.filled = self.filled.saturating_sub(self.start);
        self.start = 0;
        if self.buffer.len().saturating_sub(self.filled) < BUFFER_BYTES / 2 {
            self.buffer.resize(self.buffer.len().saturating_mul(2), 0);
        }
        while !self.at_end {
            let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
            // A decoder can't fill the last few bytes.
            if room.len() < 16 {
                break;
            }
            match self.input.read(room)? {
                0 => self.at_end = true,
                count => self.filled = self.filled.saturating_add(count),
            }
        }
        Ok(())
    }
}

/// Whether a carriage return stands in a field that has no quotes. Then what looks like one row may be
/// several, whose fields nobody would look at.
fn is_broken_inside(bytes: &[u8], length: usize, places: &[Place]) -> bool {
    let row = bytes.get(..length).unwrap_or_default();
    let inside = row.trim_ascii_end();
    if memchr(b'\r', inside).is_none() {
        return false;
    }
    let is_quoted = |place: &Place| {
        let before = place.from.checked_sub(1).and_then(|at| row.get(at));
        place.rewritten || before == Some(&b'"')
    };
    let mut plain = places.iter().filter(|place| !is_quoted(place));
    plain.any(|place| {
        let end = place.to.min(inside.len());
        let field = row.get(place.from..end).unwrap_or_default();
        memchr(b'\r', field).is_some()
    })
}

/// Splits the row at the beginning of some bytes into fields.
fn split_row(
    bytes: &[u8],
    delimiter: u8,
    at_end: bool,
    places: &mut Vec<Place>,
    rewritten: &mut Vec<u8>,
) -> Split {
    if let Some(length) = plain_row(bytes, delimiter, places) {
        return Split::Row {
            length,
            ended: true,
        };
    }
    let mut at = 0_usize;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let place = if rest.first() == Some(&b'"') {
            match quoted_field(bytes, at.saturating_add(1), rewritten) {
                Ok(Some((place, end))) => {
                    at = end;
                    place
                }
                Ok(None) => return Split::Unfinished,
                Err(fault) => return Split::Fault(fault),
            }
        } else {
            let length = rest
                .iter()
                .position(|byte| *byte == delimiter || *byte == b'\n');
            let Some(length) = length.or(at_end.then_some(rest.len())) else {
                return Split::Unfinished;
            };
            let from = at;
            at = at.saturating_add(length);
            Place {
                from,
                to: at,
                rewritten: false,
            }
        };
        places.push(place);
        // Behind a field stands a delimiter, a line end or nothing. Programs that write their line ends
        // twice over begin them with several carriage returns.
        let behind = bytes.get(at..).unwrap_or_default();
        if behind.first() == Some(&delimiter) {
            at = at.saturating_add(1);
            continue;
        }
        let returns = behind.iter().take_while(|byte| **byte == b'\r').count();
        let length = at.saturating_add(returns);
        match behind.get(returns..).unwrap_or_default() {
            [b'\n', ..] => {
                return Split::Row {
                    length: length.saturating_add(1),
                    ended: true,
                };
            }
            [] if at_end => {
                return Split::Row {
                    length,
                    ended: false,
                };
            }
            [] => return Split::Unfinished,
            _ => {
                return Split::Fault(
                    "text stands behind a closing quote; a quote inside a field must be doubled",
                );
            }
        }
    }
}

/// Splits a row that ends among the bytes and has no quote: most rows are so, and their fields are
/// found several times faster. Says how long it is, its line end included.
fn plain_row(bytes: &[u8], delimiter: u8, places: &mut Vec<Place>) -> Option<usize> {
    let length = memchr(b'\n', bytes)?;
    let row = bytes.get(..length)?;
    if memchr(b'"', row).is_some() {
        return None;
    }
    let mut from = 0;
    for to in memchr_iter(delimiter, row).chain([length]) {
        places.push(Place {
            from,
            to,
            rewritten: false,
        });
        from = to.saturating_add(1);
    }
    length.checked_add(1)
}

/// A field from behind its opening quote: where its text is, and where the field ends. Nothing
/// where the closing quote is not among the bytes.
fn quoted_field(
    bytes: &[u8],
    from: usize,
    rewritten: &mut Vec<u8>,
) -> Result<Option<(Place, usize)>, &'static str> {
    let (mut piece, rewritten_from) = (from, rewritten.len());
    loop {
        let rest = bytes.get(piece..).unwrap_or_default();
        let Some(length) = memchr(b'"', rest) else {
            return Ok(None);
        };
        let quote = piece.saturating_add(length);
        let behind = quote.saturating_add(1);
        match bytes.get(behind) {
            Some(b'"') => {
                // Up to the first of both quotes it belongs to the field.
                rewritten.extend_from_slice(bytes.get(piece..behind).unwrap_or_default());
                piece = behind.saturating_add(1);
            }
            _ if piece == from => {
                return Ok(Some((
                    Place {
                        from,
                        to: quote,
                        rewritten: false,
                    },
                    behind,
                )));
            }
            _ => {
                rewritten.extend_from_slice(bytes.get(piece..quote).unwrap_or_default());
                let (from, to) = (rewritten_from, rewritten.len());
                return Ok(Some((
                    Place {
                        from,
                        to,
                        rewritten: true,
                    },
                    behind,
                )));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that comes out of a table's bytes: rows and faults by line.
    fn all(bytes: &[u8]) -> Vec<String> {
        let mut rows = Rows::new(Opened::new(bytes, None).unwrap(), b',');
        let mut seen = Vec::new();
        loop {
            match rows.next().unwrap() {
                Next::End => return seen,
                Next::Fault(fault) => seen.push(format!("{}! {}", fault.line, fault.reason)),
                Next::Row => {
                    let row = rows.row().unwrap();
                    let fields: Vec<&str> = (0..row.len()).map(|index| row.get(index)).collect();
                    seen.push(format!(
                        "{}: {}",
                        row.line,
                        fields.join("|").replace('\n', "\\n")
                    ));
                }
            }
        }
    }

    #[test]
    fn rows_know_their_lines() {
        let text = "\u{feff}\r\n\n,,\na, b ,\"c\"\r\n\"x\ny\",\"p\"\"q\"\"\",\"\"\"\"\n\"\",é,5\" wide\nlast,";
        assert_eq!(
            all(text.as_bytes()),
            [
                "4: a|b|c",
                "5: x\\ny|p\"q\"|\"",
                "7: |é|5\" wide",
                "8: last|"
            ]
        );
        assert_eq!(all(b"a\r"), ["1: a"]);
        assert_eq!(all(b"\"a\"\r"), ["1: a"]);
    }

    #[test]
    fn a_broken_quote_costs_its_line_only() {
        assert_eq!(
            all(b"a,\"b,c\nd,e,f\ng,\"h\",i\n"),
            [
                "1! text stands behind a closing quote; a quote inside a field must be doubled",
                "2: d|e|f",
                "3: g|h|i"
            ]
        );
        assert_eq!(
            all(b"a\n\"b,c\nd\n"),
            [
                "1: a",
                "2! a quote that opens here is not closed before the end of the file",
                "3: d"
            ]
        );
    }

    #[test]
    fn no_row_hides_behind_a_carriage_return() {
        let fault = "a carriage return without a line feed stands in the line, where it may be the end \
                     of a row; save the file with one kind of line end";
        assert_eq!(
            all(b"a\rb,c\nd\r,e\n\"x\ry\",z\r\r\n\"v\"\"w\r\",u\r\nt\n"),
            [
                &format!("1! {fault}"),
                &format!("2! {fault}"),
                "3: x\ry|z",
                "4: v\"w|u",
                "5: t"
            ]
        );
        assert_eq!(all(b"a,b\rc,d\r"), ["1: a|b", "2: c|d"]);
        assert_eq!(
            all(b"a,\"b\"\r\r\n\"c\",d\r\r\n\"e\"\r\r"),
            ["1: a|b", "2: c|d", "3: e"]
        );
    }

    #[test]
    fn lines_that_are_no_text_are_told() {
        let seen = all(b"a\nb\xe9\nc\n");
        assert_eq!(
            seen[1],
            "2! the line is not UTF-8; if the file is in Latin-1 or windows-1252, say `encoding=windows-1252`"
        );
        assert_eq!(seen[2], "3: c");
        let mut late = b"a\n".repeat(8_000);
        late.extend_from_slice(b"b\0\nc\n");
        let seen = all(&late);
        assert_eq!(
            seen[8_000],
            "8001! the line holds a byte of zero, which text does not have"
        );
        assert_eq!(seen[8_001], "8002: c");
    }

    #[test]
    fn a_row_has_at_most_a_mebibyte() {
        let long = "x".repeat(ROW_BYTES_MAX - 1);
        assert_eq!(all(format!("{long}\na\n").as_bytes()).len(), 2);
        assert_eq!(all(format!("{long}\na\n").as_bytes())[1], "2: a");
        for line in [format!("{long}y\na\n"), format!("{}\na\n", long.repeat(5))] {
            assert!(all(line.as_bytes())[0].starts_with("1! the row has more than 1 MiB"));
            assert_eq!(all(line.as_bytes())[1..], ["2: a"]);
        }
        let open = format!("\"b\n{}", "c\n".repeat(ROW_BYTES_MAX));
        let seen = all(open.as_bytes());
        assert!(seen[0].starts_with("1! the row has more than 1 MiB; if that is a quote"));
        assert_eq!(seen.len(), ROW_BYTES_MAX + 1);
        assert_eq!(seen[1], "2: c");
    }

    /// A stream of one endless line.
    struct Endless {
        left: u64,
    }

    impl Read for Endless {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = u64::try_from(out.len()).unwrap().min(self.left);
            self.left -= count;
            let count = usize::try_from(count).unwrap();
            out[..count].fill(b'x');
            Ok(count)
        }
    }

    #[test]
    fn a_line_of_any_length_takes_no_memory() {
        let head = b"a\n".repeat(5_000);
        let input = head
            .as_slice()
            .chain(Endless { left: 64 << 20 })
            .chain(&b"\nb\n"[..]);
        let mut rows = Rows::new(Opened::new(input, None).unwrap(), b',');
        let mut last = String::new();
        while !matches!(rows.next().unwrap(), Next::End) {
            last = rows
                .row()
                .map(|row| row.get(0).to_owned())
                .unwrap_or_default();
        }
        assert_eq!(last, "b");
        assert!(
            rows.buffer.len() <= 4 * ROW_BYTES_MAX,
            "{} bytes",
            rows.buffer.len()
        );
    }

    proptest::proptest! {
        /// What the `csv` crate writes is read as it is.
        #[test]
        fn well_formed_tables_are_read_as_others_read_them(
            table in proptest::collection::vec(
                proptest::collection::vec("[a-c\", \r\n]{0,6}", 2..4), 1..8)
        ) {
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            for row in &table {
                writer.write_record(row).unwrap();
            }
            let bytes = writer.into_inner().unwrap();
            let mut rows = match Opened::new(bytes.as_slice(), None) {
                Ok(opened) => Rows::new(opened, b','),
                Err(_) => return Ok(()),
            };
            let mut expected = table.iter().filter(|row| row.iter().any(|field| !field.trim().is_empty()));
            while matches!(rows.next().unwrap(), Next::Row) {
                let row = rows.row().unwrap();
                let fields: Vec<&str> = (0..row.len()).map(|index| row.get(index)).collect();
                let wanted: Vec<&str> = expected.next().unwrap().iter().map(|field| field.trim()).collect();
                proptest::prop_assert_eq!(fields, wanted);
            }
            proptest::prop_assert!(expected.next().is_none());
        }
    }
}
