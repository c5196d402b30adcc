//! `delete_refund`: frees the balance; the row and the external id stay.

use super::{Decision, Receipt, Scope, check_revision, replace_values};
use crate::amount::Values;
use crate::error::LedgerError;
use crate::journal::EntryKind;
use crate::refund::Refund;
use crate::store::RefundLookup;

impl Scope<'_> {
    pub(super) fn delete_refund(
        &self,
        lookup: &RefundLookup,
        expected_revision: Option<u32>,
    ) -> Result<Decision, LedgerError> {
        let movement = self.movement_or_voided()?;
        let current = &self.refund_or_deleted(lookup)?.refund;
        if current.deleted {
            return if self.repeats_as_file() {
                Ok(Decision::replay(Receipt::of_refund(current, true)))
            } else {
                Err(LedgerError::refund_not_found())
            };
        }
        check_revision(current, expected_revision)?;

        let mut movement = movement.clone();
        movement.refunded.values = replace_values(
            movement.refunded.values,
            current.details.amount.values(),
            Values::default(),
        )?;
        movement.refunded.count = movement.refunded.count.saturating_sub(1);
        let refund = Refund {
            deleted: true,
            revision: current.revision.saturating_add(1),
            updated_at: self.recorded_at(&movement.chain),
            ..current.clone()
        };
        Ok(Decision {
            receipt: Receipt::of_refund(&refund, false),
            change: Some(self.change_refund(EntryKind::RefundDeleted, movement, refund)),
        })
    }
}
