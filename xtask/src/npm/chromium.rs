//! A real browser, headless.

use std::env;
use std::path::Path;

use crate::command::Command;
use crate::failure::Failure;

/// Where the system's package puts it. The tests look elsewhere where `CHROMIUM` says so.
const PROGRAM: &str = "/usr/bin/chromium";

const APT_GET: &str = "apt-get";

/// Installs Chromium from the system's packages, unless it is there.
pub(crate) fn set_up() -> Result<(), Failure> {
    if let Ok(program) = env::var("CHROMIUM") {
        return found(&program);
    }
    if Path::new(PROGRAM).exists() {
        return Ok(());
    }
    install(APT_GET, &["update"])?;
    // Where the program alone was taken away, the package counts as installed.
    install(APT_GET, &["install", "--yes", "--reinstall", "chromium"])?;
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

fn install(program: &str, arguments: &[&str]) -> Result<(), Failure> {
    Command::new(program)
        .arguments(arguments)
        .variable("DEBIAN_FRONTEND", "noninteractive")
        .run()
        .map_err(|failure| Failure::SetUp {
            what: format!("Chromium (`{PROGRAM}`, or where `CHROMIUM` says)"),
            source: Box::new(failure),
        })
}

#[cfg(test)]
mod tests {
    use super::{found, install};
    use std::env;

    #[test]
    fn a_program_that_is_not_there_is_named_with_what_to_do() {
        let failure = found("/not/there/chromium").unwrap_err().to_string();
        assert!(failure.contains("no `/not/there/chromium`"), "{failure}");
        assert!(
            failure.contains("name its program in `CHROMIUM`"),
            "{failure}"
        );
        assert!(found("").is_err());
        let program = env::current_exe().unwrap();
        assert!(found(&program.to_string_lossy()).is_ok());
    }

    #[test]
    fn an_installation_that_fails_is_named_with_its_command() {
        let failure = install("false", &["update"]).unwrap_err().to_string();
        assert!(failure.starts_with("Chromium ("), "{failure}");
        assert!(
            failure.contains("`DEBIAN_FRONTEND=noninteractive false update`"),
            "{failure}"
        );
    }
}
