//! Figures beside each other, with what is wanted of them.
//!
//! What measures prints each [`Row`] as a line of JSON where it is asked to; `cargo xtask bench` reads them
//! all, and makes rows of its own in the same way.

use comfy_table::{Cell, CellAlignment, Table, presets};
use serde::{Deserialize, Serialize};

/// The figures of both sides.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// Of what is measured against.
    pub by_hand: f64,
    /// Of the ledger.
    pub ours: f64,
}

/// One measurement of both sides.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// What both figures are in, such as `refunds/s`.
    pub unit: String,
    /// What the ledger is measured against: its own figure at another size, where it is not by hand.
    pub beside: String,
    /// The figure of what the ledger is measured against.
    pub by_hand: f64,
    /// The ledger's figure.
    pub ours: f64,
    /// `ours / by_hand`.
    pub ratio: f64,
    /// What is wanted of the ratio, such as `≥ 0.9`, if anything is.
    pub wanted: Option<String>,
    /// Which ratios are good ones.
    pub better: Better,
    /// Whether it is what is wanted; `None` where that can't be judged, or nothing is.
    pub verdict: Option<Verdict>,
    /// What else belongs to the figures.
    pub note: Option<String>,
}

/// Which ratios are good ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Great ones: the figures say how much is done in a time.
    Higher,
    /// Small ones: the figures say how much it takes.
    Lower,
}

/// Whether a ratio is what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is.
    Pass,
    /// It is not.
    Short,
}

impl Row {
    fn new(name: &str, unit: &str, figures: Pair, better: Better) -> Self {
        Self {
            name: name.to_owned(),
            unit: unit.to_owned(),
            beside: "by hand".to_owned(),
            by_hand: figures.by_hand,
            ours: figures.ours,
            ratio: figures.ours / figures.by_hand,
            wanted: None,
            better,
            verdict: None,
            note: None,
        }
    }

    /// How much both sides do in a second.
    pub fn rate(name: &str, what: &str, figures: Pair) -> Self {
        Self::new(name, &format!("{what}/s"), figures, Better::Higher)
    }

    /// What something takes of both sides.
    pub fn cost(name: &str, unit: &str, figures: Pair) -> Self {
        Self::new(name, unit, figures, Better::Lower)
    }

    /// The ratio that is wanted: at least or at most this, as it is better.
    #[must_use]
    pub fn wanted(mut self, ratio: f64) -> Self {
        let (sign, is_reached) = match self.better {
            Better::Higher => ("≥", self.ratio >= ratio),
            Better::Lower => ("≤", self.ratio <= ratio),
        };
        self.wanted = Some(format!("{sign} {ratio}"));
        self.verdict = Some(if is_reached {
            Verdict::Pass
        } else {
            Verdict::Short
        });
        self
    }

    /// Where the machine can't show what is wanted.
    #[must_use]
    pub fn not_judged(mut self) -> Self {
        self.verdict = None;
        self
    }

    /// The ledger beside something else than what is done by hand.
    #[must_use]
    pub fn beside(mut self, what: &str) -> Self {
        what.clone_into(&mut self.beside);
        self
    }

    /// The ledger beside a limit: the figure itself must not be greater.
    pub fn limited(name: &str, unit: &str, ours: f64, limit: f64) -> Self {
        let figures = Pair {
            by_hand: limit,
            ours,
        };
        Self::cost(name, unit, figures)
            .beside("the limit")
            .wanted(1.0)
    }

    /// Says what else belongs to the figures.
    #[must_use]
    pub fn note(mut self, note: String) -> Self {
        self.note = Some(note);
        self
    }

    /// What to call the verdict; nothing where nothing is wanted.
    pub fn verdict_text(&self) -> &'static str {
        match (self.verdict, &self.wanted) {
            (Some(Verdict::Pass), _) => "pass",
            (Some(Verdict::Short), _) => "short",
            (None, Some(_)) => "not judged",
            (None, None) => "",
        }
    }
}

/// The value of which as many are greater as smaller: what a row says of its rounds.
///
/// # Panics
/// If there are no values.
#[allow(
    clippy::indexing_slicing,
    reason = "a median of nothing is a mistake of the measurement"
)]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Prints rows: as one line of JSON each, or as a table for people.
#[allow(
    clippy::print_stdout,
    reason = "it is what the programs are for that measure"
)]
#[allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a row is text and numbers, which JSON has"
)]
pub fn print_rows(rows: &[Row], json: bool) {
    if json {
        for row in rows {
            println!("{}", serde_json::to_string(row).unwrap());
        }
    } else {
        println!("{}", table(rows));
    }
}

/// The table for people.
pub fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["", "unit", "by hand", "ours", "ratio", "wanted", ""]);
    for row in rows {
        let mut name = row.name.clone();
        if row.beside != "by hand" {
            name = format!("{name}, beside {}", row.beside);
        }
        if let Some(note) = &row.note {
            name = format!("{name} ({note})");
        }
        let number = |figure: f64| Cell::new(rounded(figure)).set_alignment(CellAlignment::Right);
        table.add_row([
            Cell::new(name),
            Cell::new(&row.unit),
            number(row.by_hand),
            number(row.ours),
            Cell::new(format!("{:.3}", row.ratio)).set_alignment(CellAlignment::Right),
            Cell::new(row.wanted.as_deref().unwrap_or_default()),
            Cell::new(row.verdict_text()),
        ]);
    }
    table.trim_fmt()
}

/// A figure for people: three digits or more.
pub fn rounded(figure: f64) -> String {
    match figure.abs() {
        large if large >= 100.0 => format!("{figure:.0}"),
        medium if medium >= 10.0 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Pair, Row, Verdict, median, table};

    const TWICE: Pair = Pair {
        by_hand: 100.0,
        ours: 200.0,
    };

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]).to_string(), "2");
    }

    #[test]
    fn twice_as_many_pass_and_twice_as_much_is_too_much() {
        let many = Row::rate("one", "refunds", TWICE).wanted(0.9);
        assert_eq!(many.verdict, Some(Verdict::Pass));
        let much = Row::cost("one", "bytes", TWICE).wanted(1.5);
        assert_eq!(much.verdict, Some(Verdict::Short));
        assert_eq!(much.wanted.as_deref(), Some("≤ 1.5"));
    }

    #[test]
    fn a_row_as_json_has_the_names_that_others_read() {
        let row = Row::rate("one", "refunds", TWICE).wanted(5.0).not_judged();
        assert_eq!(
            serde_json::to_string(&row).unwrap(),
            r#"{"name":"one","unit":"refunds/s","beside":"by hand","by_hand":100.0,"ours":200.0,"ratio":2.0,"wanted":"≥ 5","better":"higher","verdict":null,"note":null}"#
        );
        assert!(
            table(&[row]).contains("not judged"),
            "and as text it says why"
        );
    }

    #[test]
    fn a_limit_is_kept_or_passed() {
        let within = Row::limited("memory", "MB", 300.0, 400.0);
        assert_eq!(
            (within.beside.as_str(), within.verdict_text()),
            ("the limit", "pass")
        );
        assert_eq!(
            Row::limited("memory", "MB", 401.0, 400.0).verdict_text(),
            "short"
        );
    }
}
