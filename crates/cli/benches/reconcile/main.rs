//! What a reconciliation costs, in time and in memory.
//!
//! `cargo bench -p refund-cli --bench reconcile` makes a ledger, and a statement that has its
//! refunds in another order, one in two hundred a cent off. It prints how long `refunds reconcile`
//! takes beside just reading both: the statement with the `csv` crate, the refunds with one SELECT.
//!
//! | option | what it does |
//! |---|---|
//! | `--refunds 1000000` | how many refunds and lines |
//! | `--python FILE` | has this Python compare both sides with pandas, too |
//! | `--linear 10000000` | instead, what a line costs among 10 thousand, and up to so many |
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a measurement reads the clock, prints, and fails loudly"
)]

mod by_hand;
mod program;
mod sides;

use std::path::PathBuf;

use program::Cost;
use sides::Sides;

const ROUNDS: usize = 3;

const BY_HAND_WANTED: f64 = 3.0;
const PANDAS_WANTED: f64 = 3.0;
const MEGABYTES_WANTED: u64 = 400;
const LINEAR_WANTED: f64 = 2.0;

fn main() {
    let number = |name: &str| option(name).map(|text| text.parse().unwrap());
    match number("--linear") {
        Some(most) => linear(most),
        None => beside(
            number("--refunds").unwrap_or(1_000_000),
            option("--python").map(PathBuf::from),
        ),
    }
}

fn option(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1)
}

/// Beside reading both sides by hand, and beside pandas where there is a Python that has it.
fn beside(refunds: usize, python: Option<PathBuf>) {
    let sides = Sides::make(refunds);
    let pandas = python.map(|python| by_hand::Pandas::new(python, &sides));
    let (mut ours, mut reading, mut whole, mut least) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        ours.push(program::reconcile(&sides));
        reading.push(by_hand::read(&sides));
        if let Some(pandas) = &pandas {
            whole.push(pandas.compare("whole"));
            least.push(pandas.compare("least"));
        }
    }
    let ours = median(ours);
    println!("{refunds} refunds beside as many lines, medians of {ROUNDS} rounds");
    println!("reconciled: {ours}, wanted at most {MEGABYTES_WANTED} MB for a million");
    let reading = median(reading);
    let ratio = ours.seconds / reading.seconds;
    println!(
        "just reading both by hand: {:.2} s; reconciled / read {ratio:.2}, wanted at most \
         {BY_HAND_WANTED}",
        reading.seconds
    );
    if pandas.is_some() {
        let whole = median(whole);
        let ratio = whole.seconds / ours.seconds;
        println!(
            "pandas, read_csv of both and an outer merge: {whole}; pandas / reconciled {ratio:.2}, \
             wanted at least {PANDAS_WANTED}"
        );
        let least = median(least);
        let ratio = least.seconds / ours.seconds;
        println!(
            "pandas, the columns that it compares and an inner merge, which finds nothing that is \
             missing: {least}; pandas / reconciled {ratio:.2}"
        );
    }
}

/// What a line costs in ledgers and statements of growing size.
fn linear(most: usize) {
    let mut each = Vec::new();
    for refunds in [10_000, 100_000, 1_000_000, 10_000_000] {
        if refunds > most {
            break;
        }
        let sides = Sides::make(refunds);
        let cost = median((0..ROUNDS).map(|_| program::reconcile(&sides)).collect());
        let per_line = cost.seconds * 1e6 / refunds as f64;
        println!("{refunds:>10} lines: {per_line:.2} µs per line, {cost}");
        each.push(per_line);
    }
    each.sort_by(f64::total_cmp);
    if let [cheapest, .., dearest] = each[..] {
        println!(
            "the dearest line / the cheapest {:.2}, wanted at most {LINEAR_WANTED}",
            dearest / cheapest
        );
    }
}

/// The one of which as many were faster as slower.
fn median(mut rounds: Vec<Cost>) -> Cost {
    rounds.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    rounds.swap_remove(rounds.len() / 2)
}
