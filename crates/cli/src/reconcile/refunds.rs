//! The ledger's side.

use std::ops::ControlFlow;
use std::sync::Arc;

use refund_ledger::store::sqlite::{RefundOutline, SqliteStore};
use refund_ledger::{ID_BYTES_MAX, Id, Ledger, LedgerError, MovementKey};
use refund_reconcile::{LedgerRefund, ReconcileError, Reconciliation};

use crate::args::Common;
use crate::failure::Failure;
use crate::ledger_file;
use crate::progress::Progress;

/// How many orgs an error names.
const NAMED_MAX: usize = 10;

/// The refunds of one org.
pub(super) struct Refunds {
    store: Arc<SqliteStore>,
    /// None where the ledger holds nothing.
    org: Option<Id>,
}

impl Refunds {
    /// Those of the org that is asked for, or of the only one.
    pub(super) fn open(common: &Common, asked: Option<&Id>) -> Result<Self, Failure> {
        let path = ledger_file::existing(common)?;
        let store = Arc::new(SqliteStore::open(path).map_err(LedgerError::from)?);
        let ledger = Ledger::with_system_host(store.clone());
        let org = match asked {
            Some(org) => Some(known(&ledger, org)?),
            None => only(&ledger)?,
        };
        Ok(Self { store, org })
    }

    /// Whose they are.
    pub(super) fn into_org(self) -> Option<Id> {
        self.org
    }

    /// Reads them all, deleted ones too.
    pub(super) fn read(&self, both: &mut Reconciliation) -> Result<(), Failure> {
        let Some(org) = &self.org else {
            return Ok(());
        };
        let progress = Progress::of_refunds();
        let mut taken: Result<(), ReconcileError> = Ok(());
        let read = self.store.refund_outlines(org, &mut |refund| {
            progress.count();
            taken = both.refund(&in_ledger(&refund));
            if taken.is_ok() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        progress.finish();
        read.map_err(LedgerError::from)?;
        taken.map_err(|error| Failure::Usage(error.to_string()))
    }
}

fn in_ledger<'a>(refund: &RefundOutline<'a>) -> LedgerRefund<'a> {
    LedgerRefund {
        id: refund.id,
        external_id: refund.external_id,
        invoice: refund.external_invoice_id,
        currency: refund.currency,
        minor: refund.with_minor,
        date: refund.refund_datetime,
        deleted: refund.deleted,
    }
}

/// The org, if the ledger holds it. A mistyped one would have no refunds, and make a break of each
/// line.
fn known(ledger: &Ledger, org: &Id) -> Result<Id, Failure> {
    if !ledger.movements(Some(org), None, 1)?.is_empty() {
        return Ok(org.clone());
    }
    let orgs = orgs(ledger)?;
    Err(Failure::Usage(format!(
        "the ledger has no movements of the org `{org}`; {}",
        match orgs.as_slice() {
            [] => "it is empty".into(),
            orgs => format!("it holds {}", names(orgs)),
        }
    )))
}

/// The only org.
fn only(ledger: &Ledger) -> Result<Option<Id>, Failure> {
    let mut orgs = orgs(ledger)?;
    if orgs.len() > 1 {
        return Err(Failure::Usage(format!(
            "the ledger holds several orgs: {}; say with `--org` which one the statement is about",
            names(&orgs)
        )));
    }
    Ok(orgs.pop())
}

/// The orgs of the ledger, up to one more than are named.
fn orgs(ledger: &Ledger) -> Result<Vec<Id>, Failure> {
    let mut orgs: Vec<Id> = Vec::new();
    let last = last_id();
    let mut after = None;
    while orgs.len() <= NAMED_MAX {
        let next = ledger.movements(None, after.as_ref(), 1)?;
        let Some(movement) = next.first() else { break };
        let org = movement.key.org();
        after = Some(MovementKey::new(org.as_str(), &last, &last)?);
        orgs.push(org);
    }
    Ok(orgs)
}

/// An id behind which no other sorts.
fn last_id() -> String {
    let mut id = "\u{10ffff}".repeat(ID_BYTES_MAX / 4);
    // What is left is less than the last character takes.
    while id.len() + '\u{ffff}'.len_utf8() <= ID_BYTES_MAX {
        id.push('\u{ffff}');
    }
    id
}

fn names(orgs: &[Id]) -> String {
    let mut names: Vec<String> = orgs
        .iter()
        .take(NAMED_MAX)
        .map(|org| format!("`{org}`"))
        .collect();
    if orgs.len() > NAMED_MAX {
        names.push("others".into());
    }
    names.join(", ")
}
