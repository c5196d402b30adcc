//! A file in pieces, and who is told how much of it was read.

use std::collections::VecDeque;
use std::io::{self, Read};

use wasm_bindgen::prelude::wasm_bindgen;

// A function that crossed as an argument would be `any` in the types of the module's script.
#[wasm_bindgen(raw_module = "../reconcile/progress.js")]
extern "C" {
    /// Is told how many bytes were read. It must not throw.
    fn told(bytes: f64);
}

/// After how many bytes the next news comes.
const NEWS_BYTES: u64 = 256 * 1_024;

/// The pieces of a file in their order. Each is given back once it was read.
#[derive(Default)]
pub(crate) struct Pieces {
    pieces: VecDeque<Vec<u8>>,
    /// How much of the first piece was read.
    read: usize,
}

impl Pieces {
    pub(crate) fn add(&mut self, piece: Vec<u8>) {
        self.pieces.push_back(piece);
    }
}

impl Read for Pieces {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(piece) = self.pieces.front() {
            let mut rest = piece.get(self.read..).unwrap_or_default();
            let read = rest.read(out)?;
            if read > 0 || out.is_empty() {
                self.read = self.read.saturating_add(read);
                return Ok(read);
            }
            self.pieces.pop_front();
            self.read = 0;
        }
        Ok(0)
    }
}

/// Tells how far reading has come.
pub(crate) struct Told {
    pub(crate) source: Pieces,
    pub(crate) bytes: u64,
}

impl Read for Told {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(out)?;
        let before = self.bytes / NEWS_BYTES;
        self.bytes = self.bytes.saturating_add(read as u64);
        if self.bytes / NEWS_BYTES > before || read == 0 {
            #[expect(clippy::cast_precision_loss, reason = "no file has 2^53 bytes")]
            told(self.bytes as f64);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::Pieces;

    #[test]
    fn pieces_are_read_in_their_order() {
        let mut pieces = Pieces::default();
        for piece in ["ab", "", "cde", "f"] {
            pieces.add(piece.into());
        }
        let mut first = [0; 1];
        assert_eq!(pieces.read(&mut first).unwrap(), 1);
        assert_eq!(&first, b"a");
        let mut rest = String::new();
        pieces.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "bcdef");
    }
}
