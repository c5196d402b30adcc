//! `record_movement`: a charge that can be refunded from now on.

use super::{Decision, Receipt, Scope};
use crate::error::{Holder, LedgerError};
use crate::idempotency::{conflict, movement_differences};
use crate::movement::MovementRequest;

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
        let chain = self.chain(row);
        let description = self.bring_text(&request.description, &chain);
        Ok(Decision {
            receipt: Receipt::of_movement(false),
            change: Some(self.recorded(request.occurred_at, amount, description, chain)),
        })
    }
}
