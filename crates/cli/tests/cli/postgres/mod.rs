//! A ledger on a PostgreSQL server: the same commands, and a server that is not as it should be.

mod moving;
mod naming;
mod same;
mod serving;

use std::sync::atomic::{AtomicU32, Ordering};

use postgres_cluster::{Cluster, PASSWORD};

use crate::harness::Place;

/// The server of these tests.
fn shared() -> &'static Cluster {
    postgres_cluster::shared().unwrap_or_else(|error| panic!("{error}"))
}

/// A URL where no ledger is yet: of a schema of its own.
fn new_url() -> String {
    static SCHEMAS: AtomicU32 = AtomicU32::new(1);
    let number = SCHEMAS.fetch_add(1, Ordering::Relaxed);
    format!("{}?schema=ledger_{number}", shared().url())
}

/// The URL as the command may show it.
fn shown(url: &str) -> String {
    let shown = url.replace(&format!(":{PASSWORD}"), "");
    assert_ne!(shown, url, "the URL has its password in it");
    shown
}

/// A place whose ledger is to be on the server.
fn new_place() -> Place {
    Place::on_server(&new_url())
}
