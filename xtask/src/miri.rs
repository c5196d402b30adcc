//! Whether the core's tests do what is undefined: not in the core, which has no `unsafe`, but in what it
//! calls.

use crate::command::Command;
use crate::failure::Failure;
use crate::tools;
use crate::workspace::CORE;

/// The tests that need neither a file nor a server, which an interpreter does not reach, and no hours in one.
const TESTS: [&str; 5] = [
    "--lib",
    "--test=rules",
    "--test=golden",
    "--test=journal_format",
    "--test=journal_verify",
];

/// Runs the core's tests in Miri.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    for component in ["rust-src", "miri"] {
        tools::add_to_nightly(component)?;
    }
    // Its tests read golden files and the clock, and drawn cases are as few as in an interpreter they must be.
    Command::cargo("miri test --no-default-features --features system,conformance --package")
        .arguments([CORE])
        .arguments(TESTS)
        .arguments(arguments)
        .variable("RUSTUP_TOOLCHAIN", tools::NIGHTLY)
        .variable("MIRIFLAGS", "-Zmiri-disable-isolation")
        .variable("PROPTEST_CASES", "4")
        .run()
}
