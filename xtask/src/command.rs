//! Running other programs, so that each can be repeated by hand.

use std::ffi::OsStr;
use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{self, Child, ExitStatus, Stdio};

use crate::failure::Failure;
use crate::scratch::Scratch;
use crate::tally::Tally;
use crate::workspace;

/// A command line. It runs at the top of the repository unless told otherwise, and shows itself the
/// way a shell takes it.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    program: String,
    arguments: Vec<String>,
    variables: Vec<(&'static str, String)>,
    folder: Option<PathBuf>,
}

impl Command {
    /// A command without arguments.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_string_lossy().into_owned(),
            arguments: Vec::new(),
            variables: Vec::new(),
            folder: None,
        }
    }

    /// A cargo command, its arguments given as one line of words.
    pub(crate) fn cargo(words: &str) -> Self {
        Self::new("cargo").arguments(words.split_whitespace())
    }

    /// Adds arguments.
    pub(crate) fn arguments<I>(mut self, arguments: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        self.arguments.extend(
            arguments
                .into_iter()
                .map(|argument| argument.as_ref().to_string_lossy().into_owned()),
        );
        self
    }

    /// Sets an environment variable.
    pub(crate) fn variable(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// Runs in `folder`, given from the top of the repository.
    pub(crate) fn in_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Runs the command, its output going where ours goes.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        println!("$ {self}");
        let status = self
            .prepared()
            .status()
            .map_err(|source| self.not_started(source))?;
        self.judge(status, Tally::default())
    }

    /// Runs a command that runs tests, and counts them while its output passes through. They write into
    /// memory, where there is room.
    pub(crate) fn run_tests(&self) -> Result<Tally, Failure> {
        println!("$ {self}");
        let scratch = Scratch::new()?;
        let mut prepared = self.prepared();
        if let Some(scratch) = &scratch {
            prepared.env("TMPDIR", scratch.path());
        }
        let mut child = prepared
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| self.not_started(source))?;
        let files = match child.stdout.take() {
            Some(output) => {
                pass_through(output).map_err(|source| self.unexpected(source.to_string()))?
            }
            None => Vec::new(),
        };
        let status = child.wait().map_err(|source| self.not_started(source))?;
        let mut tests = Tally::default();
        for file in &files {
            tests += *file;
        }
        self.judge(status, tests)?;
        if files.is_empty() {
            return Err(self.unexpected(
                "it closes with no counts of tests, so none can be counted".to_owned(),
            ));
        }
        Ok(tests)
    }

    /// Runs the command without showing anything and gives what it printed.
    pub(crate) fn read(&self) -> Result<String, Failure> {
        let output = self
            .prepared()
            .stderr(Stdio::inherit())
            .output()
            .map_err(|source| self.not_started(source))?;
        self.judge(output.status, Tally::default())?;
        String::from_utf8(output.stdout).map_err(|error| self.unexpected(error.to_string()))
    }

    /// Starts the command beside us.
    pub(crate) fn spawn(&self, stdout: Stdio, stderr: Stdio) -> Result<Child, Failure> {
        self.prepared()
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .map_err(|source| self.not_started(source))
    }

    /// An error for output that is not what it should be.
    pub(crate) fn unexpected(&self, problem: String) -> Failure {
        Failure::Output {
            command: self.to_string(),
            problem,
        }
    }

    fn not_started(&self, source: io::Error) -> Failure {
        Failure::Start {
            command: self.to_string(),
            source,
        }
    }

    fn judge(&self, status: ExitStatus, tests: Tally) -> Result<(), Failure> {
        if status.success() {
            Ok(())
        } else {
            Err(Failure::Command {
                command: self.to_string(),
                status,
                tests,
            })
        }
    }

    fn prepared(&self) -> process::Command {
        let mut command = process::Command::new(&self.program);
        command
            .args(&self.arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(workspace::top().join(self.folder.as_deref().unwrap_or(Path::new(""))))
            .stdin(Stdio::null());
        command
    }
}

impl fmt::Display for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(folder) = &self.folder {
            write!(formatter, "cd {} && ", quoted(&folder.to_string_lossy()))?;
        }
        for (name, value) in &self.variables {
            write!(formatter, "{name}={} ", quoted(value))?;
        }
        formatter.write_str(&quoted(&self.program))?;
        for argument in &self.arguments {
            write!(formatter, " {}", quoted(argument))?;
        }
        Ok(())
    }
}

/// One word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain =
        |character: char| character.is_ascii_alphanumeric() || "-_./=:@,+".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Prints what comes, line by line, and gives the counts that it closes with.
fn pass_through(output: impl io::Read) -> io::Result<Vec<Tally>> {
    let mut files = Vec::new();
    let mut stdout = io::stdout().lock();
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        stdout.write_all(&line)?;
        stdout.write_all(b"\n")?;
        files.extend(Tally::parse(&String::from_utf8_lossy(&line)));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::Command;

    #[test]
    fn a_command_shows_itself_the_way_a_shell_takes_it() {
        let command = Command::cargo("doc --no-deps")
            .variable("RUSTDOCFLAGS", "-D warnings")
            .in_folder("a b");
        assert_eq!(
            command.to_string(),
            "cd 'a b' && RUSTDOCFLAGS='-D warnings' cargo doc --no-deps"
        );
        assert_eq!(
            Command::new("echo").arguments(["", "it's"]).to_string(),
            r"echo '' 'it'\''s'"
        );
    }
}
