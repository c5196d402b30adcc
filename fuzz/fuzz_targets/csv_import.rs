//! Files of CSV: how their bytes arrive changes nothing, and what is read is carried out.
#![no_main]

use std::io::{BufRead, BufReader};

use libfuzzer_sys::fuzz_target;
use refund_fuzz::carry_out;
use refund_lines::{CsvRows, RawLine};

fn read(source: impl BufRead) -> Result<Vec<RawLine>, String> {
    let mut rows = CsvRows::begin(source).map_err(|error| error.to_string())?;
    Ok(std::iter::from_fn(|| rows.next_line().expect("memory is read")).collect())
}

fuzz_target!(|file: &[u8]| {
    let rows = read(file);
    assert_eq!(rows, read(BufReader::with_capacity(7, file)), "in pieces");
    if let Ok(rows) = rows {
        carry_out(&rows);
    }
});
