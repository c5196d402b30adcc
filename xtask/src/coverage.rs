//! Which branches of the core its tests take.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::failure::{Failure, cannot_use};
use crate::postgres;
use crate::tools::{self, Tool};
use crate::workspace::{self, CORE};

const CARGO_LLVM_COV: Tool = Tool {
    name: "llvm-cov",
    version: "0.9.1",
};

/// How many of a hundred branches must be taken.
const WANTED: usize = 95;

/// What is wanted is not wanted of these: much in them looks for what a sound database never answers, and what
/// a broken one does is planted by `torture`, as programs of their own.
const STORES: [&str; 2] = ["src/store/sqlite", "src/store/postgres"];

/// The suite of tests for stores is not counted: what it looks at is someone else's code.
const SUITE: &str = "src/store/conformance";

/// What `llvm-cov export` prints, as far as it is needed here.
#[derive(Deserialize)]
struct Export {
    data: Vec<Data>,
}

#[derive(Deserialize)]
struct Data {
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    filename: String,
    branches: Vec<Branch>,
}

/// First line and column, last line and column, how often it was true and how often false; the rest is of no
/// interest here.
#[derive(Deserialize)]
struct Branch(
    u32,
    u32,
    u32,
    u32,
    u64,
    u64,
    IgnoredAny,
    IgnoredAny,
    IgnoredAny,
);

/// A place in a file: the first line and column, the last line and column.
type Place = (u32, u32, u32, u32);

/// The conditions of a file, each with whether it was ever true and ever false. Code that is made more than
/// once, for other types or in other programs, counts once.
#[derive(Default)]
struct Conditions(BTreeMap<Place, (bool, bool)>);

impl Conditions {
    fn branches(&self) -> impl Iterator<Item = (Place, &'static str, bool)> {
        self.0.iter().flat_map(|(place, (on_true, on_false))| {
            [(*place, "true", *on_true), (*place, "false", *on_false)]
        })
    }

    fn share(&self) -> Share {
        Share {
            all: self.branches().count(),
            taken: self.branches().filter(|(_, _, taken)| *taken).count(),
        }
    }
}

/// How many branches there are, and how many of them were taken.
#[derive(Default)]
struct Share {
    all: usize,
    taken: usize,
}

impl Share {
    fn add(&mut self, other: &Share) {
        self.all += other.all;
        self.taken += other.taken;
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} branches were taken", self.taken, self.all)
    }
}

/// Runs the core's tests, and prints for each of its files how many branches it has and how many were taken,
/// and where the others are.
pub(crate) fn run() -> Result<(), Failure> {
    postgres::set_up()?;
    tools::add_to_nightly("llvm-tools")?;
    let path = workspace::top().join("target/coverage.json");
    CARGO_LLVM_COV
        .command()?
        .arguments(["--branch", "--json", "--package", CORE, "--all-features"])
        .arguments(["--lib", "--tests", "--output-path"])
        .arguments([&path])
        .variable("RUSTUP_TOOLCHAIN", tools::NIGHTLY)
        .run()?;
    let text = fs::read_to_string(&path).map_err(|error| cannot_use(&path, &error))?;
    let export: Export = serde_json::from_str(&text)
        .map_err(|error| Failure::Rule(format!("`{}`: {error}", path.display())))?;
    show(&conditions(export)?)
}

/// The conditions of each of the core's files.
fn conditions(export: Export) -> Result<BTreeMap<String, Conditions>, Failure> {
    let mut found: BTreeMap<String, Conditions> = BTreeMap::new();
    for file in export.data.into_iter().flat_map(|data| data.files) {
        let path = Path::new(&file.filename);
        let Ok(name) = path.strip_prefix(workspace::top()) else {
            continue;
        };
        if !name.starts_with("src")
            || name.starts_with(SUITE)
            || name == Path::new(SUITE).with_extension("rs")
        {
            continue;
        }
        let source = fs::read_to_string(path).map_err(|error| cannot_use(path, &error))?;
        let end = tests_begin(&source);
        let conditions = found.entry(name.display().to_string()).or_default();
        for Branch(line, column, last_line, last_column, on_true, on_false, ..) in file.branches {
            if line < end {
                let place = (line, column, last_line, last_column);
                let taken = conditions.0.entry(place).or_default();
                taken.0 |= on_true > 0;
                taken.1 |= on_false > 0;
            }
        }
    }
    Ok(found)
}

/// The line that the tests inside a file begin at.
fn tests_begin(source: &str) -> u32 {
    let lines = source.lines().take_while(|line| *line != "#[cfg(test)]");
    u32::try_from(lines.count())
        .unwrap_or(u32::MAX)
        .saturating_add(1)
}

fn show(files: &BTreeMap<String, Conditions>) -> Result<(), Failure> {
    println!("{:<40}{:>10}{:>8}", "file", "branches", "taken");
    let (mut rules, mut stores) = (Share::default(), Share::default());
    for (name, conditions) in files {
        let share = conditions.share();
        println!("{name:<40}{:>10}{:>8}", share.all, share.taken);
        let of_store = STORES.iter().any(|store| name.starts_with(store));
        if of_store { &mut stores } else { &mut rules }.add(&share);
    }
    println!("\nnot taken:");
    for (name, conditions) in files {
        let source = fs::read_to_string(workspace::top().join(name)).unwrap_or_default();
        for (place, outcome, _) in conditions.branches().filter(|(_, _, taken)| !taken) {
            let text = text_at(&source, place);
            println!("{name}:{}: never {outcome}: `{text}`", place.0);
        }
    }
    println!(
        "\nstores over databases: {stores}\nall else: {rules}, at least {WANTED} % are wanted"
    );
    if rules.all == 0 || rules.taken * 100 < rules.all * WANTED {
        return Err(Failure::Rule(format!(
            "less than {WANTED} % of the branches were taken"
        )));
    }
    Ok(())
}

/// The condition itself, up to the end of its first line.
fn text_at(source: &str, (line, column, last_line, last_column): Place) -> String {
    let index = |number: u32| {
        usize::try_from(number)
            .unwrap_or(usize::MAX)
            .saturating_sub(1)
    };
    let text = source.lines().nth(index(line)).unwrap_or_default();
    let end = if last_line == line {
        index(last_column)
    } else {
        usize::MAX
    };
    let characters = text.chars().take(end).skip(index(column));
    characters.collect()
}

#[cfg(test)]
mod tests {
    use super::{tests_begin, text_at};

    const SOURCE: &str =
        "fn f(a: bool, b: bool) -> bool {\n    a\n        && b\n}\n\n#[cfg(test)]\nmod tests {}\n";

    #[test]
    fn a_condition_is_shown_up_to_the_end_of_its_first_line() {
        assert_eq!(text_at(SOURCE, (2, 5, 3, 13)), "a");
        assert_eq!(text_at(SOURCE, (3, 12, 3, 13)), "b");
        assert_eq!(text_at(SOURCE, (9, 1, 9, 2)), "");
    }

    #[test]
    fn what_is_in_a_files_own_tests_is_not_the_core() {
        assert_eq!(tests_begin(SOURCE), 6);
        assert_eq!(tests_begin("fn f() {}\n"), 2);
    }
}
