//! Files of JSON lines: how their bytes arrive changes nothing, and what is read is carried out.
#![no_main]

use std::io::{BufRead, BufReader};

use libfuzzer_sys::fuzz_target;
use refund_fuzz::carry_out;
use refund_lines::{JsonLines, RawLine};

fn read(source: impl BufRead) -> Vec<RawLine> {
    let mut lines = JsonLines::new(source);
    std::iter::from_fn(|| lines.next_line().expect("memory is read")).collect()
}

fuzz_target!(|file: &[u8]| {
    let lines = read(file);
    assert_eq!(lines, read(BufReader::with_capacity(7, file)), "in pieces");
    carry_out(&lines);
});
