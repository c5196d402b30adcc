//! Rebuilds journal entries from an export: every chain and both caps are checked, policy is not.

use super::{Context, Minted, Scope, check_caps, left_of};
use crate::amount::Values;
use crate::command::{Command, Operation, Repeats};
use crate::error::{ErrorCode, LedgerError};
use crate::hash::Hash;
use crate::id::{Id, RefundId};
use crate::movement::{ChainEnd, Movement, MovementRequest};
use crate::policy::Policy;
use crate::refund::{ExternalId, Refund, RefundContent, RefundDetails};
use crate::store::batch::Change;
use crate::store::{Loaded, LoadedRefund, ReadSet, RefundLookup, Snapshot};
use crate::text::{Description, Salt, Text};
use crate::time::Timestamp;

/// What an export keeps of a journal entry beside the command that made it: `preserved` of its
/// line. [`Ledger::restore`](crate::Ledger::restore) rebuilds the very entry from both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preserved {
    /// The entry's place in its movement's chain.
    pub sequence: u64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Who made the change.
    pub actor: Id,
    /// The refund that it is about, with its revision after the change.
    pub refund: Option<(RefundId, u32)>,
    /// Whether the refund holds the line's idempotency key; without it the key is there only so
    /// that other lines can name the refund.
    pub holds_idempotency_key: bool,
    /// The digest of the description (see [`crate::SaltedText::digest`]).
    pub text_hash: Hash,
    /// The sequence of the entry beside which the description is stored.
    pub text_sequence: u64,
    /// The description's salt; `None` where this entry brought no text or it was erased.
    pub salt: Option<Salt>,
    /// Whether the text that this entry brought was erased since.
    pub erased: bool,
    /// The entry's hash.
    pub hash: Hash,
}

impl Preserved {
    /// Adds what rebuilding the entry reads to a read set.
    pub(crate) fn read_set(&self, command: &Command, wanted: &mut ReadSet) {
        wanted.want_movement(command.movement.clone());
        let mut want = |lookup| wanted.want_refund(command.movement.org(), lookup, None);
        if let Some((id, _)) = self.refund {
            want(RefundLookup::Id(id));
        }
        if let Operation::CreateRefund {
            content,
            idempotency_key,
        } = &command.operation
            && let Some(external_id) = self.external_id(content, idempotency_key.as_ref())
        {
            want(RefundLookup::ExternalId(external_id.id().clone()));
        }
    }

    fn external_id(&self, content: &RefundContent, key: Option<&Id>) -> Option<ExternalId> {
        match &content.external_refund_unique_id {
            Some(id) => Some(ExternalId::Given(id.clone())),
            None => key
                .filter(|_| self.holds_idempotency_key)
                .cloned()
                .map(ExternalId::IdempotencyKey),
        }
    }
}

/// Rebuilds the change that a command once made.
pub(crate) fn restore(
    command: &Command,
    preserved: &Preserved,
    snapshot: &Snapshot,
) -> Result<Change, LedgerError> {
    // What the entry is rebuilt with is what it was made with.
    let context = Context {
        now: preserved.recorded_at,
        actor: &preserved.actor,
        policy: &Policy::default(),
        repeats: Repeats::AsFile,
    };
    let scope = Scope {
        key: &command.movement,
        minted: Minted {
            refund_id: RefundId::from_bytes([0; 16]),
            salt: preserved.salt.unwrap_or(Salt([0; 16])),
        },
        snapshot,
        context: &context,
    };
    check_text(preserved)?;
    let change = scope.restore(&command.operation, preserved)?;
    if change.entry.sequence != preserved.sequence {
        return Err(LedgerError::invalid_field(
            "preserved.sequence",
            "differs",
            format!(
                "is {}; the next entry of this movement is {}: lines are missing or out of order",
                preserved.sequence, change.entry.sequence
            ),
        ));
    }
    if change.movement.chain.hash != preserved.hash {
        return Err(LedgerError::invalid_field(
            "preserved.hash",
            "differs",
            "is not the hash of what the line says: the line, or one before it, was changed",
        ));
    }
    Ok(change)
}

/// An entry that brought a text has it with its salt, or says that it was erased; one that
/// brought none has neither.
fn check_text(preserved: &Preserved) -> Result<(), LedgerError> {
    let brought = preserved.text_sequence == preserved.sequence;
    let (salt, erased) = (preserved.salt.is_some(), preserved.erased);
    match (brought, salt, erased) {
        (true, true, false) | (true, false, true) | (false, false, false) => Ok(()),
        (true, false, false) => Err(LedgerError::invalid_field(
            "preserved.salt",
            "required",
            "is required, unless `erased` says that the text is gone",
        )),
        _ => Err(LedgerError::invalid_field(
            "preserved.salt",
            "not_allowed",
            "stands beside a text that this entry did not bring, or that was erased",
        )),
    }
}

impl Scope<'_> {
    fn restore(&self, operation: &Operation, preserved: &Preserved) -> Result<Change, LedgerError> {
        match operation {
            Operation::RecordMovement(request) => self.restore_movement(request, preserved),
            Operation::VoidMovement => {
                let movement = self.live_movement()?;
                if movement.refunded.count > 0 {
                    return Err(out_of_order());
                }
                Ok(self.voided(movement))
            }
            Operation::CreateRefund {
                content,
                idempotency_key,
            } => {
                let external_id = preserved.external_id(content, idempotency_key.as_ref());
                self.restore_created(content, external_id, preserved)
            }
            Operation::UpdateRefund { content, .. } => self.restore_updated(content, preserved),
            Operation::DeleteRefund { .. } => {
                self.deleted(self.live_refund(preserved)?, self.live_movement()?)
            }
            Operation::EraseText { refund: None, .. } => {
                Ok(self.erased_of_movement(self.movement_or_voided()?))
            }
            Operation::EraseText {
                refund: Some(_), ..
            } => {
                let refund = &self.preserved_refund(preserved)?.refund;
                Ok(self.erased_of_refund(refund, self.movement_or_voided()?))
            }
        }
    }

    fn live_movement(&self) -> Result<&Movement, LedgerError> {
        let movement = self.movement_or_voided()?;
        if movement.voided {
            return Err(LedgerError::movement_not_found());
        }
        Ok(movement)
    }

    fn preserved_refund(&self, preserved: &Preserved) -> Result<&LoadedRefund, LedgerError> {
        let (id, _) = preserved.refund.ok_or_else(no_refund)?;
        self.refund_or_deleted(&RefundLookup::Id(id))
    }

    fn live_refund(&self, preserved: &Preserved) -> Result<&Refund, LedgerError> {
        let refund = &self.preserved_refund(preserved)?.refund;
        if refund.deleted {
            return Err(LedgerError::refund_not_found());
        }
        Ok(refund)
    }

    /// The description that an entry of this sequence attests.
    fn preserved_text(&self, text: &Text, chain: &ChainEnd, preserved: &Preserved) -> Description {
        if preserved.salt.is_some() {
            return self.bring_text(text, chain);
        }
        Description {
            digest: preserved.text_hash,
            sequence: preserved.text_sequence,
            salted: None,
        }
    }

    fn restore_movement(
        &self,
        request: &MovementRequest,
        preserved: &Preserved,
    ) -> Result<Change, LedgerError> {
        let row = self.movement_row()?;
        if row.is_some_and(|row| !row.voided) {
            return Err(out_of_order());
        }
        let chain = self.chain(row);
        let amount = request.amount.exact(request.currency)?;
        let description = self.preserved_text(&request.description, &chain, preserved);
        Ok(self.recorded(request.occurred_at, amount, description, chain))
    }

    fn restore_created(
        &self,
        content: &RefundContent,
        external_id: Option<ExternalId>,
        preserved: &Preserved,
    ) -> Result<Change, LedgerError> {
        let (id, revision) = preserved.refund.ok_or_else(no_refund)?;
        let movement = self.live_movement()?;
        let taken = |lookup: &RefundLookup| {
            matches!(
                self.snapshot.refund(&self.key.org(), lookup),
                Loaded::Present(_)
            )
        };
        if revision != 1
            || taken(&RefundLookup::Id(id))
            || external_id
                .as_ref()
                .is_some_and(|held| taken(&RefundLookup::ExternalId(held.id().clone())))
        {
            return Err(out_of_order());
        }
        let amount = content.amount.exact(movement.amount.currency())?;
        check_caps(
            movement,
            left_of(movement, Values::default())?,
            amount.values(),
        )?;
        let description = self.preserved_text(&content.description, &movement.chain, preserved);
        let details = RefundDetails::new(content, amount, external_id, description);
        self.created(id, movement, details)
    }

    fn restore_updated(
        &self,
        content: &RefundContent,
        preserved: &Preserved,
    ) -> Result<Change, LedgerError> {
        let current = self.live_refund(preserved)?;
        let movement = self.live_movement()?;
        let amount = content.amount.exact(movement.amount.currency())?;
        let left = left_of(movement, current.details.amount.values())?;
        check_caps(movement, left, amount.values())?;
        let kept = &current.details.description;
        let description = if preserved.text_sequence == kept.sequence {
            if kept
                .text()
                .is_some_and(|text| text != content.description.as_str())
            {
                return Err(LedgerError::invalid_field(
                    "description",
                    "differs",
                    "differs from the text that the entry kept",
                ));
            }
            kept.clone()
        } else {
            self.preserved_text(&content.description, &movement.chain, preserved)
        };
        let external_id = current.details.external_id.clone();
        let details = RefundDetails::new(content, amount, external_id, description);
        self.updated(current, movement, details)
    }
}

fn no_refund() -> LedgerError {
    LedgerError::invalid_field("preserved.refund_id", "required", "is required")
}

fn out_of_order() -> LedgerError {
    LedgerError::new(
        ErrorCode::InvalidRequest,
        "the line can't follow the lines before it: lines are missing, repeated or out of order",
    )
}
