//! The REST contract over a ledger on a server that goes away, hangs, and comes back.
#![allow(
    clippy::disallowed_methods,
    reason = "tests of a server wait, and measure how long"
)]

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use postgres_cluster::{Cluster, PASSWORD};

use super::{new_place, new_url, shared};
use crate::harness::{Place, Run};
use crate::serve::running::{
    Answer, Client, MOVEMENT_PATH, Running, charge, eventually, log_of, log_with, refund,
};

/// How long a request waits for the store in these tests.
const STORE_TIMEOUT: &str = "2s";

/// Within which it must be answered: the limit, and what a busy machine takes on top of it.
const ANSWERED_WITHIN: Duration = Duration::from_secs(8);

fn refunds() -> String {
    format!("{MOVEMENT_PATH}/refund")
}

/// A server of its own, to be killed.
fn cluster() -> Cluster {
    Cluster::builder().fsync(false).start().unwrap()
}

/// Sends every kind of request; each is answered in time, and with one of these.
#[track_caller]
fn all_are_answered(client: &Client, expected: &[(u16, &str)], what: &str) {
    let requests: [(&str, String, Option<String>); 4] = [
        ("POST", refunds(), Some(refund("r-2", "1"))),
        ("PUT", format!("{MOVEMENT_PATH}-2"), Some(charge(5))),
        ("GET", MOVEMENT_PATH.into(), None),
        ("GET", refunds(), None),
    ];
    for (method, path, body) in &requests {
        let start = Instant::now();
        let answer = client.send(method, path, body.as_deref());
        let took = start.elapsed();
        let code = answer.json()["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(
            expected.contains(&(answer.status, code.as_str())),
            "{what}: {method} {path}: {answer:?}"
        );
        assert!(took < ANSWERED_WITHIN, "{what}: {method} {path}: {took:?}");
    }
    let start = Instant::now();
    client.get("/healthz").is(503);
    assert!(start.elapsed() < ANSWERED_WITHIN, "{what}: /healthz");
}

/// Books once the server has come back.
fn book_once_it_is_back(client: &Client, body: &str) -> Answer {
    let mut answer = None;
    eventually("the store is back", || {
        let booked = client.post(&refunds(), body);
        let is_booked = booked.status == 201;
        answer = Some(booked);
        is_booked
    });
    answer.unwrap()
}

#[test]
fn the_contract_is_answered_over_a_server() {
    let place = new_place();
    let server = Running::start(&place, &[]);
    let client = server.client(None);
    client.get("/healthz").is(200);
    client.put(MOVEMENT_PATH, &charge(121)).is(201);
    let first = client.post(&refunds(), &refund("r-1", "12.1")).is(201);
    let again = client.post(&refunds(), &refund("r-1", "12.1")).is(201);
    assert_eq!(first.json(), again.json());
    assert_eq!(again.header("idempotent-replayed"), "true");
    client
        .post(&refunds(), &refund("r-2", "120"))
        .refused(400, "over_refund");
    assert_eq!(place.refunds().len(), 1, "the command sees it too");
    server.terminate();
    assert_eq!(server.wait(), Some(0), "{}", log_of(&place));
}

#[test]
fn two_servers_and_the_command_share_one_ledger() {
    let place = new_place();
    let servers = [Running::start(&place, &[]), Running::start(&place, &[])];
    servers[0]
        .client(None)
        .put(MOVEMENT_PATH, &charge(20))
        .is(201);
    let booked: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|n| {
                let client = servers[n % 2].client(None);
                scope.spawn(move || {
                    (0..5)
                        .filter(|m| {
                            let body = refund(&format!("r-{n}-{m}"), "1");
                            let answer = client.post(&refunds(), &body);
                            assert!([201, 400].contains(&answer.status), "{answer:?}");
                            answer.status == 201
                        })
                        .count()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(booked, 20, "to the limit and no further");
    assert_eq!(place.refunds().len(), 20);
    place.root();
}

#[test]
fn no_more_connections_are_open_than_were_allowed() {
    let url = shared().create_database("few_connections").unwrap();
    let place = Place::on_server(&url);
    let server = Running::start(
        &place,
        &["--store-connections", "3", "--store-timeout", "30s"],
    );
    server
        .client(None)
        .put(MOVEMENT_PATH, &charge(1_000))
        .is(201);
    let most = thread::scope(|scope| {
        let threads: Vec<_> = (0..12)
            .map(|n| {
                let client = server.client(None);
                scope.spawn(move || {
                    for m in 0..10 {
                        client
                            .post(&refunds(), &refund(&format!("r-{n}-{m}"), "1"))
                            .is(201);
                        client.get(&refunds()).is(200);
                        client.get("/healthz").is(200);
                    }
                })
            })
            .collect();
        let mut most = 0;
        while threads.iter().any(|thread| !thread.is_finished()) {
            let open = shared()
                .query("SELECT count(*) FROM pg_stat_activity WHERE datname = 'few_connections'")
                .unwrap();
            most = most.max(open.parse::<u32>().unwrap());
        }
        for thread in threads {
            thread.join().unwrap();
        }
        most
    });
    assert!((1..=3).contains(&most), "{most} connections");
    assert_eq!(place.refunds().len(), 120);
}

#[test]
fn the_number_of_connections_is_about_a_server_and_has_bounds() {
    let place = Place::new();
    let serve = ["serve", "--insecure-no-auth", "--listen", "127.0.0.1:0"];
    let with = |connections| [&serve[..], &["--store-connections", connections]].concat();
    place.run(&with("8")).exits(2).tells("`--postgres URL`");
    assert!(!place.ledger().exists(), "and no ledger is made");
    for connections in ["0", "2", "1001", "x"] {
        new_place().run(&with(connections)).exits(2);
    }
}

#[test]
fn a_server_that_is_killed_is_a_502_and_what_was_booked_is_there_when_it_is_back() {
    let cluster = cluster();
    let place = Place::on_server(&cluster.url());
    let server = Running::start(&place, &["--store-timeout", STORE_TIMEOUT]);
    let client = server.client(None);
    client.put(MOVEMENT_PATH, &charge(121)).is(201);
    client.post(&refunds(), &refund("r-1", "1")).is(201);
    cluster.kill().unwrap();
    let gone = [(502, "store_unavailable")];
    all_are_answered(&client, &gone, "the server was killed");
    // Those that were open then are gone now.
    all_are_answered(&client, &gone, "and again");
    cluster.restart().unwrap();
    book_once_it_is_back(&client, &refund("r-2", "1"));
    client.get("/healthz").is(200);
    let first = client.post(&refunds(), &refund("r-1", "1")).is(201);
    assert_eq!(first.header("idempotent-replayed"), "true");
    assert_eq!(place.refunds().len(), 2, "each is booked once");
    place.root();
    let log = log_with(&place, "status=502");
    assert!(!log.contains(PASSWORD), "the log keeps the secret: {log}");
}

#[test]
fn a_server_that_hangs_is_given_up_within_the_limit() {
    let cluster = cluster();
    let place = Place::on_server(&cluster.url());
    let server = Running::start(&place, &["--store-timeout", STORE_TIMEOUT]);
    let client = server.client(None);
    client.put(MOVEMENT_PATH, &charge(121)).is(201);
    client.post(&refunds(), &refund("r-1", "1")).is(201);
    cluster.pause().unwrap();
    let hangs = [(502, "store_unavailable"), (504, "timeout")];
    all_are_answered(&client, &hangs, "the server hangs");
    let start = Instant::now();
    thread::scope(|scope| {
        for n in 0..40 {
            let client = client.clone();
            scope.spawn(move || {
                let answer = client.post(&refunds(), &refund(&format!("many-{n}"), "1"));
                assert!([502, 504].contains(&answer.status), "{answer:?}");
            });
        }
    });
    let took = start.elapsed();
    assert!(
        took < ANSWERED_WITHIN,
        "many wait for the limit, not for each other: {took:?}"
    );
    cluster.resume().unwrap();
    book_once_it_is_back(&client, &refund("r-2", "1"));
    // What had no certain answer is sent again, and is there once.
    for n in 0..40 {
        book_once_it_is_back(&client, &refund(&format!("many-{n}"), "1"));
    }
    assert_eq!(place.refunds().len(), 42);
    place.root();
    assert!(!log_of(&place).contains(PASSWORD));
}

#[test]
fn a_command_gives_up_a_server_that_hangs() {
    let cluster = cluster();
    let place = Place::on_server(&cluster.url());
    place.import(&[&crate::harness::movement("m-1")]).exits(0);
    cluster.pause().unwrap();
    for command in [&["list"][..], &["verify"], &["head"]] {
        let start = Instant::now();
        place.run(command).exits(2);
        let took = start.elapsed();
        assert!(took < Duration::from_secs(30), "{command:?}: {took:?}");
    }
    cluster.resume().unwrap();
    place.run(&["verify"]).exits(0);
}

#[test]
fn a_movement_that_others_hold_is_a_504_and_nothing_is_booked() {
    let url = new_url();
    let schema = url.rsplit('=').next().unwrap().to_owned();
    let place = Place::on_server(&url);
    let server = Running::start(&place, &["--store-timeout", STORE_TIMEOUT]);
    let client = server.client(None);
    client.put(MOVEMENT_PATH, &charge(121)).is(201);
    thread::scope(|scope| {
        let lock = format!(
            "BEGIN; SELECT 1 FROM {schema}.movements FOR UPDATE; \
             SELECT 'holds {schema}', pg_sleep(120); ROLLBACK"
        );
        // Ends with an error, once it is ended below.
        let holder = scope.spawn(move || shared().execute(&lock).ok());
        let holders = format!(
            "FROM pg_stat_activity WHERE query LIKE '%holds {schema}%' AND wait_event = 'PgSleep'"
        );
        eventually("somebody holds the movement", || {
            shared()
                .query(&format!("SELECT count(*) {holders}"))
                .unwrap()
                == "1"
        });
        let start = Instant::now();
        client
            .post(&refunds(), &refund("r-1", "1"))
            .refused(504, "timeout");
        assert!(start.elapsed() < ANSWERED_WITHIN, "{:?}", start.elapsed());
        // Readers are not kept waiting.
        client.get(MOVEMENT_PATH).is(200);
        client.get("/healthz").is(200);
        shared()
            .query(&format!("SELECT pg_terminate_backend(pid) {holders}"))
            .unwrap();
        holder.join().unwrap();
    });
    let booked = client.post(&refunds(), &refund("r-1", "1")).is(201);
    assert!(
        !booked.headers.contains_key("idempotent-replayed"),
        "a 504 has booked nothing"
    );
    log_with(&place, "status=504");
}

#[test]
fn a_store_that_only_reads_answers_what_is_read_and_502_to_the_rest() {
    let url = shared().create_database("reads_for_now").unwrap();
    let place = Place::on_server(&url);
    let server = Running::start(&place, &["--store-timeout", STORE_TIMEOUT]);
    let client = server.client(None);
    client.put(MOVEMENT_PATH, &charge(121)).is(201);
    let only_reads = |answer: &str| {
        shared()
            .execute(&format!(
                "ALTER DATABASE reads_for_now SET default_transaction_read_only = {answer}; \
                 SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = 'reads_for_now'"
            ))
            .unwrap();
    };
    only_reads("on");
    eventually("its sessions begin anew", || {
        client.get(MOVEMENT_PATH).status == 200
    });
    client
        .post(&refunds(), &refund("r-1", "1"))
        .refused(502, "store_unavailable");
    client.get(MOVEMENT_PATH).is(200);
    client.get("/healthz").is(200);
    log_with(&place, "read-only");
    only_reads("off");
    book_once_it_is_back(&client, &refund("r-1", "1"));
    assert_eq!(place.refunds().len(), 1);
}

#[test]
fn the_server_does_not_start_without_its_store() {
    let cluster = cluster();
    let place = Place::on_server(&cluster.url());
    cluster.stop().unwrap();
    let serve = ["serve", "--insecure-no-auth", "--listen", "127.0.0.1:0"];
    let run = place.run_json(&serve).exits(2);
    assert_eq!(run.stdout, "", "it does not say that it listens");
    assert!(run.stderr.contains("store_unavailable"), "{run:?}");
}

#[test]
fn no_log_of_any_level_holds_the_password() {
    let cluster = cluster();
    let place = Place::on_server(&cluster.url());
    for format in ["text", "json"] {
        let server = Running::start(
            &place,
            &[
                "--log-level",
                "debug",
                "--log-format",
                format,
                "--store-timeout",
                "500ms",
            ],
        );
        let client = server.client(None);
        client.put(MOVEMENT_PATH, &charge(121));
        cluster.kill().unwrap();
        client.put(MOVEMENT_PATH, &charge(121)).is(502);
        cluster.restart().unwrap();
        server.terminate();
        server.wait();
    }
    let log = fs::read_to_string(place.path("server.log")).unwrap();
    assert!(log.contains("status"), "requests are logged: {log}");
    assert!(!log.contains(PASSWORD), "{log}");
    // The command's own output is looked at whenever it runs.
    let _: Run = place.run(&["list"]);
}
