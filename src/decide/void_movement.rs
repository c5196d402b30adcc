//! `void_movement`: takes back a mistyped movement that has no live refunds.

use super::{Decision, Receipt, Scope};
use crate::error::{ErrorCode, LedgerError};

impl Scope<'_> {
    pub(super) fn void_movement(&self) -> Result<Decision, LedgerError> {
        let movement = self.movement_or_voided()?;
        if movement.voided {
            return if self.repeats_as_file() {
                Ok(Decision::replay(Receipt::of_movement(true)))
            } else {
                Err(LedgerError::movement_not_found())
            };
        }
        if movement.refunded.count > 0 {
            // Without its amount, the movement's refunds would be beyond their cap.
            return Err(LedgerError::new(
                ErrorCode::OverRefund,
                format!(
                    "the movement has {} live refunds; delete them before voiding it",
                    movement.refunded.count
                ),
            ));
        }
        Ok(Decision {
            receipt: Receipt::of_movement(false),
            change: Some(self.voided(movement)),
        })
    }
}
