//! The measured part of `docs/performance.md`. The rest of it is written by people, and stays.

use std::fmt::Write;
use std::fs;
use std::num::NonZero;
use std::thread;

use bench_row::rounded;

use super::row::Row;
use crate::failure::{Failure, cannot_use};
use crate::workspace;

/// The document, from the top of the repository.
const DOCUMENT: &str = "docs/performance.md";

/// What is measured stands between these.
const START: &str = "<!-- measured -->";
const END: &str = "<!-- /measured -->";

/// Puts what was measured in the place of what was measured before.
pub(crate) fn write(rows: &[Row]) -> Result<(), Failure> {
    let path = workspace::top().join(DOCUMENT);
    let text = fs::read_to_string(&path).map_err(|error| cannot_use(&path, &error))?;
    let measured = tables(rows).map_err(|error| cannot_use(&path, &error))?;
    let text = replaced(&text, &measured).ok_or_else(|| {
        cannot_use(
            &path,
            &format!("it should have `{START}`, and `{END}` after it"),
        )
    })?;
    fs::write(&path, text).map_err(|error| cannot_use(&path, &error))?;
    println!("{DOCUMENT}: written");
    Ok(())
}

/// The text with another content between the marks.
fn replaced(text: &str, measured: &str) -> Option<String> {
    let (before, rest) = text.split_once(START)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{START}\n\n{measured}\n{END}{after}"))
}

fn tables(rows: &[Row]) -> Result<String, std::fmt::Error> {
    let mut text = format!(
        "Measured with version {} on {} cores{}.\n\n",
        env!("CARGO_PKG_VERSION"),
        thread::available_parallelism().map_or(1, NonZero::get),
        sync_cost(rows).map_or_else(String::new, |note| format!("; {note}"))
    );
    text.push_str(
        "### What is wanted\n\n| what | beside | wanted | ratio | |\n|---|---|---|--:|---|\n",
    );
    for row in rows {
        let Some(wanted) = &row.wanted else { continue };
        let (name, beside, verdict) = (&row.name, &row.beside, row.verdict_text());
        writeln!(
            text,
            "| {name} | {beside} | {wanted} | {:.3} | {verdict} |",
            row.ratio
        )?;
    }
    text.push_str(
        "\n### Every figure\n\n| what | beside | unit | its figure | here | ratio |\n|---|---|---|--:|--:|--:|\n",
    );
    for row in rows {
        let note = row.note.as_ref();
        writeln!(
            text,
            "| {}{} | {} | {} | {} | {} | {:.3} |",
            row.name,
            note.map_or_else(String::new, |note| format!(" ({note})")),
            row.beside,
            row.unit,
            rounded(row.by_hand),
            rounded(row.ours),
            row.ratio
        )?;
    }
    Ok(text)
}

/// What the rows say that it costs to make something durable, as most figures depend on it.
fn sync_cost(rows: &[Row]) -> Option<&str> {
    let mut notes = rows.iter().filter_map(|row| row.note.as_deref());
    notes.find(|note| note.starts_with("a sync costs"))
}

#[cfg(test)]
mod tests {
    use bench_row::{Pair, Row};

    use super::{DOCUMENT, END, START, replaced, tables};
    use crate::workspace;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let text = format!("# Title\n\n{START}\nold\n{END}\n\n## Rest\n");
        let once = replaced(&text, "new\n").unwrap();
        assert_eq!(
            once,
            format!("# Title\n\n{START}\n\nnew\n\n{END}\n\n## Rest\n")
        );
        assert_eq!(replaced(&once, "new\n"), Some(once), "again is the same");
    }

    #[test]
    fn without_its_marks_nothing_is_replaced() {
        for text in ["", START, END, &format!("{END} {START}")] {
            assert_eq!(replaced(text, "new"), None, "{text}");
        }
    }

    #[test]
    fn the_document_has_the_marks() {
        let text = std::fs::read_to_string(workspace::top().join(DOCUMENT)).unwrap();
        assert!(replaced(&text, "").is_some());
    }

    #[test]
    fn a_row_without_a_target_has_figures_alone() {
        let figures = Pair {
            by_hand: 1_000.0,
            ours: 904.0,
        };
        let row = |name| Row::rate(name, "refunds", figures);
        let note = "a sync costs 0.70 ms here".to_owned();
        let text = tables(&[row("with").wanted(0.9).note(note), row("without")]).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("with")).collect();
        assert_eq!(
            lines.get(1..),
            Some(
                &[
                    "| with | by hand | ≥ 0.9 | 0.904 | pass |",
                    "| with (a sync costs 0.70 ms here) | by hand | refunds/s | 1000 | 904 | 0.904 |",
                    "| without | by hand | refunds/s | 1000 | 904 | 0.904 |",
                ][..]
            )
        );
        assert!(
            lines
                .first()
                .unwrap()
                .ends_with("cores; a sync costs 0.70 ms here."),
            "{text}"
        );
    }
}
