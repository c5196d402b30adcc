//! `export` and `backup`: copies of the ledger.

use refund_ledger::store::sqlite::SqliteStore;
use refund_ledger::{JournalPosition, Ledger, LedgerError};
use serde::Serialize;

use crate::args::{Backup, Common, Export};
use crate::failure::Failure;
use crate::location::{self, Location};
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
    let ledger = location::open(common)?;
    let Some(path) = &args.output else {
        lines(&ledger, 0, |line| output.line(line))?;
        return Ok(Exit::Done);
    };
    Location::of(common)?.spare(path, &[])?;
    let mut file = Publish::begin(path)?;
    let lines = lines(&ledger, 0, |line| file.line(line.as_bytes()))?;
    file.finish()?;
    output.answer(&Exported { lines }, || {
        format!("exported {lines} lines to `{}`", path.display())
    })?;
    Ok(Exit::Done)
}

/// Every line of an export behind a position, in journal order; answers how many there were.
pub(crate) fn lines(
    ledger: &Ledger,
    mut after: JournalPosition,
    mut visit: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let mut count = 0_u64;
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
    let location = Location::of(common)?;
    let path = location.existing_file()?.ok_or_else(|| {
        Failure::Usage(
            "`backup` copies the file of a ledger; back up a server with `pg_dump`, or the ledger \
             alone with `refunds export`"
                .into(),
        )
    })?;
    let store = SqliteStore::open(path).map_err(LedgerError::from)?;
    store.backup(&args.file).map_err(LedgerError::from)?;
    let file = args.file.display().to_string();
    output.answer(&BackedUp { file: file.clone() }, || {
        format!("copied the ledger to `{file}`")
    })?;
    Ok(Exit::Done)
}
