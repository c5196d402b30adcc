//! `reconcile`: the ledger beside a provider's or bank's statement.

mod keys;
mod refunds;
mod report;
mod report_files;
mod statement;
mod summary;

use std::panic::resume_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use refund_ledger::Id;
use refund_reconcile::{
    About, Period, ReadOptions, ReconcileOptions, Reconciliation, Report, title_of, write_json,
};

use crate::args::{Common, Reconcile};
use crate::failure::Failure;
use crate::import::is_standard_input;
use crate::location::Location;
use crate::output::{Exit, Output, checked, note};
use crate::paths::name_of;
use crate::progress::Progress;
use crate::visible::visible;

use refunds::Refunds;
use report_files::ReportFiles;
use statement::Statement;
use summary::Summary;

/// How many unreadable lines are told on standard error.
const NOTED_MAX: usize = 10;

/// What came of it.
pub(crate) struct Reconciled {
    report: Report,
    org: Option<Id>,
}

impl Reconciled {
    /// What a person reads.
    pub(crate) fn text(&self, args: &Reconcile) -> String {
        let summary = Summary {
            args,
            org: self.org.as_ref().map(Id::as_str),
            report: &self.report,
        };
        summary.text()
    }
}

/// Reconciles a statement and tells what does not agree.
pub(crate) fn run(common: &Common, args: &Reconcile, output: &mut Output) -> Result<Exit, Failure> {
    let reconciled = reconcile(&Location::of(common)?, args)?;
    let report = &reconciled.report;
    note_unreadable(report);
    if output.is_json() {
        checked(write_json(report, output))?;
    } else {
        output.line(&reconciled.text(args))?;
    }
    Ok(if report.breaks.is_empty() {
        Exit::Done
    } else {
        Exit::Refused
    })
}

/// Reads both sides, compares them, and writes the files that were asked for.
pub(crate) fn reconcile(location: &Location, args: &Reconcile) -> Result<Reconciled, Failure> {
    let options = reconcile_options(args)?;
    let read = ReadOptions::new(args.source, args.map.clone().unwrap_or_default())
        .map_err(|error| Failure::Usage(error.to_string()))?;
    if is_standard_input(&args.statement) && args.keys.as_deref().is_some_and(is_standard_input) {
        return Err(Failure::Usage(
            "`--statement` and `--keys` can't both be standard input; name a file for one of them"
                .into(),
        ));
    }
    let files = ReportFiles::begin(location, args)?;
    let statement = Statement::open(&args.statement)?;
    let refunds = Refunds::open(location, args.org.as_ref())?;

    let mut both = Reconciliation::new(args.source, options);
    if let Some(path) = &args.keys {
        keys::read(path, &mut both)?;
    }
    read_both(
        statement,
        &read,
        &refunds,
        options.period.widened(),
        &mut both,
    )?;
    let report = both.finish()?;
    let org = refunds.into_org();
    let about = About {
        title: &title_of(org.as_ref().map(Id::as_str)),
        statement: &statement_name(&args.statement),
        ledger: &location.report_name(),
        org: org.as_ref().map(Id::as_str),
        options,
        // So that the same inputs give the same bytes at any time.
        made_at: None,
    };
    files.write(&report, &about)?;
    Ok(Reconciled { report, org })
}

/// Reads the statement, and the ledger beside it.
fn read_both(
    statement: Statement<'_>,
    options: &ReadOptions,
    refunds: &Refunds,
    period: Period,
    both: &mut Reconciliation,
) -> Result<(), Failure> {
    let (lines_read, refunds_read) = Progress::of_bytes_and_refunds(statement.bytes());
    let (statement_side, ledger_side) = both.sides();
    let has_failed = AtomicBool::new(false);
    let read = thread::scope(|scope| {
        let reading = thread::Builder::new()
            .name("refunds".into())
            .spawn_scoped(scope, || {
                refunds.read(period, ledger_side, &refunds_read, &has_failed)
            })
            .map_err(|source| Failure::Io {
                what: "the ledger can't be read beside the statement".into(),
                source,
            })?;
        let read = statement.read(options, &lines_read, |item| Ok(statement_side.item(item)?));
        lines_read.finish();
        has_failed.store(read.is_err(), Ordering::Relaxed);
        let refunds = reading.join().unwrap_or_else(|panic| resume_unwind(panic));
        read.and(refunds)
    });
    refunds_read.finish();
    read
}

fn reconcile_options(args: &Reconcile) -> Result<ReconcileOptions, Failure> {
    if let (Some(from), Some(to)) = (args.from, args.to)
        && from >= to
    {
        return Err(Failure::Usage(format!(
            "`--from` is {from} and `--to` is {to}; the period must begin before it ends"
        )));
    }
    Ok(ReconcileOptions {
        period: Period {
            from: args.from,
            to: args.to,
            window_days: args.window_days,
        },
        tolerance_minor: args.tolerance_minor,
        propose: args.propose,
    })
}

fn statement_name(path: &Path) -> String {
    if is_standard_input(path) {
        return "standard input".into();
    }
    name_of(path)
}

/// Tells the first few lines that can't be read; all are in the reports.
fn note_unreadable(report: &Report) {
    let mut unreadable = report.breaks.iter().filter_map(|found| {
        let message = found.message.as_deref()?;
        Some((found.line?, message))
    });
    for (line, message) in unreadable.by_ref().take(NOTED_MAX) {
        note(&visible(&format!("unreadable: line {line}: {message}")));
    }
    let more = unreadable.count();
    if more > 0 {
        note(&format!(
            "unreadable: {more} more lines; see them all with `--report FILE`"
        ));
    }
}
