//! Bytes to text: what a stream begins with, and in which encoding it is.

use std::io::{self, Read};

use crate::encoding::{Encoding, Invalid};
use crate::read::StatementError;

/// How much of a stream is looked at before it is read.
const HEAD_BYTES: usize = 8 * 1024;

/// A stream whose first bytes are known.
pub(crate) struct Opened<R> {
    head: Vec<u8>,
    rest: R,
    encoding: Encoding,
    /// Whether lines end with a carriage return alone, as spreadsheets on a Mac still save them.
    returns_alone: bool,
}

/// What comes out of decoding.
pub(crate) type Text<R> = Decoded<io::Chain<io::Cursor<Vec<u8>>, R>>;

impl<R: Read> Opened<R> {
    /// Looks at the beginning of a stream: what it is in, and whether it is text at all.
    pub(crate) fn new(mut input: R, declared: Option<Encoding>) -> Result<Self, StatementError> {
        let mut head = Vec::new();
        input
            .by_ref()
            .take(HEAD_BYTES as u64)
            .read_to_end(&mut head)?;
        if let Some(known) = known_binary(&head) {
            return Err(StatementError::Binary { seen: known.into() });
        }
        let encoding = match Encoding::of_mark(&head) {
            Some((marked, length)) => {
                head.drain(..length);
                marked
            }
            None => unmarked(&head, declared),
        };
        if !encoding.is_wide() && head.contains(&0) {
            return Err(StatementError::Binary {
                seen: "it holds bytes of zero, which text does not have unless it is UTF-16 \
                       (`encoding=utf-16`)"
                    .into(),
            });
        }
        let is_blank = head
            .iter()
            .all(|byte| byte.is_ascii_whitespace() || (encoding.is_wide() && *byte == 0));
        if is_blank && head.len() < HEAD_BYTES / 2 {
            return Err(StatementError::Empty);
        }
        Ok(Self {
            returns_alone: !encoding.is_wide() && has_returns_alone(&head),
            head,
            rest: input,
            encoding,
        })
    }

    /// The first bytes, as they are in the file, without a mark of byte order.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The stream in UTF-8, with line feeds where lines end. What is not valid becomes a byte that UTF-8
    /// never has, so that whoever reads that place finds it.
    pub(crate) fn decode(self, encoding: Encoding) -> Text<R> {
        let input = io::Cursor::new(self.head).chain(self.rest);
        Decoded {
            input,
            encoding,
            returns_alone: self.returns_alone,
            raw: Vec::new(),
            raw_at: 0,
            at_end: false,
        }
    }
}

/// Whether the beginning of a stream has line ends, and none with a line feed.
fn has_returns_alone(head: &[u8]) -> bool {
    // Behind the last byte there may be a line feed.
    let known = head.split_last().map_or(head, |(_, known)| known);
    known.contains(&b'\r') && !head.contains(&b'\n')
}

/// Files that are taken for statements, by their first bytes.
fn known_binary(head: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 4] = [
        (
            b"PK\x03\x04",
            "it is a ZIP archive or an Excel workbook: unpack it, or save the sheet as CSV",
        ),
        (
            b"\xd0\xcf\x11\xe0",
            "it is an old Excel workbook: save the sheet as CSV",
        ),
        (b"\x1f\x8b", "it is compressed with gzip: unpack it"),
        (
            b"%PDF",
            "it is a PDF: statements are read as CSV, JSON or XML",
        ),
    ];
    known
        .into_iter()
        .find(|(magic, _)| head.starts_with(magic))
        .map(|(_, seen)| seen)
}

/// The encoding of a stream without a mark of byte order.
fn unmarked(head: &[u8], declared: Option<Encoding>) -> Encoding {
    match (declared, head) {
        // UTF-16 whose first character is of ASCII shows by itself which half comes first.
        (Some(Encoding::Utf16Le), [0, _, ..]) | (None, [0, b'<', ..]) => Encoding::Utf16Be,
        (None, [b'<', 0, ..]) => Encoding::Utf16Le,
        (Some(encoding), _) => encoding,
        (None, _) => Encoding::Utf8,
    }
}

/// What to say where a piece of text is not valid.
pub(crate) fn invalid_text(encoding: Encoding) -> String {
    if encoding == Encoding::Utf8 {
        return "is not UTF-8; if the file is in Latin-1 or windows-1252, say \
                `encoding=windows-1252`"
            .into();
    }
    format!("is not valid {}", encoding.name())
}

/// A stream in UTF-8, decoded from another encoding where it is in one.
pub(crate) struct Decoded<R> {
    input: R,
    encoding: Encoding,
    returns_alone: bool,
    raw: Vec<u8>,
    raw_at: usize,
    at_end: bool,
}

/// Parsers above take an interruption for a failure.
fn read_uninterrupted(input: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(out) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// A byte that no valid UTF-8 has.
const INVALID: &[u8] = &[0xff];

impl<R: Read> Decoded<R> {
    /// Reads on, and keeps what is left of before.
    fn refill(&mut self) -> io::Result<()> {
        self.raw.drain(..self.raw_at);
        self.raw_at = 0;
        let some = self.input.by_ref().take(HEAD_BYTES as u64);
        self.at_end = { some }.read_to_end(&mut self.raw)? == 0;
        Ok(())
    }

    /// Decodes as many characters as there is room for.
    fn decode(&mut self, out: &mut [u8]) -> usize {
        let mut written = 0;
        while let Some(room) = out.get_mut(written..).filter(|room| room.len() >= 4) {
            let source = self.raw.get(self.raw_at..).unwrap_or_default();
            let mut utf_8 = [0; 4];
            let (bytes, length) = match self.encoding.next(source) {
                Some((Ok(character), length)) => {
                    (character.encode_utf8(&mut utf_8).as_bytes(), length)
                }
                Some((Err(Invalid), length)) => (INVALID, length),
                // Half a character that nothing follows.
                None if self.at_end && !source.is_empty() => (INVALID, source.len()),
                None => break,
            };
            self.raw_at = self.raw_at.saturating_add(length);
            for (place, byte) in room.iter_mut().zip(bytes) {
                *place = *byte;
            }
            written = written.saturating_add(bytes.len());
        }
        written
    }

    fn read_text(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.encoding == Encoding::Utf8 {
            return read_uninterrupted(&mut self.input, out);
        }
        if out.len() < 4 {
            return Err(io::Error::other("a character needs room for 4 bytes"));
        }
        loop {
            let written = self.decode(out);
            if written > 0 || self.at_end {
                return Ok(written);
            }
            self.refill()?;
        }
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.read_text(out)?;
        if self.returns_alone {
            let read = out.iter_mut().take(count);
            read.filter(|byte| **byte == b'\r')
                .for_each(|byte| *byte = b'\n');
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], declared: Option<Encoding>) -> Result<Vec<u8>, StatementError> {
        let opened = Opened::new(bytes, declared)?;
        let encoding = opened.encoding();
        let mut decoded = opened.decode(encoding);
        let (mut out, mut buffer) = (Vec::new(), [0_u8; 9]);
        loop {
            let count = decoded.read(&mut buffer)?;
            out.extend_from_slice(&buffer[..count]);
            if count == 0 {
                return Ok(out);
            }
        }
    }

    fn utf_16(text: &str, mark: bool, big: bool) -> Vec<u8> {
        let mark = mark.then_some(0xfeff);
        mark.into_iter()
            .chain(text.encode_utf16())
            .flat_map(|unit| {
                if big {
                    unit.to_be_bytes()
                } else {
                    unit.to_le_bytes()
                }
            })
            .collect()
    }

    #[test]
    fn every_encoding_becomes_utf_8() {
        let expected = "a,é€,😀\r\n".repeat(3_000);
        for (mark, big) in [(true, false), (true, true), (false, false), (false, true)] {
            let declared = (!mark).then_some(Encoding::Utf16Le);
            let read = text(&utf_16(&expected, mark, big), declared).unwrap();
            assert!(
                read == expected.as_bytes(),
                "marked {mark}, big endian {big}"
            );
        }
        let read = text(b"a,\xe9\x80\n", Some(Encoding::Windows1252)).unwrap();
        assert_eq!(read, "a,é€\n".as_bytes());
        assert_eq!(text(b"\xef\xbb\xbfa", None).unwrap(), b"a");
    }

    #[test]
    fn lines_that_end_with_a_carriage_return_alone_end_with_a_line_feed() {
        let long = "a,é\r".repeat(9_000);
        assert!(text(long.as_bytes(), None).unwrap() == long.replace('\r', "\n").as_bytes());
        let windows = text(b"a\r\xe9\r", Some(Encoding::Windows1252)).unwrap();
        assert_eq!(windows, "a\né\n".as_bytes());
        // Where a line feed may follow, or lines end with it, a carriage return stays one.
        let ends_with_the_head = "a".repeat(HEAD_BYTES - 1) + "\r\nb\r\n";
        for kept in ["a\rb\r\nc", "a\nb\rc", "a\r", &ends_with_the_head] {
            assert!(text(kept.as_bytes(), None).unwrap() == kept.as_bytes());
        }
    }

    #[test]
    fn what_is_not_valid_stays_visible() {
        let mut odd = utf_16("ab", true, false);
        odd.push(b'c');
        assert_eq!(text(&odd, None).unwrap(), b"ab\xff");
        let lone = [0xff, 0xfe, b'a', 0, 0x00, 0xd8, b'b', 0];
        assert_eq!(text(&lone, None).unwrap(), b"a\xffb");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for bytes in [
            &b"PK\x03\x04.."[..],
            b"\x1f\x8b..",
            b"%PDF-1.7",
            b"a,b\0c",
            b"\0\0\0",
        ] {
            let refused = text(bytes, None).unwrap_err();
            assert!(
                matches!(refused, StatementError::Binary { .. }),
                "{refused}"
            );
        }
        for blank in [&b""[..], b"\xef\xbb\xbf", b" \r\n\t\n", b"\xff\xfe\n\0"] {
            let refused = text(blank, None).unwrap_err();
            assert!(matches!(refused, StatementError::Empty), "{refused}");
        }
    }
}
