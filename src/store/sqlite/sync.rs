//! Locks, waiting, and how long it took, in the few forms that [groups](super::group) need of a library, so that
//! a scheduler's own can take their place (`crates/torture/src/race/groups/sync.rs`, which needs the mutexes).

use std::sync::PoisonError;
pub(super) use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// How long ago something was.
#[derive(Debug)]
pub(super) struct Since(Instant);

#[allow(
    clippy::disallowed_methods,
    reason = "several waits share one limit, and this store is never built where there is no clock"
)]
impl Since {
    pub(super) fn now() -> Self {
        Self(Instant::now())
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// What a lock guards is whole between any two statements, so a panic of its last holder spoils nothing.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for as long as something is so. The library's own loops end early where a lock is poisoned.
pub(super) fn wait<'m, T>(
    condvar: &Condvar,
    _: &'m Mutex<T>,
    mut guard: MutexGuard<'m, T>,
    mut is_so: impl FnMut(&mut T) -> bool,
) -> MutexGuard<'m, T> {
    while is_so(&mut guard) {
        let waited = condvar.wait(guard);
        guard = waited.unwrap_or_else(PoisonError::into_inner);
    }
    guard
}

/// Waits for as long as something is so, up to a limit.
pub(super) fn wait_up_to<'m, T>(
    condvar: &Condvar,
    _: &'m Mutex<T>,
    mut guard: MutexGuard<'m, T>,
    limit: Duration,
    mut is_so: impl FnMut(&mut T) -> bool,
) -> MutexGuard<'m, T> {
    let start = Since::now();
    while is_so(&mut guard) {
        let left = limit.saturating_sub(start.elapsed());
        if left.is_zero() {
            break;
        }
        let waited = condvar.wait_timeout(guard, left);
        guard = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
    guard
}
