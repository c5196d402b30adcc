//! Running programs to their end, though not for ever.

use std::env;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, while_trying};

/// Longer than any program takes that does not hang, on the busiest machine.
const LIMIT: Duration = Duration::from_mins(2);

/// How often is looked whether what is waited for has come.
pub(crate) const MOMENT: Duration = Duration::from_millis(5);

/// A program that is about to run.
#[derive(Debug)]
pub(crate) struct Run {
    command: Command,
    input: String,
}

impl Run {
    pub(crate) fn new(command: Command) -> Self {
        Self {
            command,
            input: String::new(),
        }
    }

    /// What it reads from standard input; nothing otherwise.
    pub(crate) fn input(mut self, input: &str) -> Self {
        input.clone_into(&mut self.input);
        self
    }

    /// Runs it, and gives what it printed.
    pub(crate) fn read(mut self) -> Result<String, Error> {
        let shown = shown(&self.command);
        let (status, output, errors) = self
            .finish()
            .map_err(while_trying(format!("running `{shown}`")))?;
        match status {
            Some(status) if status.success() => Ok(output),
            Some(status) => Err(Error::Program {
                command: shown,
                output: format!("{status}: {}", errors.trim()),
            }),
            None => Err(Error::Program {
                command: shown,
                output: format!("not done after {} s: {}", LIMIT.as_secs(), errors.trim()),
            }),
        }
    }

    /// Files, not pipes: nothing has to be read while the program runs.
    fn finish(&mut self) -> io::Result<(Option<ExitStatus>, String, String)> {
        let mut input = tempfile::tempfile()?;
        input.write_all(self.input.as_bytes())?;
        input.rewind()?;
        let output = tempfile::tempfile()?;
        let errors = tempfile::tempfile()?;
        let mut child = self
            .command
            .stdin(input)
            .stdout(Stdio::from(output.try_clone()?))
            .stderr(Stdio::from(errors.try_clone()?))
            .spawn()?;
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break Some(status);
            }
            if start.elapsed() > LIMIT {
                child.kill()?;
                child.wait()?;
                break None;
            }
            thread::sleep(MOMENT);
        };
        Ok((status, text(output)?, text(errors)?))
    }
}

fn text(mut file: File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn shown(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

/// Takes away what a developer may have set for servers of their own, and all translations.
pub(crate) fn without_surroundings(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C");
}
