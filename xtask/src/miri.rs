//! Whether the core's tests do what is undefined: not in the core, which has no `unsafe`, but in what it
//! calls.

use std::ffi::OsStr;

use crate::command::Command;
use crate::failure::Failure;
use crate::tools;
use crate::workspace::CORE;

/// What an interpreter gets through in minutes: all of what is in the library and of the journal's format...
const WHOLE: [&str; 2] = ["--lib", "--test=journal_format"];

/// ... and of the rules, where each test takes one or two, one of each subject.
const RULES: [&str; 8] = [
    "--test=rules",
    "--",
    "a_standard_refund_is_booked_with_every_field",
    "the_caps_hold_over_a_whole_batch",
    "an_update_replaces_every_field",
    "erasing_removes_the_text_from_every_revision",
    "a_voided_movement_is_recorded_anew",
    "what_only_the_journal_shows_is_not_acknowledged",
];

/// Runs the core's tests in Miri: those above, or what is asked.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    for component in ["rust-src", "miri"] {
        tools::add_to_nightly(component)?;
    }
    if arguments.is_empty() {
        interpret(&WHOLE)?;
        interpret(&RULES)
    } else {
        interpret(arguments)
    }
}

fn interpret(arguments: &[impl AsRef<OsStr>]) -> Result<(), Failure> {
    // Its tests read golden files and the clock, and drawn cases are as few as in an interpreter they must be.
    Command::cargo("miri test --no-default-features --features system,conformance --package")
        .arguments([CORE])
        .arguments(arguments)
        .variable("RUSTUP_TOOLCHAIN", tools::NIGHTLY)
        .variable("MIRIFLAGS", "-Zmiri-disable-isolation")
        .variable("PROPTEST_CASES", "4")
        .run()
}
