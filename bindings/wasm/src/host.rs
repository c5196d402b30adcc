//! What the ledger asks of the platform, by way of JavaScript: the time and randomness. All of it
//! is in this file.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use refund_ledger::{ErrorCode, Host, LedgerError, Minted, RefundId, Salt, Timestamp};
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = Date, js_name = now)]
    fn unix_millis() -> f64;

    #[wasm_bindgen(catch, js_namespace = crypto, js_name = getRandomValues)]
    fn fill_with_random(bytes: &mut [u8]) -> Result<(), wasm_bindgen::JsValue>;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many random bytes are drawn at once.
const POOL_BYTES: usize = 4_096;

/// What a refund id and a salt take of them.
const MINT_BYTES: usize = 26;

/// The platform's clock and randomness, or what the user gives in their place.
#[derive(Debug, Default)]
pub(crate) struct PlatformHost {
    now: Mutex<Option<Timestamp>>,
    given: Mutex<VecDeque<Minted>>,
    pool: Mutex<Vec<u8>>,
}

impl PlatformHost {
    /// Sets the time of the calls that follow; `None` is the platform's.
    pub(crate) fn set_now(&self, now: Option<Timestamp>) {
        *lock(&self.now) = now;
    }

    /// Gives what is minted next, before anything random.
    pub(crate) fn give(&self, minted: Minted) {
        lock(&self.given).push_back(minted);
    }

    /// Takes back what was given and not minted.
    pub(crate) fn take_back(&self) {
        lock(&self.given).clear();
    }

    fn random(&self) -> Result<[u8; MINT_BYTES], LedgerError> {
        let none = || LedgerError::new(ErrorCode::Internal, "the platform gives no random bytes");
        let mut pool = lock(&self.pool);
        if pool.len() < MINT_BYTES {
            *pool = vec![0; POOL_BYTES];
            if fill_with_random(&mut pool).is_err() {
                pool.clear();
                return Err(none());
            }
        }
        let at = pool.len().saturating_sub(MINT_BYTES);
        let taken = pool.split_off(at);
        taken.try_into().map_err(|_| none())
    }
}

impl Host for PlatformHost {
    fn now(&self) -> Timestamp {
        if let Some(now) = *lock(&self.now) {
            return now;
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "milliseconds since 1970 are whole, and far below 2^53"
        )]
        let millis = unix_millis() as i64;
        let nanos = u32::try_from(millis.rem_euclid(1_000)).unwrap_or(0);
        Timestamp::from_unix(millis.div_euclid(1_000), nanos.saturating_mul(1_000_000))
            .unwrap_or(Timestamp::MAX)
    }

    fn mint(&self, now: Timestamp) -> Result<Minted, LedgerError> {
        if let Some(given) = lock(&self.given).pop_front() {
            return Ok(given);
        }
        let random = self.random()?;
        let unix_millis = u64::try_from(now.unix_millis()).unwrap_or(0);
        let (mut id, mut salt) = ([0; 10], [0; 16]);
        let (for_id, for_salt) = random.split_at(id.len());
        id.copy_from_slice(for_id);
        salt.copy_from_slice(for_salt);
        Ok(Minted {
            refund_id: RefundId::from_millis_and_random(unix_millis, &id),
            salt: Salt(salt),
        })
    }
}

/// A host that tells every run of an operation the same.
#[derive(Debug)]
pub(crate) struct RememberedHost {
    source: Arc<PlatformHost>,
    now: Timestamp,
    minted: Mutex<Vec<Minted>>,
    next: Mutex<usize>,
}

impl RememberedHost {
    pub(crate) fn new(source: Arc<PlatformHost>) -> Self {
        Self {
            now: source.now(),
            source,
            minted: Mutex::default(),
            next: Mutex::default(),
        }
    }

    /// Goes back to the first, for another run.
    pub(crate) fn rewind(&self) {
        *lock(&self.next) = 0;
    }
}

impl Host for RememberedHost {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn mint(&self, now: Timestamp) -> Result<Minted, LedgerError> {
        let (mut next, mut minted) = (lock(&self.next), lock(&self.minted));
        if minted.len() == *next {
            minted.push(self.source.mint(now)?);
        }
        let answer = minted.get(*next).copied();
        *next = next.saturating_add(1);
        answer.ok_or_else(|| LedgerError::new(ErrorCode::Internal, "nothing was minted"))
    }
}
