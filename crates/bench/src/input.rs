//! What is recorded and refunded: the same lines for both sides.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use crate::contender::{Contender, ORG};

/// How many lines of an import file are carried out at once.
pub const LINES_PER_TRANSACTION: usize = 1_000;

/// How many refunds a movement has where they come in a row.
pub const REFUNDS_PER_MOVEMENT: usize = 10;

/// How many requests are prepared or carried out at once where that is not what is measured.
const AT_ONCE: usize = 8_000;

/// A prime larger than what lies side by side in a page: refunds whose numbers follow each other are on
/// movements that are far apart.
const STRIDE: usize = 7_919;

/// Refunds by their number, each on one of some movements.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    movements: usize,
    in_a_row: bool,
}

impl Input {
    /// So many refunds, [`REFUNDS_PER_MOVEMENT`] on a movement before the next one has any.
    pub fn in_a_row(refunds: usize) -> Self {
        Self {
            movements: refunds.div_ceil(REFUNDS_PER_MOVEMENT),
            in_a_row: true,
        }
    }

    /// Refunds all over so many movements: as many as there are movements are on one each.
    pub fn scattered(movements: usize) -> Self {
        assert!(!movements.is_multiple_of(STRIDE), "would miss movements");
        Self {
            movements,
            in_a_row: false,
        }
    }

    /// How many movements there are.
    pub fn movements(&self) -> usize {
        self.movements
    }

    /// The movement of a refund.
    pub fn movement_of(&self, refund: usize) -> usize {
        if self.in_a_row {
            refund / REFUNDS_PER_MOVEMENT
        } else {
            refund * STRIDE % self.movements
        }
    }

    /// Records all movements.
    pub fn record<C: Contender>(&self, contender: &mut C) {
        let movements: Vec<usize> = (0..self.movements).collect();
        for some in movements.chunks(AT_ONCE) {
            let requests: Vec<_> = some
                .iter()
                .map(|movement| C::request(&movement_line(*movement)))
                .collect();
            contender.execute_all(&requests).unwrap();
        }
    }

    /// The requests of some refunds.
    pub fn refunds<C: Contender>(&self, range: Range<usize>) -> Vec<C::Request> {
        range
            .map(|n| C::request(&refund_line(n, self.movement_of(n))))
            .collect()
    }

    /// Records movements and books refunds that come in a row. The range must begin with a movement.
    pub fn fill<C: Contender>(contender: &mut C, range: Range<usize>) {
        let mut first = range.start;
        while first < range.end {
            let end = range.end.min(first + AT_ONCE);
            let requests: Vec<_> = import_lines(first..end)
                .map(|line| C::request(&line))
                .collect();
            contender.execute_all(&requests).unwrap();
            first = end;
        }
    }
}

/// The movement of that number as a line of JSON. It can be refunded a hundred thousand times.
fn movement_line(movement: usize) -> String {
    format!(
        r#"{{"op":"record_movement",{},"body":{{"currency":"EUR","occurred_at":"2022-02-01T00:00:00Z","amount":{{"value_with_taxes":1210000,"value_without_taxes":1000000,"tax":{{"type":"IVA","percentage":21}}}},"description":"February"}}}}"#,
        scope(movement)
    )
}

fn refund_line(n: usize, movement: usize) -> String {
    format!(
        r#"{{"op":"create_refund",{},"body":{{"refund_datetime":"2022-02-{:02}T13:45:10Z","period_start_datetime":"2022-01-31T23:00:00Z","period_end_datetime":"2022-02-28T22:59:59.999999999Z","amount":{{"value_with_taxes":12.1,"value_without_taxes":10,"tax":{{"type":"IVA","percentage":21}}}},"external_invoice_id":"inv-{movement}","external_refund_unique_id":"refund-{n}","billable":false,"description":"Two days without service, ticket {n}"}}}}"#,
        scope(movement),
        1 + n % 28
    )
}

fn scope(movement: usize) -> String {
    let [subscription, movement] = names(movement);
    format!(r#""org_id":"{ORG}","subscription_id":"{subscription}","movement_id":"{movement}""#)
}

/// The subscription and the id of a movement.
pub(crate) fn names(movement: usize) -> [String; 2] {
    [
        format!("sub-{}", movement % 1_000),
        format!("mov-{movement}"),
    ]
}

/// Each movement before its refunds.
fn import_lines(range: Range<usize>) -> impl Iterator<Item = String> {
    range.flat_map(|n| {
        let movement = n / REFUNDS_PER_MOVEMENT;
        let is_new = n.is_multiple_of(REFUNDS_PER_MOVEMENT);
        let recorded = is_new.then(|| movement_line(movement));
        recorded.into_iter().chain([refund_line(n, movement)])
    })
}

/// Writes an import file of so many refunds and their movements.
pub fn write_lines(path: &Path, refunds: usize) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    for line in import_lines(0..refunds) {
        writeln!(out, "{line}").unwrap();
    }
    out.flush().unwrap();
}

/// The lines of a file.
pub fn lines(path: &Path) -> impl Iterator<Item = String> {
    BufReader::new(File::open(path).unwrap())
        .lines()
        .map(Result::unwrap)
}
