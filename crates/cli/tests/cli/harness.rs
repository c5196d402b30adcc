//! Running the binary, and files for it to read.

use std::ffi::OsString;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use postgres_cluster::PASSWORD;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The binary under test.
pub(crate) const REFUNDS: &str = env!("CARGO_BIN_EXE_refunds");

/// The first sample line of the design: a movement of 121.00 EUR.
pub(crate) const MOVEMENT: &str = r#"{"op":"record_movement","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-42","body":{"currency":"EUR","occurred_at":"2022-02-01T00:00:00Z","amount":{"value_with_taxes":121,"value_without_taxes":100,"tax":{"type":"IVA","percentage":21}},"description":"February"}}"#;

/// The second: a refund of 12.10 EUR on it.
pub(crate) const REFUND: &str = r#"{"op":"create_refund","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-42","body":{"refund_datetime":"2022-02-24T13:45:10Z","period_start_datetime":"2022-01-31T23:00:00Z","period_end_datetime":"2022-02-28T22:59:59.999999999Z","amount":{"value_with_taxes":12.1,"value_without_taxes":10,"tax":{"type":"IVA","percentage":21}},"external_invoice_id":"inv-9","external_refund_unique_id":"987654321","billable":false,"description":"Two days without service"}}"#;

/// What a run of the binary came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Fails where a server's password was printed, whatever else was expected.
    #[track_caller]
    pub(crate) fn of(output: Output) -> Self {
        let this = Self {
            code: output.status.code().expect("ends by itself"),
            stdout: String::from_utf8(output.stdout).expect("prints UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("prints UTF-8"),
        };
        for printed in [&this.stdout, &this.stderr] {
            assert!(
                !printed.contains(PASSWORD),
                "the password stays secret; {this:#?}"
            );
        }
        this
    }

    /// Fails unless it ended with this code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "the exit code; {self:#?}");
        self
    }

    /// Fails unless standard error has this.
    #[track_caller]
    pub(crate) fn tells(&self, expected: &str) {
        assert!(self.stderr.contains(expected), "`{expected}`; {self:#?}");
    }

    /// Standard output, which must be exactly one JSON value and an end of line.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(
            self.stdout.lines().count(),
            1,
            "one line of JSON and nothing else; {self:#?}"
        );
        assert!(self.stdout.ends_with('\n'), "the line is whole; {self:#?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Standard error, which must be exactly one JSON object.
    #[track_caller]
    pub(crate) fn json_error(&self) -> Value {
        assert_eq!(
            self.stdout, "",
            "a failure prints nothing on standard output; {self:#?}"
        );
        serde_json::from_str(&self.stderr).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Standard output as JSON Lines.
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        json_lines(&self.stdout)
    }
}

pub(crate) fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// A folder with a ledger in it, or room for one.
pub(crate) struct Place {
    folder: TempDir,
    /// The URL of the ledger, where it is on a server.
    server: Option<String>,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            server: None,
        }
    }

    /// A folder, with the ledger at this URL.
    pub(crate) fn on_server(url: &str) -> Self {
        Self {
            server: Some(url.to_owned()),
            ..Self::new()
        }
    }

    /// The option that names the ledger.
    pub(crate) fn named(&self) -> [OsString; 2] {
        match &self.server {
            None => ["--ledger".into(), self.ledger().into()],
            Some(url) => ["--postgres".into(), url.into()],
        }
    }

    /// A place whose ledger holds these lines.
    pub(crate) fn with(lines: &[&str]) -> Self {
        let place = Self::new();
        let file = place.file("seed.jsonl", lines.join("\n"));
        place.run(&["import", &file]).exits(0);
        place
    }

    /// The two lines of the design.
    pub(crate) fn with_samples() -> Self {
        Self::with(&[MOVEMENT, REFUND])
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.path("refunds.db")
    }

    /// Writes a file and answers with its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The command on this place's ledger.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(REFUNDS);
        command
            .args(arguments)
            .args(self.named())
            .env_remove("REFUNDS_LEDGER")
            .env_remove("REFUNDS_POSTGRES")
            .env_remove("PGPASSWORD")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).output().unwrap())
    }

    /// The same with `--format json`.
    pub(crate) fn run_json(&self, arguments: &[&str]) -> Run {
        self.run(&[arguments, &["--format", "json"]].concat())
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: impl AsRef<[u8]>) -> Run {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        match child.stdin.take().unwrap().write_all(input.as_ref()) {
            // A command that refuses its ledger may end before it has read anything: what it
            // answers is what a test judges.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            written => written.unwrap(),
        }
        Run::of(child.wait_with_output().unwrap())
    }

    /// Imports lines from standard input, whatever becomes of them.
    pub(crate) fn import(&self, lines: &[&str]) -> Run {
        self.run_with_input(&["import", "-", "--format", "json"], lines.join("\n"))
    }

    /// Every refund, deleted ones too.
    pub(crate) fn refunds(&self) -> Vec<Value> {
        self.run(&["list", "--include-deleted", "--format", "jsonl"])
            .exits(0)
            .json_lines()
    }

    /// The head's root, from a ledger that must be valid.
    #[track_caller]
    pub(crate) fn root(&self) -> Value {
        let report = self.run_json(&["verify"]).exits(0).json();
        assert_eq!(report["verdict"], "valid", "{report}");
        self.run(&["head"]).exits(0).json()["root"].clone()
    }

    /// The names of the files in the folder.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// A movement of 10.00 EUR.
pub(crate) fn movement(id: &str) -> String {
    json!({"op": "record_movement", "org_id": "acme", "subscription_id": "sub", "movement_id": id,
        "body": {"currency": "EUR", "occurred_at": "2022-01-01T00:00:00Z",
            "amount": {"value_with_taxes": 10}, "description": "ten"}})
    .to_string()
}

/// A refund on such a movement.
pub(crate) fn refund(movement: &str, external_id: &str, value: &str) -> String {
    json!({"op": "create_refund", "org_id": "acme", "subscription_id": "sub", "movement_id": movement,
        "body": {"refund_datetime": "2022-03-01T00:00:00Z", "amount": {"value_with_taxes": value},
            "external_refund_unique_id": external_id, "billable": false, "description": "back"}})
    .to_string()
}
