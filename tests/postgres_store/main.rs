//! The store on a PostgreSQL server as a ledger's home: shared by many, cut off, refused, and met with
//! what is not its own.
#![cfg(feature = "postgres")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test that fails should fail loudly, and these start processes and measure time"
)]

#[path = "../postgres_support/mod.rs"]
mod postgres_support;

mod deadlocks;
mod feed;
mod locks;
mod outcome;
mod processes;
mod roles;
mod time_limits;
mod versions;
