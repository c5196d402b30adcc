//! What whoever runs the server meets: options, the log.

use serde_json::Value;

use super::running::{EXAMPLE, MOVEMENT_PATH, Running, charge, log_of, log_with};
use crate::harness::Place;

#[test]
fn without_tokens_it_listens_on_loopback_alone_and_only_if_told_to() {
    let place = Place::new();
    for (arguments, hint) in [
        (
            &["serve", "--listen", "127.0.0.1:0"][..],
            "--insecure-no-auth",
        ),
        (&["serve", "--listen", "0.0.0.0:0"], "--auth"),
        (
            &["serve", "--listen", "0.0.0.0:0", "--insecure-no-auth"],
            "--auth",
        ),
        (
            &["serve", "--listen", "[::]:0", "--insecure-no-auth"],
            "--auth",
        ),
        (&["serve", "--listen", "here", "--insecure-no-auth"], "here"),
        (&["serve", "--auth", "/no/such/auth.toml"], "auth.toml"),
        (
            &["serve", "--insecure-no-auth", "--store-timeout", "soon"],
            "500ms",
        ),
    ] {
        let run = place.run(arguments).exits(2);
        assert!(run.stderr.contains(hint), "`{hint}` is said: {run:?}");
        assert_eq!(run.stdout, "");
    }
    assert!(!place.ledger().exists(), "nothing was made meanwhile");
}

#[test]
fn a_taken_port_is_said() {
    let place = Place::new();
    let server = Running::start(&place, &[]);
    let run = place
        .run(&["serve", "--insecure-no-auth", "--listen", &server.address])
        .exits(2);
    assert!(run.stderr.contains(&server.address), "{run:?}");
}

#[test]
fn a_foreign_file_is_no_ledger_to_serve() {
    let place = Place::new();
    place.file("refunds.db", "a picture, not a ledger");
    let run = place
        .run(&["serve", "--insecure-no-auth", "--listen", "127.0.0.1:0"])
        .exits(2);
    assert!(run.stderr.contains("not a ledger"), "{run:?}");
}

#[test]
fn the_log_tells_each_request_without_amounts_and_descriptions() {
    let place = Place::new();
    let server = Running::start(&place, &["--log-format", "json"]);
    let client = server.client(None);
    client.put(MOVEMENT_PATH, &charge(121)).is(201);
    let refunds = format!("{MOVEMENT_PATH}/refund");
    let named = client
        .try_send(
            "POST",
            &refunds,
            &[("x-request-id", "mine-1")],
            Some(EXAMPLE),
        )
        .unwrap()
        .is(201);
    assert_eq!(named.header("x-request-id"), "mine-1");
    let too_much = EXAMPLE
        .replace("12.1", "121")
        .replace(":10,", ":100,")
        .replace("987654321", "r-2");
    let refused = client.post(&refunds, &too_much).refused(400, "over_refund");
    let odd = client
        .try_send("GET", MOVEMENT_PATH, &[("x-request-id", "a b{}")], None)
        .unwrap();
    assert_ne!(
        odd.header("x-request-id"),
        "a b{}",
        "only plain names are taken over"
    );

    log_with(&place, refused.header("x-request-id"));
    let log = log_with(&place, odd.header("x-request-id"));
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let line = |id: &str| {
        lines
            .iter()
            .find(|line| line["request_id"] == id)
            .unwrap_or_else(|| panic!("the request `{id}` is in the log: {log}"))
    };
    let booked = line("mine-1");
    assert_eq!(booked["operation"], "createRefund");
    assert_eq!(booked["status"], 201);
    assert_eq!(booked["actor"], "local");
    assert!(booked["time_us"].as_u64().unwrap() > 0);
    let over = line(refused.header("x-request-id"));
    assert_eq!(
        (&over["status"], &over["code"]),
        (&400.into(), &"over_refund".into())
    );
    for secret in ["12.1", "Two days", "February", "IVA", "108.9"] {
        assert!(!log.contains(secret), "`{secret}` is not in the log: {log}");
    }
}

#[test]
fn where_only_failures_are_logged_a_good_day_is_silent() {
    let place = Place::new();
    let server = Running::start(&place, &["--log-level", "error"]);
    let client = server.client(None);
    client.put(MOVEMENT_PATH, &charge(121)).is(201);
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    assert_eq!(log_of(&place), "", "nothing went wrong");
}

#[test]
fn a_log_that_nobody_reads_keeps_nobody_waiting() {
    let place = Place::new();
    // A pipe takes some hundreds of lines.
    let server = Running::start_with_log(&place, &[], std::process::Stdio::piped());
    let client = server.client(None);
    for _ in 0..2_000 {
        client.get("/v1/orgs/acme/refunds").is(200);
    }
    server.terminate();
    assert_eq!(server.wait(), Some(0), "and it stops");
}

#[test]
fn it_stops_when_it_is_interrupted_too_and_waits_for_no_half_head() {
    use std::io::Write;
    let place = Place::new();
    let server = Running::start(&place, &[]);
    let client = server.client(None);
    client.put(MOVEMENT_PATH, &charge(121)).is(201);
    let mut half = server.connect();
    half.write_all(b"GET /healthz HT").unwrap();
    let idle = server.connect();
    std::thread::sleep(std::time::Duration::from_millis(100));
    let start = std::time::Instant::now();
    server.signal("-INT");
    assert_eq!(server.wait(), Some(0));
    assert!(
        start.elapsed() < std::time::Duration::from_secs(10),
        "long before a client's time is over"
    );
    drop((half, idle));
}
