//! What tables hold, as the values that it must be. Nothing that is stored is taken on trust: what
//! can't be is [`Damaged`], which names its column.

use super::outline::RefundOutline;
use crate::amount::{Amount, Percentage, Tax, Values};
use crate::currency::Currency;
use crate::hash::Hash;
use crate::id::{Id, MovementKey, RefundId};
use crate::journal::{Entry, JournalEntry, JournalPosition, JournalRecord};
use crate::movement::{ChainEnd, Movement, Refunded};
use crate::refund::{ExternalId, Refund, RefundDetails, RefundKind};
use crate::text::{Description, Salt, SaltedText, Text};
use crate::time::{Period, Timestamp};

/// Something stored is not what it should be.
#[derive(Debug)]
pub(super) struct Damaged(pub(super) String);

/// A cell is of another type than its column has.
#[derive(Debug)]
pub(super) struct WrongType;

/// A row as a database hands it out. `None` is NULL.
pub(super) trait Cells {
    /// A number; a flag is 0 or 1.
    fn integer(&self, at: usize) -> Result<Option<i64>, WrongType>;
    fn text(&self, at: usize) -> Result<Option<&str>, WrongType>;
    fn bytes(&self, at: usize) -> Result<Option<&[u8]>, WrongType>;
    /// The name of a column.
    fn name(&self, at: usize) -> &str;
}

/// The columns of a row, read one after the other.
pub(super) struct Columns<'a, R> {
    row: &'a R,
    at: usize,
}

impl<'a, R: Cells> Columns<'a, R> {
    pub(super) fn new(row: &'a R) -> Self {
        Self { row, at: 0 }
    }

    fn next<T>(
        &mut self,
        read: impl FnOnce(&'a R, usize) -> Result<T, WrongType>,
    ) -> Result<T, Damaged> {
        let value = read(self.row, self.at);
        self.at = self.at.saturating_add(1);
        value.map_err(|WrongType| self.fault())
    }

    /// The fault of the column that was read last.
    fn fault(&self) -> Damaged {
        let at = self.at.saturating_sub(1);
        let column = self.row.name(at);
        Damaged(format!("column `{column}` holds what can't be there"))
    }

    /// The value, or the fault of the column that was read last.
    fn valid<T>(&self, value: Option<T>) -> Result<T, Damaged> {
        value.ok_or_else(|| self.fault())
    }

    pub(super) fn optional_integer(&mut self) -> Result<Option<i64>, Damaged> {
        self.next(R::integer)
    }

    pub(super) fn integer(&mut self) -> Result<i64, Damaged> {
        let value = self.optional_integer()?;
        self.valid(value)
    }

    pub(super) fn number<T: TryFrom<i64>>(&mut self) -> Result<T, Damaged> {
        let value = self.integer()?;
        self.valid(T::try_from(value).ok())
    }

    fn flag(&mut self) -> Result<bool, Damaged> {
        let value = self.optional_flag()?;
        self.valid(value)
    }

    fn optional_flag(&mut self) -> Result<Option<bool>, Damaged> {
        match self.optional_integer()? {
            None => Ok(None),
            Some(0) => Ok(Some(false)),
            Some(1) => Ok(Some(true)),
            Some(_) => Err(self.fault()),
        }
    }

    fn optional_text(&mut self) -> Result<Option<&'a str>, Damaged> {
        self.next(R::text)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Damaged> {
        let value = self.optional_text()?;
        self.valid(value)
    }

    fn optional_id(&mut self) -> Result<Option<Id>, Damaged> {
        match self.optional_text()? {
            None => Ok(None),
            Some(text) => self.valid(Id::new(text).ok()).map(Some),
        }
    }

    fn optional_bytes(&mut self) -> Result<Option<&'a [u8]>, Damaged> {
        self.next(R::bytes)
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Damaged> {
        let value = self.optional_bytes()?;
        self.valid(value)
    }

    fn optional_array<const N: usize>(&mut self) -> Result<Option<[u8; N]>, Damaged> {
        match self.optional_bytes()? {
            None => Ok(None),
            Some(bytes) => self.valid(bytes.try_into().ok()).map(Some),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        let value = self.optional_array()?;
        self.valid(value)
    }

    #[cfg(feature = "sqlite")]
    pub(super) fn optional_refund_id(&mut self) -> Result<Option<RefundId>, Damaged> {
        Ok(self.optional_array()?.map(RefundId::from_bytes))
    }

    fn optional_timestamp(&mut self) -> Result<Option<Timestamp>, Damaged> {
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

    fn timestamp(&mut self) -> Result<Timestamp, Damaged> {
        let value = self.optional_timestamp()?;
        self.valid(value)
    }

    fn currency(&mut self) -> Result<Currency, Damaged> {
        let code = self.text()?;
        self.valid(code.parse().ok())
    }

    fn amount(&mut self) -> Result<Amount, Damaged> {
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
        amount.map_err(|_| Damaged("the amount is none that can be".into()))
    }

    fn salted(&mut self) -> Result<Option<SaltedText>, Damaged> {
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

    /// A description, from the journal entry that brought it: its sequence, salt, text and, where
    /// the text was erased, its bytes.
    pub(super) fn description(&mut self) -> Result<Description, Damaged> {
        let sequence = self.number()?;
        let salted = self.salted()?;
        let entry = self.optional_bytes()?;
        let digest = if let Some(salted) = &salted {
            salted.digest()
        } else {
            // What it was is attested by the entry that brought it.
            let entry = self.valid(entry.and_then(|bytes| Entry::decode(bytes).ok()))?;
            entry.content.description().digest
        };
        Ok(Description {
            digest,
            sequence,
            salted,
        })
    }

    /// The columns of a movement, but for its key. `describe` reads those of its description.
    pub(super) fn movement(
        &mut self,
        key: MovementKey,
        describe: impl FnOnce(&mut Self) -> Result<Description, Damaged>,
    ) -> Result<Movement, Damaged> {
        Ok(Movement {
            key,
            occurred_at: self.timestamp()?,
            amount: self.amount()?,
            description: describe(self)?,
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
        })
    }

    /// The columns of a refund, behind those of its id and key. `describe` reads those of its
    /// description.
    pub(super) fn refund(
        &mut self,
        id: RefundId,
        key: MovementKey,
        describe: impl FnOnce(&mut Self) -> Result<Description, Damaged>,
    ) -> Result<Refund, Damaged> {
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
        Ok(Refund {
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
                description: describe(self)?,
            },
            revision: self.number()?,
            created_at: self.timestamp()?,
            updated_at: self.timestamp()?,
            deleted: self.flag()?,
        })
    }

    pub(super) fn refund_id(&mut self) -> Result<RefundId, Damaged> {
        Ok(RefundId::from_bytes(self.array()?))
    }

    /// The columns of an outline.
    pub(super) fn outline(&mut self) -> Result<RefundOutline<'a>, Damaged> {
        let id = self.refund_id()?;
        self.outline_content(id)
            .map_err(|fault| of_refund(id, fault))
    }

    fn outline_content(&mut self, id: RefundId) -> Result<RefundOutline<'a>, Damaged> {
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
    pub(super) fn record(&mut self, key: &MovementKey) -> Result<JournalRecord, Damaged> {
        let position: JournalPosition = self.number()?;
        let mut entry = || -> Result<JournalEntry, Damaged> {
            Ok(JournalEntry {
                movement: key.clone(),
                sequence: self.number()?,
                bytes: self.bytes()?.to_vec(),
                text: self.salted()?,
            })
        };
        let entry = entry().map_err(|Damaged(what)| {
            Damaged(format!("the journal entry at position {position}: {what}"))
        })?;
        Ok(JournalRecord { position, entry })
    }

    /// The three columns org name, subscription and movement id, as a key.
    pub(super) fn key(&mut self) -> Result<MovementKey, Damaged> {
        let parts = (
            self.optional_text()?,
            self.optional_text()?,
            self.optional_text()?,
        );
        let (Some(org), Some(subscription), Some(movement)) = parts else {
            return Err(Damaged("its movement is missing".into()));
        };
        key(org, subscription, movement)
    }
}

/// The fault, with the refund that has it.
pub(super) fn of_refund(id: RefundId, Damaged(what): Damaged) -> Damaged {
    Damaged(format!("refund {id}: {what}"))
}

/// A key from what is stored.
pub(super) fn key(org: &str, subscription: &str, movement: &str) -> Result<MovementKey, Damaged> {
    MovementKey::new(org, subscription, movement).map_err(|error| {
        Damaged(format!(
            "a movement is stored under ids that can't be: {error}"
        ))
    })
}
