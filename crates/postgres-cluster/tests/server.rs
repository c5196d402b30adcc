//! One server: what it answers, to whom, and how it stops.

mod common;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::{Processes, psql, quick};
use postgres_cluster::{Cluster, PASSWORD, shared};

#[test]
fn a_trusting_server_asks_nobody_for_a_password() {
    let cluster = Cluster::builder().fsync(false).trusting().start().unwrap();
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", cluster.port());
    assert_eq!(psql(&url, "SELECT 1").unwrap(), "1");
}

#[test]
fn a_server_starts_and_answers() {
    let cluster = Cluster::start().unwrap();
    assert_eq!(cluster.query("SELECT 1").unwrap(), "1");
    assert_eq!(psql(&cluster.url(), "SELECT 1").unwrap(), "1");
    assert_eq!(cluster.query("SHOW fsync").unwrap(), "on");
    assert_eq!(cluster.query("SHOW server_encoding").unwrap(), "UTF8");
    assert!(cluster.log().contains("ready to accept connections"));
}

#[test]
fn a_wrong_password_is_refused_and_the_socket_asks_for_none() {
    let cluster = shared().unwrap();
    let wrong = cluster.url().replace(PASSWORD, "wrong");
    let error = psql(&wrong, "SELECT 1").unwrap_err();
    assert!(error.contains("password authentication failed"), "{error}");
    assert_eq!(psql(&cluster.socket_url(), "SELECT 1").unwrap(), "1");
}

#[test]
fn statements_that_fail_say_so_and_keep_what_was_before() {
    let cluster = shared().unwrap();
    let error = cluster
        .execute("CREATE TABLE kept (n int); SELECT 1/0; CREATE TABLE never (n int)")
        .unwrap_err()
        .to_string();
    assert!(error.contains("division by zero"), "{error}");
    assert_eq!(
        cluster
            .query("SELECT to_regclass('kept') IS NULL, to_regclass('never') IS NULL")
            .unwrap(),
        "f|t"
    );
}

#[test]
fn a_server_that_can_not_start_shows_its_log() {
    let error = Cluster::builder()
        .setting("shared_buffers", "many")
        .start()
        .unwrap_err()
        .to_string();
    assert!(error.contains("ended before it was ready"), "{error}");
    assert!(
        error.contains("invalid value for parameter \"shared_buffers\""),
        "{error}"
    );
}

#[test]
fn a_killed_server_leaves_no_process_and_recovers_what_was_committed() {
    let cluster = quick();
    cluster
        .execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
        .unwrap();
    let url = cluster.url();
    // One that computes, and would not notice for long that the first process is gone.
    let client = thread::spawn({
        let url = url.clone();
        move || {
            psql(
                &url,
                "SELECT count(*) FROM generate_series(1, 1000000000000)",
            )
        }
    });
    common::eventually("the client's statement runs", || {
        let running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%generate_series%' AND pid <> pg_backend_pid()";
        cluster.query(running).unwrap() == "1"
    });
    let processes = Processes::of(&url);
    cluster.kill().unwrap();
    assert_eq!(processes.left(), [""; 0], "processes outlive the kill");
    let error = client.join().unwrap().unwrap_err();
    assert!(
        error.contains("closed the connection unexpectedly"),
        "{error}"
    );
    assert!(
        !error.contains("terminating"),
        "the client was told: {error}"
    );
    assert!(psql(&url, "SELECT 1").is_err(), "a killed server answers");

    cluster.restart().unwrap();
    assert!(cluster.log().contains("was not properly shut down"));
    assert_eq!(psql(&url, "SELECT n FROM kept").unwrap(), "7");
}

#[test]
fn a_server_stops_in_good_order_and_starts_again_where_it_was() {
    let cluster = quick();
    cluster.execute("CREATE TABLE kept (n int)").unwrap();
    let url = cluster.url();
    cluster.stop().unwrap();
    assert!(psql(&url, "SELECT 1").is_err(), "a stopped server answers");
    cluster.stop().unwrap();
    cluster.restart().unwrap();
    cluster.restart().unwrap();
    assert_eq!(psql(&url, "SELECT count(*) FROM kept").unwrap(), "0");
    assert!(!cluster.log().contains("was not properly shut down"));
}

#[test]
fn a_paused_server_answers_when_it_is_resumed() {
    let cluster = quick();
    let url = cluster.url();
    cluster.pause().unwrap();
    let (sender, answers) = mpsc::channel();
    thread::spawn(move || sender.send(psql(&url, "SELECT 1")));
    assert!(
        answers.recv_timeout(Duration::from_millis(500)).is_err(),
        "a paused server answers"
    );
    cluster.resume().unwrap();
    let answer = answers.recv_timeout(Duration::from_mins(1)).unwrap();
    assert_eq!(answer.unwrap(), "1");
}

#[test]
fn a_paused_server_can_be_stopped_and_killed() {
    let cluster = quick();
    cluster.pause().unwrap();
    cluster.stop().unwrap();
    cluster.restart().unwrap();
    let processes = Processes::of(&cluster.url());
    cluster.pause().unwrap();
    cluster.kill().unwrap();
    assert_eq!(processes.left(), [""; 0], "processes outlive the kill");
}

#[test]
fn databases_of_one_shared_server_know_nothing_of_each_other() {
    let cluster = shared().unwrap();
    let first = cluster.create_database("first").unwrap();
    let second = cluster.create_database("Second \"one\"");
    assert!(second.is_ok(), "{second:?}");
    let second = cluster.create_database("second").unwrap();
    psql(&first, "CREATE TABLE mine (n int)").unwrap();
    assert!(psql(&second, "SELECT * FROM mine").is_err());
    assert_eq!(cluster.query_in("first", "SELECT * FROM mine").unwrap(), "");
    assert_eq!(cluster.query("SHOW max_connections").unwrap(), "200");
    assert_eq!(shared().unwrap().port(), cluster.port());
}
