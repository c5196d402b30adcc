//! Connections that are encrypted, to a server that proves who it is.

mod common;

use common::psql;
use postgres_cluster::{Cluster, shared};

#[test]
fn a_server_with_tls_proves_who_it_is_and_takes_no_plain_connection() {
    let cluster = Cluster::builder().fsync(false).tls().start().unwrap();
    let stranger = Cluster::builder().fsync(false).tls().start().unwrap();
    let verified = |by: &Cluster, host: &str| {
        let authority = by.ca_certificate().unwrap();
        psql(
            &format!(
                "{}?sslmode=verify-full&sslrootcert={}",
                cluster.url().replace("127.0.0.1", host),
                authority.display()
            ),
            "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
        )
    };
    assert_eq!(verified(&cluster, "127.0.0.1").unwrap(), "t");
    assert_eq!(verified(&cluster, "localhost").unwrap(), "t");
    let error = verified(&stranger, "127.0.0.1").unwrap_err();
    assert!(error.contains("certificate verify failed"), "{error}");

    let plain = format!("{}?sslmode=disable", cluster.url());
    let error = psql(&plain, "SELECT 1").unwrap_err();
    assert!(error.contains("no encryption"), "{error}");
}

#[test]
fn a_server_without_tls_has_no_authority() {
    let cluster = shared().unwrap();
    assert_eq!(cluster.ca_certificate(), None);
    let encrypted = format!("{}?sslmode=require", cluster.url());
    let error = psql(&encrypted, "SELECT 1").unwrap_err();
    assert!(error.contains("does not support SSL"), "{error}");
}
