//! The steps that need more than Rust, in a process of their own beside the others: each half leaves a
//! core unused for much of its time.

use std::env;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use crate::command::Command;
use crate::failure::Failure;
use crate::tally::Tally;
use crate::workspace;

/// The process, and where its output goes until it has ended.
pub(crate) struct Beside {
    command: Command,
    child: Child,
    output: PathBuf,
}

impl Beside {
    /// Starts this program with other arguments.
    pub(crate) fn start(arguments: &[&str]) -> Result<Self, Failure> {
        let folder = workspace::top().join("target/xtask");
        let output = folder.join("beside.log");
        let cannot = |error: std::io::Error| {
            Failure::Rule(format!("`{}` can't be written: {error}", output.display()))
        };
        let program = env::current_exe().map_err(cannot)?;
        let command = Command::new(program).arguments(arguments);
        fs::create_dir_all(folder).map_err(cannot)?;
        let file = File::create(&output).map_err(cannot)?;
        let errors = file.try_clone().map_err(cannot)?;
        let child = command.spawn(Stdio::from(file), Stdio::from(errors))?;
        println!(
            "beside this: `{command}`, which writes to {}",
            output.display()
        );
        Ok(Self {
            command,
            child,
            output,
        })
    }

    /// Waits for its end, shows what it printed, and counts the tests that it ran.
    pub(crate) fn finish(mut self) -> Result<Tally, Failure> {
        let status = self.child.wait();
        let status = status.map_err(|error| self.command.unexpected(error.to_string()))?;
        let printed = fs::read(&self.output);
        let printed = printed.map_err(|error| self.command.unexpected(error.to_string()))?;
        let printed = String::from_utf8_lossy(&printed);
        println!("{printed}");
        let tests = printed.lines().rev().find_map(closing_counts);
        if status.success() {
            tests.ok_or_else(|| {
                self.command
                    .unexpected("it closes with no counts of tests".to_owned())
            })
        } else {
            Err(Failure::Command {
                command: self.command.to_string(),
                status,
                tests: tests.unwrap_or_default(),
            })
        }
    }
}

/// Reads the line with which a run of steps closes: `12 passed, 0 failed`.
fn closing_counts(line: &str) -> Option<Tally> {
    let (passed, failed) = line.strip_suffix(" failed")?.split_once(" passed, ")?;
    Some(Tally {
        passed: passed.parse().ok()?,
        failed: failed.parse().ok()?,
        ignored: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::closing_counts;
    use crate::tally::Tally;

    #[test]
    fn the_closing_line_of_a_run_of_steps_is_read() {
        let tests = Tally {
            passed: 12,
            failed: 3,
            ignored: 0,
        };
        assert_eq!(closing_counts("12 passed, 3 failed"), Some(tests));
        assert_eq!(closing_counts("12 passed, 3 failed, 1 ignored"), None);
    }
}
