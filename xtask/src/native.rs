//! The checks that need nothing but the Rust toolchain and, for the tests, PostgreSQL.

use std::fs;
use std::path::Path;

use crate::command::Command;
use crate::failure::Failure;
use crate::postgres;
use crate::tally::Tally;
use crate::workspace::{self, CORE};

/// Every file is formatted.
pub(crate) fn format() -> Result<Tally, Failure> {
    Command::cargo("fmt --all --check").run()?;
    for own_workspace in ["fuzz", "peers"] {
        let manifest = format!("fmt --manifest-path {own_workspace}/Cargo.toml --check");
        Command::cargo(&manifest).run()?;
    }
    Ok(Tally::default())
}

/// No lint has anything to say, tests, examples and benches included, nor the fuzz targets.
pub(crate) fn lints() -> Result<Tally, Failure> {
    Command::cargo("clippy --workspace --all-targets --all-features -- -D warnings").run()?;
    Command::cargo(
        "clippy --manifest-path fuzz/Cargo.toml --locked --target-dir target -- -D warnings",
    )
    .run()?;
    Ok(Tally::default())
}

/// The documentation builds, and its links lead somewhere.
pub(crate) fn documentation() -> Result<Tally, Failure> {
    Command::cargo("doc --workspace --all-features --no-deps")
        .variable("RUSTDOCFLAGS", "-D warnings")
        .run()?;
    Ok(Tally::default())
}

/// All tests pass, those in the documentation included. One that fails doesn't keep the rest from
/// running: the counts are those of the whole project. Some of them start PostgreSQL servers.
pub(crate) fn tests() -> Result<Tally, Failure> {
    postgres::set_up()?;
    Command::cargo("test --workspace --all-features --no-fail-fast").run_tests()
}

/// The command `refunds`, as the tests have built it: what it is made of would be built anew for a plain
/// `cargo build`, with other features.
pub(crate) fn build_command() -> Result<(), Failure> {
    Command::cargo("test --workspace --all-features --test cli --no-run").run()
}

/// Every example runs as the [tests] have built it, each in an empty folder of its own.
pub(crate) fn examples() -> Result<Tally, Failure> {
    let mut count = 0;
    for package in workspace::packages()? {
        for example in package.examples() {
            count += 1;
            let folder = Path::new("target/xtask/examples").join(example);
            make_empty(&folder)?;
            let program = workspace::top().join("target/debug/examples").join(example);
            Command::new(program).in_folder(folder).run()?;
        }
    }
    println!("examples run: {count}");
    Ok(Tally::default())
}

/// The core compiles without warnings with each of its features alone and with none, so that no
/// feature leans on another; and so does what a plain `cargo build` builds.
pub(crate) fn features() -> Result<Tally, Failure> {
    Command::cargo("clippy -- -D warnings").run()?;
    lint_core(&[])?;
    for package in workspace::packages()?
        .iter()
        .filter(|package| package.name == CORE)
    {
        for feature in package.features() {
            lint_core(&["--features", feature])?;
        }
    }
    Ok(Tally::default())
}

fn lint_core(features: &[&str]) -> Result<(), Failure> {
    Command::cargo("clippy --no-default-features")
        .arguments(["--package", CORE])
        .arguments(features)
        .arguments(["--", "-D", "warnings"])
        .run()
}

/// Makes a folder, given from the top of the repository, that holds nothing.
pub(crate) fn make_empty(folder: &Path) -> Result<(), Failure> {
    let path = workspace::top().join(folder);
    let removed = if path.exists() {
        fs::remove_dir_all(&path)
    } else {
        Ok(())
    };
    removed
        .and_then(|()| fs::create_dir_all(&path))
        .map_err(|error| {
            Failure::Rule(format!(
                "the folder `{}` can't be made empty: {error}",
                folder.display()
            ))
        })
}
