//! A server in a process of its own, and clients.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Place, REFUNDS};

/// The contract's example body.
pub(crate) const EXAMPLE: &str = r#"{"refund_datetime":"2022-02-24T13:45:10Z","period_start_datetime":"2022-01-31T23:00:00Z","period_end_datetime":"2022-02-28T22:59:59.999999999Z","amount":{"value_with_taxes":12.1,"value_without_taxes":10,"tax":{"type":"IVA","percentage":21}},"external_invoice_id":"inv-9","external_refund_unique_id":"987654321","billable":false,"description":"Two days without service"}"#;

/// The movement of the examples.
pub(crate) const MOVEMENT_PATH: &str = "/v1/orgs/acme/subscription/sub-7/movement/mov-42";

/// A body to record a movement of so many euros with.
pub(crate) fn charge(euros: u32) -> String {
    json!({"currency": "EUR", "occurred_at": "2022-02-01T00:00:00Z",
        "amount": {"value_with_taxes": euros}, "description": "February"})
    .to_string()
}

/// A body to book a refund with.
pub(crate) fn refund(external_id: &str, value: &str) -> String {
    json!({"refund_datetime": "2022-02-24T13:45:10Z", "amount": {"value_with_taxes": value},
        "external_refund_unique_id": external_id, "billable": false, "description": "back"})
    .to_string()
}

/// A running server. It is killed when it is dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) address: String,
}

/// Makes a static token for everything in one org.
pub(crate) fn token(place: &Place, org: &str, actions: &[&str]) -> String {
    let mut command = Command::new(REFUNDS);
    command
        .args(["token", "--subject", "ops", "--org", org, "--auth"])
        .arg(place.path("auth.toml"));
    for action in actions {
        command.args(["--action", action]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Running {
    /// Starts a server on the place's ledger, with the place's `auth.toml` if there is one.
    pub(crate) fn start(place: &Place, arguments: &[&str]) -> Self {
        let log = File::options()
            .create(true)
            .append(true)
            .open(place.path("server.log"))
            .unwrap();
        Self::start_with_log(place, arguments, log.into())
    }

    /// The same, with a log of its own.
    pub(crate) fn start_with_log(place: &Place, arguments: &[&str], log: Stdio) -> Self {
        let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
        let auth = place.path("auth.toml");
        if auth.exists() {
            command.arg("--auth").arg(auth);
        } else {
            command.arg("--insecure-no-auth");
        }
        let mut child = command
            .args(arguments)
            .args(["--format", "json"])
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let listening: Value = serde_json::from_str(&line).unwrap_or_else(|error| {
            panic!(
                "the server says where it listens, not `{line}`: {error}\n{}",
                log_of(place)
            )
        });
        let address = listening["listening"].as_str().unwrap();
        Self {
            child,
            address: address.strip_prefix("http://").unwrap().to_owned(),
        }
    }

    /// A client with a token, or without one.
    pub(crate) fn client(&self, token: Option<&str>) -> Client {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_mins(1)))
            .build();
        Client {
            agent: config.into(),
            base: format!("http://{}", self.address),
            token: token.map(str::to_owned),
        }
    }

    /// A bare connection.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_mins(1)))
            .unwrap();
        stream
    }

    /// Asks the server to stop, as a service manager does.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success(), "the signal is sent");
    }

    /// Waits for the server to end, and answers with its exit code.
    pub(crate) fn wait(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// Takes the power away.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What the place's servers have logged.
pub(crate) fn log_of(place: &Place) -> String {
    fs::read_to_string(place.path("server.log")).unwrap_or_default()
}

/// The log once it holds a text: lines are written a moment after the answers that they tell of.
#[track_caller]
pub(crate) fn log_with(place: &Place, text: &str) -> String {
    eventually(&format!("`{text}` is in the log"), || {
        log_of(place).contains(text)
    });
    log_of(place)
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "within 30 seconds: {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A client that keeps its connections.
#[derive(Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
}

/// An answer in full.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "the status; {self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .unwrap_or_else(|| panic!("the header `{name}` is there; {self:#?}"))
            .to_str()
            .unwrap()
    }

    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Self {
        let this = self.is(status);
        assert_eq!(this.json()["code"], code, "{this:#?}");
        this
    }
}

impl Client {
    /// Sends a request. What a server that was killed did not answer is an error.
    pub(crate) fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Result<Answer, ureq::Error> {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = match body {
            Some(body) => {
                if !headers.iter().any(|(name, _)| *name == "content-type") {
                    request = request.header("content-type", "application/json");
                }
                self.agent.run(request.body(body.to_owned()).unwrap())?
            }
            None => self.agent.run(request.body(()).unwrap())?,
        };
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.body_mut().read_to_string()?,
        })
    }

    #[track_caller]
    pub(crate) fn send(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        self.try_send(method, path, &[], body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    #[track_caller]
    pub(crate) fn put(&self, path: &str, body: &str) -> Answer {
        self.send("PUT", path, Some(body))
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.send("POST", path, Some(body))
    }
}
