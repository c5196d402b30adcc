//! The journal: an append-only record of every change, one hash chain per movement.
//!
//! An entry's hash is SHA-256 over its encoded bytes, and those bytes name the hash of the entry
//! before it. The encoding is fixed: a domain tag with a version, then every attested field,
//! integers big-endian, texts behind their length. Texts themselves (descriptions) enter only as
//! their salted digest, so that erasing one leaves every chain whole.

mod codec;

use std::fmt;

use serde::Serialize;

use crate::amount::Amount;
use crate::error::LedgerError;
use crate::hash::Hash;
use crate::id::{Id, MovementKey, RefundId};
use crate::refund::{Refund, RefundDetails};
use crate::store::StoreError;
use crate::text::{Description, SaltedText};
use crate::time::Timestamp;

/// What a journal entry records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A movement was recorded, for the first time or anew.
    MovementRecorded,
    /// A movement was taken back.
    MovementVoided,
    /// A refund was created.
    RefundCreated,
    /// A refund's content was replaced.
    RefundUpdated,
    /// A refund was deleted.
    RefundDeleted,
    /// A description was erased, in all its revisions.
    TextErased,
}

impl EntryKind {
    /// The kind's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MovementRecorded => "movement_recorded",
            Self::MovementVoided => "movement_voided",
            Self::RefundCreated => "refund_created",
            Self::RefundUpdated => "refund_updated",
            Self::RefundDeleted => "refund_deleted",
            Self::TextErased => "text_erased",
        }
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A movement's content in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovementContent {
    /// When it was charged.
    pub occurred_at: Timestamp,
    /// How much was charged, in minor units of its currency.
    pub amount: Amount,
    /// What for. Decoded from bytes, it has no text: that is stored beside the entry.
    pub description: Description,
}

/// A refund's content in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundContentEntry {
    /// Its id.
    pub id: RefundId,
    /// Its revision after the change.
    pub revision: u32,
    /// Whether it is deleted after the change.
    pub deleted: bool,
    /// The rest of its content. Decoded from bytes, its description has no text.
    pub details: RefundDetails,
}

/// The full content after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryContent {
    /// Of the movement itself.
    Movement(MovementContent),
    /// Of one of its refunds.
    Refund(RefundContentEntry),
}

impl EntryContent {
    /// The description in this content.
    pub fn description(&self) -> &Description {
        match self {
            Self::Movement(movement) => &movement.description,
            Self::Refund(refund) => &refund.details.description,
        }
    }

    /// Whose description that is.
    pub fn text_owner(&self) -> TextOwner {
        match self {
            Self::Movement(_) => TextOwner::Movement,
            Self::Refund(refund) => TextOwner::Refund(refund.id),
        }
    }
}

/// Whose description a text is, within one movement's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TextOwner {
    /// The movement's own.
    Movement,
    /// One refund's.
    Refund(RefundId),
}

/// One entry of a movement's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The movement whose chain it belongs to.
    pub movement: MovementKey,
    /// Its place in the chain: 1, 2, …
    pub sequence: u64,
    /// When it was recorded; never before its predecessor.
    pub recorded_at: Timestamp,
    /// Who made the change.
    pub actor: Id,
    /// What the change was.
    pub kind: EntryKind,
    /// The hash of the entry before it; all zeros for the first.
    pub previous: Hash,
    /// The full content after the change.
    pub content: EntryContent,
}

impl Entry {
    /// The bytes that are stored and hashed.
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads the bytes of an entry. Descriptions come without their text.
    ///
    /// # Errors
    /// `store_corrupted` where the bytes are not exactly those of an entry.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{Entry, ErrorCode};
    /// let (ledger, _) = ledger()?;
    /// let mut bytes = ledger.journal(0, 1)?.remove(0).entry.bytes;
    /// let entry = Entry::decode(&bytes)?;
    /// assert_eq!((entry.sequence, entry.encode()), (1, bytes.clone()));
    ///
    /// bytes.push(0);
    /// assert_eq!(Entry::decode(&bytes).unwrap_err().code(), ErrorCode::StoreCorrupted);
    /// # Ok(()) }
    /// ```
    pub fn decode(bytes: &[u8]) -> Result<Self, LedgerError> {
        codec::decode(bytes)
    }
}

/// The hash of an entry with these bytes: SHA-256. The next entry of the chain names it as
/// [`Entry::previous`].
pub fn entry_hash(bytes: &[u8]) -> Hash {
    Hash::of(&[bytes])
}

/// Whose content an entry with these bytes holds, for stores that erase texts. It does not decode
/// all of the entry.
///
/// # Errors
/// `store_corrupted` where the bytes don't begin as those of an entry do.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::{ErrorCode, TextOwner, text_owner};
/// let (ledger, _) = ledger()?; // its one entry records a movement
/// let record = ledger.journal(0, 1)?.remove(0);
/// assert_eq!(text_owner(&record.entry.bytes)?, TextOwner::Movement);
/// assert_eq!(text_owner(b"RLE").unwrap_err().code(), ErrorCode::StoreCorrupted);
/// # Ok(()) }
/// ```
pub fn text_owner(bytes: &[u8]) -> Result<TextOwner, LedgerError> {
    codec::text_owner(bytes)
}

/// The refund that an entry with these bytes is about. One that can't be read is about none.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) fn refund_of(bytes: &[u8]) -> Option<RefundId> {
    match text_owner(bytes) {
        Ok(TextOwner::Refund(id)) => Some(id),
        Ok(TextOwner::Movement) | Err(_) => None,
    }
}

/// An entry as a store keeps it: the attested bytes, and beside them the text that they brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// The movement whose chain it belongs to.
    pub movement: MovementKey,
    /// Its place in the chain.
    pub sequence: u64,
    /// The encoded [`Entry`].
    pub bytes: Vec<u8>,
    /// The text that this entry brought, with its salt; `None` where it brought none (a deletion,
    /// an update that kept the text) or where it was erased.
    pub text: Option<SaltedText>,
}

/// A place in the whole journal, in commit order: 1 for the first entry, 0 before it.
///
/// A reader that pages by positions never misses an entry. Positions are not hashed.
pub type JournalPosition = u64;

/// An entry of the journal with its place in the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRecord {
    /// Its place among the entries of all movements.
    pub position: JournalPosition,
    /// The entry.
    pub entry: JournalEntry,
}

impl JournalRecord {
    /// The entry, with the text that it brought.
    ///
    /// # Errors
    /// `store_corrupted` where the bytes are not exactly those of an entry.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{EntryKind, ErrorCode};
    /// let (ledger, _) = ledger()?;
    /// let mut record = ledger.journal(0, 1)?.remove(0);
    /// let entry = record.decode()?;
    /// assert_eq!(entry.kind, EntryKind::MovementRecorded);
    /// assert_eq!(entry.content.description().text(), Some("February"));
    ///
    /// record.entry.bytes.clear();
    /// assert_eq!(record.decode().unwrap_err().code(), ErrorCode::StoreCorrupted);
    /// # Ok(()) }
    /// ```
    pub fn decode(&self) -> Result<Entry, LedgerError> {
        let mut entry = Entry::decode(&self.entry.bytes)?;
        let description = match &mut entry.content {
            EntryContent::Movement(movement) => &mut movement.description,
            EntryContent::Refund(refund) => &mut refund.details.description,
        };
        if description.sequence == entry.sequence {
            description.salted.clone_from(&self.entry.text);
        }
        Ok(entry)
    }
}

/// Rebuilds the revisions of one refund from the entries of its movement's chain.
#[derive(Debug)]
pub(crate) struct RefundRevisions {
    id: RefundId,
    /// Each with the sequence of the entry that brought it.
    texts: Vec<(u64, SaltedText)>,
    revisions: Vec<(Entry, Refund)>,
}

impl RefundRevisions {
    pub(crate) fn new(id: RefundId) -> Self {
        Self {
            id,
            texts: Vec::new(),
            revisions: Vec::new(),
        }
    }

    /// Takes the chain's next entry, whatever it is about.
    pub(crate) fn add(&mut self, stored: &JournalEntry) -> Result<(), StoreError> {
        let damaged = |error: LedgerError| StoreError::Corrupted {
            reason: format!("{}, entry {}: {error}", stored.movement, stored.sequence),
        };
        // A long chain is mostly about other refunds: those entries are not decoded.
        if text_owner(&stored.bytes).map_err(damaged)? != TextOwner::Refund(self.id) {
            return Ok(());
        }
        let entry = Entry::decode(&stored.bytes).map_err(damaged)?;
        let EntryContent::Refund(content) = &entry.content else {
            return Ok(());
        };
        if entry.kind == EntryKind::TextErased {
            return Ok(());
        }
        if let Some(text) = &stored.text {
            self.texts.push((stored.sequence, text.clone()));
        }
        let mut details = content.details.clone();
        // Mostly it is the last one.
        let mut brought = self.texts.iter().rev();
        details.description.salted = brought
            .find(|(sequence, _)| *sequence == details.description.sequence)
            .map(|(_, text)| text.clone());
        let created_at = self
            .revisions
            .first()
            .map_or(entry.recorded_at, |(first, _)| first.recorded_at);
        let refund = Refund {
            id: content.id,
            movement: entry.movement.clone(),
            details,
            revision: content.revision,
            created_at,
            updated_at: entry.recorded_at,
            deleted: content.deleted,
        };
        self.revisions.push((entry, refund));
        Ok(())
    }

    /// The revisions in order, each with the entry that brought it.
    pub(crate) fn finish(self) -> Vec<(Entry, Refund)> {
        self.revisions
    }
}
