//! What the tests look at servers with, from outside.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails here should fail the test; they wait for processes"
)]
#![allow(dead_code, reason = "each file of tests uses some of it")]

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use postgres_cluster::{Cluster, Programs};

/// Long enough on the busiest machine.
const LIMIT: Duration = Duration::from_mins(1);

pub(crate) fn quick() -> Cluster {
    Cluster::builder().fsync(false).start().unwrap()
}

/// What `psql` gets from a URL, or what it complains of.
pub(crate) fn psql(url: &str, sql: &str) -> Result<String, String> {
    let output = Command::new(Programs::find().unwrap().folder().join("psql"))
        .args([
            "--no-psqlrc",
            "--no-password",
            "--no-align",
            "--tuples-only",
        ])
        .args(["--set=ON_ERROR_STOP=1", "--command", sql, url])
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}

/// The processes of a server: the first, and its children with a session or a task.
pub(crate) struct Processes {
    pub(crate) first: String,
    all: Vec<String>,
}

impl Processes {
    /// Asks the server at a URL.
    pub(crate) fn of(url: &str) -> Self {
        let folder = psql(url, "SHOW data_directory").unwrap();
        let file = psql(url, "SELECT pg_read_file('postmaster.pid')").unwrap();
        let first = file.lines().next().unwrap().to_owned();
        let children = psql(url, "SELECT pid FROM pg_stat_activity").unwrap();
        let mut all: Vec<String> = children.lines().map(str::to_owned).collect();
        assert!(all.len() >= 4, "{folder} has few processes: {all:?}");
        all.push(first.clone());
        Self { first, all }
    }

    /// Those that are still there, with their states.
    pub(crate) fn left(&self) -> Vec<String> {
        let output = Command::new("ps")
            .args(["-o", "pid=,stat=,args=", "-p", &self.all.join(",")])
            .output()
            .unwrap();
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(|line| line.trim().to_owned())
            // What waits for its parent to take note of its end runs no more.
            .filter(|line| !line.split_whitespace().nth(1).unwrap().starts_with('Z'))
            .collect()
    }

    pub(crate) fn signal(&self, signal: &str) {
        send(signal, &self.all);
    }
}

/// Sends a signal to those processes that are there.
pub(crate) fn send(signal: &str, processes: &[String]) {
    Command::new("sh")
        .args(["-c", "kill \"$@\" 2>/dev/null", "kill", signal])
        .args(processes)
        .status()
        .unwrap();
}

/// Waits for what takes its time.
pub(crate) fn eventually(expected: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LIMIT, "expected that {expected}, in vain");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until nothing of a server is left.
pub(crate) fn ends(processes: &Processes, folder: &Path) {
    eventually("every process of the server ends", || {
        processes.left().is_empty()
    });
    eventually("the server's folder is removed", || !folder.exists());
}
