//! What a scan visits, as the ledger takes it.

use refund_ledger::store;
use refund_ledger::{JournalRecord, Movement, Refund, RefundId};

use super::{MovementKey, ScanRow};
use crate::json::FromJson;

/// A [`store::ScanRow`] that owns what it shows.
#[derive(Debug)]
pub(crate) enum Row {
    Movement(Movement),
    Entry(JournalRecord),
    Refund {
        refund: Refund,
        holder: Option<RefundId>,
    },
    Invalid {
        movement: Option<refund_ledger::MovementKey>,
        reason: String,
    },
}

impl Row {
    /// A row of a scan; what can't be read is visited as invalid.
    pub(crate) fn read(text: &str) -> Self {
        let invalid = |movement: Option<&MovementKey>, reason| Row::Invalid {
            movement: movement.and_then(|key| key.read().ok()),
            reason,
        };
        match ScanRow::from_json(text) {
            Err(reason) => invalid(None, format!("a row of the store: {reason}")),
            Ok(ScanRow::Movement { row, text }) => match row.read(&text) {
                Ok(movement) => Row::Movement(movement),
                Err(reason) => invalid(Some(&row.key()), reason),
            },
            Ok(ScanRow::Entry(row)) => match row.read() {
                Ok(record) => Row::Entry(record),
                Err(reason) => invalid(Some(&row.key()), reason),
            },
            Ok(ScanRow::Refund { row, text, holder }) => match row.read(&text) {
                Ok(refund) => Row::Refund {
                    refund,
                    holder: holder.and_then(|id| id.parse().ok()),
                },
                Err(reason) => invalid(Some(&row.key()), reason),
            },
            Ok(ScanRow::Invalid { movement, reason }) => invalid(movement.as_ref(), reason),
        }
    }

    pub(crate) fn as_row(&self) -> store::ScanRow<'_> {
        match self {
            Self::Movement(movement) => store::ScanRow::Movement(movement),
            Self::Entry(record) => store::ScanRow::Entry(record),
            Self::Refund { refund, holder } => store::ScanRow::Refund {
                refund,
                holder: *holder,
            },
            Self::Invalid { movement, reason } => store::ScanRow::Invalid {
                movement: movement.as_ref(),
                reason,
            },
        }
    }
}
