//! What the ledger asks of the platform: the time and randomness. All of it is in this file.

use crate::decide::Minted;
use crate::error::LedgerError;
use crate::time::Timestamp;

/// The source of time, ids and salts. The bare core never asks the platform itself.
pub trait Host: Send + Sync {
    /// The time.
    fn now(&self) -> Timestamp;

    /// A fresh refund id and a fresh salt for one command.
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

    /// The platform's clock and its cryptographic randomness. Refund ids are version 7 UUIDs.
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
