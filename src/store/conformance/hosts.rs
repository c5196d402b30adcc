//! Hosts whose times, ids and salts are known beforehand.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::decide::Minted;
use crate::error::LedgerError;
use crate::host::Host;
use crate::id::RefundId;
use crate::text::Salt;
use crate::time::Timestamp;

/// A host that counts: every command gets the next id and salt, every call the next second. Hosts
/// with different numbers never mint the same.
#[derive(Debug)]
pub struct CountingHost {
    number: u16,
    minted: AtomicU64,
    seconds: AtomicU64,
}

impl CountingHost {
    /// 2024-01-01T00:00:00Z.
    const START_SECONDS: i64 = 1_704_067_200;

    /// The host of this number.
    pub const fn new(number: u16) -> Self {
        Self {
            number,
            minted: AtomicU64::new(0),
            seconds: AtomicU64::new(0),
        }
    }

    /// What the host mints next.
    pub fn mint_next(&self) -> Minted {
        let count = self.minted.fetch_add(1, Ordering::Relaxed) + 1;
        let mut unique = [0; 10];
        let (number, counted) = unique.split_at_mut(2);
        number.copy_from_slice(&self.number.to_be_bytes());
        counted.copy_from_slice(&count.to_be_bytes());
        let mut salt = [0x5a; 16];
        salt[6..].copy_from_slice(&unique);
        let unix_millis = u64::try_from(Self::START_SECONDS).unwrap_or_default() * 1_000;
        Minted {
            refund_id: RefundId::from_millis_and_random(unix_millis, &unique),
            salt: Salt(salt),
        }
    }
}

impl Host for CountingHost {
    fn now(&self) -> Timestamp {
        let seconds = self.seconds.fetch_add(1, Ordering::Relaxed);
        i64::try_from(seconds)
            .ok()
            .and_then(|seconds| Self::START_SECONDS.checked_add(seconds))
            .and_then(|seconds| Timestamp::from_unix(seconds, 0).ok())
            .unwrap_or(Timestamp::MAX)
    }

    fn mint(&self, _: Timestamp) -> Result<Minted, LedgerError> {
        Ok(self.mint_next())
    }
}

/// A host that follows a script: one time, and one id and salt per command.
#[derive(Debug)]
pub struct ScriptedHost {
    now: Timestamp,
    minted: Mutex<VecDeque<Minted>>,
}

impl ScriptedHost {
    /// A host that answers with this time always, and with these ids and salts one by one.
    pub fn new(now: Timestamp, minted: impl IntoIterator<Item = Minted>) -> Self {
        Self {
            now,
            minted: Mutex::new(minted.into_iter().collect()),
        }
    }
}

impl Host for ScriptedHost {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn mint(&self, _: Timestamp) -> Result<Minted, LedgerError> {
        self.minted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
            .ok_or_else(|| LedgerError::internal("the script has no more ids"))
    }
}
