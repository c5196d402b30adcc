//! What the PostgreSQL tests share: a ledger in a schema of its own, and sessions beside the store's.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    missing_docs,
    reason = "helpers of tests, of which each test file uses some"
)]

#[path = "../support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use postgres_cluster::Programs;
use refund_ledger::Ledger;
use refund_ledger::store::postgres::{PostgresOptions, PostgresStore};
pub use support::*;

/// A name that no other test of this process has.
pub fn unused(what: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{what}_{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Options for a machine that may be busy with other tests.
pub fn options(url: &str, schema: &str) -> PostgresOptions {
    let options = PostgresOptions::new(url).unwrap();
    let options = options.with_schema(schema).unwrap();
    options.with_time_limit(Duration::from_mins(1))
}

/// A ledger in a schema of its own on the shared server.
pub struct OnServer {
    pub url: String,
    pub schema: String,
    pub options: PostgresOptions,
    pub store: Arc<PostgresStore>,
    pub ledger: Ledger,
}

impl OnServer {
    pub fn new() -> Self {
        // Over its socket, where no password is to be reckoned with.
        Self::at(&postgres_cluster::shared().unwrap().socket_url())
    }

    pub fn at(url: &str) -> Self {
        let schema = unused("ledger");
        let options = options(url, &schema);
        let store = Arc::new(PostgresStore::open(&options).unwrap());
        Self {
            url: url.to_owned(),
            schema,
            options,
            ledger: Ledger::new(store.clone(), Arc::new(CountingHost::new(1))),
            store,
        }
    }

    /// A ledger that has a bit of everything.
    pub fn filled() -> Self {
        let this = Self::new();
        fill(&this.ledger);
        this
    }

    /// Another ledger on the same tables, with connections of its own and a host of this number.
    pub fn other(&self, host: u64) -> Ledger {
        let store = Arc::new(PostgresStore::open(&self.options).unwrap());
        Ledger::new(store, Arc::new(CountingHost::new(host)))
    }

    /// A session that finds the ledger's tables by their names.
    pub fn session(&self) -> Session {
        let mut session = Session::open(&self.url);
        session.execute(&format!("SET search_path = \"{}\"", self.schema));
        session
    }
}

/// Waits until so many others wait for what a session holds.
pub fn wait_until_blocking(holder: &mut Session, others: usize) {
    let blocked = "SELECT count(*) FROM pg_stat_activity \
                   WHERE pg_blocking_pids(pid) @> ARRAY[pg_backend_pid()]";
    wait_until(holder, blocked, others);
}

/// Waits until so many others wait for what a session holds, or behind one who does.
pub fn wait_until_queueing(holder: &mut Session, others: usize) {
    let waiting = "WITH blocked AS (SELECT pid, pg_blocking_pids(pid) AS by FROM pg_stat_activity) \
                   SELECT count(*) FROM blocked b WHERE b.by @> ARRAY[pg_backend_pid()] OR EXISTS \
                   (SELECT 1 FROM blocked c WHERE c.by @> ARRAY[pg_backend_pid()] \
                   AND b.by @> ARRAY[c.pid])";
    wait_until(holder, waiting, others);
}

/// Waits until a query counts so many, asked again and again.
pub fn wait_until(session: &mut Session, count: &str, wanted: usize) {
    let start = Instant::now();
    while session.query(count) != [wanted.to_string()] {
        assert!(
            start.elapsed() < Duration::from_mins(1),
            "`{count}` should come to {wanted}"
        );
        std::thread::yield_now();
        // What is known of others is kept up to the end of a transaction.
        session.query("SELECT pg_stat_clear_snapshot()");
    }
}

/// What a statement did.
#[derive(Debug)]
pub struct Done {
    pub rows: Vec<String>,
    /// How many rows it found or changed.
    pub count: u64,
}

/// Why a statement was refused.
#[derive(Debug)]
pub struct Refused {
    pub sqlstate: String,
    pub message: String,
}

/// A session of somebody else, through `psql`.
pub struct Session {
    psql: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

const END: &str = "<end of the answer>";

impl Session {
    pub fn open(url: &str) -> Self {
        let psql = Programs::find().unwrap().folder().join("psql");
        let mut psql = Command::new(psql)
            .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            input: psql.stdin.take().unwrap(),
            output: BufReader::new(psql.stdout.take().unwrap()),
            psql,
        }
    }

    /// Runs one statement.
    pub fn run(&mut self, sql: &str) -> Result<Done, Refused> {
        let ask = format!("{sql};\n\\echo '{END}' :SQLSTATE :ROW_COUNT :LAST_ERROR_MESSAGE\n");
        self.input.write_all(ask.as_bytes()).unwrap();
        let mut rows = Vec::new();
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).unwrap();
            assert!(read > 0, "psql ended while it ran `{sql}`");
            let line = line.trim_end_matches('\n');
            let Some(outcome) = line.strip_prefix(END) else {
                rows.push(line.to_owned());
                continue;
            };
            let mut parts = outcome.trim_start().splitn(3, ' ');
            let sqlstate = parts.next().unwrap().to_owned();
            let count = parts.next().unwrap().parse().unwrap();
            let message = parts.next().unwrap_or_default().to_owned();
            return if sqlstate == "00000" {
                Ok(Done { rows, count })
            } else {
                Err(Refused { sqlstate, message })
            };
        }
    }

    /// Runs a statement that must work, and says how many rows it was about.
    pub fn execute(&mut self, sql: &str) -> u64 {
        self.must(sql).count
    }

    /// The rows of a statement that must work: one a line, `|` between columns.
    pub fn query(&mut self, sql: &str) -> Vec<String> {
        self.must(sql).rows
    }

    fn must(&mut self, sql: &str) -> Done {
        self.run(sql)
            .unwrap_or_else(|refused| panic!("`{sql}` should work: {refused:?}"))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.psql.kill());
        drop(self.psql.wait());
    }
}
