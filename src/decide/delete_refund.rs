//! `delete_refund`: frees the balance; the row and the external id stay.

use super::{Decision, Receipt, Scope, check_revision};
use crate::error::LedgerError;
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

        let change = self.deleted(current, movement)?;
        Ok(Decision::of_refund(change))
    }
}
