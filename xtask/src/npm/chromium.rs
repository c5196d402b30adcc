//! A real browser, headless.

use std::path::Path;

use crate::command::Command;
use crate::failure::Failure;

/// Where the tests look for it.
const PROGRAM: &str = "/usr/bin/chromium";

/// Installs Chromium from the system's packages, unless it is there.
pub(crate) fn set_up() -> Result<(), Failure> {
    if Path::new(PROGRAM).exists() {
        return Ok(());
    }
    apt_get(&["update"])?;
    apt_get(&["install", "--yes", "--no-install-recommends", "chromium"])?;
    if Path::new(PROGRAM).exists() {
        Ok(())
    } else {
        Err(Failure::Rule(format!(
            "the package `chromium` is installed, but there is no `{PROGRAM}`"
        )))
    }
}

fn apt_get(arguments: &[&str]) -> Result<(), Failure> {
    Command::new("apt-get")
        .arguments(arguments)
        .variable("DEBIAN_FRONTEND", "noninteractive")
        .run()
        .map_err(|failure| Failure::SetUp {
            what: format!("Chromium as `{PROGRAM}`"),
            source: Box::new(failure),
        })
}
