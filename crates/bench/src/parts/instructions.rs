//! What one side does for a refund, counted by valgrind: instructions and allocations, which are about the same
//! on every machine, however busy it is. They stand beside those that are kept in [`KEPT`], so that a change
//! shows that makes the ledger dearer.
//!
//! Each figure is the difference between a run of many refunds and one of few. Valgrind's processor has no
//! instructions for SHA-256: there it takes some seven times as many as where a processor has them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;
use refund_bench::{ByHand, Contender, Folder, Input, Ours, Pair, Row, batches, singles};

use crate::Setting;

/// How many movements the refunds are all over.
const MOVEMENTS: usize = 1_000;

/// What is kept: a line for each count.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.tsv");

const HEAD: &str = "what\tinstructions\tallocations\n";

/// How many times as many as are kept are not too many.
const WANTED: f64 = 1.05;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Side {
    ByHand,
    Ours,
}

/// Books refunds with one side, and does nothing else.
#[derive(clap::Args)]
pub(crate) struct Book {
    side: Side,
    refunds: usize,
    at_once: usize,
    /// A new file; in memory without one.
    file: Option<PathBuf>,
}

impl Book {
    pub(crate) fn run(&self) {
        match self.side {
            Side::ByHand => self.book::<ByHand>(),
            Side::Ours => self.book::<Ours>(),
        }
    }

    fn book<C: Contender>(&self) {
        let mut contender = match &self.file {
            Some(file) => C::open(file),
            None => C::in_memory(),
        };
        let input = Input::scattered(MOVEMENTS.max(self.at_once));
        input.record(&mut contender);
        let requests = input.refunds::<C>(0..self.refunds);
        if self.at_once == 1 {
            singles(&mut contender, &requests);
        } else {
            batches(&mut contender, &requests, self.at_once);
        }
    }
}

/// What is counted.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    at_once: usize,
    in_file: bool,
    few: usize,
    many: usize,
}

const CASES: [Case; 4] = [
    Case {
        name: "one refund a transaction",
        at_once: 1,
        in_file: true,
        few: 500,
        many: 1_500,
    },
    Case {
        name: "100 refunds a transaction",
        at_once: 100,
        in_file: true,
        few: 1_000,
        many: 3_000,
    },
    Case {
        name: "8000 refunds a transaction",
        at_once: 8_000,
        in_file: true,
        few: 8_000,
        many: 16_000,
    },
    Case {
        name: "one refund in memory",
        at_once: 1,
        in_file: false,
        few: 1_000,
        many: 3_000,
    },
];

/// For a refund, its request included.
#[derive(Clone, Copy)]
struct Counted {
    instructions: f64,
    allocations: f64,
}

/// Counts everything. What the ledger takes stands beside what is kept; with `keep` it is kept from now on.
pub(crate) fn rows(setting: &Setting, keep: bool) -> Vec<Row> {
    let counted = CASES.map(|case| {
        let [by_hand, ours] = [Side::ByHand, Side::Ours].map(|side| case.count(setting, side));
        (case, by_hand, ours)
    });
    if keep {
        let lines = counted
            .iter()
            .map(|(case, _, ours)| format!("{}\t{}\n", case.name, ours.columns()));
        fs::write(KEPT, HEAD.to_owned() + &lines.collect::<String>()).unwrap();
    }
    let kept = kept();
    let rows = counted.iter().flat_map(|(case, by_hand, ours)| {
        assert!(kept.contains_key(case.name), "{} is kept", case.name);
        let kept = kept[case.name];
        let row = |what: &str, of: &dyn Fn(&Counted) -> f64| {
            let figures = Pair {
                by_hand: of(&kept),
                ours: of(ours),
            };
            Row::cost(&format!("counted: {}", case.name), what, figures)
                .beside("what is kept")
                .wanted(WANTED)
                .note(format!("by hand {:.0}", of(by_hand)))
        };
        [
            row("instructions", &|counted| counted.instructions),
            row("allocations", &|counted| counted.allocations),
        ]
    });
    rows.collect()
}

/// What is kept, by what was counted.
fn kept() -> BTreeMap<String, Counted> {
    let text = fs::read_to_string(KEPT).unwrap();
    let counts = text.lines().skip(1).map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        let counted = Counted {
            instructions: columns[1].parse().unwrap(),
            allocations: columns[2].parse().unwrap(),
        };
        (columns[0].to_owned(), counted)
    });
    counts.collect()
}

impl Counted {
    fn columns(self) -> String {
        format!("{:.0}\t{:.0}", self.instructions, self.allocations)
    }
}

impl Case {
    fn count(&self, setting: &Setting, side: Side) -> Counted {
        let for_one = |tool: &Tool| {
            let [few, many] = [self.few, self.many]
                .map(|refunds| tool.count(&self.arguments(setting, side, refunds)));
            (many - few) / (self.many - self.few) as f64
        };
        Counted {
            instructions: for_one(&INSTRUCTIONS),
            allocations: for_one(&ALLOCATIONS),
        }
    }

    fn arguments(&self, setting: &Setting, side: Side, refunds: usize) -> Run {
        let folder = setting.folder();
        let value = side.to_possible_value().unwrap();
        let mut arguments = vec![
            "book".to_owned(),
            value.get_name().to_owned(),
            refunds.to_string(),
            self.at_once.to_string(),
        ];
        if self.in_file {
            arguments.push(folder.file("counted.db").to_string_lossy().into_owned());
        }
        Run { arguments, folder }
    }
}

/// This program's arguments, and the folder that its file is in.
struct Run {
    arguments: Vec<String>,
    folder: Folder,
}

/// A tool of valgrind, and the count that its report has behind some words.
struct Tool {
    options: [&'static str; 2],
    behind: &'static str,
}

const INSTRUCTIONS: Tool = Tool {
    options: ["--tool=callgrind", "--callgrind-out-file=/dev/null"],
    behind: "Collected : ",
};

const ALLOCATIONS: Tool = Tool {
    options: ["--tool=memcheck", "--undef-value-errors=no"],
    behind: "total heap usage: ",
};

impl Tool {
    fn count(&self, run: &Run) -> f64 {
        let this = std::env::current_exe().unwrap();
        let report = self.report(&this, run);
        let line = report.lines().find_map(|line| line.split_once(self.behind));
        assert!(line.is_some(), "valgrind counts: {report}");
        let (_, count) = line.unwrap();
        let digits = count.split(' ').next().unwrap_or_default();
        digits.replace(',', "").parse().unwrap()
    }

    fn report(&self, program: &Path, run: &Run) -> String {
        let output = Command::new("valgrind")
            .args(self.options)
            .arg(program)
            .args(&run.arguments)
            .env("TMPDIR", run.folder.file(""))
            .output();
        assert!(output.is_ok(), "needs valgrind: {output:?}");
        let output = output.unwrap();
        let report = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{report}");
        report
    }
}
