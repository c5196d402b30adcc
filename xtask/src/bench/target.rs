//! The rows that have to be measured, as something is promised or wanted of each.

use super::Part;
use super::row::Row;
use crate::failure::Failure;

/// What is wanted of a row.
#[derive(Debug)]
pub(crate) struct Target {
    /// What it is a part of.
    part: Part,
    /// How its name begins; behind that may be the size at which it was measured.
    name: &'static str,
    wanted: &'static str,
}

const fn target(part: Part, name: &'static str, wanted: &'static str) -> Target {
    Target { part, name, wanted }
}

/// Every one.
const TARGETS: &[Target] = &[
    target(Part::Durable, "one durable refund a transaction", "≥ 0.9"),
    target(
        Part::Batches,
        "8 durable refunds a transaction, each on another",
        "≥ 0.9",
    ),
    target(
        Part::Batches,
        "8 durable refunds a transaction, ten on a",
        "≥ 0.9",
    ),
    target(
        Part::Batches,
        "100 durable refunds a transaction, each on another",
        "≥ 0.9",
    ),
    target(
        Part::Batches,
        "100 durable refunds a transaction, ten on a",
        "≥ 0.9",
    ),
    target(
        Part::Batches,
        "8000 durable refunds a transaction, each on another",
        "≥ 2",
    ),
    target(
        Part::Batches,
        "8000 durable refunds a transaction, ten on a",
        "≥ 2",
    ),
    target(Part::Threads, "8 threads on movements of their own", "≥ 5"),
    target(Part::Threads, "8 threads all on two movements", "≥ 5"),
    target(Part::Memory, "in memory, one thread", "≥ 4"),
    target(Part::Import, "`refunds import` of JSON Lines", "≥ 0.8"),
    target(Part::Import, "peak memory of `refunds import`", "≤ 1.1"),
    target(Part::Size, "file and log after an import", "≤ 1.5"),
    target(Part::Size, "file after a checkpoint", "≤ 1.5"),
    target(Part::Scale, "a durable refund, ", "≤ 2"),
    target(Part::Wasm, "wasm in Node, from lines of JSON", "≥ 0.4"),
    target(Part::Wasm, "wasm in Node, `createRefund`", "≥ 2"),
    target(Part::Wasm, "import of the package and first refund", "≤ 1"),
    target(
        Part::Postgres,
        "PostgreSQL: one refund a transaction",
        "≥ 0.8",
    ),
    target(Part::Postgres, "PostgreSQL: import of JSON Lines", "≥ 0.7"),
    target(
        Part::Instructions,
        "counted: one refund a transaction",
        "≤ 1.05",
    ),
    target(
        Part::Instructions,
        "counted: 100 refunds a transaction",
        "≤ 1.05",
    ),
    target(
        Part::Instructions,
        "counted: 8000 refunds a transaction",
        "≤ 1.05",
    ),
    target(
        Part::Instructions,
        "counted: one refund in memory",
        "≤ 1.05",
    ),
    // Beside reading both sides, and beside pandas.
    target(Part::Reconcile, "reconcile ", "≤ 3"),
    target(Part::Reconcile, "reconcile ", "≥ 3"),
    target(Part::Reconcile, "peak memory, reconcile ", "≤ 1"),
];

/// Fails if one that is wanted of these parts is missing in the rows.
pub(crate) fn check(parts: &[Part], rows: &[Row]) -> Result<(), Failure> {
    let missing: Vec<String> = TARGETS
        .iter()
        .filter(|target| parts.contains(&target.part) && !target.is_in(rows))
        .map(|target| format!("`{}…` {}", target.name, target.wanted))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Failure::Rule(format!(
            "something is wanted of rows that were not measured: {}",
            missing.join(", ")
        )))
    }
}

impl Target {
    fn is_in(&self, rows: &[Row]) -> bool {
        rows.iter().any(|row| {
            row.name.starts_with(self.name) && row.wanted.as_deref() == Some(self.wanted)
        })
    }
}

#[cfg(test)]
mod tests {
    use bench_row::Pair;

    use super::check;
    use crate::bench::Part;
    use crate::bench::row::Row;

    const FIGURES: Pair = Pair {
        by_hand: 100.0,
        ours: 10.0,
    };

    fn memory() -> Row {
        Row::rate("in memory, one thread", "refunds", FIGURES)
    }

    #[test]
    fn a_row_that_is_short_is_measured() {
        assert!(check(&[Part::Memory], &[memory().wanted(4.0)]).is_ok());
    }

    #[test]
    fn a_row_is_missed_only_if_its_part_was_to_be_measured() {
        assert!(check(&[Part::Lists], &[]).is_ok());
        let failure = check(&[Part::Memory], &[]).unwrap_err().to_string();
        assert!(
            failure.contains("`in memory, one thread…` ≥ 4"),
            "{failure}"
        );
    }

    #[test]
    fn a_row_of_which_something_else_is_wanted_is_another() {
        assert!(check(&[Part::Memory], &[memory().wanted(3.0)]).is_err());
        assert!(check(&[Part::Memory], &[memory()]).is_err());
    }
}
