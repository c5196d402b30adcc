//! What the ledger costs, all of it in one table: `cargo xtask bench`.
//!
//! Each [`Part`] is measured by a program that prints its rows, or by a function of this crate. To add one,
//! name it there, and name what is wanted of it in `target::TARGETS`.

mod document;
mod part;
mod peers;
pub(crate) mod row;
mod target;

use std::time::{Duration, Instant};

use self::part::Extent;
pub(crate) use self::part::Part;
use self::row::{Row, Verdict, table};
use crate::failure::Failure;

/// What was measured, and how long each part took.
#[derive(Default)]
struct Measured {
    rows: Vec<Row>,
    times: Vec<(Part, Duration)>,
}

/// Measures some parts, or the usual ones if none is named, and prints their rows. A target that is missed fails
/// nothing, but one that is not measured does. All usual ones at their full extent go into the document.
pub(crate) fn run(parts: &[Part], quick: bool) -> Result<(), Failure> {
    let extent = if quick { Extent::Quick } else { Extent::Full };
    let is_all = parts.is_empty();
    let usual = Part::usual();
    let parts = if is_all { &usual } else { parts };
    if parts.contains(&Part::Scale) {
        part::check_room(extent)?;
    }
    let measured = measure(parts, extent)?;
    println!("\n{}", table(&measured.rows));
    if measured
        .rows
        .iter()
        .any(|row| row.verdict == Some(Verdict::Short))
    {
        println!("where the time goes in what is short, from profiles: docs/performance.md");
    }
    for (part, time) in &measured.times {
        println!("{}: {:.0} s", part.name(), time.as_secs_f64());
    }
    target::check(parts, &measured.rows)?;
    if is_all && extent == Extent::Full {
        document::write(&measured.rows)?;
    }
    Ok(())
}

fn measure(parts: &[Part], extent: Extent) -> Result<Measured, Failure> {
    let mut measured = Measured::default();
    for part in parts {
        println!("\n== {}", part.name());
        let start = Instant::now();
        measured.rows.extend(part.rows(extent)?);
        measured.times.push((*part, start.elapsed()));
    }
    Ok(measured)
}
