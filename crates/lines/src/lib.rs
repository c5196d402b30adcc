//! Reads files of commands, line by line in bounded memory: lines of JSON, and rows of CSV under a
//! header of flattened names.
//!
//! Whatever is in a file, the parser of [`wire`] judges it: a row becomes a line of JSON first.

mod csv;
mod json;
mod raw_rows;
pub mod row;

use refund_ledger::{ErrorCode, LedgerError, wire};

pub use csv::{CsvRows, HeaderError};
pub use json::JsonLines;

/// The most bytes of a line or row that are kept. A valid line has fewer.
pub const LINE_BYTES_MAX: usize = 128 * 1_024;

/// A line or row that is not blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawLine {
    /// The line of the file that it begins on, from 1.
    pub number: u64,
    /// The line as it was given; only its beginning where it is too long.
    pub input: Vec<u8>,
    /// What it says, or why it says nothing.
    pub parsed: Result<wire::Line, LedgerError>,
}

/// The refusal of a line that is longer than any valid one.
fn too_long(what: &str, bytes: u64) -> LedgerError {
    LedgerError::new(
        ErrorCode::MalformedRequest,
        format!("the {what} has {bytes} bytes; at most {LINE_BYTES_MAX} are read"),
    )
}

/// The beginning of a line that is too long to be kept.
fn beginning(input: &[u8]) -> Vec<u8> {
    const SHOWN_BYTES: usize = 1_024;
    input.get(..SHOWN_BYTES).unwrap_or(input).to_vec()
}
