#![allow(
    clippy::disallowed_methods,
    reason = "tests of time limits measure the time"
)]

use std::net::TcpListener;
use std::time::{Duration, Instant};

use postgres_cluster::{Cluster, PASSWORD};
use tokio_postgres::error::SqlState;

use super::{connect, encrypts};
use crate::store::StoreError;
use crate::store::postgres::errors::Fault;
use crate::store::postgres::options::PostgresOptions;
use crate::store::postgres::session::Session;

/// Longer than any server needs that is there.
const ENOUGH: Duration = Duration::from_secs(30);

/// What an answer may come later than its limit, on a busy machine.
const LATE: Duration = Duration::from_secs(2);

fn shared() -> &'static Cluster {
    postgres_cluster::shared().expect("a server starts")
}

fn connected(url: &str) -> Session {
    match attempt(url, ENOUGH) {
        Ok(session) => session,
        Err(error) => panic!("`{url}` should be connected to: {error}"),
    }
}

fn attempt(url: &str, limit: Duration) -> Result<Session, StoreError> {
    let options = PostgresOptions::new(url).expect("the URL is one");
    connect(&options, Instant::now() + limit).map_err(|fault| fault.at(&options, false))
}

/// Why no server can be used.
fn unavailable(url: &str) -> String {
    match attempt(url, ENOUGH) {
        Err(StoreError::Unavailable { reason }) => {
            assert!(!reason.contains(PASSWORD), "the password shows: {reason}");
            reason
        }
        Err(other) => panic!("`{url}` should be unavailable, not {other:?}"),
        Ok(_) => panic!("`{url}` should be unavailable, and was connected to"),
    }
}

/// What a server answers to a query of one text.
fn ask(session: &mut Session, sql: &str) -> String {
    session
        .run(Instant::now() + ENOUGH, async |link| {
            let row = link.client().query_one(sql, &[]).await?;
            Ok(row.try_get::<_, String>(0)?)
        })
        .expect("the server answers")
}

/// A port on which nobody listens.
fn dead_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn a_server_is_reached_over_tcp_and_over_its_socket() {
    for url in [shared().url(), shared().socket_url()] {
        let mut session = connected(&url);
        assert!(session.is_open());
        assert_eq!(ask(&mut session, "SELECT current_user::text"), "postgres");
        assert!(session.is_open());
        session.close();
    }
}

#[test]
fn a_session_is_set_up() {
    let url = format!(
        "{}?schema=my%20%22own%22&options=-c%20statement_timeout%3D1s%20-c%20lock_timeout%3D1s\
         %20-c%20synchronous_commit%3Doff",
        shared().url()
    );
    let mut session = connected(&url);
    for (setting, expected) in [
        ("search_path", "\"my \"\"own\"\"\""),
        ("statement_timeout", "0"),
        ("lock_timeout", "0"),
        ("idle_in_transaction_session_timeout", "1min"),
        ("synchronous_commit", "on"),
        ("application_name", "refund-ledger"),
        ("client_connection_check_interval", "1s"),
    ] {
        let found = ask(
            &mut session,
            &format!("SELECT current_setting('{setting}')"),
        );
        assert_eq!(found, expected, "{setting}");
    }
}

#[test]
fn only_a_commit_that_reaches_no_disk_is_raised() {
    let url = format!(
        "{}?options=-c%20synchronous_commit%3Dremote_apply&application_name=till",
        shared().url()
    );
    let mut session = connected(&url);
    assert_eq!(ask(&mut session, "SHOW synchronous_commit"), "remote_apply");
    assert_eq!(ask(&mut session, "SHOW application_name"), "till");
}

#[test]
fn a_server_that_refuses_says_what_to_do() {
    let server = shared();
    let port = server.port();
    let reason = unavailable(&format!(
        "postgres://postgres:wrong@127.0.0.1:{port}/postgres"
    ));
    assert!(reason.contains("the password is wrong"), "{reason}");
    assert!(reason.contains("28P01"), "{reason}");
    assert!(
        reason.starts_with(&format!("postgres://postgres@127.0.0.1:{port}/postgres: ")),
        "{reason}"
    );
    let reason = unavailable(&format!(
        "postgres://nobody:{PASSWORD}@127.0.0.1:{port}/postgres"
    ));
    assert!(
        reason.contains("the password is wrong, or the user has none"),
        "{reason}"
    );
    let reason = unavailable(&format!("postgres://postgres@127.0.0.1:{port}/postgres"));
    assert!(reason.contains("it asks for a password"), "{reason}");
    let reason = unavailable(&server.url_of("nowhere"));
    assert!(reason.contains("no such database: create it"), "{reason}");
}

#[test]
fn a_host_that_nobody_is_let_in_from_is_named() {
    let server = Cluster::builder().fsync(false).start().unwrap();
    let file = server.folder().join("data/pg_hba.conf");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("host ", "#host ")).unwrap();
    server.query("SELECT pg_reload_conf()").unwrap();
    // The postmaster reads the file when it gets to it.
    let start = Instant::now();
    let reason = loop {
        match attempt(&server.url(), ENOUGH) {
            Err(error) => break error.to_string(),
            Ok(_) => assert!(start.elapsed() < ENOUGH, "the server should refuse by now"),
        }
    };
    assert!(reason.contains("(see its pg_hba.conf)"), "{reason}");
}

#[test]
fn a_server_without_a_connection_left_is_unavailable() {
    let server = Cluster::builder()
        .fsync(false)
        .setting("max_connections", "2")
        .setting("superuser_reserved_connections", "0")
        .setting("max_wal_senders", "0")
        .start()
        .unwrap();
    let _first = connected(&server.url());
    let _second = connected(&server.url());
    let reason = unavailable(&server.url());
    assert!(reason.contains("it has no connection left"), "{reason}");
    assert!(reason.contains("53300"), "{reason}");
}

#[test]
fn a_database_of_another_encoding_is_refused() {
    let server = shared();
    server
        .execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
        .unwrap();
    match attempt(&server.url_of("latin"), ENOUGH) {
        Err(StoreError::Unsupported { reason }) => {
            assert!(reason.contains("`LATIN1`: create one"), "{reason}");
        }
        Err(other) => panic!("should be unsupported: {other:?}"),
        Ok(_) => panic!("the database should be refused"),
    }
}

#[test]
fn a_dead_host_is_passed_over() {
    let live = shared().port();
    let dead = dead_port();
    let url = format!("postgres://postgres:{PASSWORD}@127.0.0.1:{dead},127.0.0.1:{live}/postgres");
    let mut session = connected(&url);
    assert_eq!(ask(&mut session, "SHOW port"), live.to_string());
}

#[test]
fn hosts_that_all_fail_are_each_named_with_their_reason() {
    let (one, other) = (dead_port(), dead_port());
    let reason = unavailable(&format!(
        "postgres://ann@127.0.0.1:{one},127.0.0.1:{other},nowhere.invalid/x?\
         host=127.0.0.1,127.0.0.1,nowhere.invalid,/nowhere&port={one},{other},7,8"
    ));
    assert!(
        reason.contains(&format!(
            "/x: 127.0.0.1:{one}: connection refused; 127.0.0.1:{other}: connection refused; \
             nowhere.invalid:7: its name can't be resolved: "
        )),
        "{reason}"
    );
    assert!(
        reason.contains("; %2Fnowhere:8: No such file or directory"),
        "{reason}"
    );
}

#[test]
fn a_server_that_is_read_only_is_passed_over_where_it_must_be_written_to() {
    let read_only = Cluster::builder()
        .fsync(false)
        .setting("default_transaction_read_only", "on")
        .start()
        .unwrap();
    let (first, second) = (read_only.port(), shared().port());
    let both =
        format!("postgres://postgres:{PASSWORD}@127.0.0.1:{first},127.0.0.1:{second}/postgres");
    assert_eq!(ask(&mut connected(&both), "SHOW port"), second.to_string());
    let any = format!("{both}?target_session_attrs=any");
    assert_eq!(ask(&mut connected(&any), "SHOW port"), first.to_string());
    connected(&read_only.url());
    let reason = unavailable(&format!(
        "{}?target_session_attrs=read-write",
        read_only.url()
    ));
    assert!(reason.contains("/postgres: it is read-only"), "{reason}");
}

#[test]
fn a_server_that_hangs_is_given_up_within_the_limit() {
    let server = Cluster::builder().fsync(false).start().unwrap();
    let limit = Duration::from_millis(700);
    server.pause().unwrap();
    for url in [server.url(), server.socket_url()] {
        let start = Instant::now();
        match attempt(&url, limit) {
            Err(StoreError::Unavailable { reason }) => {
                assert!(reason.ends_with("no answer in time"), "{reason}");
            }
            Err(other) => panic!("should be unavailable: {other:?}"),
            Ok(_) => panic!("nobody should answer"),
        }
        let took = start.elapsed();
        assert!(took >= limit && took < limit + LATE, "took {took:?}");
    }
    // One that does not hang still has its share of the time.
    let (hanging, live) = (server.port(), shared().port());
    let url =
        format!("postgres://postgres:{PASSWORD}@127.0.0.1:{hanging},127.0.0.1:{live}/postgres");
    let mut session = attempt(&url, Duration::from_secs(4)).expect("the second is there");
    assert_eq!(ask(&mut session, "SHOW port"), live.to_string());
    // And one address may have a limit of its own.
    let start = Instant::now();
    let limited = format!("{}?connect_timeout=1", server.url());
    assert!(unavailable(&limited).ends_with("no answer in time"));
    assert!(start.elapsed() < Duration::from_secs(1) + LATE);
    server.resume().unwrap();
    connected(&server.url());
}

#[test]
fn somebody_else_on_the_port_is_no_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            use std::io::Write;
            let _ = stream
                .unwrap()
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    for query in ["", "?sslmode=require"] {
        let reason = unavailable(&format!("postgres://ann@127.0.0.1:{port}/x{query}"));
        assert!(reason.starts_with("postgres://ann@127.0.0.1:"), "{reason}");
    }
}

mod tls {
    use super::*;

    fn with(server: &Cluster, host: &str, query: &str) -> String {
        format!(
            "postgres://postgres:{PASSWORD}@{host}:{}/postgres?{query}",
            server.port()
        )
    }

    const VERSION: &str = "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

    #[test]
    fn a_server_is_verified() {
        let server = Cluster::builder().fsync(false).tls().start().unwrap();
        let older = Cluster::builder()
            .fsync(false)
            .tls()
            .setting("ssl_max_protocol_version", "TLSv1.2")
            .start()
            .unwrap();
        let [authority, stranger] = [&server, &older].map(|cluster| {
            let path = cluster.ca_certificate().expect("it has TLS");
            path.to_str().unwrap().to_owned()
        });
        let query = format!("sslmode=require&sslrootcert={stranger}");
        let mut session = connected(&with(&older, "localhost", &query));
        assert_eq!(ask(&mut session, VERSION), "TLSv1.2");
        for (mode, host) in [
            ("require", "localhost"),
            ("verify-full", "localhost"),
            ("verify-full", "127.0.0.1"),
        ] {
            let query = format!("sslmode={mode}&sslrootcert={authority}");
            let mut session = connected(&with(&server, host, &query));
            assert_eq!(ask(&mut session, VERSION), "TLSv1.3");
            // More than one record in both directions.
            let long = "x".repeat(100_000);
            let echo = ask(
                &mut session,
                &format!("SELECT '{long}' || repeat('y', 100000)"),
            );
            assert_eq!(echo.len(), 200_000);
            session.close();
        }

        let query = format!("sslmode=require&sslrootcert={stranger}");
        let reason = unavailable(&with(&server, "localhost", &query));
        assert!(
            reason.contains("not signed by an authority that is trusted"),
            "{reason}"
        );
        let reason = unavailable(&with(&server, "localhost", "sslmode=require"));
        assert!(
            reason.contains("not signed by an authority that is trusted")
                || reason.contains("the system has no certificates"),
            "{reason}"
        );
        let query =
            format!("sslmode=require&sslrootcert={authority}&host=db.example&hostaddr=127.0.0.1");
        let reason = unavailable(&with(&server, "x", &query));
        assert!(
            reason.contains("its certificate is for another name"),
            "{reason}"
        );
        let query = format!("sslrootcert={authority}&hostaddr=127.0.0.1");
        let reason = unavailable(&with(&server, "x", &format!("{query}&sslmode=disable")));
        assert!(reason.contains("pg_hba.conf"), "{reason}");
    }

    #[test]
    fn what_leaves_this_machine_is_encrypted_unless_it_is_told_not_to_be() {
        for (host, query, expected) in [
            ("db.example", "", true),
            ("db.example", "?sslmode=require", true),
            ("db.example", "?sslmode=disable", false),
            ("localhost", "", false),
            ("localhost", "?sslmode=verify-full", true),
        ] {
            let options = PostgresOptions::new(&format!("postgres://ann@{host}/x{query}")).unwrap();
            assert_eq!(
                encrypts(&options.hosts[0], &options),
                expected,
                "{host}{query}"
            );
        }
    }

    #[test]
    fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
        let server = shared();
        for query in ["sslmode=require", "sslmode=verify-full"] {
            let url = with(server, "127.0.0.1", query);
            match attempt(&url, ENOUGH) {
                Err(StoreError::Unavailable { reason }) => {
                    assert!(reason.contains("it offers no TLS"), "{reason}");
                }
                // A machine that trusts nobody at all.
                Err(StoreError::Unsupported { reason }) => {
                    assert!(
                        reason.contains("the system has no certificates"),
                        "{reason}"
                    );
                }
                Err(other) => panic!("should be unavailable: {other:?}"),
                Ok(_) => panic!("nothing should be sent in the clear"),
            }
        }
    }

    #[test]
    fn authorities_come_from_a_file_that_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let query = format!("sslmode=require&sslrootcert={}", file.display());
        let url = with(shared(), "localhost", &query);
        for (text, expected) in [
            (None, "`sslrootcert` can't be read: "),
            (Some(""), "`sslrootcert` holds no certificate: "),
            (
                Some("-----BEGIN CERTIFICATE-----\n"),
                "`sslrootcert` is no PEM file: ",
            ),
        ] {
            if let Some(text) = text {
                std::fs::write(&file, text).unwrap();
            }
            match attempt(&url, ENOUGH) {
                Err(StoreError::Unsupported { reason }) => {
                    assert!(reason.contains(expected), "{reason}");
                }
                Err(other) => panic!("should be unsupported: {other:?}"),
                Ok(_) => panic!("nobody is trusted"),
            }
        }
    }
}

#[test]
fn what_the_server_says_as_it_ends_is_passed_on() {
    let server = Cluster::builder().fsync(false).start().unwrap();
    let mut session = connected(&server.url());
    server.stop().unwrap();
    let outcome = session.run(Instant::now() + ENOUGH, async |link| {
        Ok(link.client().batch_execute("SELECT 1").await?)
    });
    match outcome {
        Err(fault @ Fault::Postgres(_)) => {
            assert_eq!(fault.state(), Some(&SqlState::ADMIN_SHUTDOWN));
        }
        other => panic!("the server should say that it shuts down: {other:?}"),
    }
    assert!(!session.is_open());
}
