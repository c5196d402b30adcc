//! What an operator allows beyond the rules that always hold.

use std::time::Duration;

use crate::error::{ErrorCode, LedgerError};
use crate::movement::Movement;
use crate::time::Timestamp;

/// Limits on new refunds, and on updates that move a refund in time. They judge commands, never
/// what is already booked: verify ignores them, and a replay is answered whatever they say.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::{ErrorCode, Policy};
/// use std::time::Duration;
/// let (ledger, movement) = ledger()?;
/// let week = Policy { window_max: Some(Duration::from_hours(7 * 24)), ..Policy::default() };
/// let ledger = ledger.with_policy(week);
/// let refused = ledger.create_refund(&movement, &request("r-1", "12.1")?).unwrap_err();
/// assert_eq!(refused.code(), ErrorCode::RefundWindowExpired); // 23 days after the charge
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whether a refund may be dated before its movement; `refund_before_movement` where it may
    /// not. Off by default.
    pub allow_refund_before_movement: bool,
    /// How far in the future a refund may be dated; `None` is without limit. Beyond it:
    /// `refund_in_future`. One day by default.
    pub future_skew_max: Option<Duration>,
    /// How long after its movement a refund may be dated. Beyond it: `refund_window_expired`. No
    /// limit by default.
    pub window_max: Option<Duration>,
    /// How many live refunds a movement may have. Beyond it: `refund_count_exceeded`. No limit by
    /// default.
    pub live_refunds_max: Option<u32>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            allow_refund_before_movement: false,
            future_skew_max: Some(Duration::from_hours(24)),
            window_max: None,
            live_refunds_max: None,
        }
    }
}

impl Policy {
    /// Judges the date of a refund.
    pub(crate) fn check_date(
        &self,
        refund_datetime: Timestamp,
        movement: &Movement,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let nanos = |limit: Duration| i128::try_from(limit.as_nanos()).unwrap_or(i128::MAX);
        let refuse = |code, message: &'static str| Err(LedgerError::new(code, message));
        let after_movement = refund_datetime.nanos_since(movement.occurred_at);
        if after_movement < 0 && !self.allow_refund_before_movement {
            return refuse(
                ErrorCode::RefundBeforeMovement,
                "`refund_datetime` is before the movement's `occurred_at`",
            );
        }
        if let Some(skew) = self.future_skew_max
            && refund_datetime.nanos_since(now) > nanos(skew)
        {
            return refuse(
                ErrorCode::RefundInFuture,
                "`refund_datetime` is further in the future than the policy allows",
            );
        }
        if let Some(window) = self.window_max
            && after_movement > nanos(window)
        {
            return refuse(
                ErrorCode::RefundWindowExpired,
                "`refund_datetime` is later after the movement than the policy allows",
            );
        }
        Ok(())
    }

    /// Judges the number of live refunds, before one more.
    pub(crate) fn check_count(&self, movement: &Movement) -> Result<(), LedgerError> {
        match self.live_refunds_max {
            Some(max) if movement.refunded.count >= max => Err(LedgerError::new(
                ErrorCode::RefundCountExceeded,
                format!(
                    "the movement has {} live refunds; the policy allows {max}",
                    movement.refunded.count
                ),
            )),
            _ => Ok(()),
        }
    }
}
