//! `erase_text`: blanks a description in all its revisions. The journal keeps its digest, so
//! every chain stays whole; deleted refunds and voided movements can be erased too.

use super::{Decision, Receipt, Scope};
use crate::error::LedgerError;
use crate::journal::{EntryKind, TextOwner};
use crate::store::RefundLookup;
use crate::store::batch::Change;

impl Scope<'_> {
    pub(super) fn erase_text(&self, lookup: Option<&RefundLookup>) -> Result<Decision, LedgerError> {
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
        let mut refund = self.refund_or_deleted(lookup)?.refund.clone();
        let replayed = refund.details.description.salted.take().is_none();
        let receipt = Receipt::of_refund(&refund, replayed);
        let change = (!replayed).then(|| Change {
            erased: Some(TextOwner::Refund(refund.id)),
            ..self.change_refund(EntryKind::TextErased, movement, refund)
        });
        Ok(Decision { receipt, change })
    }
}
