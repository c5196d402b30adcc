//! What the refund ledger costs beside tables and SQL written by hand.
//!
//! [`Ours`] is the ledger through its public interface, over a SQLite file or in memory. [`ByHand`] is
//! what somebody writes without it: plain rusqlite under the same file settings, with prepared
//! statements, doing the least that is correct. Both are a [`Contender`], so that the program
//! `refund-bench`, the benches of criterion and the tests run the same code, from the same input.
//!
//! By hand does this much: the caps with and without taxes are one conditional UPDATE of the movement, the
//! external id is a unique key in its org, the refund has its row, and an audit row holds the body as
//! JSON, all in one transaction.
//!
//! It does not do this:
//!
//! - a request that is repeated gets an error, not the first answer, and nothing tells whether it was
//!   the same request;
//! - amounts pass through floating point, of two decimals whatever the currency, and the tax is not
//!   checked against them;
//! - there is no hash chain, so nobody sees that a row was changed. Its `verify` only adds up the
//!   refunds of each movement, and compares with the sums that it keeps;
//! - there is no feed, no revision, no deletion, and no text can be erased;
//! - the content of a request is not checked: instants and ids are what the caller sends.
//!
//! It has no index for lists until [`Contender::serve_lists`] asks for them, so a measurement without lists
//! does not charge it for any.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a measurement reads the clock, and fails loudly: a figure of what failed is worth nothing"
)]

mod by_hand;
mod contender;
mod folder;
mod hand_request;
mod input;
mod measure;
mod ours;
mod program;
mod work;

pub use bench_row::{Better, Pair, Row, Verdict, median, print_rows};
pub use by_hand::{ByHand, HandCursor, HandListed};
pub use contender::{Contender, LIST_FROM, LIST_TO, ORG, PAGE};
pub use folder::Folder;
pub use hand_request::{
    HandAmount, HandBody, HandCommand, HandLine, HandMovement, HandRefund, HandTax, cents,
};
pub use input::{Input, LINES_PER_TRANSACTION, REFUNDS_PER_MOVEMENT, lines, write_lines};
pub use measure::{interleaved, timed};
pub use ours::Ours;
pub use program::{Ran, peak_memory_bytes, run};
pub use work::{batches, get_each, import, list_each, pages, singles, verify};
