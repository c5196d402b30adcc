//! The REST contract as schemathesis sees it: the running server against its OpenAPI document.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::command::Command;
use crate::failure::{Failure, cannot_use};
use crate::native::{self, make_empty};
use crate::python::Environment;
use crate::tally::Tally;
use crate::workspace;

/// What the cases of the tests are drawn from: always the same ones.
pub(crate) const SEED: u32 = 1;

/// How many cases are drawn for each operation and phase.
pub(crate) const CASES: u32 = 25;

/// Fewer than these would show little.
const CASES_MIN: usize = 2_000;

/// Where everything happens.
const FOLDER: &str = "target/xtask/contract";

const SCHEMATHESIS: Environment = Environment {
    name: "schemathesis",
    python: "Python 3.10 or later",
};

/// The movement that half of the cases are about, so large that few refunds are too large for it.
const MOVEMENT: &str = r#"{"op":"record_movement","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-42","body":{"currency":"EUR","occurred_at":"1970-01-01T00:00:00Z","amount":{"value_with_taxes":1000000000000},"description":"large"}}"#;

/// The part of schemathesis' report that is looked at.
#[derive(Deserialize)]
struct Report {
    complete: bool,
    operations: Operations,
    test_cases: Cases,
}

#[derive(Deserialize)]
struct Operations {
    total: usize,
    tested: usize,
}

#[derive(Deserialize)]
struct Cases {
    generated: usize,
    with_failures: usize,
    without_checks: usize,
    errored: usize,
}

/// The step of the tests.
pub(crate) fn check() -> Result<Tally, Failure> {
    run(SEED, CASES)
}

/// Runs schemathesis over the whole document, once with ids of its own and once on a movement that
/// is there; then once over a document that the server deviates from, which it must find.
pub(crate) fn run(seed: u32, cases: u32) -> Result<Tally, Failure> {
    let schemathesis = SCHEMATHESIS.programs()?.join("schemathesis");
    make_empty(Path::new(FOLDER))?;
    native::build_command()?;
    let server = Server::start()?;
    let document = format!("{}/openapi.json", server.url);
    let trial = |name: &'static str, cases| Trial {
        schemathesis: &schemathesis,
        server: &server,
        seed,
        cases,
        name,
    };

    check_the_check(&trial("planted", 1))?;
    let mut tests = trial("anywhere", cases).run(&document, "")?;
    tests += trial("on-a-movement", cases).run(
        &document,
        "\n[parameters]\n\"path.orgId\" = \"acme\"\n\"path.subscriptionId\" = \"sub-7\"\n\
         \"path.movementId\" = \"mov-42\"\n",
    )?;
    server.check_log()?;
    if tests.passed < CASES_MIN {
        return Err(Failure::Rule(format!(
            "schemathesis tried {} cases; at least {CASES_MIN} are wanted",
            tests.passed
        )));
    }
    println!("schemathesis: {} cases, 0 failures", tests.passed);
    Ok(tests)
}

/// The server's own document, but for a field that no answer has: whoever finds nothing wrong with
/// that finds nothing at all.
fn check_the_check(trial: &Trial<'_>) -> Result<(), Failure> {
    let path = workspace::top().join("crates/rest/openapi.json");
    let text = fs::read_to_string(&path).map_err(|error| cannot_use(&path, &error))?;
    let mut document: Value =
        serde_json::from_str(&text).map_err(|error| cannot_use(&path, &error))?;
    let required = document
        .pointer_mut("/components/schemas/GenericResponseDTO/required")
        .and_then(Value::as_array_mut)
        .ok_or_else(|| cannot_use(&path, &"it has no `GenericResponseDTO`"))?;
    required.push(json!("planted"));
    let planted = workspace::top().join(FOLDER).join("planted-openapi.json");
    fs::write(&planted, document.to_string()).map_err(|error| cannot_use(&planted, &error))?;
    match trial.run("planted-openapi.json", "") {
        Err(Failure::Command { tests, .. }) if tests.failed > 0 => {
            println!("schemathesis finds what was planted");
            Ok(())
        }
        Err(failure) => Err(failure),
        Ok(_) => Err(Failure::Rule(
            "schemathesis did not find that answers lack a field that was planted in the document"
                .into(),
        )),
    }
}

/// One run of schemathesis.
struct Trial<'a> {
    schemathesis: &'a Path,
    server: &'a Server,
    seed: u32,
    cases: u32,
    name: &'static str,
}

impl Trial<'_> {
    fn run(&self, document: &str, more_settings: &str) -> Result<Tally, Failure> {
        let (settings, report) = self.write_settings(more_settings)?;
        let outcome = Command::new(self.schemathesis)
            .arguments(["--config-file", &settings, "run", document])
            .arguments(["--url", &self.server.url])
            .arguments(["--checks", "all", "--continue-on-failure", "--no-color"])
            .arguments(["--max-examples", &self.cases.to_string()])
            .arguments(["--seed", &self.seed.to_string()])
            .arguments(["--report", "json", "--report-json-path", &report])
            .in_folder(FOLDER)
            .run();
        let report = self.read_report(&report);
        match (outcome, report) {
            (Ok(()), report) => report,
            // The counts belong to the failure.
            (
                Err(Failure::Command {
                    command, status, ..
                }),
                Ok(tests),
            ) => Err(Failure::Command {
                command,
                status,
                tests,
            }),
            (Err(failure), _) => Err(failure),
        }
    }

    /// The project's settings, the token, and those of this run.
    fn write_settings(&self, more: &str) -> Result<(String, String), Failure> {
        let own = workspace::top().join("crates/rest/schemathesis.toml");
        let text = fs::read_to_string(&own).map_err(|error| cannot_use(&own, &error))?;
        let name = format!("{}.toml", self.name);
        let path = workspace::top().join(FOLDER).join(&name);
        let headers = format!(
            "headers = {{ Authorization = \"Bearer {}\" }}\n",
            self.server.token
        );
        fs::write(&path, format!("{headers}{text}{more}"))
            .map_err(|error| cannot_use(&path, &error))?;
        Ok((name, format!("{}.json", self.name)))
    }

    fn read_report(&self, name: &str) -> Result<Tally, Failure> {
        let path = workspace::top().join(FOLDER).join(name);
        let text = fs::read_to_string(&path).map_err(|error| cannot_use(&path, &error))?;
        let report: Report =
            serde_json::from_str(&text).map_err(|error| cannot_use(&path, &error))?;
        let cases = report.test_cases;
        let failed = cases.with_failures + cases.errored;
        if !report.complete || report.operations.tested != report.operations.total {
            return Err(Failure::Rule(format!(
                "schemathesis tested {} of {} operations in the run `{}`",
                report.operations.tested, report.operations.total, self.name
            )));
        }
        Ok(Tally {
            passed: cases
                .generated
                .saturating_sub(failed + cases.without_checks),
            failed,
            ignored: 0,
        })
    }
}

/// A server on a new ledger, with a token for everything.
struct Server {
    child: Child,
    url: String,
    token: String,
}

impl Server {
    fn start() -> Result<Self, Failure> {
        let folder = workspace::top().join(FOLDER);
        let program = workspace::top().join("target/debug/refunds");
        let refunds = || Command::new(&program).in_folder(FOLDER);
        let lines = folder.join("movement.jsonl");
        fs::write(&lines, MOVEMENT).map_err(|error| cannot_use(&lines, &error))?;
        refunds()
            .arguments(["--ledger", "refunds.db", "import", "movement.jsonl"])
            .run()?;
        let token = refunds()
            .arguments(["token", "--auth", "auth.toml", "--subject", "schemathesis"])
            .arguments(["--org", "*", "--action", "read", "--action", "write"])
            .read()?;
        let log = folder.join("server.log");
        let log = File::create(&log).map_err(|error| cannot_use(&log, &error))?;
        let serve = refunds()
            .arguments(["serve", "--ledger", "refunds.db", "--auth", "auth.toml"])
            .arguments(["--listen", "127.0.0.1:0", "--format", "json"]);
        println!("$ {serve} &");
        let mut child = serve.spawn(Stdio::piped(), Stdio::from(log))?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output)
                .read_line(&mut line)
                .map_err(|error| serve.unexpected(error.to_string()))?;
        }
        let listening: Value = serde_json::from_str(&line).unwrap_or_default();
        let Some(url) = listening.get("listening").and_then(Value::as_str) else {
            return Err(serve.unexpected(format!("it does not say where it listens: `{line}`")));
        };
        Ok(Self {
            url: url.to_owned(),
            token: token.trim().to_owned(),
            child,
        })
    }
}

impl Server {
    /// No answer may have come from something that failed inside.
    fn check_log(&self) -> Result<(), Failure> {
        let path = workspace::top().join(FOLDER).join("server.log");
        let log = fs::read_to_string(&path).map_err(|error| cannot_use(&path, &error))?;
        match log
            .lines()
            .find(|line| line.contains(" ERROR ") || line.contains("panicked"))
        {
            None if log.contains(" INFO ") => Ok(()),
            None => Err(cannot_use(&path, &"it tells of no request")),
            Some(line) => Err(Failure::Rule(format!(
                "the server at {} logged a failure: {line}",
                self.url
            ))),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whether it still ran was seen before.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
