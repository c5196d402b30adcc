//! Whether the tests notice when a rule is wrong.

use crate::failure::Failure;
use crate::scratch::Scratch;
use crate::tools::Tool;
use crate::workspace::CORE;

const CARGO_MUTANTS: Tool = Tool {
    name: "mutants",
    version: "27.1.0",
};

/// Plants small mistakes into the rules of the core, one at a time, and has its tests look for each. Where,
/// and which need not be found, is said in `.cargo/mutants.toml`. Copies of the project are made in memory,
/// where there is room.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let scratch = Scratch::new()?;
    let mut mutants = CARGO_MUTANTS.command()?;
    if let Some(scratch) = &scratch {
        mutants = mutants.variable("TMPDIR", scratch.path().to_string_lossy());
    }
    mutants
        .arguments(["--package", CORE, "--output", "target"])
        .arguments(arguments)
        .run()
}
