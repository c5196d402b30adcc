//! `erase_text`: blanks a description in all its revisions. The journal keeps its digest, so
//! every chain stays whole; deleted refunds and voided movements can be erased too.

use super::{Decision, Receipt, Scope, check_revision};
use crate::error::LedgerError;
use crate::journal::{EntryKind, TextOwner};
use crate::store::batch::Change;
use crate::store::{LoadedRefund, RefundLookup};

impl Scope<'_> {
    pub(super) fn erase_text(
        &self,
        lookup: Option<&RefundLookup>,
        expected_revision: Option<u32>,
    ) -> Result<Decision, LedgerError> {
        let mut movement = self.movement_or_voided()?.clone();
        let Some(lookup) = lookup else {
            let replayed = movement.description.salted.take().is_none();
            let change = (!replayed).then(|| Change {
                erased: Some(TextOwner::Movement),
                ..self.change_movement(EntryKind::TextErased, movement)
            });
            return Ok(Decision {
                receipt: Receipt::of_movement(replayed),
                change,
            });
        };
        let loaded = self.refund_or_deleted(lookup)?;
        if self.repeats_as_file() && was_done(loaded, expected_revision) {
            return Ok(Decision::replay(Receipt::of_refund(&loaded.refund, true)));
        }
        check_revision(&loaded.refund, expected_revision)?;
        let mut refund = loaded.refund.clone();
        let replayed = refund.details.description.salted.take().is_none();
        let receipt = Receipt::of_refund(&refund, replayed);
        let change = (!replayed).then(|| Change {
            erased: Some(TextOwner::Refund(refund.id)),
            ..self.change_refund(EntryKind::TextErased, movement, refund)
        });
        Ok(Decision { receipt, change })
    }
}

/// Whether the expected revision's text was erased, though the refund has a newer one by now.
fn was_done(loaded: &LoadedRefund, expected_revision: Option<u32>) -> bool {
    expected_revision
        .and_then(|revision| loaded.at_revision(revision))
        .is_some_and(|then| then.details.description.salted.is_none())
}
