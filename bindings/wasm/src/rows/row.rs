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

/// Reads the rows of one scan.
#[derive(Debug, Default)]
pub(crate) struct RowReader {
    /// Whether the movement that came last could not be read. What follows is its, and must not be
    /// taken for that of the movement before it.
    is_skipping: bool,
}

impl RowReader {
    /// The next row; what can't be read is visited as invalid. `None` where it belongs to a movement
    /// that can't be read.
    pub(crate) fn read(&mut self, text: &str) -> Option<Row> {
        let invalid = |movement: Option<&MovementKey>, reason| Row::Invalid {
            movement: movement.and_then(|key| key.read().ok()),
            reason,
        };
        Some(match ScanRow::from_json(text) {
            Err(reason) => invalid(None, format!("a row of the store: {reason}")),
            Ok(ScanRow::Movement { row, text }) => {
                let read = row.read(&text);
                self.is_skipping = read.is_err();
                read.map_or_else(|reason| invalid(Some(&row.key()), reason), Row::Movement)
            }
            Ok(ScanRow::Entry(_) | ScanRow::Refund { .. }) if self.is_skipping => return None,
            Ok(ScanRow::Entry(row)) => row
                .read()
                .map_or_else(|reason| invalid(Some(&row.key()), reason), Row::Entry),
            Ok(ScanRow::Refund { row, text, holder }) => match row.read(&text) {
                Ok(refund) => Row::Refund {
                    refund,
                    holder: holder.and_then(|id| id.parse().ok()),
                },
                Err(reason) => invalid(Some(&row.key()), reason),
            },
            Ok(ScanRow::Invalid { movement, reason }) => invalid(movement.as_ref(), reason),
        })
    }
}
