//! `create_refund` and `create_non_subscribable_refund`.

use super::{Decision, Receipt, Scope, check_caps, left_of};
use crate::amount::Values;
use crate::error::{ErrorCode, Holder, LedgerError};
use crate::id::Id;
use crate::idempotency::{conflict, create_differences};
use crate::refund::{ExternalId, RefundContent, RefundDetails, RefundKind};
use crate::store::{Loaded, LoadedRefund, RefundLookup};

impl Scope<'_> {
    pub(super) fn create_refund(
        &self,
        content: &RefundContent,
        idempotency_key: Option<&Id>,
    ) -> Result<Decision, LedgerError> {
        let external_id = external_id(content, idempotency_key)?;
        let movement = self.movement_or_voided()?;
        if movement.voided && !self.repeats_as_file() {
            return Err(LedgerError::movement_not_found());
        }
        if let Some(external_id) = &external_id {
            let lookup = RefundLookup::ExternalId(external_id.id().clone());
            match self.snapshot.refund(&self.key.org(), &lookup) {
                Loaded::NotLoaded => return Err(LedgerError::not_loaded()),
                Loaded::Absent => {}
                Loaded::Present(holder) => return self.answer_held(holder, content, external_id),
            }
        }
        if movement.voided {
            return Err(LedgerError::movement_not_found());
        }

        let left = left_of(movement, Values::default())?;
        let amount = content
            .amount
            .resolve(movement.amount.currency(), Some(left))?;
        let context = self.context;
        context
            .policy
            .check_date(content.refund_datetime, movement, context.now)?;
        context.policy.check_count(movement)?;
        check_caps(movement, left, amount.values())?;

        let description = self.bring_text(&content.description, &movement.chain);
        let details = RefundDetails::new(content, amount, external_id, description);
        let change = self.created(self.minted.refund_id, movement, details)?;
        Ok(Decision::of_refund(change))
    }

    /// Answers a create whose external id is taken.
    fn answer_held(
        &self,
        holder: &LoadedRefund,
        content: &RefundContent,
        external_id: &ExternalId,
    ) -> Result<Decision, LedgerError> {
        let first = holder.at_revision(1).ok_or_else(LedgerError::not_loaded)?;
        let fields = create_differences(first, self.key, content, external_id);
        let held_by = || Holder {
            movement: holder.refund.movement.clone(),
            refund_id: Some(holder.refund.id),
        };
        if !fields.is_empty() {
            return Err(conflict("the external id", &fields, held_by()));
        }
        if holder.refund.deleted && !self.repeats_as_file() {
            return Err(LedgerError::new(
                ErrorCode::RefundDeleted,
                "the external id belongs to a refund that was deleted; a new refund needs a new one",
            )
            .with_holder(held_by()));
        }
        Ok(Decision::replay(Receipt::of_refund(&holder.refund, true)))
    }
}

/// The key that makes the refund unique. A standard refund must bring it in its content.
fn external_id(
    content: &RefundContent,
    idempotency_key: Option<&Id>,
) -> Result<Option<ExternalId>, LedgerError> {
    match (&content.external_refund_unique_id, &content.kind) {
        (Some(id), _) => Ok(Some(ExternalId::Given(id.clone()))),
        (None, RefundKind::Standard) => Err(LedgerError::invalid_field(
            "external_refund_unique_id",
            "required",
            "is required",
        )),
        (None, RefundKind::NonSubscribable { .. }) => {
            Ok(idempotency_key.cloned().map(ExternalId::IdempotencyKey))
        }
    }
}
