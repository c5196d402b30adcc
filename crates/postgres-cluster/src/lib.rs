//! Private PostgreSQL servers for the project's own tests and benches.
//!
//! ```
//! use postgres_cluster::Cluster;
//!
//! let cluster = Cluster::builder().fsync(false).start()?;
//! assert_eq!(cluster.query("SELECT 6 * 7")?, "42");
//! # Ok::<(), postgres_cluster::Error>(())
//! ```
//!
//! A [`Cluster`] lives in a temporary folder, listens on a port of `127.0.0.1` and on a socket in the
//! folder, and can be stopped, killed, paused, and followed by a standby. Neither its processes nor its
//! folder outlive the test process, however that ends. Tests that only need some server use
//! [`shared()`], each with a database of its own.
//!
//! The crate speaks no SQL: it runs PostgreSQL's own programs, on Unix, and as another user if it is
//! run by root, whom PostgreSQL refuses. `cargo xtask test` installs what is needed.

#![allow(
    clippy::disallowed_methods,
    reason = "for tests only: it runs programs, waits for them, and reads the environment"
)]

mod account;
mod builder;
mod cluster;
mod error;
mod guard;
mod port;
mod programs;
mod proxy;
mod run;
mod standby;
mod tls;

use std::sync::OnceLock;

pub use builder::Builder;
pub use cluster::{Cluster, PASSWORD};
pub use error::Error;
pub use programs::{PACKAGES, Programs};
pub use proxy::{Cut, Fate, Proxy, Way};

/// The one server of this process for all that need no server of their own. It is started by the
/// first call, without `fsync` and for 200 connections, and ends with the process. Give each test a
/// database ([`Cluster::create_database`]) or a schema.
///
/// # Errors
/// If PostgreSQL is not installed, or the server does not start; each call says so.
pub fn shared() -> Result<&'static Cluster, &'static Error> {
    static SHARED: OnceLock<Result<Cluster, Error>> = OnceLock::new();
    SHARED
        .get_or_init(|| {
            Cluster::builder()
                .fsync(false)
                .setting("max_connections", "200")
                .start()
        })
        .as_ref()
}
