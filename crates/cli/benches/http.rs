//! What HTTP costs: durable POSTs and GETs over keep-alive loopback, beside the same calls in process.
//!
//! `cargo bench -p refund-cli --bench http` starts the real server with a token file, and prints for
//! 1 and for 16 clients how long a call takes in process and over HTTP, as medians of interleaved
//! rounds, and what HTTP adds in parts of the durable write. The clients run on the same machine, so
//! what they cost is counted as HTTP's.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a measurement reads the clock, prints, and fails loudly"
)]

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use refund_bench::median;
use refund_ledger::{Ledger, MovementKey, wire};

const REFUNDS: &str = env!("CARGO_BIN_EXE_refunds");
const MOVEMENTS: usize = 200;
const ROUNDS: usize = 5;
const WRITES_PER_ROUND: usize = 2_000;
const READS_PER_ROUND: usize = 8_000;

fn main() {
    println!(
        "{:<10}{:>8}{:>16}{:>16}{:>18}",
        "", "clients", "in process", "over HTTP", "HTTP adds"
    );
    for clients in [1, 16] {
        let bench = Bench::new(clients);
        let (mut posts, mut gets) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            posts.push((bench.book_in_process(round), bench.book_over_http(round)));
            gets.push((bench.read_in_process(), bench.read_over_http()));
        }
        let (write, post) = medians(&posts);
        let (read, get) = medians(&gets);
        let row = |name, inside: f64, outside: f64| {
            println!(
                "{name:<10}{clients:>8}{inside:>13.1} us{outside:>13.1} us{:>10.2} writes",
                (outside - inside) / write
            );
        };
        row("POST", write, post);
        row("GET", read, get);
    }
    println!(
        "\na call of the given number of clients at once, in microseconds of time passed; wanted with \
         16 clients: a POST adds less than 0.5 writes"
    );
}

/// A ledger in process, a server on another, and how many call them at once.
struct Bench {
    clients: usize,
    ledger: Ledger,
    server: Child,
    address: String,
    token: String,
    _folder: tempfile::TempDir,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

impl Bench {
    fn new(clients: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let ledger = Ledger::open(path("inside.db")).unwrap();
        let token = make_token(&path("auth.toml"));
        let mut server = Command::new(REFUNDS)
            .args(["serve", "--listen", "127.0.0.1:0", "--format", "json"])
            .arg("--ledger")
            .arg(path("outside.db"))
            .arg("--auth")
            .arg(path("auth.toml"))
            .stdout(Stdio::piped())
            .stderr(File::create(path("server.log")).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .split_once("http://")
            .and_then(|(_, rest)| rest.split_once('"'))
            .unwrap_or_else(|| panic!("the server says where it listens, not `{line}`"))
            .0
            .to_owned();
        let bench = Self {
            clients,
            ledger,
            server,
            address,
            token,
            _folder: folder,
        };
        bench.record();
        bench
    }

    fn record(&self) {
        let body = r#"{"currency":"EUR","occurred_at":"2022-02-01T00:00:00Z","amount":{"value_with_taxes":1000000},"description":"February"}"#;
        let request = wire::parse_movement_request(body.as_bytes()).unwrap();
        let mut client = Client::new(self);
        for n in 0..MOVEMENTS {
            self.ledger.record_movement(&key(n), &request).unwrap();
            client.call("PUT", &path(n), body, "201");
        }
    }

    /// Shares so many calls among the clients; answers with the microseconds that one took.
    fn time<C>(
        &self,
        calls: usize,
        connect: impl Fn() -> C + Sync,
        call: impl Fn(&mut C, usize) + Sync,
    ) -> f64 {
        let (connect, call) = (&connect, &call);
        let start = Instant::now();
        thread::scope(|scope| {
            for client in 0..self.clients {
                scope.spawn(move || {
                    let mut connection = connect();
                    for n in (client..calls).step_by(self.clients) {
                        call(&mut connection, n);
                    }
                });
            }
        });
        start.elapsed().as_secs_f64() * 1e6 / calls as f64
    }

    fn book_in_process(&self, round: usize) -> f64 {
        self.time(
            WRITES_PER_ROUND,
            || (),
            |(), n| {
                let request = wire::parse_refund_request(refund(round, n).as_bytes()).unwrap();
                let created = self.ledger.create_refund(&key(n % MOVEMENTS), &request);
                assert!(!created.unwrap().replayed);
            },
        )
    }

    fn book_over_http(&self, round: usize) -> f64 {
        self.time(
            WRITES_PER_ROUND,
            || Client::new(self),
            |client, n| {
                let path = format!("{}/refund", path(n % MOVEMENTS));
                client.call("POST", &path, &refund(round, n), "201");
            },
        )
    }

    fn read_in_process(&self) -> f64 {
        self.time(
            READS_PER_ROUND,
            || (),
            |(), n| {
                let movement = self.ledger.movement(&key(n % MOVEMENTS)).unwrap();
                let json = serde_json::to_vec(&wire::MovementBody::from(&movement)).unwrap();
                assert!(!json.is_empty());
            },
        )
    }

    fn read_over_http(&self) -> f64 {
        self.time(
            READS_PER_ROUND,
            || Client::new(self),
            |client, n| client.call("GET", &path(n % MOVEMENTS), "", "200"),
        )
    }
}

fn make_token(auth: &Path) -> String {
    let output = Command::new(REFUNDS)
        .args(["token", "--subject", "bench", "--org", "acme"])
        .args(["--action", "read", "--action", "write", "--auth"])
        .arg(auth)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn key(n: usize) -> MovementKey {
    MovementKey::new("acme", "sub", &format!("mov-{n}")).unwrap()
}

fn path(n: usize) -> String {
    format!("/v1/orgs/acme/subscription/sub/movement/mov-{n}")
}

fn refund(round: usize, n: usize) -> String {
    format!(
        r#"{{"refund_datetime":"2022-02-24T13:45:10Z","amount":{{"value_with_taxes":0.01}},"external_refund_unique_id":"r-{round}-{n}","billable":false,"description":"Two days without service"}}"#
    )
}

/// A connection that is kept, and no more of HTTP than it takes.
struct Client {
    stream: BufReader<TcpStream>,
    host: String,
    token: String,
    head: String,
    body: Vec<u8>,
}

impl Client {
    fn new(bench: &Bench) -> Self {
        let stream = TcpStream::connect(&bench.address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream: BufReader::new(stream),
            host: bench.address.clone(),
            token: bench.token.clone(),
            head: String::new(),
            body: Vec::new(),
        }
    }

    fn call(&mut self, method: &str, path: &str, body: &str, status: &str) {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            self.token,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut length = 0;
        self.head.clear();
        loop {
            let start = self.head.len();
            self.stream.read_line(&mut self.head).unwrap();
            let line = self.head[start..].trim_end();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
        }
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body).unwrap();
        assert!(
            self.head["HTTP/1.1 ".len()..].starts_with(status),
            "{}{}",
            self.head,
            String::from_utf8_lossy(&self.body)
        );
    }
}

/// The medians of both sides.
fn medians(rounds: &[(f64, f64)]) -> (f64, f64) {
    (
        median(rounds.iter().map(|(inside, _)| *inside).collect()),
        median(rounds.iter().map(|(_, outside)| *outside).collect()),
    )
}
