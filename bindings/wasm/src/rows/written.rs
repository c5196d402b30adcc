//! From the ledger's values to rows.

use refund_ledger as ledger;
use refund_ledger::store;

use super::{
    EntryRow, Erasure, ListAfter, MovementKey, MovementRow, Precondition, ReadSet, RefundFilter,
    RefundLookup, RefundRow, RefundWrite, ScanRange, WriteBatch,
};
use crate::hex;

fn text(value: Option<&impl ToString>) -> Option<String> {
    value.map(ToString::to_string)
}

fn ids(key: &ledger::MovementKey) -> (String, String, String) {
    (
        key.org_id().into(),
        key.subscription_id().into(),
        key.movement_id().into(),
    )
}

fn owner(owner: ledger::TextOwner) -> Option<String> {
    match owner {
        ledger::TextOwner::Movement => None,
        ledger::TextOwner::Refund(id) => Some(id.to_string()),
    }
}

impl From<&ledger::MovementKey> for MovementKey {
    fn from(key: &ledger::MovementKey) -> Self {
        let (org_id, subscription_id, movement_id) = ids(key);
        Self {
            org_id,
            subscription_id,
            movement_id,
        }
    }
}

impl From<&ledger::Movement> for MovementRow {
    fn from(movement: &ledger::Movement) -> Self {
        let (org_id, subscription_id, movement_id) = ids(&movement.key);
        let (values, refunded) = (movement.amount.values(), movement.refunded);
        let tax = movement.amount.tax();
        Self {
            org_id,
            subscription_id,
            movement_id,
            occurred_at: movement.occurred_at.to_fixed_width(),
            currency: movement.amount.currency().code().into(),
            with_taxes_minor: values.with.to_string(),
            without_taxes_minor: values.without.to_string(),
            tax_type: tax.map(|tax| tax.tax_type().into()),
            tax_ten_thousandths: tax.map(|tax| tax.percentage().ten_thousandths()),
            text_sequence: movement.description.sequence,
            recorded_at: movement.recorded_at.to_fixed_width(),
            voided: movement.voided,
            refunded_with_taxes_minor: refunded.values.with.to_string(),
            refunded_without_taxes_minor: refunded.values.without.to_string(),
            refunded_count: refunded.count,
            chain_length: movement.chain.length,
            chain_hash: movement.chain.hash.to_string(),
            chain_recorded_at: movement.chain.recorded_at.to_fixed_width(),
        }
    }
}

impl From<&ledger::Refund> for RefundRow {
    fn from(refund: &ledger::Refund) -> Self {
        let (org_id, subscription_id, movement_id) = ids(&refund.movement);
        let details = &refund.details;
        let values = details.amount.values();
        let tax = details.amount.tax();
        let external_id = details.external_id.as_ref();
        Self {
            id: refund.id.to_string(),
            org_id,
            subscription_id,
            movement_id,
            external_id: external_id.map(|id| id.id().to_string()),
            external_id_is_key: matches!(external_id, Some(ledger::ExternalId::IdempotencyKey(_))),
            transaction_type_id: text(details.kind.transaction_type_id()),
            refund_datetime: details.refund_datetime.to_fixed_width(),
            period_start_datetime: details
                .period
                .start()
                .map(ledger::Timestamp::to_fixed_width),
            period_end_datetime: details.period.end().map(ledger::Timestamp::to_fixed_width),
            currency: details.amount.currency().code().into(),
            with_taxes_minor: values.with.to_string(),
            without_taxes_minor: values.without.to_string(),
            tax_type: tax.map(|tax| tax.tax_type().into()),
            tax_ten_thousandths: tax.map(|tax| tax.percentage().ten_thousandths()),
            billable: details.billable,
            external_invoice_id: text(details.external_invoice_id.as_ref()),
            text_sequence: details.description.sequence,
            revision: refund.revision,
            created_at: refund.created_at.to_fixed_width(),
            updated_at: refund.updated_at.to_fixed_width(),
            deleted: refund.deleted,
        }
    }
}

impl From<&ledger::JournalEntry> for EntryRow {
    fn from(entry: &ledger::JournalEntry) -> Self {
        let (org_id, subscription_id, movement_id) = ids(&entry.movement);
        let salted = entry.text.as_ref();
        Self {
            org_id,
            subscription_id,
            movement_id,
            sequence: entry.sequence,
            bytes: hex::encode(&entry.bytes),
            owner: text_owner(&entry.bytes),
            salt: salted.map(|salted| salted.salt.to_string()),
            text: salted.map(|salted| salted.text.as_str().into()),
        }
    }
}

/// The refund whose text an entry of these bytes may bring; none for a movement's own.
pub(crate) fn text_owner(bytes: &[u8]) -> Option<String> {
    ledger::text_owner(bytes).ok().and_then(owner)
}

impl From<&store::ReadSet> for ReadSet {
    fn from(wanted: &store::ReadSet) -> Self {
        Self {
            movements: wanted.movements().map(MovementKey::from).collect(),
            refunds: wanted
                .refunds()
                .map(|(org, lookup, revisions)| {
                    let (id, external_id) = match lookup {
                        ledger::RefundLookup::Id(id) => (Some(id.to_string()), None),
                        ledger::RefundLookup::ExternalId(id) => (None, Some(id.to_string())),
                        ledger::RefundLookup::Nothing => (None, None),
                    };
                    RefundLookup {
                        org_id: org.to_string(),
                        id,
                        external_id,
                        revisions: revisions.to_vec(),
                    }
                })
                .collect(),
        }
    }
}

impl From<&store::Precondition> for Precondition {
    fn from(precondition: &store::Precondition) -> Self {
        match precondition {
            store::Precondition::MovementAt { movement, version } => {
                let (org_id, subscription_id, movement_id) = ids(movement);
                Self::MovementAt {
                    org_id,
                    subscription_id,
                    movement_id,
                    version: *version,
                }
            }
            store::Precondition::ExternalIdFree { org, external_id } => Self::ExternalIdFree {
                org_id: org.to_string(),
                external_id: external_id.to_string(),
            },
        }
    }
}

impl From<&store::TextErasure> for Erasure {
    fn from(erasure: &store::TextErasure) -> Self {
        let (org_id, subscription_id, movement_id) = ids(&erasure.movement);
        Self {
            org_id,
            subscription_id,
            movement_id,
            owner: owner(erasure.owner),
            through_sequence: erasure.through_sequence,
        }
    }
}

impl From<&store::WriteBatch> for WriteBatch {
    fn from(batch: &store::WriteBatch) -> Self {
        let write = |write: &store::RefundWrite| RefundWrite {
            insert: matches!(write, store::RefundWrite::Insert(_)),
            row: write.refund().into(),
        };
        Self {
            preconditions: batch.preconditions.iter().map(Precondition::from).collect(),
            movements: batch.movements.iter().map(MovementRow::from).collect(),
            refunds: batch.refunds.iter().map(write).collect(),
            entries: batch.entries.iter().map(EntryRow::from).collect(),
            erasures: batch.erasures.iter().map(Erasure::from).collect(),
        }
    }
}

impl From<&ledger::RefundFilter> for RefundFilter {
    fn from(filter: &ledger::RefundFilter) -> Self {
        Self {
            org_id: text(filter.org.as_ref()),
            subscription_id: text(filter.subscription.as_ref()),
            movement_id: text(filter.movement.as_ref()),
            refund_id: text(filter.refund_id.as_ref()),
            from: filter.from.map(ledger::Timestamp::to_fixed_width),
            to: filter.to.map(ledger::Timestamp::to_fixed_width),
            external_id: text(filter.external_id.as_ref()),
            external_invoice_id: text(filter.invoice.as_ref()),
            kind: filter.kind.map(ledger::KindName::as_str),
            billable: filter.billable,
            include_deleted: filter.include_deleted,
        }
    }
}

impl From<ledger::ListAfter> for ListAfter {
    fn from(after: ledger::ListAfter) -> Self {
        Self {
            refund_datetime: after.refund_datetime.to_fixed_width(),
            id: after.id.to_string(),
        }
    }
}

impl From<&store::ScanRange<'_>> for ScanRange {
    fn from(range: &store::ScanRange<'_>) -> Self {
        Self {
            org_id: text(range.org),
            only: range.only.map(MovementKey::from),
            after: range.after.map(MovementKey::from),
            entries: range.entries,
            refunds: range.refunds,
        }
    }
}
