//! What the ledger asks of the platform: the time and randomness. All of it is in this file.

use crate::decide::Minted;
use crate::error::LedgerError;
use crate::time::Timestamp;

/// The source of time, ids and salts. The bare core never asks the platform itself; a browser, a
/// test or a simulation brings its own.
///
/// A clock for tests that stands still, over the platform's randomness:
///
/// ```
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::store::memory::MemoryStore;
/// use refund_ledger::{Host, Ledger, LedgerError, Minted, SystemHost, Timestamp};
/// use std::sync::Arc;
///
/// struct FixedClock(Timestamp, SystemHost);
///
/// impl Host for FixedClock {
///     fn now(&self) -> Timestamp {
///         self.0
///     }
///     fn mint(&self, now: Timestamp) -> Result<Minted, LedgerError> {
///         self.1.mint(now)
///     }
/// }
///
/// let host = FixedClock("2022-03-01T00:00:00Z".parse()?, SystemHost::default());
/// let ledger = Ledger::new(Arc::new(MemoryStore::new()), Arc::new(host));
/// # let movement = refund_ledger::MovementKey::new("acme", "sub-7", "mov-42")?;
/// # ledger.record_movement(&movement, &refund_ledger::MovementRequest {
/// #     currency: "EUR".parse()?,
/// #     occurred_at: "2022-02-01T00:00:00Z".parse()?,
/// #     amount: refund_ledger::AmountRequest::new(Some("121".parse()?), None)?,
/// #     description: "February".parse()?,
/// # })?;
/// # assert_eq!(ledger.movement(&movement)?.recorded_at, "2022-03-01T00:00:00Z".parse()?);
/// # Ok(()) }
/// ```
pub trait Host: Send + Sync {
    /// The time, for the journal and the policy.
    fn now(&self) -> Timestamp;

    /// A fresh refund id and a fresh salt for one command. The host answers for it that no id comes
    /// twice, and that a salt can't be guessed: no rule checks either.
    ///
    /// # Errors
    /// `internal` where there is no randomness to be had.
    fn mint(&self, now: Timestamp) -> Result<Minted, LedgerError>;
}

#[cfg(feature = "system")]
pub use system::SystemHost;

#[cfg(feature = "system")]
mod system {
    use std::sync::{Mutex, PoisonError};

    use super::{Host, LedgerError, Minted, Timestamp};
    use crate::id::RefundId;
    use crate::text::Salt;

    /// How much randomness is fetched at once: a call to the system costs more than the bytes.
    const POOL_BYTES: usize = 4_096;

    /// The platform's clock and its cryptographic randomness. Refund ids are UUIDs of version 7
    /// (RFC 9562). [`Ledger::with_system_host`](crate::Ledger::with_system_host) uses it.
    #[derive(Debug)]
    pub struct SystemHost {
        pool: Mutex<Pool>,
    }

    #[derive(Debug)]
    struct Pool {
        bytes: [u8; POOL_BYTES],
        used: usize,
    }

    impl Pool {
        fn take<const N: usize>(&mut self) -> Result<[u8; N], LedgerError> {
            let none = || LedgerError::internal("the platform gives no random bytes");
            if POOL_BYTES.saturating_sub(self.used) < N {
                #[allow(clippy::disallowed_methods, reason = "the one place that may ask")]
                getrandom::fill(&mut self.bytes).map_err(|_| none())?;
                self.used = 0;
            }
            let taken = self
                .bytes
                .get(self.used..)
                .and_then(|rest| rest.first_chunk());
            self.used = self.used.saturating_add(N);
            taken.copied().ok_or_else(none)
        }
    }

    impl Default for SystemHost {
        fn default() -> Self {
            Self {
                pool: Mutex::new(Pool {
                    bytes: [0; POOL_BYTES],
                    used: POOL_BYTES,
                }),
            }
        }
    }

    impl Host for SystemHost {
        fn now(&self) -> Timestamp {
            #[allow(clippy::disallowed_methods, reason = "the one place that may ask")]
            let now = std::time::SystemTime::now();
            let since_1970 = now
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap_or_default();
            i64::try_from(since_1970.as_secs())
                .ok()
                .and_then(|s| Timestamp::from_unix(s, since_1970.subsec_nanos()).ok())
                .unwrap_or(Timestamp::MAX)
        }

        fn mint(&self, now: Timestamp) -> Result<Minted, LedgerError> {
            let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
            let unix_millis = u64::try_from(now.unix_millis()).unwrap_or(0);
            Ok(Minted {
                refund_id: RefundId::from_millis_and_random(unix_millis, &pool.take()?),
                salt: Salt(pool.take()?),
            })
        }
    }
}
