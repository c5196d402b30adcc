//! A store that is busy, damaged, or that a client does not wait for.

use std::io::Write;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::running::{MOVEMENT_PATH, Running, charge, eventually, log_of, log_with, refund};
use crate::harness::Place;

fn refunds() -> String {
    format!("{MOVEMENT_PATH}/refund")
}

/// Holds the write lock until it is dropped.
fn hold_the_lock(place: &Place) -> Connection {
    let other = Connection::open(place.ledger()).unwrap();
    other.busy_timeout(Duration::from_secs(30)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

#[test]
fn a_store_that_stays_busy_is_a_timeout_for_everyone_who_waits_and_nothing_is_booked() {
    let place = Place::new();
    let server = Running::start(&place, &["--store-timeout", "400ms"]);
    let client = server.client(None);
    client.put(MOVEMENT_PATH, &charge(121)).is(201);
    let lock = hold_the_lock(&place);
    let slowest = std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..60)
            .map(|n| {
                let client = client.clone();
                scope.spawn(move || {
                    let start = Instant::now();
                    client
                        .post(&refunds(), &refund(&format!("r-{n}"), "1"))
                        .refused(504, "timeout");
                    start.elapsed()
                })
            })
            .collect();
        // Readers are not kept waiting.
        assert_eq!(
            client.get(MOVEMENT_PATH).is(200).json()["balance"]["count"],
            0
        );
        waiting
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .max()
            .unwrap()
    });
    assert!(
        slowest < Duration::from_secs(4),
        "all wait for about the limit, not for each other: {slowest:?}"
    );
    drop(lock);
    for n in 0..60 {
        let answer = client
            .post(&refunds(), &refund(&format!("r-{n}"), "1"))
            .is(201);
        assert!(
            !answer.headers.contains_key("idempotent-replayed"),
            "a 504 has booked nothing"
        );
    }
    log_with(&place, "status=504");
}

#[test]
fn what_a_client_does_not_wait_for_is_finished_all_the_same() {
    let place = Place::new();
    let server = Running::start(&place, &[]);
    let client = server.client(None);
    client.put(MOVEMENT_PATH, &charge(121)).is(201);
    let lock = hold_the_lock(&place);
    let body = refund("r-1", "1");
    let mut stream = server.connect();
    write!(
        stream,
        "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nX-Request-Id: gone\r\n\r\n{body}",
        refunds(),
        body.len()
    )
    .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    drop(stream);
    std::thread::sleep(Duration::from_millis(100));
    drop(lock);
    eventually("the refund is booked", || {
        client.get(MOVEMENT_PATH).json()["balance"]["count"] == 1
    });
    log_with(&place, "gone");
}

#[test]
fn a_stop_lets_what_was_accepted_come_to_its_end() {
    let place = Place::new();
    let server = Running::start(&place, &[]);
    let client = server.client(None);
    client.put(MOVEMENT_PATH, &charge(121)).is(201);
    let lock = hold_the_lock(&place);
    let waiting = {
        let client = client.clone();
        std::thread::spawn(move || client.post(&refunds(), &refund("r-1", "1")))
    };
    std::thread::sleep(Duration::from_millis(300));
    server.terminate();
    std::thread::sleep(Duration::from_millis(300));
    assert!(
        client.try_send("GET", "/healthz", &[], None).is_err()
            || client.try_send("GET", "/healthz", &[], None).is_err(),
        "nobody else is let in"
    );
    drop(lock);
    waiting.join().unwrap().is(201);
    assert_eq!(server.wait(), Some(0), "{}", log_of(&place));
    assert_eq!(place.refunds().len(), 1);
}

#[test]
fn damage_is_a_500_that_tells_the_log_and_not_the_client() {
    let place = Place::new();
    let server = Running::start(&place, &["--log-format", "json"]);
    let client = server.client(None);
    client.put(MOVEMENT_PATH, &charge(121)).is(201);
    let other = Connection::open(place.ledger()).unwrap();
    other
        .execute_batch("ALTER TABLE journal RENAME TO lost")
        .unwrap();
    let answer = client
        .post(&refunds(), &refund("r-1", "1"))
        .refused(500, "store_corrupted");
    assert_eq!(
        answer.body,
        r#"{"code":"store_corrupted","message":"the request failed in the ledger"}"#
    );
    client.get("/healthz").is(503);
    // The operator is told.
    log_with(&place, "no such table");
    other
        .execute_batch("ALTER TABLE lost RENAME TO journal")
        .unwrap();
    client.post(&refunds(), &refund("r-1", "1")).is(201);
    client.get("/healthz").is(200);
}

#[test]
fn what_only_waited_when_its_client_left_is_not_begun() {
    let place = Place::new();
    let server = Running::start(&place, &["--store-timeout", "30s"]);
    let client = server.client(None);
    client.put(MOVEMENT_PATH, &charge(1_000)).is(201);
    let lock = hold_the_lock(&place);
    let leavers: Vec<_> = (0..200)
        .map(|n| {
            let body = refund(&format!("r-{n}"), "1");
            let mut stream = server.connect();
            write!(
                stream,
                "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                refunds(),
                body.len()
            )
            .unwrap();
            stream
        })
        .collect();
    std::thread::sleep(Duration::from_millis(500));
    drop(leavers);
    std::thread::sleep(Duration::from_millis(500));
    drop(lock);
    client.post(&refunds(), &refund("last", "1")).is(201);
    std::thread::sleep(Duration::from_millis(300));
    let booked = client.get(MOVEMENT_PATH).json()["balance"]["count"].as_u64();
    assert!(
        booked.is_some_and(|booked| (2..=40).contains(&booked)),
        "those that stood at the store, and the last one: {booked:?}"
    );
}

#[test]
fn nothing_is_acknowledged_into_a_file_that_is_not_there_any_more() {
    for lost in ["refunds.db", "refunds.db-wal"] {
        let place = Place::new();
        let server = Running::start(&place, &[]);
        let client = server.client(None);
        client.put(MOVEMENT_PATH, &charge(121)).is(201);
        let (path, aside) = (place.path(lost), place.path("aside"));
        std::fs::rename(&path, &aside).unwrap();
        client
            .post(&refunds(), &refund("r-1", "1"))
            .refused(500, "internal");
        log_with(&place, "was removed, replaced or emptied");
        std::fs::rename(&aside, &path).unwrap();
        client.post(&refunds(), &refund("r-1", "1")).is(201);
        drop(server);
        assert_eq!(place.refunds().len(), 1, "`{lost}` was put back");
        place.root();
    }
    let place = Place::new();
    let server = Running::start(&place, &[]);
    let client = server.client(None);
    client.put(MOVEMENT_PATH, &charge(121)).is(201);
    std::fs::write(place.ledger(), "").unwrap();
    let answer = client.post(&refunds(), &refund("r-1", "1"));
    assert_eq!(answer.status, 500, "an emptied file: {answer:?}");
}
