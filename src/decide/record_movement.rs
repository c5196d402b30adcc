//! `record_movement`: a charge that can be refunded from now on.

use super::{Decision, Receipt, Scope};
use crate::error::{Holder, LedgerError};
use crate::idempotency::{conflict, movement_differences};
use crate::journal::EntryKind;
use crate::movement::{ChainEnd, Movement, MovementRequest, Refunded};

impl Scope<'_> {
    pub(super) fn record_movement(
        &self,
        request: &MovementRequest,
    ) -> Result<Decision, LedgerError> {
        let row = self.movement_row()?;
        if let Some(kept) = row.filter(|row| !row.voided) {
            let fields = movement_differences(kept, request);
            return if fields.is_empty() {
                Ok(Decision::replay(Receipt::of_movement(true)))
            } else {
                let holder = Holder {
                    movement: kept.key.clone(),
                    refund_id: None,
                };
                Err(conflict("the movement's id", &fields, holder))
            };
        }

        let amount = request.amount.resolve(request.currency, None)?;
        let chain = row.map_or_else(|| ChainEnd::start(self.context.now), |row| row.chain);
        let movement = Movement {
            key: self.key.clone(),
            occurred_at: request.occurred_at,
            amount,
            description: self.bring_text(&request.description, &chain),
            recorded_at: self.recorded_at(&chain),
            voided: false,
            refunded: Refunded::default(),
            chain,
        };
        Ok(Decision {
            receipt: Receipt::of_movement(false),
            change: Some(self.change_movement(EntryKind::MovementRecorded, movement)),
        })
    }
}
