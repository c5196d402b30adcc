//! A server that is killed under load.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::running::{MOVEMENT_PATH, Running, charge, refund, token};
use crate::harness::Place;

const ROUNDS: usize = 3;
const CLIENTS: usize = 8;

/// The refunds that were answered with 201, by external id.
type Acknowledged = BTreeMap<String, String>;

/// Books refunds from eight clients until the server is gone, which is killed some time after each has
/// booked one on average.
fn book_until_killed(server: &mut Running, token: &str, round: usize) -> Acknowledged {
    let clients: Vec<_> = (0..CLIENTS).map(|_| server.client(Some(token))).collect();
    let count = &AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let threads: Vec<_> = clients
            .into_iter()
            .enumerate()
            .map(|(c, client)| {
                scope.spawn(move || {
                    let mut acknowledged = Acknowledged::new();
                    for n in 0.. {
                        let external_id = format!("r-{round}-{c}-{n}");
                        let path = format!("{MOVEMENT_PATH}/refund");
                        let body = refund(&external_id, "0.01");
                        match client.try_send("POST", &path, &[], Some(&body)) {
                            Ok(answer) => {
                                let id = answer.is(201).json()["id"].as_str().unwrap().to_owned();
                                acknowledged.insert(external_id, id);
                                count.fetch_add(1, Ordering::Relaxed);
                            }
                            Err(_) => return acknowledged,
                        }
                    }
                    acknowledged
                })
            })
            .collect();
        let start = Instant::now();
        while count.load(Ordering::Relaxed) <= CLIENTS && start.elapsed() < Duration::from_mins(1) {
            std::thread::yield_now();
        }
        let pause = 200 + 130 * u64::try_from(round).unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        server.kill();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    })
}

#[test]
fn a_killed_server_has_lost_no_refund_that_it_acknowledged() {
    let place = Place::new();
    let token = token(&place, "acme", &["read", "write"]);
    let mut all = Acknowledged::new();
    for round in 0..ROUNDS {
        let mut server = Running::start(&place, &["--log-level", "error"]);
        let client = server.client(Some(&token));
        let recorded = client.put(MOVEMENT_PATH, &charge(1_000_000));
        assert!([201, 204].contains(&recorded.status), "{recorded:?}");
        let acknowledged = book_until_killed(&mut server, &token, round);
        assert!(acknowledged.len() > CLIENTS, "it was killed under load");
        all.extend(acknowledged);
    }
    let kept = place.refunds();
    let by_external_id: Acknowledged = kept
        .iter()
        .map(|refund| {
            let text = |field: &str| refund[field].as_str().unwrap().to_owned();
            (text("external_refund_unique_id"), text("id"))
        })
        .collect();
    assert_eq!(by_external_id.len(), kept.len(), "no external id twice");
    for (external_id, id) in &all {
        assert_eq!(
            by_external_id.get(external_id),
            Some(id),
            "`{external_id}` was answered"
        );
    }

    // Every request again: what is there is replayed, what is not is booked, nothing twice.
    let server = Running::start(&place, &["--log-level", "error"]);
    let client = server.client(Some(&token));
    for (external_id, id) in &all {
        let body = refund(external_id, "0.01");
        let answer = client
            .post(&format!("{MOVEMENT_PATH}/refund"), &body)
            .is(201);
        assert_eq!(answer.header("idempotent-replayed"), "true");
        assert_eq!(answer.json()["id"], id.as_str());
    }
    drop(server);
    assert_eq!(
        place.refunds().len(),
        kept.len(),
        "nothing was booked twice"
    );
    place.root();
}
