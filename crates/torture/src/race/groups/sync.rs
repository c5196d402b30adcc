//! What the ledger's code locks and waits with, as the scheduler sees it. There is no time here: waiting up to
//! a limit ends after some turns of others, and without one it needs somebody who wakes whoever waits.

use std::cell::Cell;
use std::sync::PoisonError;
use std::time::Duration;

pub(super) use shuttle::sync::{Condvar, Mutex, MutexGuard};
use shuttle::thread;

/// How many turns a limit is.
const TURNS: usize = 12;

shuttle::thread_local! {
    static IS_HURRIED: Cell<bool> = Cell::new(false);
}

/// How long ago something was: nothing here depends on it.
#[derive(Debug)]
pub(super) struct Since;

impl Since {
    pub(super) fn now() -> Self {
        Self
    }

    #[allow(clippy::unused_self, reason = "as where there is time")]
    pub(super) fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

/// For a planted bug: whoever calls it goes on the next time that he should wait.
pub(super) fn hurry() {
    IS_HURRIED.with(|is_hurried| is_hurried.set(true));
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn wait<'m, T>(
    condvar: &Condvar,
    _: &'m Mutex<T>,
    mut guard: MutexGuard<'m, T>,
    mut is_so: impl FnMut(&mut T) -> bool,
) -> MutexGuard<'m, T> {
    if IS_HURRIED.with(|is_hurried| is_hurried.replace(false)) {
        return guard;
    }
    while is_so(&mut guard) {
        let waited = condvar.wait(guard);
        guard = waited.unwrap_or_else(PoisonError::into_inner);
    }
    guard
}

pub(super) fn wait_up_to<'m, T>(
    condvar: &Condvar,
    mutex: &'m Mutex<T>,
    mut guard: MutexGuard<'m, T>,
    limit: Duration,
    mut is_so: impl FnMut(&mut T) -> bool,
) -> MutexGuard<'m, T> {
    if limit == Duration::MAX {
        return wait(condvar, mutex, guard, is_so);
    }
    for _ in 0..TURNS {
        if !is_so(&mut guard) {
            break;
        }
        drop(guard);
        thread::yield_now();
        guard = lock(mutex);
    }
    guard
}
