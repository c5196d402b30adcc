//! The PostgreSQL store where its servers are gone, hang, refuse, or are not those that they should
//! be: each time a clear error within the time limit, and calls that go on once the server does.
#![cfg(feature = "postgres")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that fails should fail loudly, and tests of time limits measure the time"
)]

use std::net::TcpListener;
use std::ops::ControlFlow;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use postgres_cluster::{Cluster, PASSWORD};
use refund_ledger::store::postgres::{PostgresOptions, PostgresStore};
use refund_ledger::store::{ReadSet, ScanRange, Store, StoreError};
use refund_ledger::{AmountRequest, ErrorCode, Ledger, MovementKey, MovementRequest};

/// Longer than any server needs that is there.
const ENOUGH: Duration = Duration::from_secs(30);

/// What an answer may come later than its limit, on a busy machine.
const LATE: Duration = Duration::from_secs(2);

fn server() -> Cluster {
    Cluster::builder().fsync(false).start().unwrap()
}

fn shared() -> &'static Cluster {
    postgres_cluster::shared().unwrap()
}

/// Options for a ledger in a schema of its own.
fn options(url: &str, schema: &str) -> PostgresOptions {
    PostgresOptions::new(url)
        .unwrap()
        .with_schema(schema)
        .unwrap()
        .with_time_limit(ENOUGH)
}

/// The URL of these servers together, in this order.
fn url_of(servers: &[u16], query: &str) -> String {
    let hosts: Vec<String> = servers
        .iter()
        .map(|port| format!("127.0.0.1:{port}"))
        .collect();
    format!(
        "postgres://postgres:{PASSWORD}@{}/postgres{query}",
        hosts.join(",")
    )
}

/// A port on which nobody listens.
fn dead_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn key(name: &str) -> MovementKey {
    MovementKey::new("acme", "sub-7", name).unwrap()
}

fn record(store: &Arc<PostgresStore>, name: &str) -> Result<(), refund_ledger::LedgerError> {
    let ledger = Ledger::with_system_host(store.clone());
    let amount = AmountRequest::new(Some("121".parse().unwrap()), None).unwrap();
    ledger
        .record_movement(
            &key(name),
            &MovementRequest {
                currency: "EUR".parse().unwrap(),
                occurred_at: "2022-02-01T00:00:00Z".parse().unwrap(),
                amount,
                description: "February".parse().unwrap(),
            },
        )
        .map(drop)
}

fn load(store: &dyn Store) -> Result<(), StoreError> {
    let mut wanted = ReadSet::default();
    wanted.want_movement(key("mov-1"));
    store.load(&wanted).map(drop)
}

/// Why a store can't be opened, and that it is said within its limit and without the password.
fn refusal(options: &PostgresOptions, limit: Duration) -> StoreError {
    let start = Instant::now();
    let error = match PostgresStore::open(&options.clone().with_time_limit(limit)) {
        Err(error) => error,
        Ok(store) => panic!("should not be opened: {store:?}"),
    };
    let took = start.elapsed();
    assert!(took < limit + LATE, "{error} took {took:?}");
    let text = format!("{error} {error:?} {options} {options:?}");
    assert!(!text.contains(PASSWORD), "the password shows: {text}");
    error
}

fn unavailable(error: &StoreError) -> &str {
    match error {
        StoreError::Unavailable { reason } => reason,
        other => panic!("should be unavailable: {other:?}"),
    }
}

#[test]
fn a_wrong_url_user_or_database_is_said() {
    let port = shared().port();
    for (url, expected) in [
        (
            format!("postgres://postgres:wrong@127.0.0.1:{port}/postgres"),
            "the password is wrong",
        ),
        (
            format!("postgres://stranger:{PASSWORD}@127.0.0.1:{port}/postgres"),
            "the password is wrong, or the user has none",
        ),
        (
            format!("postgres://postgres:{PASSWORD}@127.0.0.1:{port}/nowhere"),
            "there is no such database",
        ),
        (url_of(&[dead_port()], ""), "connection refused"),
        (
            format!("postgres://postgres:{PASSWORD}@nowhere.invalid/postgres"),
            "its name can't be resolved",
        ),
    ] {
        let error = refusal(&options(&url, "wrong"), ENOUGH);
        let reason = unavailable(&error);
        assert!(reason.contains(expected), "{reason}");
        let over_http = refund_ledger::LedgerError::from(error);
        assert_eq!(over_http.code(), ErrorCode::StoreUnavailable);
        assert!(
            !over_http.message().contains("postgres"),
            "{}",
            over_http.message()
        );
    }
}

#[test]
fn a_store_shows_its_server_and_not_the_password() {
    let store = PostgresStore::open(&options(&shared().url(), "shown")).unwrap();
    let text = format!("{store:?}");
    assert!(text.contains("postgres://postgres@127.0.0.1:"), "{text}");
    assert!(text.contains("?schema=shown"), "{text}");
    assert!(!text.contains(PASSWORD), "{text}");
}

#[test]
fn tables_of_somebody_else_are_refused_by_name() {
    let server = shared();
    server
        .execute("CREATE SCHEMA foreigners; CREATE TABLE foreigners.ledger (colour text)")
        .unwrap();
    let options = options(&server.url(), "foreigners");
    match refusal(&options, ENOUGH) {
        StoreError::Unsupported { reason } => {
            assert!(reason.starts_with(&format!("{options}: ")), "{reason}");
        }
        other => panic!("should be unsupported: {other:?}"),
    }
    match PostgresStore::open_existing(&options.with_schema("nobody").unwrap()) {
        Err(StoreError::Unsupported { reason }) => {
            assert!(
                reason.contains("?schema=nobody: there is no ledger"),
                "{reason}"
            );
        }
        other => panic!("should be unsupported: {other:?}"),
    }
}

#[test]
fn the_primary_is_found_among_several() {
    let primary = server();
    let standby = primary.standby("second").unwrap();
    let (first, second) = (standby.port(), primary.port());

    // The standby and a dead one come first, and the primary is written to.
    let all = url_of(&[dead_port(), first, second], "");
    let store = Arc::new(PostgresStore::open(&options(&all, "eu")).unwrap());
    record(&store, "mov-1").unwrap();

    // Without it nobody is written to, and each one's reason is said.
    let neither = url_of(&[dead_port(), first], "");
    let error = refusal(&options(&neither, "eu"), ENOUGH);
    let reason = unavailable(&error);
    assert!(
        reason.contains("connection refused; 127.0.0.1:")
            && reason.ends_with(&format!("{first}: it is read-only")),
        "{reason}"
    );

    // A standby can be read from, and says so where it is to be written to.
    let reading = url_of(&[first], "?target_session_attrs=any");
    let reader = Arc::new(loop {
        // What is written arrives there when it does.
        match PostgresStore::open_existing(&options(&reading, "eu")) {
            Ok(store) => break store,
            Err(StoreError::Unsupported { .. }) => {}
            Err(error) => panic!("the standby should be read from: {error}"),
        }
    });
    load(&reader).unwrap();
    let error = record(&reader, "mov-2").unwrap_err();
    assert_eq!(error.code(), ErrorCode::StoreUnavailable);
    let reason = unavailable(error.store_error().unwrap());
    assert!(
        reason.contains("it is read-only, perhaps a standby"),
        "{reason}"
    );

    // Once the standby has taken over, the same store writes to it.
    primary.kill().unwrap();
    standby.promote().unwrap();
    record(&store, "mov-3").unwrap();
}

#[test]
fn a_server_that_hangs_answers_within_the_limit() {
    let server = server();
    let store = PostgresStore::open(&options(&server.url(), "hanging")).unwrap();
    let limit = Duration::from_millis(500);
    let hasty = store.with_time_limit(limit).unwrap();
    load(&*hasty).unwrap();
    server.pause().unwrap();
    // Over the connection that is there, then over one that can't be made.
    for _ in 0..2 {
        let start = Instant::now();
        let error = load(&*hasty).unwrap_err();
        let took = start.elapsed();
        assert!(took >= limit && took < limit + LATE, "took {took:?}");
        unavailable(&error);
    }
    let error = refusal(&options(&server.url(), "hanging"), limit);
    assert!(unavailable(&error).contains("no answer in time"), "{error}");
    server.resume().unwrap();
    load(&store).unwrap();
}

#[test]
fn connections_that_are_all_in_use_make_a_call_busy() {
    let options = options(&shared().url(), "used").with_connections_max(1);
    let store = Arc::new(PostgresStore::open(&options).unwrap());
    record(&store, "mov-1").unwrap();
    let limit = Duration::from_millis(300);
    let hasty = store.with_time_limit(limit).unwrap();
    let (visiting, is_visiting) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let scan = scope.spawn(|| {
            let go_on = may_go_on;
            store.scan(&ScanRange::default(), &mut |_| {
                visiting.send(()).unwrap();
                go_on.recv().unwrap();
                ControlFlow::Break(())
            })
        });
        is_visiting.recv().unwrap();
        let start = Instant::now();
        assert_eq!(load(&*hasty), Err(StoreError::Busy));
        let took = start.elapsed();
        assert!(took >= limit && took < limit + LATE, "took {took:?}");
        go_on.send(()).unwrap();
        scan.join().unwrap().unwrap();
    });
    load(&*hasty).unwrap();
}

#[test]
fn calls_go_on_after_a_restart_and_after_a_crash() {
    let server = server();
    let store = Arc::new(PostgresStore::open(&options(&server.url(), "restarted")).unwrap());
    record(&store, "mov-1").unwrap();
    server.restart().unwrap();
    record(&store, "mov-2").unwrap();
    server.kill().unwrap();
    let error = record(&store, "mov-3").unwrap_err();
    assert_eq!(error.code(), ErrorCode::StoreUnavailable);
    server.restart().unwrap();
    record(&store, "mov-3").unwrap();
    assert_eq!(store.journal(0, 500).unwrap().len(), 3);
}

#[test]
fn a_server_is_verified_before_anything_is_sent() {
    let server = Cluster::builder().fsync(false).tls().start().unwrap();
    let authority = server.ca_certificate().unwrap();
    let url = |host: &str, mode: &str, roots: &str| {
        format!(
            "postgres://postgres:{PASSWORD}@{host}:{}/postgres?sslmode={mode}&sslrootcert={roots}",
            server.port()
        )
    };
    let trusted = authority.to_str().unwrap();
    for mode in ["require", "verify-full"] {
        let store =
            PostgresStore::open(&options(&url("localhost", mode, trusted), "safe")).unwrap();
        load(&store).unwrap();
    }
    let sessions = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                    WHERE client_port > 0";
    let store =
        PostgresStore::open(&options(&url("127.0.0.1", "require", trusted), "safe")).unwrap();
    assert_eq!(server.query(sessions).unwrap(), "t");
    drop(store);

    // Its own certificate is no authority's.
    let stranger = server.folder().join("data/server.crt");
    let error = refusal(
        &options(
            &url("localhost", "require", stranger.to_str().unwrap()),
            "safe",
        ),
        ENOUGH,
    );
    assert!(
        unavailable(&error).contains("its certificate is not"),
        "{error}"
    );
    // A server without TLS is told nothing.
    let plain = url("localhost", "require", trusted)
        .replace(&server.port().to_string(), &shared().port().to_string());
    let error = refusal(&options(&plain, "safe"), ENOUGH);
    assert!(unavailable(&error).contains("it offers no TLS"), "{error}");
}

#[test]
fn a_store_is_made_used_and_dropped_on_the_threads_of_a_runtime() {
    let current_thread = tokio::runtime::Builder::new_current_thread().build();
    let multi_thread = tokio::runtime::Builder::new_multi_thread().build();
    for (number, runtime) in [current_thread.unwrap(), multi_thread.unwrap()]
        .into_iter()
        .enumerate()
    {
        let options = options(&shared().url(), &format!("runtime_{number}"));
        runtime.block_on(async {
            let store = Arc::new(PostgresStore::open(&options).unwrap());
            record(&store, "mov-1").unwrap();
            let elsewhere = Arc::clone(&store);
            tokio::spawn(async move { record(&elsewhere, "mov-2") })
                .await
                .unwrap()
                .unwrap();
            tokio::spawn(async move { drop(store) }).await.unwrap();
        });
        let store = PostgresStore::open_existing(&options).unwrap();
        assert_eq!(store.journal(0, 500).unwrap().len(), 2);
    }
}
