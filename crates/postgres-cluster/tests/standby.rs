//! Two servers, of which one follows the other.

mod common;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::{eventually, psql, quick};
use postgres_cluster::{Cluster, PASSWORD, shared};

#[test]
fn a_standby_gets_what_is_committed_and_takes_over_when_the_first_is_killed() {
    let first = quick();
    first.execute("CREATE TABLE kept (n int)").unwrap();
    let second = first.standby("second").unwrap();
    first.require_standby("second").unwrap();
    first.wait_for_synchronous().unwrap();
    first.execute("INSERT INTO kept VALUES (7)").unwrap();
    eventually("the standby shows the row", || {
        second.query("SELECT n FROM kept").unwrap() == "7"
    });
    let error = psql(&second.url(), "INSERT INTO kept VALUES (8)").unwrap_err();
    assert!(error.contains("read-only transaction"), "{error}");

    // Both hosts in one URL, as clients name them who follow a failover.
    let (one, other) = (first.port(), second.port());
    let either = format!(
        "postgres://postgres:{PASSWORD}@127.0.0.1:{one},127.0.0.1:{other}/postgres\
         ?target_session_attrs=read-write"
    );
    let where_to = "SELECT current_setting('port')";
    assert_eq!(psql(&either, where_to).unwrap(), first.port().to_string());
    first.kill().unwrap();
    second.promote().unwrap();
    assert_eq!(psql(&either, where_to).unwrap(), second.port().to_string());
    // It waits for no standby of its own.
    second.execute("INSERT INTO kept VALUES (8)").unwrap();
    assert_eq!(second.query("SELECT sum(n) FROM kept").unwrap(), "15");
}

#[test]
fn the_one_that_failed_comes_back_in_its_place() {
    let first = quick();
    let second = first.standby("second").unwrap();
    first.kill().unwrap();
    second.promote().unwrap();
    let third = second.standby_in_place_of(&first, "third").unwrap();
    assert_eq!(third.port(), first.port());
    drop(first);
    second.require_standby("third").unwrap();
    second.wait_for_synchronous().unwrap();
    second.execute("CREATE TABLE kept (n int)").unwrap();
    second.kill().unwrap();
    third.promote().unwrap();
    assert_eq!(third.query("SELECT count(*) FROM kept").unwrap(), "0");

    let error = third.standby_in_place_of(&third, "fourth").unwrap_err();
    assert!(error.to_string().contains("in use"), "{error}");
}

#[test]
fn a_commit_waits_for_the_required_standby() {
    let first = quick();
    let second = first.standby("second").unwrap();
    first.require_standby("second").unwrap();
    first.wait_for_synchronous().unwrap();
    second.pause().unwrap();
    let url = first.url();
    let (sender, answers) = mpsc::channel();
    thread::spawn(move || sender.send(psql(&url, "CREATE TABLE kept (n int)")));
    assert!(
        answers.recv_timeout(Duration::from_millis(500)).is_err(),
        "a commit was acknowledged that the standby has not got"
    );
    second.resume().unwrap();
    let answer = answers.recv_timeout(Duration::from_mins(1)).unwrap();
    assert_eq!(answer.unwrap(), "CREATE TABLE");
}

#[test]
fn a_standby_of_a_server_with_tls_has_its_certificates() {
    let first = Cluster::builder().fsync(false).tls().start().unwrap();
    let second = first.standby("second").unwrap();
    let url = format!(
        "{}?sslmode=verify-full&sslrootcert={}",
        second.url(),
        first.ca_certificate().unwrap().display()
    );
    assert_eq!(psql(&url, "SELECT pg_is_in_recovery()").unwrap(), "t");
    assert!(second.ca_certificate().is_some());
}

#[test]
fn what_makes_no_sense_is_refused_at_once() {
    let cluster = shared().unwrap();
    for name in ["", "two words", "it's", "1st"] {
        let error = cluster.standby(name).unwrap_err().to_string();
        assert!(error.contains(&format!("`{name}` is no name")), "{error}");
        assert!(cluster.require_standby(name).is_err(), "{name:?} was taken");
    }
    let error = cluster.wait_for_synchronous().unwrap_err().to_string();
    assert!(error.contains("requires no standby"), "{error}");
    let error = cluster.promote().unwrap_err().to_string();
    assert!(error.contains("recovery is not in progress"), "{error}");
}
