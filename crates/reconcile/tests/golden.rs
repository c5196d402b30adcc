//! What is read of every fixture, one line for each item, beside files that a person has read.
//!
//! A fixture is a file under `fixtures/SOURCE`; `FILE.map` beside it is the map to read it with.
//! After a change that is meant: `UPDATE_GOLDEN=1 cargo test -p refund-reconcile --test golden`, then
//! read the diff.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use common::{fixtures, options, seen};
use refund_reconcile::Source;

/// The names of the files in a folder.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn check(source: Source) {
    let golden: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "golden", source.name()]
        .iter()
        .collect();
    #[allow(
        clippy::disallowed_methods,
        reason = "a test is told by the environment to write"
    )]
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    if update {
        std::fs::create_dir_all(&golden).unwrap();
    }
    let (mut golden_names, mut differences) = (BTreeSet::new(), Vec::new());
    for (name, fixture) in fixtures(source) {
        let actual = seen(&fixture.bytes, &options(source, &fixture.map)).join("\n") + "\n";
        let golden_name = format!("{name}.txt");
        let path = golden.join(&golden_name);
        golden_names.insert(golden_name);
        if update {
            std::fs::write(&path, &actual).unwrap();
            continue;
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        if expected != actual {
            differences.push(format!(
                "{source}/{name}\n expected:\n{expected}\n read:\n{actual}"
            ));
        }
    }
    assert!(
        differences.is_empty(),
        "what is read of these files differs from tests/golden. If that is meant, run \
         `UPDATE_GOLDEN=1 cargo test -p refund-reconcile --test golden`, and read the diff.\n{}",
        differences.join("\n")
    );
    assert_eq!(
        names(&golden),
        golden_names,
        "each golden file of {source} has its fixture"
    );
}

#[test]
fn stripe() {
    check(Source::Stripe);
}

#[test]
fn adyen() {
    check(Source::Adyen);
}

#[test]
fn paypal() {
    check(Source::PayPal);
}

#[test]
fn camt053() {
    check(Source::Camt053);
}

#[test]
fn csv() {
    check(Source::Csv);
}
