//! The bare core, the contract and reconciliation: the rules alone, which must compile to wasm and carry
//! no store, clock or JS.
//!
//! Cargo joins the features of all packages that it builds together, so the core is always built
//! alone here, never as part of the workspace.

use crate::command::Command;
use crate::failure::Failure;
use crate::tally::Tally;
use crate::tools::{WASM, add_wasm_target};
use crate::workspace::CORE;

/// The contract, which a service worker answers too.
const REST: &str = "refund-rest";

/// Reconciliation, which a page does without sending either side anywhere.
const RECONCILE: &str = "refund-reconcile";

/// The crates that the bare core is meant to carry. A new one belongs here only when a rule can't
/// do without it: every user's browser loads it.
const ALLOWED: &[&str] = &[
    CORE,
    // Hexadecimal.
    "base16ct",
    // The calendar.
    "chrono",
    "num-traits",
    // Currencies and their digits.
    "iso_country",
    "iso_currency",
    "lazy_static",
    // JSON.
    "itoa",
    "memchr",
    "serde",
    "serde_core",
    "serde_json",
    "zmij",
    // SHA-256.
    "block-buffer",
    "cfg-if",
    "crypto-common",
    "digest",
    "hybrid-array",
    "sha2",
    "typenum",
    // Errors.
    "thiserror",
    // Ids.
    "uuid",
];

/// Crates that must not come in, each with what it would bring.
const FORBIDDEN: &[(&str, &str)] = &[
    ("rusqlite", "a store"),
    ("libsqlite3-sys", "a store"),
    ("postgres", "a store"),
    ("tokio-postgres", "a store"),
    ("tokio", "a runtime"),
    ("futures-executor", "a runtime"),
    ("getrandom", "the platform's randomness"),
    ("rand", "randomness"),
    ("rand_core", "randomness"),
    ("fastrand", "randomness"),
    ("instant", "a clock"),
    ("web-time", "a clock"),
    ("js-sys", "JS"),
    ("wasm-bindgen", "JS"),
    ("web-sys", "JS"),
];

/// Core, contract and reconciliation without features compile and lint for wasm, and the core carries only
/// what it is meant to.
pub(crate) fn check() -> Result<Tally, Failure> {
    // The list first: it says more than a compiler error deep in a crate that should not be there.
    check_carried()?;
    check_the_check()?;
    add_wasm_target()?;
    bare("build", CORE).run()?;
    // The lints that keep the platform's calls out, on the code that wasm gets.
    for package in [CORE, REST, RECONCILE] {
        bare("clippy", package)
            .arguments(["--", "-D", "warnings"])
            .run()?;
    }
    Ok(Tally::default())
}

fn check_carried() -> Result<(), Failure> {
    let command = tree(&[]);
    println!("$ {command}");
    let printed = command.read()?;
    let carried: Vec<&str> = names(&printed).collect();
    if !carried.contains(&CORE) {
        return Err(command.unexpected(format!("`{CORE}` is not in it")));
    }
    let findings = judge(carried.iter().copied());
    if findings.is_empty() {
        println!(
            "the bare core carries nothing that it should not: {} crates",
            carried.len()
        );
        Ok(())
    } else {
        Err(Failure::Rule(format!(
            "the bare core must not carry:\n  {}",
            findings.join("\n  ")
        )))
    }
}

/// With its features the core does carry what the bare core must not, so a check that finds nothing
/// there finds nothing anywhere.
fn check_the_check() -> Result<(), Failure> {
    let command = tree(&["--all-features"]);
    let printed = command.read()?;
    if judge(names(&printed)).is_empty() {
        return Err(command.unexpected("the check of the bare core finds nothing in it".to_owned()));
    }
    Ok(())
}

/// A command on one package without features.
fn bare(verb: &str, package: &str) -> Command {
    Command::cargo(verb).arguments([
        "--package",
        package,
        "--no-default-features",
        "--target",
        WASM,
    ])
}

fn alone(verb: &str, further: &[&str]) -> Command {
    bare(verb, CORE).arguments(further)
}

/// Lists what ends up in the wasm file; what only runs while building (macros, build scripts) does not.
fn tree(further: &[&str]) -> Command {
    alone(
        "tree",
        &[
            "--edges",
            "normal,no-proc-macro",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ],
    )
    .arguments(further)
}

/// The crate names in a listing with one `name vX.Y.Z …` a line, each once.
fn names(listing: &str) -> impl Iterator<Item = &str> {
    let mut names: Vec<&str> = listing
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter()
}

/// Says which of `crates` the bare core must not carry, and why.
fn judge<'a>(crates: impl Iterator<Item = &'a str>) -> Vec<String> {
    crates
        .filter(|name| !ALLOWED.contains(name))
        .map(complaint)
        .collect()
}

fn complaint(name: &str) -> String {
    match FORBIDDEN.iter().find(|(forbidden, _)| *forbidden == name) {
        Some((_, what)) => format!(
            "`{name}`: {what}; see `{}`",
            alone("tree", &["--invert", name])
        ),
        None => format!(
            "`{name}`: not on the list in xtask/src/bare.rs of what the bare core is meant to carry"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{ALLOWED, FORBIDDEN, judge, names};

    #[test]
    fn what_the_core_is_meant_to_carry_is_fine() {
        assert_eq!(judge(ALLOWED.iter().copied()), Vec::<String>::new());
    }

    #[test]
    fn a_planted_clock_is_found_among_the_rest() {
        let findings = judge(ALLOWED.iter().copied().chain(["web-time"]));
        assert_eq!(
            findings.len(),
            1,
            "only the clock is to be found: {findings:?}"
        );
        assert!(
            findings[0].starts_with("`web-time`: a clock; see `cargo tree "),
            "{findings:?}"
        );
    }

    #[test]
    fn every_forbidden_crate_is_found() {
        for (name, what) in FORBIDDEN {
            let findings = judge([*name].into_iter());
            assert!(
                findings.iter().any(|finding| finding.contains(what)),
                "`{name}` went through"
            );
        }
    }

    #[test]
    fn a_crate_that_nobody_thought_of_is_found() {
        let findings = judge(["left-pad"].into_iter());
        assert_eq!(findings.len(), 1, "an unknown crate went through");
    }

    #[test]
    fn a_listing_gives_each_name_once() {
        let listing =
            "refund-ledger v0.1.0 (/somewhere)\nsha2 v0.11.1\ndigest v0.11.3\n\nsha2 v0.11.1 (*)\n";
        assert_eq!(
            names(listing).collect::<Vec<_>>(),
            ["digest", "refund-ledger", "sha2"]
        );
    }
}
