//! Nothing outlives who started it, however that ends.

#![allow(
    clippy::unwrap_used,
    reason = "what fails in a helper should fail the test"
)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::panic;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use common::{Processes, ends, psql, quick, send};

/// The crate's program, which holds a shared server.
struct Holder {
    process: Child,
    url: String,
    folder: PathBuf,
}

impl Holder {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_postgres-cluster"))
            // A developer's own settings, which are for other servers.
            .env("PGHOST", "nowhere.invalid")
            .env("PGUSER", "nobody-we-know")
            .env("PGDATA", "/not/there")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut url)
            .unwrap();
        let url = url.trim().to_owned();
        assert!(url.starts_with("postgres://"), "no URL but {url:?}");
        let data = PathBuf::from(psql(&url, "SHOW data_directory").unwrap());
        Self {
            process,
            url,
            folder: data.parent().unwrap().to_owned(),
        }
    }
}

#[test]
fn a_process_that_ends_takes_its_shared_server_along() {
    let mut holder = Holder::start();
    let processes = Processes::of(&holder.url);
    drop(holder.process.stdin.take());
    assert!(holder.process.wait().unwrap().success());
    ends(&processes, &holder.folder);
}

#[test]
fn a_process_that_is_killed_takes_its_server_along() {
    let mut holder = Holder::start();
    let processes = Processes::of(&holder.url);
    holder.process.kill().unwrap();
    holder.process.wait().unwrap();
    ends(&processes, &holder.folder);
}

#[test]
fn a_process_that_is_killed_takes_its_paused_server_along() {
    let mut holder = Holder::start();
    let processes = Processes::of(&holder.url);
    processes.signal("-STOP");
    holder.process.kill().unwrap();
    holder.process.wait().unwrap();
    ends(&processes, &holder.folder);
}

#[test]
fn a_server_ends_when_its_guard_is_killed() {
    let cluster = quick();
    let processes = Processes::of(&cluster.url());
    let memory = fs::read_to_string(cluster.folder().join("data/postmaster.pid")).unwrap();
    let guard = Command::new("ps")
        .args(["-o", "ppid=", "-p", &processes.first])
        .output()
        .unwrap();
    let guard = String::from_utf8(guard.stdout).unwrap().trim().to_owned();
    send("-KILL", &[guard]);
    common::eventually("every process of the server ends", || {
        processes.left().is_empty()
    });
    // The guard would have cleared up.
    fs::remove_dir_all(cluster.folder()).unwrap();
    let segment = memory
        .lines()
        .nth(6)
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap();
    Command::new("ipcrm")
        .args(["-m", segment])
        .status()
        .unwrap();
}

#[test]
fn a_test_that_panics_takes_its_server_along() {
    let cluster = quick();
    let processes = Processes::of(&cluster.url());
    let folder = cluster.folder().to_owned();
    let test = thread::spawn(move || {
        let _held = cluster;
        // As a panic, but for the message in the output of a test that passes.
        panic::resume_unwind(Box::new("planted"));
    });
    assert!(test.join().is_err());
    assert_eq!(
        processes.left(),
        [""; 0],
        "processes outlive the server's owner"
    );
    assert!(!folder.exists(), "the folder outlives the server's owner");
}

#[test]
fn a_killed_server_takes_its_folder_and_its_shared_memory_along() {
    let cluster = quick();
    let folder = cluster.folder().to_owned();
    let file = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
    let segment = file
        .lines()
        .nth(6)
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap();
    let is_there = || {
        let output = Command::new("ipcs").arg("-m").output().unwrap();
        let table = String::from_utf8(output.stdout).unwrap();
        table
            .lines()
            .any(|line| line.split_whitespace().nth(1) == Some(segment))
    };
    assert!(is_there(), "there is no segment {segment}");
    cluster.kill().unwrap();
    drop(cluster);
    assert!(!folder.exists(), "the folder outlives the server");
    assert!(!is_there(), "segment {segment} outlives the server");
}
