//! Rows read: what a table holds, as the value that it must be.

use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::errors::Fault;
use super::outlines::RefundOutline;
use crate::amount::{Amount, Percentage, Tax, Values};
use crate::currency::Currency;
use crate::hash::Hash;
use crate::id::{Id, MovementKey, RefundId};
use crate::journal::{Entry, JournalEntry, JournalPosition, JournalRecord};
use crate::movement::{ChainEnd, Movement, Refunded};
use crate::refund::{ExternalId, Refund, RefundDetails, RefundKind};
use crate::text::{Description, Salt, SaltedText, Text};
use crate::time::{Period, Timestamp};

/// A movement with what only the tables know of it.
#[derive(Debug)]
pub(super) struct MovementRow {
    pub(super) number: i64,
    pub(super) org: i64,
    pub(super) text_position: i64,
    /// Where its chain ends.
    pub(super) chain_position: i64,
    pub(super) movement: Movement,
}

/// A refund with what only the tables know of it.
#[derive(Debug)]
pub(super) struct RefundRow {
    pub(super) org: i64,
    pub(super) movement: i64,
    pub(super) text_position: i64,
    pub(super) refund: Refund,
}

/// The columns of a row, read one after the other. Nothing that is stored is taken on trust: what
/// can't be is a [`Fault::Damaged`] that names its column.
pub(super) struct Columns<'a> {
    row: &'a Row<'a>,
    at: usize,
}

impl<'a> Columns<'a> {
    pub(super) fn new(row: &'a Row<'a>) -> Self {
        Self { row, at: 0 }
    }

    fn value(&mut self) -> Result<ValueRef<'a>, Fault> {
        let value = self.row.get_ref(self.at)?;
        self.at = self.at.saturating_add(1);
        Ok(value)
    }

    /// The fault of the column that was read last.
    fn fault(&self) -> Fault {
        let at = self.at.saturating_sub(1);
        let column = self.row.as_ref().column_name(at).unwrap_or("?");
        Fault::Damaged(format!("column `{column}` holds what can't be there"))
    }

    /// The value, or the fault of the column that was read last.
    fn valid<T>(&self, value: Option<T>) -> Result<T, Fault> {
        value.ok_or_else(|| self.fault())
    }

    pub(super) fn optional_integer(&mut self) -> Result<Option<i64>, Fault> {
        let value = self.value()?;
        value.as_i64_or_null().map_err(|_| self.fault())
    }

    pub(super) fn integer(&mut self) -> Result<i64, Fault> {
        let value = self.optional_integer()?;
        self.valid(value)
    }

    pub(super) fn number<T: TryFrom<i64>>(&mut self) -> Result<T, Fault> {
        let value = self.integer()?;
        self.valid(T::try_from(value).ok())
    }

    fn flag(&mut self) -> Result<bool, Fault> {
        let value = self.optional_flag()?;
        self.valid(value)
    }

    fn optional_flag(&mut self) -> Result<Option<bool>, Fault> {
        match self.optional_integer()? {
            None => Ok(None),
            Some(0) => Ok(Some(false)),
            Some(1) => Ok(Some(true)),
            Some(_) => Err(self.fault()),
        }
    }

    fn optional_text(&mut self) -> Result<Option<&'a str>, Fault> {
        let value = self.value()?;
        value.as_str_or_null().map_err(|_| self.fault())
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Fault> {
        let value = self.optional_text()?;
        self.valid(value)
    }

    fn optional_id(&mut self) -> Result<Option<Id>, Fault> {
        match self.optional_text()? {
            None => Ok(None),
            Some(text) => self.valid(Id::new(text).ok()).map(Some),
        }
    }

    fn optional_bytes(&mut self) -> Result<Option<&'a [u8]>, Fault> {
        let value = self.value()?;
        value.as_blob_or_null().map_err(|_| self.fault())
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let value = self.optional_bytes()?;
        self.valid(value)
    }

    fn optional_array<const N: usize>(&mut self) -> Result<Option<[u8; N]>, Fault> {
        match self.optional_bytes()? {
            None => Ok(None),
            Some(bytes) => self.valid(bytes.try_into().ok()).map(Some),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let value = self.optional_array()?;
        self.valid(value)
    }

    pub(super) fn optional_refund_id(&mut self) -> Result<Option<RefundId>, Fault> {
        Ok(self.optional_array()?.map(RefundId::from_bytes))
    }

    fn optional_timestamp(&mut self) -> Result<Option<Timestamp>, Fault> {
        let seconds = self.optional_integer()?;
        let nanos = self.optional_integer()?;
        match (seconds, nanos) {
            (None, None) => Ok(None),
            (Some(seconds), Some(nanos)) => {
                let instant = u32::try_from(nanos)
                    .ok()
                    .and_then(|nanos| Timestamp::from_unix(seconds, nanos).ok());
                self.valid(instant).map(Some)
            }
            _ => Err(self.fault()),
        }
    }

    fn timestamp(&mut self) -> Result<Timestamp, Fault> {
        let value = self.optional_timestamp()?;
        self.valid(value)
    }

    fn currency(&mut self) -> Result<Currency, Fault> {
        let code = self.text()?;
        self.valid(code.parse().ok())
    }

    fn amount(&mut self) -> Result<Amount, Fault> {
        let currency = self.currency()?;
        let values = Values {
            with: self.integer()?,
            without: self.integer()?,
        };
        let tax_type = self.optional_text()?;
        let percentage = self.optional_integer()?;
        let tax = match (tax_type, percentage) {
            (None, None) => None,
            (Some(tax_type), Some(percentage)) => {
                let tax = u32::try_from(percentage)
                    .ok()
                    .and_then(|value| Percentage::from_ten_thousandths(value).ok())
                    .and_then(|percentage| Tax::new(tax_type, percentage).ok());
                Some(self.valid(tax)?)
            }
            _ => return Err(self.fault()),
        };
        let amount = Amount::from_stored(currency, values, tax);
        amount.map_err(|_| Fault::Damaged("the amount is none that can be".into()))
    }

    fn salted(&mut self) -> Result<Option<SaltedText>, Fault> {
        let salt = self.optional_array()?.map(Salt);
        let text = match self.optional_text()? {
            None => None,
            Some(text) => Some(self.valid(Text::new(text).ok())?),
        };
        match (salt, text) {
            (None, None) => Ok(None),
            (Some(salt), Some(text)) => Ok(Some(SaltedText { salt, text })),
            _ => Err(self.fault()),
        }
    }

    /// A description, from the journal entry of this movement that brought it.
    fn description(&mut self, movement: i64) -> Result<Description, Fault> {
        let of = self.optional_integer()?;
        if of != Some(movement) {
            return Err(Fault::Damaged(match of {
                None => "the entry that brought the description is missing".into(),
                Some(_) => "the description is another movement's".into(),
            }));
        }
        let sequence = self.number()?;
        let salted = self.salted()?;
        let entry = self.optional_bytes()?;
        let digest = if let Some(salted) = &salted {
            salted.digest()
        } else {
            // The text was erased; what it was is attested by the entry that brought it.
            let entry = self.valid(entry.and_then(|bytes| Entry::decode(bytes).ok()))?;
            entry.content.description().digest
        };
        Ok(Description {
            digest,
            sequence,
            salted,
        })
    }

    /// The movement columns.
    pub(super) fn movement(&mut self, key: MovementKey) -> Result<MovementRow, Fault> {
        let row = self.optional_movement(key)?;
        self.valid(row)
    }

    /// The movement columns, unless an outer join found no movement.
    pub(super) fn optional_movement(
        &mut self,
        key: MovementKey,
    ) -> Result<Option<MovementRow>, Fault> {
        let Some(number) = self.optional_integer()? else {
            return Ok(None);
        };
        Ok(Some(MovementRow {
            number,
            org: self.integer()?,
            text_position: self.integer()?,
            chain_position: self.integer()?,
            movement: Movement {
                key,
                occurred_at: self.timestamp()?,
                amount: self.amount()?,
                description: self.description(number)?,
                recorded_at: self.timestamp()?,
                voided: self.flag()?,
                refunded: Refunded {
                    values: Values {
                        with: self.integer()?,
                        without: self.integer()?,
                    },
                    count: self.number()?,
                },
                chain: ChainEnd {
                    length: self.number()?,
                    hash: Hash(self.array()?),
                    recorded_at: self.timestamp()?,
                },
            },
        }))
    }

    /// The refund columns.
    pub(super) fn refund(&mut self, key: MovementKey) -> Result<RefundRow, Fault> {
        let id = RefundId::from_bytes(self.array()?);
        self.refund_content(id, key)
            .map_err(|fault| of_refund(id, fault))
    }

    fn refund_content(&mut self, id: RefundId, key: MovementKey) -> Result<RefundRow, Fault> {
        let org = self.integer()?;
        let movement = self.integer()?;
        let text_position = self.integer()?;
        let external_id = self.optional_id()?;
        let external_id = match (external_id, self.optional_flag()?) {
            (None, None) => None,
            (Some(id), Some(false)) => Some(ExternalId::Given(id)),
            (Some(id), Some(true)) => Some(ExternalId::IdempotencyKey(id)),
            _ => return Err(self.fault()),
        };
        let kind = match self.optional_id()? {
            None => RefundKind::Standard,
            Some(transaction_type_id) => RefundKind::NonSubscribable {
                transaction_type_id,
            },
        };
        let refund_datetime = self.timestamp()?;
        let start = self.optional_timestamp()?;
        let end = self.optional_timestamp()?;
        let period = self.valid(Period::new(start, end).ok())?;
        Ok(RefundRow {
            org,
            movement,
            text_position,
            refund: Refund {
                id,
                movement: key,
                details: RefundDetails {
                    kind,
                    refund_datetime,
                    period,
                    amount: self.amount()?,
                    billable: self.flag()?,
                    external_invoice_id: self.optional_id()?,
                    external_id,
                    description: self.description(movement)?,
                },
                revision: self.number()?,
                created_at: self.timestamp()?,
                updated_at: self.timestamp()?,
                deleted: self.flag()?,
            },
        })
    }

    /// The columns of an outline.
    pub(super) fn outline(&mut self) -> Result<RefundOutline<'a>, Fault> {
        let id = RefundId::from_bytes(self.array()?);
        self.outline_content(id)
            .map_err(|fault| of_refund(id, fault))
    }

    fn outline_content(&mut self, id: RefundId) -> Result<RefundOutline<'a>, Fault> {
        Ok(RefundOutline {
            id,
            external_id: self.optional_text()?,
            external_invoice_id: self.optional_text()?,
            refund_datetime: self.timestamp()?,
            currency: self.currency()?,
            with_minor: self.integer()?,
            deleted: self.flag()?,
        })
    }

    /// The record columns.
    pub(super) fn record(&mut self, key: &MovementKey) -> Result<JournalRecord, Fault> {
        let position: JournalPosition = self.number()?;
        let mut entry = || -> Result<JournalEntry, Fault> {
            Ok(JournalEntry {
                movement: key.clone(),
                sequence: self.number()?,
                bytes: self.bytes()?.to_vec(),
                text: self.salted()?,
            })
        };
        let entry = entry().map_err(|fault| match fault {
            Fault::Damaged(what) => {
                Fault::Damaged(format!("the journal entry at position {position}: {what}"))
            }
            other => other,
        })?;
        Ok(JournalRecord { position, entry })
    }

    /// The three columns org name, subscription and movement id, as a key.
    pub(super) fn key(&mut self) -> Result<MovementKey, Fault> {
        let parts = (
            self.optional_text()?,
            self.optional_text()?,
            self.optional_text()?,
        );
        let (Some(org), Some(subscription), Some(movement)) = parts else {
            return Err(Fault::Damaged("its movement is missing".into()));
        };
        key(org, subscription, movement)
    }
}

/// The fault, with the refund that has it.
fn of_refund(id: RefundId, fault: Fault) -> Fault {
    match fault {
        Fault::Damaged(what) => Fault::Damaged(format!("refund {id}: {what}")),
        other => other,
    }
}

/// A key from what is stored.
pub(super) fn key(org: &str, subscription: &str, movement: &str) -> Result<MovementKey, Fault> {
    MovementKey::new(org, subscription, movement).map_err(|error| {
        Fault::Damaged(format!(
            "a movement is stored under ids that can't be: {error}"
        ))
    })
}
