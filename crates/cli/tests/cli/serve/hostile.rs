//! Clients that are slow, loud, or not clients at all.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::running::{EXAMPLE, MOVEMENT_PATH, Running, charge};
use crate::harness::Place;

fn head(path: &str, more: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n")
}

fn json_head(more: &str) -> String {
    let path = format!("{MOVEMENT_PATH}/refund");
    head(&path, &format!("Content-Type: application/json\r\n{more}"))
}

/// Everything that comes until the server closes the connection.
fn answer(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        read => drop(read.unwrap()),
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn start(place: &Place) -> Running {
    start_with(place, "1s")
}

fn start_with(place: &Place, client_timeout: &str) -> Running {
    let server = Running::start(place, &["--client-timeout", client_timeout]);
    server.client(None).put(MOVEMENT_PATH, &charge(121)).is(201);
    server
}

/// The server still serves.
fn is_well(server: &Running) {
    let read = server.client(None).get(MOVEMENT_PATH).is(200);
    assert_eq!(read.json()["balance"]["count"], 0, "nothing was booked");
}

#[test]
fn ten_megabytes_are_refused_and_the_client_hears_it() {
    let place = Place::new();
    let server = start(&place);
    let bytes = 10_000_000;
    let mut stream = server.connect();
    let text = json_head(&format!("Content-Length: {bytes}\r\n"));
    stream.write_all(text.as_bytes()).unwrap();
    stream.write_all(&vec![b' '; bytes]).unwrap();
    let answer = answer(stream);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("malformed_request"), "{answer}");
    is_well(&server);
}

#[test]
fn a_client_that_asks_first_is_told_before_it_sends() {
    let place = Place::new();
    let server = start(&place);
    let mut stream = server.connect();
    let text = head(
        &format!("{MOVEMENT_PATH}/refund"),
        "Content-Type: text/plain\r\nContent-Length: 10000000\r\nExpect: 100-continue\r\nAuthorization: Basic x\r\nHost: evil.example\r\n",
    )
    .replacen("Host: localhost\r\n", "", 1);
    stream.write_all(text.as_bytes()).unwrap();
    let answer = answer(stream);
    assert!(
        answer.starts_with("HTTP/1.1 403 "),
        "no 100 before: {answer}"
    );
    is_well(&server);
}

#[test]
fn chunks_without_end_come_to_an_end() {
    let place = Place::new();
    let server = start(&place);
    let mut stream = server.connect();
    stream
        .write_all(json_head("Transfer-Encoding: chunked\r\n").as_bytes())
        .unwrap();
    let start = Instant::now();
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    let mut sent = 0;
    while stream.write_all(chunk.as_bytes()).is_ok() {
        sent += chunk.len();
        assert!(sent < 200_000_000, "the server stops listening");
    }
    assert!(start.elapsed() < Duration::from_secs(20));
    is_well(&server);
}

#[test]
fn bodies_of_the_wrong_form_are_refused() {
    let place = Place::new();
    let server = start(&place);
    let client = server.client(None);
    let refunds = format!("{MOVEMENT_PATH}/refund");
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin1",
        "application/jsonx",
        "",
    ] {
        client
            .try_send(
                "POST",
                &refunds,
                &[("content-type", content_type)],
                Some(EXAMPLE),
            )
            .unwrap()
            .refused(400, "malformed_request");
    }
    for body in ["", "[]", "null", "{", "\u{feff}{}", "{\"a\":1}", "{}{}"] {
        let answer = client.post(&refunds, body);
        assert_eq!(answer.status, 400, "`{body}`: {answer:?}");
    }
    let encoded = [("content-encoding", "gzip")];
    client
        .try_send("POST", &refunds, &encoded, Some(EXAMPLE))
        .unwrap()
        .refused(400, "malformed_request");
    is_well(&server);
}

#[test]
fn slow_clients_are_shown_out_and_keep_nobody_waiting() {
    let place = Place::new();
    let server = start_with(&place, "4s");
    // A head that never ends.
    let slow: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = server.connect();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: lo").unwrap();
            stream
        })
        .collect();
    // A body that never comes.
    let mut waiting = server.connect();
    waiting
        .write_all(json_head("Content-Length: 100\r\n").as_bytes())
        .unwrap();
    let start = Instant::now();
    is_well(&server);
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "others are served meanwhile"
    );
    let answered = answer(waiting);
    assert!(answered.starts_with("HTTP/1.1 400 "), "{answered}");
    for stream in slow {
        answer(stream);
    }
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "all were shown out"
    );
}

#[test]
fn a_client_that_reads_nothing_does_not_stay() {
    let place = Place::new();
    let server = start(&place);
    let mut stream = server.connect();
    // Pipelined requests whose answers nobody takes.
    let request = format!("GET {MOVEMENT_PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(30) {
        if stream.write_all(request.repeat(1_000).as_bytes()).is_err() {
            break;
        }
    }
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "the server gives up"
    );
    is_well(&server);
}

#[test]
fn what_is_not_http_is_no_request() {
    let place = Place::new();
    let server = start(&place);
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(100_000));
    let heads = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(5_000));
    for bytes in [
        &b"\0\x01\x02\r\n\r\n"[..],
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03 a TLS greeting \r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        long.as_bytes(),
        heads.as_bytes(),
    ] {
        let mut stream = server.connect();
        stream.write_all(bytes).ok();
        stream.shutdown(std::net::Shutdown::Write).ok();
        let answer = answer(stream);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{answer}"
        );
    }
    is_well(&server);
}
