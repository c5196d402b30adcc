//! The ledger's side.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use refund_ledger::store::RefundOutline;
use refund_ledger::{Id, LedgerError, Store};
use refund_reconcile::{LedgerRefund, LedgerSide, OrgError, Period, org_of};

use crate::failure::Failure;
use crate::location::Location;
use crate::progress::Progress;

/// After how many refunds whoever watches is told.
const REFUNDS_AT_ONCE: usize = 4_096;

/// The refunds of one org.
pub(super) struct Refunds {
    store: Arc<dyn Store>,
    /// None where the ledger holds nothing.
    org: Option<Id>,
}

impl Refunds {
    /// Those of the org that is asked for, or of the only one.
    pub(super) fn open(location: &Location, asked: Option<&Id>) -> Result<Self, Failure> {
        let ledger = location.open()?;
        let org = org_of(&ledger, asked).map_err(|error| match error {
            OrgError::Ledger(error) => error.into(),
            several @ OrgError::Several { .. } => {
                Failure::Usage(format!("{several}, with `--org`"))
            }
            other => Failure::Usage(other.to_string()),
        })?;
        Ok(Self {
            store: Arc::clone(ledger.store()),
            org,
        })
    }

    /// Whose they are.
    pub(super) fn into_org(self) -> Option<Id> {
        self.org
    }

    /// Reads those of the period, deleted ones too, until that is no use any more.
    pub(super) fn read(
        &self,
        period: Period,
        ledger: &mut LedgerSide,
        progress: &Progress,
        is_useless: &AtomicBool,
    ) -> Result<(), Failure> {
        let Some(org) = &self.org else {
            return Ok(());
        };
        let mut refunds = 0_usize;
        let mut taken = Ok(());
        let read = self
            .store
            .refund_outlines(org, period.from, period.to, &mut |refund| {
                taken = ledger.refund(&ledger_refund(&refund));
                refunds = refunds.wrapping_add(1);
                if refunds.is_multiple_of(REFUNDS_AT_ONCE) {
                    progress.count(REFUNDS_AT_ONCE);
                }
                if taken.is_err() || is_useless.load(Ordering::Relaxed) {
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            });
        read.map_err(LedgerError::from)?;
        Ok(taken?)
    }
}

fn ledger_refund<'a>(refund: &RefundOutline<'a>) -> LedgerRefund<'a> {
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
