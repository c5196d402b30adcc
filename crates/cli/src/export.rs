//! `export` and `backup`: copies of the ledger.

use refund_ledger::store::sqlite::SqliteStore;
use refund_ledger::{Ledger, LedgerError};
use serde::Serialize;

use crate::args::{Backup, Common, Export};
use crate::failure::Failure;
use crate::ledger_file;
use crate::output::{Exit, Output};
use crate::publish::Publish;

/// How many entries are held at once.
const PAGE: usize = 500;

#[derive(Serialize)]
struct Exported {
    lines: u64,
}

/// Exports the journal.
pub(crate) fn run(common: &Common, args: &Export, output: &mut Output) -> Result<Exit, Failure> {
    let ledger = ledger_file::open(common)?;
    let Some(path) = &args.output else {
        lines(&ledger, |line| output.line(line))?;
        return Ok(Exit::Done);
    };
    ledger_file::spare(common, path, &[])?;
    let mut file = Publish::begin(path)?;
    let lines = lines(&ledger, |line| file.line(line.as_bytes()))?;
    file.finish()?;
    output.answer(&Exported { lines }, || {
        format!("exported {lines} lines to `{}`", path.display())
    })?;
    Ok(Exit::Done)
}

/// Every line of an export, in journal order; answers how many there were.
pub(crate) fn lines(
    ledger: &Ledger,
    mut visit: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let mut count = 0_u64;
    let mut after = 0;
    loop {
        let page = ledger.journal(after, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(count);
        };
        after = last.position;
        for record in &page {
            visit(&ledger.export_line(record)?)?;
            count += 1;
        }
    }
}

#[derive(Serialize)]
struct BackedUp {
    file: String,
}

/// Copies the ledger while others write.
pub(crate) fn backup(common: &Common, args: &Backup, output: &mut Output) -> Result<Exit, Failure> {
    let store = SqliteStore::open(ledger_file::existing(common)?).map_err(LedgerError::from)?;
    store.backup(&args.file).map_err(LedgerError::from)?;
    let file = args.file.display().to_string();
    output.answer(&BackedUp { file: file.clone() }, || {
        format!("copied the ledger to `{file}`")
    })?;
    Ok(Exit::Done)
}
