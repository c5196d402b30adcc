//! `erase_text`: blanks a description in all its revisions. The journal keeps its digest, so
//! every chain stays whole; deleted refunds and voided movements can be erased too.

use super::{Decision, Receipt, Scope, check_revision};
use crate::error::LedgerError;
use crate::store::{LoadedRefund, RefundLookup};

impl Scope<'_> {
    pub(super) fn erase_text(
        &self,
        lookup: Option<&RefundLookup>,
        expected_revision: Option<u32>,
    ) -> Result<Decision, LedgerError> {
        let movement = self.movement_or_voided()?;
        let Some(lookup) = lookup else {
            let replayed = movement.description.salted.is_none();
            return Ok(Decision {
                receipt: Receipt::of_movement(replayed),
                change: (!replayed).then(|| self.erased_of_movement(movement)),
            });
        };
        let loaded = self.refund_or_deleted(lookup)?;
        if self.repeats_as_file() && was_done(loaded, expected_revision) {
            return Ok(Decision::replay(Receipt::of_refund(&loaded.refund, true)));
        }
        let refund = &loaded.refund;
        check_revision(refund, expected_revision)?;
        let replayed = refund.details.description.salted.is_none();
        Ok(Decision {
            receipt: Receipt::of_refund(refund, replayed),
            change: (!replayed).then(|| self.erased_of_refund(refund, movement)),
        })
    }
}

/// Whether the expected revision's text was erased, though the refund has a newer one by now.
fn was_done(loaded: &LoadedRefund, expected_revision: Option<u32>) -> bool {
    expected_revision
        .and_then(|revision| loaded.at_revision(revision))
        .is_some_and(|then| then.details.description.salted.is_none())
}
