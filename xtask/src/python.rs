//! Programs in Python, each in an environment of its own under `target`.

use std::fs;
use std::path::PathBuf;

use crate::command::Command;
use crate::failure::{Failure, cannot_use};
use crate::workspace;

/// Packages at their versions.
pub(crate) struct Environment {
    /// The folder under `target/tools`, and the list `xtask/NAME.txt`.
    pub(crate) name: &'static str,
    /// The Python that they need.
    pub(crate) python: &'static str,
}

impl Environment {
    /// Where its programs are. It is made where it is missing or its list has changed.
    pub(crate) fn programs(&self) -> Result<PathBuf, Failure> {
        let folder = format!("target/tools/{}", self.name);
        let listed = format!("xtask/{}.txt", self.name);
        let top = workspace::top();
        let list = top.join(&listed);
        let programs = top.join(&folder).join("bin");
        let installed = top.join(&folder).join("installed.txt");
        let wanted = fs::read_to_string(&list).map_err(|error| cannot_use(&list, &error))?;
        if programs.exists() && fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
            return Ok(programs);
        }
        let needed = |failure| Failure::SetUp {
            what: format!("{} (with {} and its `venv`)", self.name, self.python),
            source: Box::new(failure),
        };
        Command::new("python3")
            .arguments(["-m", "venv", "--clear", &folder])
            .run()
            .map_err(needed)?;
        Command::new(programs.join("pip"))
            .arguments(["install", "--quiet", "--disable-pip-version-check"])
            .arguments(["--no-deps", "--requirement", &listed])
            .run()
            .map_err(needed)?;
        fs::write(&installed, wanted).map_err(|error| cannot_use(&installed, &error))?;
        Ok(programs)
    }
}
