//! What the system's own packages are asked for.

use std::fs::File;

use crate::command::Command;
use crate::failure::Failure;
use crate::workspace;

const APT_GET: &str = "apt-get";

/// Installs packages that hold what is needed.
pub(crate) fn install(packages: &[&str], what: &str) -> Result<(), Failure> {
    install_with(APT_GET, packages, what)
}

fn install_with(program: &str, packages: &[&str], what: &str) -> Result<(), Failure> {
    let run = |arguments: &[&str]| {
        Command::new(program)
            .arguments(arguments)
            .variable("DEBIAN_FRONTEND", "noninteractive")
            .run()
            .map_err(|failure| Failure::SetUp {
                what: what.to_owned(),
                source: Box::new(failure),
            })
    };
    // One installation waits for the other: steps run beside each other.
    let place = workspace::top().join("Cargo.toml");
    let locked = File::open(&place).and_then(|file| file.lock().map(|()| file));
    let _locked = locked.map_err(|error| {
        Failure::Rule(format!("`{}` can't be locked: {error}", place.display()))
    })?;
    run(&["update"])?;
    // Where a program alone was taken away, its package counts as installed.
    let install = ["install", "--yes", "--reinstall"];
    run(&[&install, packages].concat())
}

#[cfg(test)]
mod tests {
    use super::install_with;

    #[test]
    fn an_installation_that_fails_is_named_with_its_command() {
        let failure = install_with("false", &["chromium"], "Chromium")
            .unwrap_err()
            .to_string();
        assert!(failure.starts_with("Chromium is needed"), "{failure}");
        assert!(
            failure.contains("`DEBIAN_FRONTEND=noninteractive false update`"),
            "{failure}"
        );
    }

    #[test]
    fn all_packages_are_installed_by_one_command() {
        assert!(install_with("true", &["postgresql", "procps"], "PostgreSQL").is_ok());
    }
}
