//! From rows to the ledger's values. Nothing that a store gives is taken on trust: what can't be is
//! told with the row that holds it.

use std::fmt::Display;
use std::str::FromStr;

use refund_ledger as ledger;
use refund_ledger::store::{self, LoadedRefund};
use refund_ledger::{Amount, Description, Id, Timestamp, Values};

use super::{
    EntryRow, FoundMovement, FoundRefund, JournalRow, MovementKey, MovementRow, RefundPage,
    RefundRow, Snapshot,
};
use crate::hex;
use crate::json::{Fault as Damage, FromJson};

fn bad(field: &str, why: impl Display) -> Damage {
    format!("`{field}` {why}")
}

fn parsed<T: FromStr>(field: &str, text: &str) -> Result<T, Damage> {
    text.parse()
        .map_err(|_| bad(field, format!("is `{text}`, which can't be there")))
}

fn optional<T: FromStr>(field: &str, text: Option<&String>) -> Result<Option<T>, Damage> {
    text.map(|text| parsed(field, text)).transpose()
}

impl MovementKey {
    pub(crate) fn read(&self) -> Result<ledger::MovementKey, Damage> {
        key(&self.org_id, &self.subscription_id, &self.movement_id)
    }
}

fn key(org: &str, subscription: &str, movement: &str) -> Result<ledger::MovementKey, Damage> {
    ledger::MovementKey::new(org, subscription, movement)
        .map_err(|error| format!("a movement is stored under ids that can't be: {error}"))
}

fn amount(
    currency: &str,
    (with, without): (&str, &str),
    tax: (Option<&String>, Option<u32>),
) -> Result<Amount, Damage> {
    let values = Values {
        with: parsed("with_taxes_minor", with)?,
        without: parsed("without_taxes_minor", without)?,
    };
    let tax = match tax {
        (None, None) => None,
        (Some(tax_type), Some(percentage)) => Some(
            ledger::Percentage::from_ten_thousandths(percentage)
                .and_then(|percentage| ledger::Tax::new(tax_type, percentage))
                .map_err(|error| bad("tax_type", error))?,
        ),
        _ => return Err(bad("tax_type", "and `tax_ten_thousandths` go together")),
    };
    Amount::from_stored(parsed("currency", currency)?, values, tax)
        .map_err(|_| "the amount is none that can be".into())
}

/// A description, from the entry of this movement that brought it.
fn description(
    text: &EntryRow,
    movement: &ledger::MovementKey,
    sequence: u64,
) -> Result<Description, Damage> {
    let entry = text.read()?;
    if entry.movement != *movement || entry.sequence != sequence {
        return Err("the description is another entry's".into());
    }
    let digest = match &entry.text {
        Some(salted) => salted.digest(),
        // The text was erased; what it was is attested by the entry that brought it.
        None => {
            ledger::Entry::decode(&entry.bytes)
                .map_err(|error| error.to_string())?
                .content
                .description()
                .digest
        }
    };
    Ok(Description {
        digest,
        sequence,
        salted: entry.text,
    })
}

/// The movement that a row says it belongs to.
macro_rules! key_of {
    ($($row:ty),*) => {$(
        impl $row {
            pub(crate) fn key(&self) -> MovementKey {
                MovementKey {
                    org_id: self.org_id.clone(),
                    subscription_id: self.subscription_id.clone(),
                    movement_id: self.movement_id.clone(),
                }
            }
        }
    )*};
}
key_of!(MovementRow, RefundRow, EntryRow);

impl EntryRow {
    pub(crate) fn read(&self) -> Result<ledger::JournalEntry, Damage> {
        let text = match (&self.salt, &self.text) {
            (None, None) => None,
            (Some(salt), Some(text)) => Some(ledger::SaltedText {
                salt: parsed("salt", salt)?,
                text: ledger::Text::new(text).map_err(|error| bad("text", error))?,
            }),
            _ => return Err(bad("salt", "and `text` go together")),
        };
        Ok(ledger::JournalEntry {
            movement: key(&self.org_id, &self.subscription_id, &self.movement_id)?,
            sequence: self.sequence,
            bytes: hex::decode(&self.bytes)
                .ok_or_else(|| bad("bytes", "must be hexadecimal digits in pairs"))?,
            text,
        })
    }
}

impl JournalRow {
    pub(crate) fn key(&self) -> MovementKey {
        self.entry.key()
    }

    pub(crate) fn read(&self) -> Result<ledger::JournalRecord, Damage> {
        let position = self.position;
        let entry = self
            .entry
            .read()
            .map_err(|damage| format!("the journal entry at position {position}: {damage}"))?;
        Ok(ledger::JournalRecord { position, entry })
    }
}

impl MovementRow {
    pub(crate) fn read(&self, text: &EntryRow) -> Result<ledger::Movement, Damage> {
        let key = key(&self.org_id, &self.subscription_id, &self.movement_id)?;
        self.content(text, &key)
            .map_err(|damage| format!("movement {key}: {damage}"))
    }

    fn content(
        &self,
        text: &EntryRow,
        key: &ledger::MovementKey,
    ) -> Result<ledger::Movement, Damage> {
        Ok(ledger::Movement {
            key: key.clone(),
            occurred_at: parsed("occurred_at", &self.occurred_at)?,
            amount: amount(
                &self.currency,
                (&self.with_taxes_minor, &self.without_taxes_minor),
                (self.tax_type.as_ref(), self.tax_ten_thousandths),
            )?,
            description: description(text, key, self.text_sequence)?,
            recorded_at: parsed("recorded_at", &self.recorded_at)?,
            voided: self.voided,
            refunded: ledger::Refunded {
                values: Values {
                    with: parsed("refunded_with_taxes_minor", &self.refunded_with_taxes_minor)?,
                    without: parsed(
                        "refunded_without_taxes_minor",
                        &self.refunded_without_taxes_minor,
                    )?,
                },
                count: self.refunded_count,
            },
            chain: ledger::ChainEnd {
                length: self.chain_length,
                hash: parsed("chain_hash", &self.chain_hash)?,
                recorded_at: parsed("chain_recorded_at", &self.chain_recorded_at)?,
            },
        })
    }
}

impl RefundRow {
    pub(crate) fn read(&self, text: &EntryRow) -> Result<ledger::Refund, Damage> {
        self.content(text)
            .map_err(|damage| format!("refund {}: {damage}", self.id))
    }

    fn content(&self, text: &EntryRow) -> Result<ledger::Refund, Damage> {
        let movement = key(&self.org_id, &self.subscription_id, &self.movement_id)?;
        let external_id = optional::<Id>("external_id", self.external_id.as_ref())?;
        let period = |field, text: &Option<String>| optional::<Timestamp>(field, text.as_ref());
        let start = period("period_start_datetime", &self.period_start_datetime)?;
        let end = period("period_end_datetime", &self.period_end_datetime)?;
        let transaction_type_id =
            optional::<Id>("transaction_type_id", self.transaction_type_id.as_ref())?;
        Ok(ledger::Refund {
            id: parsed("id", &self.id)?,
            details: ledger::RefundDetails {
                kind: match transaction_type_id {
                    None => ledger::RefundKind::Standard,
                    Some(transaction_type_id) => ledger::RefundKind::NonSubscribable {
                        transaction_type_id,
                    },
                },
                refund_datetime: parsed("refund_datetime", &self.refund_datetime)?,
                period: ledger::Period::new(start, end)
                    .map_err(|error| bad("period_end_datetime", error))?,
                amount: amount(
                    &self.currency,
                    (&self.with_taxes_minor, &self.without_taxes_minor),
                    (self.tax_type.as_ref(), self.tax_ten_thousandths),
                )?,
                billable: self.billable,
                external_invoice_id: optional(
                    "external_invoice_id",
                    self.external_invoice_id.as_ref(),
                )?,
                external_id: external_id.map(if self.external_id_is_key {
                    ledger::ExternalId::IdempotencyKey
                } else {
                    ledger::ExternalId::Given
                }),
                description: description(text, &movement, self.text_sequence)?,
            },
            movement,
            revision: self.revision,
            created_at: parsed("created_at", &self.created_at)?,
            updated_at: parsed("updated_at", &self.updated_at)?,
            deleted: self.deleted,
        })
    }
}

impl FoundMovement {
    fn read(&self) -> Result<ledger::Movement, Damage> {
        self.row.read(&self.text)
    }
}

impl FoundRefund {
    fn read(&self, revisions: &[u32]) -> Result<LoadedRefund, Damage> {
        let refund = self.row.read(&self.text)?;
        let chain = self.chain.iter().map(EntryRow::read);
        let chain = chain.collect::<Result<Vec<_>, _>>()?;
        LoadedRefund::from_chain(refund, revisions, &chain).map_err(|error| error.to_string())
    }
}

fn read<T: FromJson>(what: &str, text: &str) -> Result<T, Damage> {
    T::from_json(text).map_err(|damage| format!("{what} of the store: {damage}"))
}

/// The snapshot of what was asked for.
pub(crate) fn read_snapshot(
    text: &str,
    wanted: &store::ReadSet,
) -> Result<store::Snapshot, Damage> {
    let rows: Snapshot = read("the snapshot", text)?;
    if wanted.movements().count() != rows.movements.len()
        || wanted.refunds().count() != rows.refunds.len()
    {
        return Err("the snapshot does not answer each part of the read set".into());
    }
    let mut snapshot = store::Snapshot::default();
    for (key, found) in wanted.movements().zip(&rows.movements) {
        let found = found.as_ref().map(FoundMovement::read).transpose()?;
        if found.as_ref().is_some_and(|found| found.key != *key) {
            return Err(format!("another movement was found for {key}"));
        }
        snapshot.put_movement(key.clone(), found);
    }
    for ((org, lookup, revisions), found) in wanted.refunds().zip(&rows.refunds) {
        let found = found.as_ref().map(|found| found.read(revisions));
        snapshot.put_refund(org.clone(), lookup.clone(), found.transpose()?);
    }
    Ok(snapshot)
}

/// A page of refunds.
pub(crate) fn read_page(text: &str) -> Result<ledger::Page<ledger::Refund>, Damage> {
    let page: RefundPage = read("the page", text)?;
    let items = page.items.iter().map(|item| item.row.read(&item.text));
    Ok(ledger::Page {
        items: items.collect::<Result<_, _>>()?,
        more: page.more,
    })
}

/// Entries of the journal.
pub(crate) fn read_records(text: &str) -> Result<Vec<ledger::JournalRecord>, Damage> {
    let rows: Vec<JournalRow> = read("the journal", text)?;
    rows.iter().map(JournalRow::read).collect()
}
