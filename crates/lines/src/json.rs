//! JSON Lines, read line by line in bounded memory.

use std::io::{self, BufRead, Read};

use refund_ledger::wire;

use crate::{LINE_BYTES_MAX, RawLine, beginning, too_long};

/// The lines of a file.
#[derive(Debug)]
pub struct JsonLines<R> {
    source: R,
    number: u64,
    line: Vec<u8>,
}

impl<R: BufRead> JsonLines<R> {
    /// The lines of this source.
    pub fn new(source: R) -> Self {
        Self {
            source,
            number: 0,
            line: Vec::new(),
        }
    }

    /// The next line that is not blank; `None` at the end.
    ///
    /// # Errors
    /// Where the source can't be read.
    pub fn next_line(&mut self) -> io::Result<Option<RawLine>> {
        while let Some(skipped) = read_line(&mut self.source, &mut self.line)? {
            self.number = self.number.saturating_add(1);
            if skipped > 0 {
                let bytes = skipped.saturating_add(self.line.len().try_into().unwrap_or(u64::MAX));
                return Ok(Some(RawLine {
                    number: self.number,
                    input: beginning(&self.line),
                    parsed: Err(too_long("line", bytes)),
                }));
            }
            let line = self.line.trim_ascii();
            if !line.is_empty() {
                return Ok(Some(RawLine {
                    number: self.number,
                    input: line.to_vec(),
                    parsed: wire::parse_line(line),
                }));
            }
        }
        Ok(None)
    }
}

/// Reads a line without its end, at most [`LINE_BYTES_MAX`] of it; answers how many bytes behind
/// those were skipped, and `None` at the end of the file.
fn read_line(source: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<u64>> {
    line.clear();
    let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
    let read = source
        .by_ref()
        .take(limit.saturating_add(1))
        .read_until(b'\n', line)?;
    if read == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(Some(0));
    }
    if line.len() <= LINE_BYTES_MAX {
        return Ok(Some(0)); // the last line, without an end
    }
    line.pop();
    let mut skipped: u64 = 1;
    loop {
        let buffer = source.fill_buf()?;
        if buffer.is_empty() {
            return Ok(Some(skipped));
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let (part, used) = end.map_or((buffer.len(), buffer.len()), |at| (at, at + 1));
        source.consume(used);
        skipped = skipped.saturating_add(part.try_into().unwrap_or(u64::MAX));
        if end.is_some() {
            return Ok(Some(skipped));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers_and_sizes(text: Vec<u8>) -> Vec<(u64, usize)> {
        let mut lines = JsonLines::new(io::Cursor::new(text));
        std::iter::from_fn(|| lines.next_line().unwrap())
            .map(|line| (line.number, line.input.len()))
            .collect()
    }

    #[test]
    fn blank_lines_count_as_lines_of_the_file_only() {
        let text = b"\n \t\r\n{}\r\n\n[1]".to_vec();
        assert_eq!(numbers_and_sizes(text), [(3, 2), (5, 3)]);
    }

    #[test]
    fn a_line_of_the_largest_size_is_read_and_one_more_byte_is_not() {
        for (size, kept) in [
            (LINE_BYTES_MAX, LINE_BYTES_MAX),
            (LINE_BYTES_MAX + 1, 1_024),
            (3 * LINE_BYTES_MAX, 1_024),
        ] {
            for end in ["\n", ""] {
                let mut text = vec![b'x'; size];
                text.extend_from_slice(end.as_bytes());
                assert_eq!(
                    numbers_and_sizes(text.clone()),
                    [(1, kept)],
                    "{size} bytes, end {end:?}"
                );
            }
            let mut text = vec![b'x'; size];
            text.extend_from_slice(b"\n{}\n");
            assert_eq!(
                numbers_and_sizes(text),
                [(1, kept), (2, 2)],
                "goes on behind {size} bytes"
            );
        }
    }

    #[test]
    fn a_line_that_is_too_long_says_its_length() {
        let mut lines = JsonLines::new(io::Cursor::new(vec![b'x'; LINE_BYTES_MAX + 7]));
        let error = lines.next_line().unwrap().unwrap().parsed.unwrap_err();
        assert_eq!(
            error.message(),
            "the line has 131079 bytes; at most 131072 are read"
        );
    }
}
