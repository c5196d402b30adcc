//! What the commands write, once the rules let them: the rows as they are afterwards, and the
//! entry that attests them. A decision and the restoring of an export end in the same changes.

use super::Scope;
use crate::amount::{Amount, Values};
use crate::error::{ErrorCode, LedgerError};
use crate::id::RefundId;
use crate::journal::{
    Entry, EntryContent, EntryKind, JournalEntry, MovementContent, RefundContentEntry, TextOwner,
    entry_hash,
};
use crate::movement::{ChainEnd, Movement, Refunded};
use crate::refund::{ExternalId, Refund, RefundContent, RefundDetails};
use crate::store::batch::Change;
use crate::text::{Description, SaltedText, Text};
use crate::time::Timestamp;

impl Scope<'_> {
    /// The movement's chain, or the beginning of one.
    pub(super) fn chain(&self, row: Option<&Movement>) -> ChainEnd {
        row.map_or_else(|| ChainEnd::start(self.context.now), |row| row.chain)
    }

    /// When an entry that follows this one is recorded: clocks may step back, chains may not.
    fn recorded_at(&self, chain: &ChainEnd) -> Timestamp {
        self.context.now.max(chain.recorded_at)
    }

    /// A text that the next entry of a chain brings.
    pub(super) fn bring_text(&self, text: &Text, chain: &ChainEnd) -> Description {
        let salted = SaltedText {
            salt: self.minted.salt,
            text: text.clone(),
        };
        Description {
            digest: salted.digest(),
            sequence: chain.length.saturating_add(1),
            salted: Some(salted),
        }
    }

    /// The movement is recorded, at the beginning of a chain or anew.
    pub(super) fn recorded(
        &self,
        occurred_at: Timestamp,
        amount: Amount,
        description: Description,
        chain: ChainEnd,
    ) -> Change {
        let movement = Movement {
            key: self.key.clone(),
            occurred_at,
            amount,
            description,
            recorded_at: self.recorded_at(&chain),
            voided: false,
            refunded: Refunded::default(),
            chain,
        };
        self.change_movement(EntryKind::MovementRecorded, movement)
    }

    /// The movement is taken back.
    pub(super) fn voided(&self, movement: &Movement) -> Change {
        let voided = Movement {
            voided: true,
            ..movement.clone()
        };
        self.change_movement(EntryKind::MovementVoided, voided)
    }

    /// A refund is created.
    pub(super) fn created(
        &self,
        id: RefundId,
        movement: &Movement,
        details: RefundDetails,
    ) -> Result<Change, LedgerError> {
        let mut movement = movement.clone();
        move_sums(&mut movement, Values::default(), details.amount.values())?;
        movement.refunded.count = movement.refunded.count.saturating_add(1);
        let recorded_at = self.recorded_at(&movement.chain);
        let refund = Refund {
            id,
            movement: self.key.clone(),
            details,
            revision: 1,
            created_at: recorded_at,
            updated_at: recorded_at,
            deleted: false,
        };
        Ok(self.change_refund(EntryKind::RefundCreated, movement, refund))
    }

    /// A refund's content is replaced.
    pub(super) fn updated(
        &self,
        current: &Refund,
        movement: &Movement,
        details: RefundDetails,
    ) -> Result<Change, LedgerError> {
        let mut movement = movement.clone();
        let old = current.details.amount.values();
        move_sums(&mut movement, old, details.amount.values())?;
        let refund = Refund {
            details,
            revision: current.revision.saturating_add(1),
            updated_at: self.recorded_at(&movement.chain),
            ..current.clone()
        };
        Ok(self.change_refund(EntryKind::RefundUpdated, movement, refund))
    }

    /// A refund is deleted.
    pub(super) fn deleted(
        &self,
        current: &Refund,
        movement: &Movement,
    ) -> Result<Change, LedgerError> {
        let mut movement = movement.clone();
        let old = current.details.amount.values();
        move_sums(&mut movement, old, Values::default())?;
        movement.refunded.count = movement.refunded.count.saturating_sub(1);
        let refund = Refund {
            deleted: true,
            revision: current.revision.saturating_add(1),
            updated_at: self.recorded_at(&movement.chain),
            ..current.clone()
        };
        Ok(self.change_refund(EntryKind::RefundDeleted, movement, refund))
    }

    /// The movement's own description is erased.
    pub(super) fn erased_of_movement(&self, movement: &Movement) -> Change {
        let mut movement = movement.clone();
        movement.description.salted = None;
        Change {
            erased: Some(TextOwner::Movement),
            ..self.change_movement(EntryKind::TextErased, movement)
        }
    }

    /// A refund's descriptions are erased.
    pub(super) fn erased_of_refund(&self, refund: &Refund, movement: &Movement) -> Change {
        let mut refund = refund.clone();
        refund.details.description.salted = None;
        Change {
            erased: Some(TextOwner::Refund(refund.id)),
            ..self.change_refund(EntryKind::TextErased, movement.clone(), refund)
        }
    }

    /// Appends an entry about the movement itself to its chain.
    fn change_movement(&self, kind: EntryKind, mut movement: Movement) -> Change {
        let content = EntryContent::Movement(MovementContent {
            occurred_at: movement.occurred_at,
            amount: movement.amount.clone(),
            description: movement.description.clone(),
        });
        let entry = self.append(kind, content, &mut movement.chain);
        Change {
            movement,
            refund: None,
            entry,
            erased: None,
        }
    }

    /// Appends an entry about a refund to its movement's chain.
    fn change_refund(&self, kind: EntryKind, mut movement: Movement, refund: Refund) -> Change {
        let content = EntryContent::Refund(RefundContentEntry {
            id: refund.id,
            revision: refund.revision,
            deleted: refund.deleted,
            details: refund.details.clone(),
        });
        let entry = self.append(kind, content, &mut movement.chain);
        Change {
            movement,
            refund: Some(refund),
            entry,
            erased: None,
        }
    }

    fn append(&self, kind: EntryKind, content: EntryContent, chain: &mut ChainEnd) -> JournalEntry {
        let sequence = chain.length.saturating_add(1);
        let description = content.description();
        let text = description
            .salted
            .clone()
            .filter(|_| description.sequence == sequence);
        let recorded_at = self.recorded_at(chain);
        let bytes = Entry {
            movement: self.key.clone(),
            sequence,
            recorded_at,
            actor: self.context.actor.clone(),
            kind,
            previous: chain.hash,
            content,
        }
        .encode();
        *chain = ChainEnd {
            length: sequence,
            hash: entry_hash(&bytes),
            recorded_at,
        };
        JournalEntry {
            movement: self.key.clone(),
            sequence,
            bytes,
            text,
        }
    }
}

impl RefundDetails {
    /// What a request asks for, with what the rules made of it.
    pub(super) fn new(
        content: &RefundContent,
        amount: Amount,
        external_id: Option<ExternalId>,
        description: Description,
    ) -> Self {
        Self {
            kind: content.kind.clone(),
            refund_datetime: content.refund_datetime,
            period: content.period,
            amount,
            billable: content.billable,
            external_invoice_id: content.external_invoice_id.clone(),
            external_id,
            description,
        }
    }
}

/// A refund of `old` becomes one of `new` in its movement's sums.
fn move_sums(movement: &mut Movement, old: Values, new: Values) -> Result<(), LedgerError> {
    let sums = movement.refunded.values.checked_sub(old);
    movement.refunded.values = sums.and_then(|sums| sums.checked_add(new)).ok_or_else(|| {
        LedgerError::new(
            ErrorCode::StoreCorrupted,
            "a movement's sums do not match its refunds; run verify",
        )
    })?;
    Ok(())
}
