//! The ledger's side.

use std::mem;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use refund_ledger::store::sqlite::{RefundOutline, SqliteStore};
use refund_ledger::{Id, Ledger, LedgerError};
use refund_reconcile::{LedgerRefund, OrgError, ReconcileError, Reconciliation, org_of};

use crate::args::Common;
use crate::failure::Failure;
use crate::ledger_file;

/// How many refunds are handed over at once.
const BATCH_REFUNDS: usize = 4_096;

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
        let org = org_of(&ledger, asked).map_err(|error| match error {
            OrgError::Ledger(error) => error.into(),
            several @ OrgError::Several { .. } => {
                Failure::Usage(format!("{several}, with `--org`"))
            }
            other => Failure::Usage(other.to_string()),
        })?;
        Ok(Self { store, org })
    }

    /// Whose they are.
    pub(super) fn into_org(self) -> Option<Id> {
        self.org
    }

    /// Reads them all, deleted ones too, and sends them until nobody wants any more.
    pub(super) fn send(&self, batches: &SyncSender<Batch>) -> Result<(), Failure> {
        let Some(org) = &self.org else {
            return Ok(());
        };
        let mut batch = Batch::default();
        let read = self.store.refund_outlines(org, &mut |refund| {
            batch.push(&refund);
            if batch.len() >= BATCH_REFUNDS && batches.send(mem::take(&mut batch)).is_err() {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        read.map_err(LedgerError::from)?;
        // Where nobody listens any more, nobody misses the last ones.
        let _unheard = batches.send(batch);
        Ok(())
    }
}

/// Some refunds, their texts in one piece: a few allocations instead of two for each.
#[derive(Default)]
pub(super) struct Batch {
    texts: String,
    rows: Vec<Row>,
}

/// A refund, and how long its texts are.
struct Row {
    refund: LedgerRefund<'static>,
    external_id: Option<usize>,
    invoice: Option<usize>,
}

impl Batch {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    fn push(&mut self, refund: &RefundOutline<'_>) {
        let texts = [refund.external_id, refund.external_invoice_id];
        for text in texts.into_iter().flatten() {
            self.texts.push_str(text);
        }
        self.rows.push(Row {
            refund: LedgerRefund {
                id: refund.id,
                external_id: None,
                invoice: None,
                currency: refund.currency,
                minor: refund.with_minor,
                date: refund.refund_datetime,
                deleted: refund.deleted,
            },
            external_id: refund.external_id.map(str::len),
            invoice: refund.external_invoice_id.map(str::len),
        });
    }

    /// Adds them to the ledger's side.
    pub(super) fn add_to(&self, both: &mut Reconciliation) -> Result<(), ReconcileError> {
        let mut rest = self.texts.as_str();
        let mut next = |bytes: Option<usize>| {
            let (text, behind) = rest.split_at_checked(bytes?)?;
            rest = behind;
            Some(text)
        };
        for row in &self.rows {
            both.refund(&LedgerRefund {
                external_id: next(row.external_id),
                invoice: next(row.invoice),
                ..row.refund
            })?;
        }
        Ok(())
    }
}
