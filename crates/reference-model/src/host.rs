//! A host without surprises.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use refund_ledger::{Host, LedgerError, Minted, RefundId, Salt, Timestamp};

/// A host whose clock moves only when told to, and whose ids and salts count up.
#[derive(Debug)]
pub struct StillHost {
    now: Mutex<Timestamp>,
    minted: AtomicU64,
}

impl StillHost {
    /// A host that has minted nothing yet.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now: Mutex::new(now),
            minted: AtomicU64::new(0),
        }
    }

    /// From now on the clock shows this.
    pub fn set(&self, now: Timestamp) {
        *self.clock() = now;
    }

    /// From now on the clock shows this, and ids and salts count on from there.
    pub fn go_on(&self, now: Timestamp, minted: u64) {
        self.set(now);
        self.minted.store(minted, Ordering::Relaxed);
    }

    /// What the n-th command is given.
    pub fn minted(now: Timestamp, n: u64) -> Minted {
        let mut random = [0; 10];
        random[2..].copy_from_slice(&n.to_be_bytes());
        let mut salt = [0xA5; 16];
        salt[8..].copy_from_slice(&n.to_be_bytes());
        Minted {
            refund_id: RefundId::from_millis_and_random(
                u64::try_from(now.unix_millis()).unwrap_or(0),
                &random,
            ),
            salt: Salt(salt),
        }
    }

    fn clock(&self) -> MutexGuard<'_, Timestamp> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host for StillHost {
    fn now(&self) -> Timestamp {
        *self.clock()
    }

    fn mint(&self, now: Timestamp) -> Result<Minted, LedgerError> {
        let n = self.minted.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Self::minted(now, n))
    }
}
