//! The check of one movement: its chain, what the chain rebuilds, and the tables beside it.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use crate::amount::Values;
use crate::hash::Hash;
use crate::id::{MovementKey, RefundId};
use crate::journal::{
    Entry, EntryContent, EntryKind, JournalPosition, JournalRecord, MovementContent,
    RefundContentEntry, TextOwner, entry_hash,
};
use crate::movement::{ChainEnd, Movement, Refunded};
use crate::refund::Refund;
use crate::text::{Description, SaltedText};

/// How far a chain goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChainLength {
    pub(super) length: u64,
    pub(super) hash: Hash,
}

/// What the check of a movement comes to.
pub(super) struct Checked {
    pub(super) key: MovementKey,
    pub(super) now: ChainLength,
    /// How far the chain went at the kept head's position; `None` where it had not begun.
    pub(super) then: Option<ChainLength>,
    pub(super) finding: Option<Finding>,
}

/// A text that an entry brought.
#[derive(Debug)]
struct BroughtText {
    /// That entry's.
    sequence: u64,
    owner: TextOwner,
    digest: Hash,
    salted: Option<SaltedText>,
    /// Whether a later entry says that it was erased.
    erased: bool,
}

#[derive(Debug)]
pub(super) struct MovementCheck {
    row: Movement,
    until: JournalPosition,
    last_position: JournalPosition,
    now: ChainLength,
    then: Option<ChainLength>,
    rebuilt: Option<Movement>,
    refunds: BTreeMap<RefundId, Refund>,
    /// Those of the refunds whose rows were there.
    visited: BTreeSet<RefundId>,
    /// In order of sequence.
    texts: Vec<BroughtText>,
    finding: Option<Finding>,
}

impl MovementCheck {
    pub(super) fn new(row: Movement, until: JournalPosition) -> Self {
        Self {
            row,
            until,
            last_position: 0,
            now: ChainLength {
                length: 0,
                hash: Hash::ZERO,
            },
            then: None,
            rebuilt: None,
            refunds: BTreeMap::new(),
            visited: BTreeSet::new(),
            texts: Vec::new(),
            finding: None,
        }
    }

    pub(super) fn key(&self) -> &MovementKey {
        &self.row.key
    }

    /// Notes what is wrong beside the chain, unless something was found before.
    pub(super) fn fault(&mut self, message: &str) {
        self.note(None, message.into());
    }

    fn note(&mut self, sequence: Option<u64>, message: String) {
        if self.finding.is_none() {
            self.finding = Some(Finding {
                movement: Some(self.row.key.clone()),
                sequence,
                message,
            });
        }
    }

    pub(super) fn visit_entry(&mut self, record: &JournalRecord) {
        let expected = self.now.length.saturating_add(1);
        let hash = entry_hash(&record.entry.bytes);
        if let Err(message) = self.check_entry(record, expected) {
            self.note(Some(expected), message);
        }
        self.now = ChainLength {
            length: expected,
            hash,
        };
        if record.position <= self.until {
            self.then = Some(self.now);
        }
        self.last_position = record.position;
    }

    fn check_entry(&mut self, record: &JournalRecord, expected: u64) -> Result<(), String> {
        if self.finding.is_some() {
            // What follows a bad entry can't be judged.
            return Ok(());
        }
        let entry = Entry::decode(&record.entry.bytes).map_err(|error| error.to_string())?;
        let is = |holds: bool, message: &str| holds.then_some(()).ok_or_else(|| message.to_owned());
        is(
            entry.movement == self.row.key,
            "the entry names another movement",
        )?;
        is(
            record.entry.sequence == expected && entry.sequence == expected,
            "an entry of the chain is missing or out of place",
        )?;
        is(
            entry.previous == self.now.hash,
            "the entry does not follow the one before it: its hash is another",
        )?;
        is(
            record.position > self.last_position,
            "the entry's position is not behind that of the one before it",
        )?;
        let before = self
            .rebuilt
            .as_ref()
            .map(|movement| movement.chain.recorded_at);
        is(
            before.is_none_or(|before| before <= entry.recorded_at),
            "the entry is dated before the one before it",
        )?;
        self.check_text(&entry, record)?;
        let chain = ChainEnd {
            length: expected,
            hash: entry_hash(&record.entry.bytes),
            recorded_at: entry.recorded_at,
        };
        self.replay(&entry, chain)
    }

    /// The entry brings its text, or points to one that the same owner's earlier entry brought.
    fn check_text(&mut self, entry: &Entry, record: &JournalRecord) -> Result<(), String> {
        let description = entry.content.description();
        let owner = entry.content.text_owner();
        let text = record.entry.text.clone();
        if description.sequence == entry.sequence {
            if text
                .as_ref()
                .is_some_and(|text| text.digest() != description.digest)
            {
                return Err("the description is not the one that the entry attests".into());
            }
            // The entry is the next of its chain, so this is the last of the texts.
            self.texts.push(BroughtText {
                sequence: entry.sequence,
                owner,
                digest: description.digest,
                salted: text,
                erased: false,
            });
            return Ok(());
        }
        if text.is_some() {
            return Err("a text stands beside an entry that brought none".into());
        }
        match self.text_of(description) {
            Some(brought) if brought.owner == owner && brought.digest == description.digest => {
                Ok(())
            }
            _ => Err("the entry points to a description that is not there".into()),
        }
    }

    /// Applies the entry to what was rebuilt so far, if it can follow it.
    fn replay(&mut self, entry: &Entry, chain: ChainEnd) -> Result<(), String> {
        match &entry.content {
            EntryContent::Movement(content) => self.replay_movement(entry, content, chain)?,
            EntryContent::Refund(content) => self.replay_refund(entry, content)?,
        }
        if let Some(movement) = &mut self.rebuilt {
            movement.chain = chain;
        }
        Ok(())
    }

    fn replay_movement(
        &mut self,
        entry: &Entry,
        content: &MovementContent,
        chain: ChainEnd,
    ) -> Result<(), String> {
        let live = self.rebuilt.as_ref().filter(|movement| !movement.voided);
        match (entry.kind, live) {
            (EntryKind::MovementRecorded, None) => {
                self.rebuilt = Some(Movement {
                    key: entry.movement.clone(),
                    occurred_at: content.occurred_at,
                    amount: content.amount.clone(),
                    description: content.description.clone(),
                    recorded_at: entry.recorded_at,
                    voided: false,
                    refunded: Refunded::default(),
                    chain,
                });
                Ok(())
            }
            (EntryKind::MovementVoided, Some(before)) if before.refunded.count == 0 => {
                same_movement(before, content)?;
                if let Some(movement) = &mut self.rebuilt {
                    movement.voided = true;
                }
                Ok(())
            }
            (EntryKind::TextErased, _) => {
                let before = self
                    .rebuilt
                    .as_ref()
                    .ok_or("nothing was recorded to erase")?;
                same_movement(before, content)?;
                self.erase(TextOwner::Movement)
            }
            _ => Err(format!("`{}` can't follow the entry before it", entry.kind)),
        }
    }

    fn replay_refund(&mut self, entry: &Entry, content: &RefundContentEntry) -> Result<(), String> {
        let before = self.refunds.get(&content.id);
        let revision = before.map_or(0, |refund| refund.revision);
        let live = before.is_some_and(|refund| !refund.deleted);
        let next = content.revision == revision.saturating_add(1);
        let can_follow = match entry.kind {
            EntryKind::RefundCreated => before.is_none() && next && !content.deleted,
            EntryKind::RefundUpdated => live && next && !content.deleted,
            EntryKind::RefundDeleted => live && next && content.deleted,
            EntryKind::TextErased => before.is_some_and(|refund| {
                content.revision == revision && content.deleted == refund.deleted
            }),
            EntryKind::MovementRecorded | EntryKind::MovementVoided => false,
        };
        if !can_follow {
            return Err(format!("`{}` can't follow the entry before it", entry.kind));
        }
        if let Some(before) = before {
            let kept = |refund: &Refund| {
                let mut details = refund.details.clone();
                details.description.salted = None;
                details
            };
            let changes_content = entry.kind == EntryKind::RefundUpdated;
            if !changes_content && kept(before) != content.details {
                return Err(format!("`{}` changes the refund's content", entry.kind));
            }
            if before.details.external_id != content.details.external_id
                || before.details.kind.name() != content.details.kind.name()
            {
                return Err("the entry changes what a refund keeps for ever".into());
            }
        }
        if entry.kind == EntryKind::TextErased {
            return self.erase(TextOwner::Refund(content.id));
        }
        self.move_sums(content)?;
        let created_at = self
            .refunds
            .get(&content.id)
            .map_or(entry.recorded_at, |before| before.created_at);
        self.refunds.insert(
            content.id,
            Refund {
                id: content.id,
                movement: entry.movement.clone(),
                details: content.details.clone(),
                revision: content.revision,
                created_at,
                updated_at: entry.recorded_at,
                deleted: content.deleted,
            },
        );
        Ok(())
    }

    /// Both caps, after the entry.
    fn move_sums(&mut self, content: &RefundContentEntry) -> Result<(), String> {
        let old = self
            .refunds
            .get(&content.id)
            .map(|refund| refund.details.amount.values());
        let movement = self
            .rebuilt
            .as_mut()
            .filter(|movement| !movement.voided)
            .ok_or("a refund without a movement")?;
        if content.details.amount.currency() != movement.amount.currency() {
            return Err("a refund in another currency than its movement's".into());
        }
        let new = if content.deleted {
            Values::default()
        } else {
            content.details.amount.values()
        };
        let sums = movement
            .refunded
            .values
            .checked_sub(old.unwrap_or_default())
            .and_then(|sums| sums.checked_add(new))
            .filter(|sums| movement.amount.values().checked_sub(*sums).is_some())
            .ok_or("the refunds pass the movement's amount")?;
        movement.refunded.values = sums;
        let count = &mut movement.refunded.count;
        if old.is_none() {
            *count = count.saturating_add(1);
        } else if content.deleted {
            *count = count.saturating_sub(1);
        }
        Ok(())
    }

    /// The owner's texts so far may be missing from here on, and must be.
    fn erase(&mut self, owner: TextOwner) -> Result<(), String> {
        for text in self.texts.iter_mut().filter(|text| text.owner == owner) {
            if text.salted.is_some() {
                return Err("an erased description is still there".into());
            }
            text.erased = true;
        }
        Ok(())
    }

    fn text_of(&self, description: &Description) -> Option<&BroughtText> {
        let found = self
            .texts
            .binary_search_by_key(&description.sequence, |text| text.sequence);
        self.texts.get(found.ok()?)
    }

    fn with_text(&self, description: &Description) -> Description {
        let brought = self.text_of(description);
        Description {
            salted: brought.and_then(|text| text.salted.clone()),
            ..*description
        }
    }

    pub(super) fn visit_refund(&mut self, refund: &Refund, holder: Option<RefundId>) {
        if !self.visited.insert(refund.id) {
            self.fault(&format!("refund {}: the store listed it twice", refund.id));
            return;
        }
        let Some(rebuilt) = self.refunds.get(&refund.id) else {
            self.fault(&format!(
                "refund {}: the journal does not know it",
                refund.id
            ));
            return;
        };
        let description = self.with_text(&rebuilt.details.description);
        let fields = refund_differences(refund, rebuilt, &description);
        if !fields.is_empty() {
            self.fault(&format!(
                "refund {}: its row is not what the journal says, in {}",
                refund.id,
                fields.join(", ")
            ));
        }
        if refund.details.external_id.is_some() && holder != Some(refund.id) {
            self.fault(&format!(
                "refund {}: a look-up of its external id does not find it",
                refund.id
            ));
        }
    }

    pub(super) fn finish(mut self) -> Checked {
        let missing = self
            .texts
            .iter()
            .find(|text| text.salted.is_none() && !text.erased);
        if let Some(text) = missing {
            self.note(
                Some(text.sequence),
                "the description is missing, though nothing erased it".into(),
            );
        }
        let is_lost = |id: &&RefundId| !self.visited.contains(*id);
        if let Some(lost) = self.refunds.keys().find(is_lost) {
            self.fault(&format!(
                "refund {lost}: the journal knows it, its row is missing"
            ));
        }
        match self.rebuilt.take() {
            None => self.fault("a movement without a journal"),
            Some(mut rebuilt) => {
                rebuilt.description = self.with_text(&rebuilt.description);
                let fields = movement_differences(&self.row, &rebuilt);
                if !fields.is_empty() {
                    self.fault(&format!(
                        "the movement's row is not what the journal says, in {}",
                        fields.join(", ")
                    ));
                }
            }
        }
        self.break_off()
    }

    /// What was found up to here, when the rest can't be read.
    pub(super) fn break_off(self) -> Checked {
        Checked {
            key: self.row.key,
            now: self.now,
            then: self.then,
            finding: self.finding,
        }
    }
}

/// A movement's content stays as it is until it is recorded anew.
fn same_movement(before: &Movement, content: &MovementContent) -> Result<(), String> {
    let same = before.occurred_at == content.occurred_at
        && before.amount == content.amount
        && before.description == content.description;
    same.then_some(())
        .ok_or_else(|| "the entry changes the movement's content".into())
}

fn fields(pairs: &[(&'static str, bool)]) -> Vec<&'static str> {
    pairs
        .iter()
        .filter_map(|(field, same)| (!same).then_some(*field))
        .collect()
}

fn movement_differences(row: &Movement, rebuilt: &Movement) -> Vec<&'static str> {
    fields(&[
        ("occurred_at", row.occurred_at == rebuilt.occurred_at),
        ("amount", row.amount == rebuilt.amount),
        ("description", row.description == rebuilt.description),
        ("recorded_at", row.recorded_at == rebuilt.recorded_at),
        ("voided", row.voided == rebuilt.voided),
        ("the sums of its refunds", row.refunded == rebuilt.refunded),
        ("the end of its chain", row.chain == rebuilt.chain),
    ])
}

fn refund_differences(
    row: &Refund,
    rebuilt: &Refund,
    description: &Description,
) -> Vec<&'static str> {
    let (have, want) = (&row.details, &rebuilt.details);
    fields(&[
        ("kind", have.kind == want.kind),
        (
            "refund_datetime",
            have.refund_datetime == want.refund_datetime,
        ),
        ("period", have.period == want.period),
        ("amount", have.amount == want.amount),
        ("billable", have.billable == want.billable),
        (
            "external_invoice_id",
            have.external_invoice_id == want.external_invoice_id,
        ),
        ("external id", have.external_id == want.external_id),
        ("description", have.description == *description),
        ("movement", row.movement == rebuilt.movement),
        ("revision", row.revision == rebuilt.revision),
        ("created_at", row.created_at == rebuilt.created_at),
        ("updated_at", row.updated_at == rebuilt.updated_at),
        ("deleted", row.deleted == rebuilt.deleted),
    ])
}
