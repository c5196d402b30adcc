//! What is timed: the same for both sides, in seconds.

use std::hint::black_box;
use std::path::Path;

use crate::contender::{Contender, PAGE};
use crate::measure::timed;

/// One transaction for each request.
pub fn singles<C: Contender>(contender: &mut C, requests: &[C::Request]) -> f64 {
    timed(|| {
        for request in requests {
            contender.execute(request).unwrap();
        }
    })
}

/// One transaction for so many requests each time.
pub fn batches<C: Contender>(contender: &mut C, requests: &[C::Request], size: usize) -> f64 {
    timed(|| {
        for some in requests.chunks(size) {
            contender.execute_all(some).unwrap();
        }
    })
}

/// An import into a new ledger, from when it is opened until it is closed.
pub fn import<C: Contender>(path: &Path, lines: &Path) -> f64 {
    timed(|| C::open(path).import(lines))
}

/// The refunds of each of some movements; they have `each`, or more where some were booked since.
pub fn list_each<C: Contender>(contender: &mut C, movements: &[C::Key], each: usize) -> f64 {
    timed(|| {
        for movement in movements {
            assert!(
                contender.refunds_of(movement).len() >= each,
                "all are listed"
            );
        }
    })
}

/// So many pages of the org's list, each where the one before ended, and from the start again at its end.
pub fn pages<C: Contender>(contender: &mut C, count: usize) -> f64 {
    let mut after = None;
    timed(|| {
        for _ in 0..count {
            let (refunds, next) = contender.page(after.take());
            assert!(next.is_none() || refunds.len() == PAGE, "a page is full");
            black_box(&refunds);
            after = next;
        }
    })
}

/// One refund at a time, by the key of its movement and its id.
pub fn get_each<C: Contender>(contender: &mut C, refunds: &[(C::Key, C::Id)]) -> f64 {
    timed(|| {
        for (movement, id) in refunds {
            black_box(contender.refund(movement, *id));
        }
    })
}

/// The whole ledger, as far as the side can tell.
pub fn verify<C: Contender>(contender: &mut C) -> f64 {
    timed(|| assert!(contender.verify(), "it is consistent"))
}
