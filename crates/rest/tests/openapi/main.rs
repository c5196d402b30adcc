//! The OpenAPI document is complete, and says what the code does: neither more nor less.
//!
//! After a change that is meant: `UPDATE_GOLDEN=1 cargo test -p refund-rest --test openapi`, then
//! read the diff of `openapi.json`.
#![cfg(feature = "openapi")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "tests fail by panicking, and their tables of cases are long"
)]

mod check;
mod document;
mod examples;
mod parameters;
mod replies;
mod requests;
mod samples;
mod support;
