//! Rows from JSON.

use super::{
    EntryRow, FoundMovement, FoundRefund, JournalRow, ListedRefund, MovementKey, MovementRow,
    RefundPage, RefundRow, ScanRow, Snapshot,
};
use crate::json::{Fault, Fields, FromJson, read_fields};

read_fields!(MovementKey {
    org_id,
    subscription_id,
    movement_id,
});
read_fields!(MovementRow {
    org_id,
    subscription_id,
    movement_id,
    occurred_at,
    currency,
    with_taxes_minor,
    without_taxes_minor,
    tax_type,
    tax_ten_thousandths,
    text_sequence,
    recorded_at,
    voided,
    refunded_with_taxes_minor,
    refunded_without_taxes_minor,
    refunded_count,
    chain_length,
    chain_hash,
    chain_recorded_at,
});
read_fields!(RefundRow {
    id,
    org_id,
    subscription_id,
    movement_id,
    external_id,
    external_id_is_key,
    transaction_type_id,
    refund_datetime,
    period_start_datetime,
    period_end_datetime,
    currency,
    with_taxes_minor,
    without_taxes_minor,
    tax_type,
    tax_ten_thousandths,
    billable,
    external_invoice_id,
    text_sequence,
    revision,
    created_at,
    updated_at,
    deleted,
});
read_fields!(EntryRow {
    org_id,
    subscription_id,
    movement_id,
    sequence,
    bytes,
    owner,
    salt,
    text,
});
read_fields!(FoundMovement { row, text });
read_fields!(FoundRefund { row, text, chain });
read_fields!(Snapshot { movements, refunds });
read_fields!(ListedRefund { row, text });
read_fields!(RefundPage { items, more });

impl FromJson for JournalRow {
    fn from_json(json: &str) -> Result<Self, Fault> {
        Ok(Self {
            position: Fields::of(json)?.get("position")?,
            entry: EntryRow::from_json(json)?,
        })
    }
}

impl FromJson for ScanRow {
    fn from_json(json: &str) -> Result<Self, Fault> {
        let fields = Fields::of(json)?;
        let kind: String = fields.get("kind")?;
        Ok(match kind.as_str() {
            "movement" => Self::Movement {
                row: fields.get("row")?,
                text: fields.get("text")?,
            },
            "entry" => Self::Entry(JournalRow::from_json(json)?),
            "refund" => Self::Refund {
                row: fields.get("row")?,
                text: fields.get("text")?,
                holder: fields.get("holder")?,
            },
            "invalid" => Self::Invalid {
                movement: fields.get("movement")?,
                reason: fields.get("reason")?,
            },
            _ => return Err(format!("`kind` is `{kind}`, which no row is")),
        })
    }
}
