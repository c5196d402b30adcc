//! `demo`: makes a small ledger and shows what a ledger does.

use std::fs;
use std::path::PathBuf;

use refund_ledger::{
    Head, Ledger, LedgerError, MovementKey, Receipt, RefundFilter, RefundId, wire,
};
use refund_reconcile::Source;
use serde::Serialize;

use crate::args::{Common, Demo, NamedLedger, Reconcile, Said};
use crate::failure::Failure;
use crate::location::Location;
use crate::output::{Exit, Output};
use crate::paths::exists;
use crate::read;
use crate::reconcile;
use crate::table;
use crate::visible::visible;

/// The movements and refunds of the demo, as an import file.
const SAMPLE: &str = include_str!("../demo/sample.jsonl");

/// Refunds of the month that is reconciled, as an import file.
const MARCH: &str = include_str!("../demo/march.jsonl");

/// What the provider says about that month.
const STATEMENT: &str = include_str!("../demo/statement.csv");

/// The line of the sample that is sent a second time.
const REPEATED_LINE: usize = 3;

/// More than is left of the movement.
const TOO_MUCH: &str = r#"{"op":"create_refund","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-42","body":{"refund_datetime":"2022-02-28T09:00:00Z","amount":{"value_with_taxes":121,"value_without_taxes":100,"tax":{"type":"IVA","percentage":21}},"external_refund_unique_id":"987654325","billable":false,"description":"The whole month"}}"#;

const UPDATE: &str = r#"{"op":"update_refund","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-42","external_refund_unique_id":"987654324","expected_revision":1,"body":{"refund_datetime":"2022-02-27T16:00:00Z","amount":{"value_with_taxes":9.68,"value_without_taxes":8,"tax":{"type":"IVA","percentage":21}},"external_invoice_id":"inv-9","billable":false,"description":"A technician who came too late"}}"#;

const DELETE: &str = r#"{"op":"delete_refund","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-42","external_refund_unique_id":"987654324","expected_revision":2}"#;

#[derive(Serialize)]
struct Summary {
    ledger: String,
    verdict: &'static str,
    head: Head,
    statement: String,
    report: String,
}

/// Where everything goes.
struct Places {
    ledger: Location,
    statement: PathBuf,
    report: PathBuf,
}

/// Runs the demo.
pub(crate) fn run(common: &Common, args: &Demo, output: &mut Output) -> Result<Exit, Failure> {
    let server = server(common)?;
    let on_server = server.as_ref().map(begin).transpose()?;
    let places = places(args, server)?;
    let ledger = match on_server {
        Some(ledger) => ledger,
        None => begin(&places.ledger)?,
    };
    let ledger = ledger.with_actor(common.actor.clone());
    let mut show = Show {
        output,
        ledger: &ledger,
    };
    show.book(&places.ledger)?;
    show.replay()?;
    show.refuse()?;
    show.change()?;
    show.reconcile(&places)?;
    let head = show.prove()?;
    show.look_further(&places)?;
    if output.is_json() {
        output.json(&Summary {
            ledger: places.ledger.to_string(),
            verdict: "valid",
            head,
            statement: places.statement.display().to_string(),
            report: places.report.display().to_string(),
        })?;
    }
    Ok(Exit::Done)
}

/// The server that the command line names. What the environment names is somebody's ledger, and no
/// place for examples.
fn server(common: &Common) -> Result<Option<Location>, Failure> {
    match &common.ledger {
        NamedLedger::Server(url, Said::Here) => Ok(Some(Location::server(url)?)),
        _ => Ok(None),
    }
}

/// Where the ledger, the statement and the report go: new files, but for a ledger on a server.
fn places(args: &Demo, server: Option<Location>) -> Result<Places, Failure> {
    let folder = if let Some(folder) = &args.dir {
        fs::create_dir_all(folder).map_err(|error| Failure::file("made", folder, error))?;
        folder.clone()
    } else {
        #[allow(
            clippy::disallowed_methods,
            reason = "a program may ask for a place on disk"
        )]
        let temporary = std::env::temp_dir();
        tempfile::Builder::new()
            .prefix("refunds-demo-")
            .tempdir_in(&temporary)
            .map_err(|error| Failure::file("written", &temporary, error))?
            .keep()
    };
    let places = Places {
        ledger: server.unwrap_or_else(|| Location::File(folder.join("refunds.db"))),
        statement: folder.join("statement.csv"),
        report: folder.join("reconciliation.html"),
    };
    let file = match &places.ledger {
        Location::File(path) => Some(path),
        Location::Server(_) => None,
    };
    for path in file.into_iter().chain([&places.statement, &places.report]) {
        if exists(path)? {
            return Err(Failure::Usage(format!(
                "there is a file at `{}` already; give `--dir` another folder",
                path.display()
            )));
        }
    }
    Ok(places)
}

/// A new ledger.
fn begin(location: &Location) -> Result<Ledger, Failure> {
    let ledger = location.open_or_create()?;
    if ledger.journal(0, 1)?.is_empty() {
        Ok(ledger)
    } else {
        Err(Failure::Usage(format!(
            "the ledger at `{location}` is not empty, and examples would stay in it for ever; name \
             another database, or another schema with `?schema=NAME`"
        )))
    }
}

/// The command that reconciles March, as a user would give it.
fn of_march(places: &Places) -> Result<Reconcile, Failure> {
    Ok(Reconcile {
        statement: places.statement.clone(),
        source: Source::Stripe,
        map: None,
        keys: None,
        org: None,
        from: Some("2022-03-01T00:00:00Z".parse()?),
        to: Some("2022-04-01T00:00:00Z".parse()?),
        tolerance_minor: 0,
        window_days: 5,
        propose: false,
        report: vec![places.report.clone()],
    })
}

struct Show<'a> {
    output: &'a mut Output,
    ledger: &'a Ledger,
}

impl Show<'_> {
    /// Says something, unless a program listens.
    fn say(&mut self, text: &str) -> Result<(), Failure> {
        if self.output.is_json() {
            Ok(())
        } else {
            self.output.line(text)
        }
    }

    fn execute(&self, line: &str) -> Result<Receipt, LedgerError> {
        self.ledger
            .execute(&wire::parse_line(line.as_bytes())?.command)
    }

    fn book(&mut self, location: &Location) -> Result<(), Failure> {
        self.say(&format!("a new ledger: {location}\n"))?;
        self.say("movements, and refunds of both kinds:")?;
        for line in SAMPLE.lines() {
            self.execute(line)?;
        }
        let movements = self.ledger.movements(None, None, 10)?;
        self.say(&table::movements(&movements))?;
        self.list()
    }

    fn list(&mut self) -> Result<(), Failure> {
        let refunds: Result<Vec<_>, _> = self.ledger.refunds(RefundFilter::default()).collect();
        self.say(&table::refunds(&refunds?))
    }

    fn replay(&mut self) -> Result<(), Failure> {
        self.say("\nthe first refund once more, as a client does that lost the answer:")?;
        let repeated = SAMPLE.lines().nth(REPEATED_LINE).unwrap_or_default();
        let receipt = self.execute(repeated)?;
        let id = refund_id(&receipt)?;
        self.say(&format!("  id {id}, replayed: {}", receipt.replayed))
    }

    fn refuse(&mut self) -> Result<(), Failure> {
        self.say("\na refund of more than is left:")?;
        match self.execute(TOO_MUCH) {
            Ok(_) => Err(broken("a refund beyond its movement was booked")),
            Err(error) => self.say(&visible(&format!("  {}: {error}", error.code()))),
        }
    }

    fn change(&mut self) -> Result<(), Failure> {
        self.say("\na refund is updated, then deleted; its history stays:")?;
        self.execute(UPDATE)?;
        let id = refund_id(&self.execute(DELETE)?)?;
        let movement = MovementKey::new("acme", "sub-7", "mov-42")?;
        let revisions = self.ledger.history(&movement, id)?;
        self.say(&read::history_table(&revisions))?;
        self.say(&format!("\nwhat is left of {movement}:"))?;
        let balance = self.ledger.balance(&movement)?;
        self.say(&read::balance_table(&balance))?;
        self.say("\nthe refunds now:")?;
        self.list()
    }

    fn reconcile(&mut self, places: &Places) -> Result<(), Failure> {
        self.say("\na month later, the ledger beside what the provider says it paid back:\n")?;
        for line in MARCH.lines() {
            self.execute(line)?;
        }
        fs::write(&places.statement, STATEMENT)
            .map_err(|error| Failure::file("written", &places.statement, error))?;
        let args = of_march(places)?;
        let reconciled = reconcile::reconcile(&places.ledger, &args)?;
        self.say(&reconciled.text(&args))?;
        self.say(&format!(
            "\nthe same for a browser, with what each break means: {}",
            places.report.display()
        ))
    }

    fn prove(&mut self) -> Result<Head, Failure> {
        let report = self.ledger.verify(None)?;
        self.say(&format!("\nverify: {}", read::report_text(&report)))?;
        if !report.is_valid() {
            return Err(broken("the ledger of the demo does not verify"));
        }
        let head = self.ledger.head()?;
        self.say(&format!("head: {}", head.to_json()))?;
        Ok(head)
    }

    fn look_further(&mut self, places: &Places) -> Result<(), Failure> {
        let (ledger, statement) = (&places.ledger, places.statement.display());
        let refunds = match ledger {
            Location::File(path) => format!("refunds --ledger {}", path.display()),
            // Its schema stands behind a `?`, which a shell would take for itself.
            Location::Server(server) => format!("refunds --postgres '{server}'"),
        };
        self.say(&format!(
            "\nthe ledger is in {ledger}; look further:\n\
             \x20 {refunds} list\n\
             \x20 {refunds} movements\n\
             \x20 {refunds} balance --org acme --subscription sub-7 --movement mov-42\n\
             \x20 {refunds} journal --after 0\n\
             \x20 {refunds} verify\n\
             \x20 {refunds} reconcile --source stripe --statement {statement} \
             --from 2022-03-01 --to 2022-04-01"
        ))
    }
}

fn refund_id(receipt: &Receipt) -> Result<RefundId, Failure> {
    receipt
        .refund_id
        .ok_or_else(|| broken("a refund came without an id"))
}

fn broken(promise: &'static str) -> Failure {
    LedgerError::new(refund_ledger::ErrorCode::Internal, promise).into()
}
