//! Room for the module's memory to grow in.

use std::sync::atomic::{AtomicUsize, Ordering};

const PAGE_BYTES: usize = 64 * 1_024;

/// The pages that the memory had when room was made last.
static PAGES: AtomicUsize = AtomicUsize::new(0);

/// Grows the memory by a quarter wherever it has grown since the last call.
///
/// By itself the allocator grows it by a page or two at a time, and a JavaScript engine answers each
/// growth with a collection of garbage, which costs more than all that the ledger does.
pub(crate) fn make_room() {
    let pages = pages();
    if pages > PAGES.load(Ordering::Relaxed) {
        let room = pages.div_ceil(4).saturating_mul(PAGE_BYTES);
        let mut taken = Vec::<u8>::new();
        // Where there is no more, what is asked for next may still fit.
        let _grown = taken.try_reserve_exact(room);
        // It must not be left out as unused. What is freed stays with the allocator.
        drop(std::hint::black_box(taken));
        PAGES.store(self::pages(), Ordering::Relaxed);
    }
}

#[cfg(target_arch = "wasm32")]
fn pages() -> usize {
    core::arch::wasm32::memory_size(0)
}

#[cfg(not(target_arch = "wasm32"))]
fn pages() -> usize {
    0
}
