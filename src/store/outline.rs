//! Refunds in outline.

use std::ops::ControlFlow;

use super::{ScanRange, ScanRow, Store, StoreError};
use crate::currency::Currency;
use crate::id::{Id, RefundId};
use crate::refund::Refund;
use crate::time::Timestamp;

/// What is compared with a statement of a refund, as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundOutline<'a> {
    /// Its id.
    pub id: RefundId,
    /// Its external id, or the idempotency key in its place.
    pub external_id: Option<&'a str>,
    /// Its invoice.
    pub external_invoice_id: Option<&'a str>,
    /// When the money was given back.
    pub refund_datetime: Timestamp,
    /// Its currency.
    pub currency: Currency,
    /// Its value with taxes, in minor units.
    pub with_minor: i64,
    /// Whether it was deleted.
    pub deleted: bool,
}

impl<'a> From<&'a Refund> for RefundOutline<'a> {
    fn from(refund: &'a Refund) -> Self {
        let details = &refund.details;
        Self {
            id: refund.id,
            external_id: details.external_id.as_ref().map(|id| id.id().as_str()),
            external_invoice_id: details.external_invoice_id.as_ref().map(Id::as_str),
            refund_datetime: details.refund_datetime,
            currency: details.amount.currency(),
            with_minor: details.amount.values().with,
            deleted: refund.deleted,
        }
    }
}

/// The outlines of an org, from a scan of all that it has.
pub(super) fn by_scan<S: Store + ?Sized>(
    store: &S,
    org: &Id,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    visit: &mut dyn FnMut(RefundOutline<'_>) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let range = ScanRange {
        org: Some(org),
        refunds: true,
        ..ScanRange::default()
    };
    let mut damage = None;
    store.scan(&range, &mut |row| match row {
        ScanRow::Refund { refund, .. } => {
            let outline = RefundOutline::from(refund);
            let is_inside = from.is_none_or(|from| outline.refund_datetime >= from)
                && to.is_none_or(|to| outline.refund_datetime < to);
            if is_inside {
                visit(outline)
            } else {
                ControlFlow::Continue(())
            }
        }
        ScanRow::Invalid { reason, .. } => {
            damage = Some(reason.to_owned());
            ControlFlow::Break(())
        }
        ScanRow::Movement(_) | ScanRow::Entry(_) => ControlFlow::Continue(()),
    })?;
    match damage {
        None => Ok(()),
        Some(reason) => Err(StoreError::Corrupted { reason }),
    }
}
