//! Torture of ledgers, and the figures of it.

use crate::command::Command;
use crate::failure::Failure;
use crate::postgres;
use crate::scratch::Scratch;
use crate::tally::Tally;

/// A few minutes of it, as a part of the tests.
pub(crate) fn quick() -> Result<Tally, Failure> {
    run(&["--quick".to_owned()])?;
    Ok(Tally::default())
}

/// Runs the harnesses that are named, or all, as the program says that does it. They write into memory,
/// where there is room.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    postgres::set_up()?;
    let scratch = Scratch::new()?;
    let mut command = Command::cargo("run --quiet --profile torture --package torture --");
    if let Some(scratch) = &scratch {
        command = command.variable("TMPDIR", scratch.path().to_string_lossy());
    }
    command.arguments(arguments).run()
}
