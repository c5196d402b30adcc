//! Many clients at once.

use std::sync::Barrier;
use std::time::Duration;

use super::running::{MOVEMENT_PATH, Running, charge, refund, token};
use crate::harness::Place;

#[test]
fn eight_clients_book_one_movement_to_its_limit_and_no_further() {
    let place = Place::new();
    let token = token(&place, "acme", &["read", "write"]);
    let server = Running::start(&place, &[]);
    let client = server.client(Some(&token));
    client.put(MOVEMENT_PATH, &charge(100)).is(201);
    let start = Barrier::new(8);
    let booked: usize = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|c| {
                let (client, start) = (server.client(Some(&token)), &start);
                scope.spawn(move || {
                    start.wait();
                    let mut booked = 0;
                    for n in 0..25 {
                        let body = refund(&format!("r-{c}-{n}"), "1");
                        let answer = client.post(&format!("{MOVEMENT_PATH}/refund"), &body);
                        if answer.status == 201 {
                            booked += 1;
                        } else {
                            answer.refused(400, "over_refund");
                        }
                    }
                    booked
                })
            })
            .collect();
        clients.into_iter().map(|c| c.join().unwrap()).sum()
    });
    assert_eq!(booked, 100, "exactly the limit");
    let balance = client.get(MOVEMENT_PATH).is(200).json()["balance"].clone();
    assert_eq!(balance["refundable"]["value_with_taxes"], 0, "{balance}");
    assert_eq!(balance["count"], 100);
    drop(server);
    place.root();
}

#[test]
fn a_thousand_connections_are_all_answered() {
    let place = Place::new();
    let server = Running::start(&place, &["--store-timeout", "60s"]);
    let client = server.client(None);
    client.put(MOVEMENT_PATH, &charge(1_000_000)).is(201);
    // All open at once, half of them write.
    let open: Vec<_> = (0..1_000).map(|_| server.connect()).collect();
    let bodies: Vec<String> = (0..1_000).map(|n| refund(&format!("r-{n}"), "1")).collect();
    for (n, (mut stream, body)) in open.iter().zip(&bodies).enumerate() {
        use std::io::Write;
        let head = "HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
        if n % 2 == 0 {
            write!(
                stream,
                "POST {MOVEMENT_PATH}/refund {head}Content-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
        } else {
            write!(stream, "GET {MOVEMENT_PATH} {head}\r\n").unwrap();
        }
    }
    for (n, mut stream) in open.into_iter().enumerate() {
        use std::io::Read;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let wanted = if n % 2 == 0 {
            "HTTP/1.1 201"
        } else {
            "HTTP/1.1 200"
        };
        assert!(answer.starts_with(wanted), "connection {n}: {answer}");
    }
    assert_eq!(
        client.get(MOVEMENT_PATH).json()["balance"]["count"],
        500,
        "each once"
    );
}

#[test]
fn beyond_the_most_connections_clients_wait_for_a_place() {
    let place = Place::new();
    let server = Running::start(
        &place,
        &["--connections-max", "2", "--client-timeout", "2s"],
    );
    let idle = [server.connect(), server.connect()];
    std::thread::sleep(Duration::from_millis(200));
    // Both places are taken until the idle ones are shown out.
    server.client(None).get("/healthz").is(200);
    drop(idle);
}
