//! Carries out commands on a ledger in memory, natively, from the text that the module takes.
//!
//! `cargo bench --package refund-wasm --bench lines -- --file FILE` prints the seconds that it took: one
//! row of `cargo xtask bench wasm`, which runs it beside the module.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement reads the clock, prints, and fails loudly"
)]

use std::fs;
use std::time::Instant;

use refund_ledger::{Ledger, wire};

fn main() {
    // Cargo adds options of its own.
    let mut arguments = std::env::args().skip_while(|argument| argument != "--file");
    let Some(file) = arguments.nth(1) else {
        println!("name a file of commands with `--file FILE`: `cargo xtask bench wasm` writes one");
        return;
    };
    let text = fs::read_to_string(file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let ledger = Ledger::in_memory();
    let start = Instant::now();
    for line in lines {
        let command = wire::parse_line(line.as_bytes()).unwrap().command;
        ledger.execute(&command).unwrap();
    }
    println!("{}", start.elapsed().as_secs_f64());
}
