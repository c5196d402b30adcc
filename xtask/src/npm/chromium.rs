//! A real browser, headless.

use std::env;
use std::path::Path;

use crate::failure::Failure;
use crate::packages;

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
    packages::install(
        &["chromium"],
        &format!("Chromium (`{PROGRAM}`, or where `CHROMIUM` says)"),
    )?;
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

#[cfg(test)]
mod tests {
    use super::found;
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
}
