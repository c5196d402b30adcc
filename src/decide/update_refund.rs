//! `update_refund`: replaces every field of a refund but its external id.

use super::{Decision, Receipt, Scope, check_caps, check_revision, left_of};
use crate::error::{ErrorCode, LedgerError};
use crate::idempotency::{ErasedText, content_differences};
use crate::refund::{ExternalId, Refund, RefundContent, RefundDetails};
use crate::store::{LoadedRefund, RefundLookup};

impl Scope<'_> {
    pub(super) fn update_refund(
        &self,
        lookup: &RefundLookup,
        expected_revision: Option<u32>,
        content: &RefundContent,
    ) -> Result<Decision, LedgerError> {
        let movement = self.movement_or_voided()?;
        let loaded = self.refund_or_deleted(lookup)?;
        if self.repeats_as_file() && was_done(loaded, expected_revision, content) {
            return Ok(Decision::replay(Receipt::of_refund(&loaded.refund, true)));
        }
        let current = &loaded.refund;
        if current.deleted {
            return Err(LedgerError::refund_not_found());
        }
        if current.details.kind.name() != content.kind.name() {
            return Err(LedgerError::new(
                ErrorCode::KindMismatch,
                format!(
                    "the refund is `{}`; an update must be of the same kind, not `{}`",
                    current.details.kind.name(),
                    content.kind.name()
                ),
            ));
        }
        if !keeps_external_id(current, content) {
            return Err(LedgerError::new(
                ErrorCode::ImmutableField,
                "`external_refund_unique_id` can't be changed; send it as it is or, where it is not required, leave it out",
            ));
        }
        if content_differences(&current.details, content, ErasedText::Differs).is_empty() {
            return Ok(Decision::replay(Receipt::of_refund(current, true)));
        }
        check_revision(current, expected_revision)?;

        let old = current.details.amount.values();
        let left = left_of(movement, old)?;
        // What was booked before is not judged anew: the rest of a movement that it took, or a
        // value that was derived, may not fit the tax by itself.
        let kept = &current.details.amount;
        let amount = if content.amount.differences_from(kept).next().is_none() {
            kept.clone()
        } else {
            content
                .amount
                .resolve(movement.amount.currency(), Some(left))?
        };
        if content.refund_datetime != current.details.refund_datetime {
            let context = self.context;
            context
                .policy
                .check_date(content.refund_datetime, movement, context.now)?;
        }
        check_caps(movement, left, amount.values())?;

        let kept_text = current.details.description.text() == Some(content.description.as_str());
        let description = if kept_text {
            current.details.description.clone()
        } else {
            self.bring_text(&content.description, &movement.chain)
        };
        let external_id = current.details.external_id.clone();
        let details = RefundDetails::new(content, amount, external_id, description);
        let change = self.updated(current, movement, details)?;
        Ok(Decision::of_refund(change))
    }
}

/// Whether the revision right behind the expected one is this very update.
fn was_done(
    loaded: &LoadedRefund,
    expected_revision: Option<u32>,
    content: &RefundContent,
) -> bool {
    expected_revision
        .and_then(|revision| revision.checked_add(1))
        .filter(|next| *next > 1)
        .and_then(|next| loaded.at_revision(next))
        .is_some_and(|then| {
            !then.deleted
                && keeps_external_id(then, content)
                && content_differences(&then.details, content, ErasedText::Ignored).is_empty()
        })
}

fn keeps_external_id(refund: &Refund, content: &RefundContent) -> bool {
    match (
        &content.external_refund_unique_id,
        &refund.details.external_id,
    ) {
        (None, _) => true,
        (Some(given), Some(ExternalId::Given(kept))) => given == kept,
        (Some(_), Some(ExternalId::IdempotencyKey(_)) | None) => false,
    }
}
