//! The ledger on PostgreSQL beside cala-ledger, on one server and from the same lines of JSON.
//!
//! What each of both guarantees, and what not, stands in `docs/peers.md`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a measurement reads the clock, and fails loudly: a figure of what failed is worth nothing"
)]

mod cala;
mod input;
// That of `refund-bench`, which can't be a dependency: it brings SQLite, and so does what cala-ledger locks.
#[path = "../../crates/bench/src/measure.rs"]
pub mod measure;
mod ours;

pub use cala::{Cala, Cap, Posting};
pub use input::{AMOUNT_IN_CENTS, MOVEMENT_IN_CENTS, movement_line, refund_line};
pub use ours::Ours;
