//! A real browser, headless.

use std::env;
use std::path::Path;

use crate::command::Command;
use crate::failure::Failure;

/// Where the system's package puts it. The tests look elsewhere where `CHROMIUM` says so.
const PROGRAM: &str = "/usr/bin/chromium";

/// Installs Chromium from the system's packages, unless it is there.
pub(crate) fn set_up() -> Result<(), Failure> {
    if let Ok(program) = env::var("CHROMIUM") {
        return found(&program);
    }
    if Path::new(PROGRAM).exists() {
        return Ok(());
    }
    apt_get(&["update"])?;
    apt_get(&["install", "--yes", "chromium"])?;
    found(PROGRAM)
}

fn found(program: &str) -> Result<(), Failure> {
    if Path::new(program).exists() {
        Ok(())
    } else {
        Err(Failure::Rule(format!(
            "Chromium is needed, and there is no `{program}`: install it, or name its program in `CHROMIUM`"
        )))
    }
}

fn apt_get(arguments: &[&str]) -> Result<(), Failure> {
    Command::new("apt-get")
        .arguments(arguments)
        .variable("DEBIAN_FRONTEND", "noninteractive")
        .run()
        .map_err(|failure| Failure::SetUp {
            what: format!("Chromium (`{PROGRAM}`, or where `CHROMIUM` says)"),
            source: Box::new(failure),
        })
}
