//! The binary form of a journal entry, version 1.

use super::{Entry, EntryContent, EntryKind, MovementContent, RefundContentEntry, TextOwner};
use crate::amount::{Amount, Percentage, Tax, Values};
use crate::currency::Currency;
use crate::error::{ErrorCode, LedgerError};
use crate::hash::Hash;
use crate::id::{Id, MovementKey, RefundId};
use crate::refund::{ExternalId, RefundDetails, RefundKind};
use crate::text::Description;
use crate::time::{Period, Timestamp};

/// What the hashed bytes begin with: a domain tag and the version of the form.
const TAG: &[u8; 4] = b"RLE\x01";

pub(super) fn encode(entry: &Entry) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(320));
    out.bytes(TAG);
    out.byte(kind_byte(entry.kind));
    out.text(entry.movement.org_id());
    out.text(entry.movement.subscription_id());
    out.text(entry.movement.movement_id());
    out.u64(entry.sequence);
    out.timestamp(entry.recorded_at);
    out.text(entry.actor.as_str());
    out.bytes(&entry.previous.0);
    match &entry.content {
        EntryContent::Movement(movement) => {
            out.byte(0);
            out.timestamp(movement.occurred_at);
            out.amount(&movement.amount);
            out.description(&movement.description);
        }
        EntryContent::Refund(refund) => {
            out.byte(1);
            out.bytes(refund.id.as_bytes());
            out.bytes(&refund.revision.to_be_bytes());
            out.byte(refund.deleted.into());
            out.details(&refund.details);
        }
    }
    out.0
}

pub(super) fn decode(bytes: &[u8]) -> Result<Entry, LedgerError> {
    let mut input = Reader(bytes);
    input
        .entry()
        .filter(|_| input.0.is_empty())
        .ok_or_else(not_an_entry)
}

/// Whose content an entry is, from the part before it.
pub(super) fn text_owner(bytes: &[u8]) -> Result<TextOwner, LedgerError> {
    Reader(bytes).text_owner().ok_or_else(not_an_entry)
}

fn not_an_entry() -> LedgerError {
    LedgerError::new(
        ErrorCode::StoreCorrupted,
        "a journal entry's bytes are not those of an entry",
    )
}

const KINDS: [EntryKind; 6] = [
    EntryKind::MovementRecorded,
    EntryKind::MovementVoided,
    EntryKind::RefundCreated,
    EntryKind::RefundUpdated,
    EntryKind::RefundDeleted,
    EntryKind::TextErased,
];

fn kind_byte(kind: EntryKind) -> u8 {
    match kind {
        EntryKind::MovementRecorded => 0,
        EntryKind::MovementVoided => 1,
        EntryKind::RefundCreated => 2,
        EntryKind::RefundUpdated => 3,
        EntryKind::RefundDeleted => 4,
        EntryKind::TextErased => 5,
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    /// Every text here is an id or a tax type: 256 bytes at most.
    fn text(&mut self, text: &str) {
        let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
        self.bytes(&length.to_be_bytes());
        self.bytes(text.as_bytes());
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            None => self.byte(0),
            Some(value) => {
                self.byte(1);
                write(self, value);
            }
        }
    }

    fn timestamp(&mut self, instant: Timestamp) {
        self.bytes(&instant.unix_seconds().to_be_bytes());
        self.bytes(&instant.subsec_nanos().to_be_bytes());
    }

    fn amount(&mut self, amount: &Amount) {
        self.bytes(amount.currency().code().as_bytes());
        self.byte(amount.currency().exponent());
        self.bytes(&amount.values().with.to_be_bytes());
        self.bytes(&amount.values().without.to_be_bytes());
        self.option(amount.tax(), |out, tax| {
            out.text(tax.tax_type());
            out.bytes(&tax.percentage().ten_thousandths().to_be_bytes());
        });
    }

    fn description(&mut self, description: &Description) {
        self.bytes(&description.digest.0);
        self.u64(description.sequence);
    }

    fn details(&mut self, details: &RefundDetails) {
        self.option(details.kind.transaction_type_id(), |out, id| {
            out.text(id.as_str());
        });
        self.timestamp(details.refund_datetime);
        self.option(details.period.start(), Self::timestamp);
        self.option(details.period.end(), Self::timestamp);
        self.amount(&details.amount);
        self.byte(details.billable.into());
        self.option(details.external_invoice_id.as_ref(), |out, id| {
            out.text(id.as_str());
        });
        match &details.external_id {
            None => self.byte(0),
            Some(ExternalId::Given(id)) => {
                self.byte(1);
                self.text(id.as_str());
            }
            Some(ExternalId::IdempotencyKey(id)) => {
                self.byte(2);
                self.text(id.as_str());
            }
        }
        self.description(&details.description);
    }
}

/// Reads what [`Writer`] writes; `None` for anything else. Every value has one encoding only.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn bool(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = u16::from_be_bytes(self.array()?);
        std::str::from_utf8(self.take(length.into())?).ok()
    }

    fn skip_text(&mut self) -> Option<()> {
        let length = u16::from_be_bytes(self.array()?);
        self.take(length.into()).map(|_| ())
    }

    fn id(&mut self) -> Option<Id> {
        Id::new(self.text()?).ok()
    }

    #[expect(clippy::option_option, reason = "the two say different things")]
    /// The outer `None` is a fault, the inner one a value that is absent.
    fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.bool()? {
            read(self).map(Some)
        } else {
            Some(None)
        }
    }

    fn timestamp(&mut self) -> Option<Timestamp> {
        Timestamp::from_unix(self.i64()?, self.u32()?).ok()
    }

    fn hash(&mut self) -> Option<Hash> {
        self.array().map(Hash)
    }

    fn amount(&mut self) -> Option<Amount> {
        let currency: Currency = std::str::from_utf8(self.take(3)?).ok()?.parse().ok()?;
        // Amounts are counted in the minor unit of when they were recorded.
        if self.byte()? != currency.exponent() {
            return None;
        }
        let values = Values {
            with: self.i64()?,
            without: self.i64()?,
        };
        let tax = self.option(|input| {
            let tax_type = input.text()?;
            let percentage = Percentage::from_ten_thousandths(input.u32()?).ok()?;
            Tax::new(tax_type, percentage).ok()
        })?;
        Amount::from_stored(currency, values, tax).ok()
    }

    fn description(&mut self) -> Option<Description> {
        Some(Description {
            digest: self.hash()?,
            sequence: self.u64()?,
            salted: None,
        })
    }

    fn text_owner(&mut self) -> Option<TextOwner> {
        if self.take(TAG.len())? != TAG {
            return None;
        }
        self.byte()?; // kind
        for _ in 0..3 {
            self.skip_text()?; // org, subscription, movement
        }
        self.take(20)?; // sequence, recorded at
        self.skip_text()?; // actor
        self.hash()?; // previous
        match self.byte()? {
            0 => Some(TextOwner::Movement),
            1 => Some(TextOwner::Refund(RefundId::from_bytes(self.array()?))),
            _ => None,
        }
    }

    fn entry(&mut self) -> Option<Entry> {
        if self.take(TAG.len())? != TAG {
            return None;
        }
        let kind = *KINDS.get(usize::from(self.byte()?))?;
        let movement = MovementKey::new(self.text()?, self.text()?, self.text()?).ok()?;
        Some(Entry {
            movement,
            kind,
            sequence: self.u64()?,
            recorded_at: self.timestamp()?,
            actor: self.id()?,
            previous: self.hash()?,
            content: match self.byte()? {
                0 => EntryContent::Movement(MovementContent {
                    occurred_at: self.timestamp()?,
                    amount: self.amount()?,
                    description: self.description()?,
                }),
                1 => EntryContent::Refund(RefundContentEntry {
                    id: RefundId::from_bytes(self.array()?),
                    revision: self.u32()?,
                    deleted: self.bool()?,
                    details: self.details()?,
                }),
                _ => return None,
            },
        })
    }

    fn details(&mut self) -> Option<RefundDetails> {
        Some(RefundDetails {
            kind: self
                .option(Self::id)?
                .map_or(RefundKind::Standard, |transaction_type_id| {
                    RefundKind::NonSubscribable {
                        transaction_type_id,
                    }
                }),
            refund_datetime: self.timestamp()?,
            period: {
                let start = self.option(Self::timestamp)?;
                let end = self.option(Self::timestamp)?;
                Period::new(start, end).ok()?
            },
            amount: self.amount()?,
            billable: self.bool()?,
            external_invoice_id: self.option(Self::id)?,
            external_id: match self.byte()? {
                0 => None,
                1 => Some(ExternalId::Given(self.id()?)),
                2 => Some(ExternalId::IdempotencyKey(self.id()?)),
                _ => return None,
            },
            description: self.description()?,
        })
    }
}
