//! Torture of ledgers, and the figures of it.

use crate::command::Command;
use crate::failure::Failure;
use crate::postgres;

/// Runs the harnesses that are named, or all, as the program says that does it.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    postgres::set_up()?;
    Command::cargo("run --quiet --profile torture --package torture --")
        .arguments(arguments)
        .run()
}
