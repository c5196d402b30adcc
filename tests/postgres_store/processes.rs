//! Eight processes at once on one ledger.

use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead, BufReader, Write, stdin};
use std::process::{Child, ChildStdout, Command, Stdio};

use refund_ledger::{ErrorCode, Ledger, RefundFilter};

use crate::postgres_support::{OnServer, assert_valid, key, movement, options, refund};

const PROCESSES: u64 = 8;

/// How many refunds each asks for; every second external id is one that all of them want.
const REFUNDS_EACH: u64 = 32;

/// How many refunds of 1.21 fit into a movement of 121.00.
const FITTING: usize = 100;

/// A process of the races, told by its environment where the ledger is, who it is and what to do.
#[test]
#[ignore = "it is a part of the others here, which run it as a process"]
fn one_process() {
    let told = |name: &str| env::var(name).unwrap();
    let number: u64 = told("RACE_NUMBER").parse().unwrap();
    let on_own_movement = told("RACE_ON") == "own";
    let store = options(&told("RACE_URL"), &told("RACE_SCHEMA"));
    let store = refund_ledger::store::postgres::PostgresStore::open(&store).unwrap();
    let ledger = Ledger::with_system_host(std::sync::Arc::new(store));
    println!("\nready");
    stdin().read_line(&mut String::new()).unwrap();
    for n in 0..REFUNDS_EACH {
        let wanted_by_all = n % 2 == 0;
        let external_id = if wanted_by_all {
            format!("all-{n}")
        } else {
            format!("own-{number}-{n}")
        };
        let at = if on_own_movement { number } else { 0 };
        let at = key(&format!("mov-{at}"));
        match ledger.create_refund(&at, &refund(&external_id, "1.21", "Racing")) {
            Ok(created) => println!("\n{external_id} {} {}", created.id, created.replayed),
            Err(error) if on_own_movement && wanted_by_all => {
                assert_eq!(error.code(), ErrorCode::IdempotencyConflict, "{error}");
            }
            Err(error) => assert_eq!(error.code(), ErrorCode::OverRefund, "{error}"),
        }
    }
    println!("\ndone");
}

/// A refund as a process was told of it.
#[derive(Debug)]
struct Told {
    external_id: String,
    id: String,
    replayed: bool,
}

struct Racer {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Racer {
    fn start(server: &OnServer, number: u64, on: &str) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "processes::one_process",
                "--ignored",
                "--nocapture",
            ])
            .env("RACE_URL", &server.url)
            .env("RACE_SCHEMA", &server.schema)
            .env("RACE_NUMBER", number.to_string())
            .env("RACE_ON", on)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// The lines up to one.
    fn read_to(&mut self, end: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).unwrap();
            assert!(
                read > 0,
                "a process ended before it said `{end}`: {lines:?}"
            );
            if line.trim_end() == end {
                return lines;
            }
            lines.push(line.trim_end().to_owned());
        }
    }

    fn finish(mut self) -> Vec<Told> {
        let lines = self.read_to("done");
        assert!(
            self.child.wait().unwrap().success(),
            "every process ends well"
        );
        let told = lines.iter().filter_map(|line| {
            let mut words = line.split(' ');
            Some(Told {
                external_id: words.next()?.to_owned(),
                id: words.next()?.to_owned(),
                replayed: words.next()?.parse().ok()?,
            })
        });
        told.collect()
    }
}

/// Lets all go at once, and gathers what they were told.
fn race(server: &OnServer, on: &str) -> Vec<Told> {
    let mut racers: Vec<Racer> = (0..PROCESSES)
        .map(|number| Racer::start(server, number, on))
        .collect();
    for racer in &mut racers {
        racer.read_to("ready");
    }
    for racer in &mut racers {
        racer
            .child
            .stdin
            .take()
            .unwrap()
            .write_all(b"go\n")
            .unwrap();
    }
    racers.into_iter().flat_map(Racer::finish).collect()
}

/// Each external id has one refund, and everybody who was told of it was told the same.
fn assert_each_once(server: &OnServer, told: &[Told]) -> usize {
    let refunds: Vec<_> = server
        .ledger
        .refunds(RefundFilter::default())
        .map(Result::unwrap)
        .collect();
    let booked: BTreeSet<(String, String)> = refunds
        .iter()
        .map(|refund| {
            let external_id = refund.details.external_id.as_ref().unwrap();
            (external_id.id().to_string(), refund.id.to_string())
        })
        .collect();
    let external_ids: BTreeSet<&String> =
        booked.iter().map(|(external_id, _)| external_id).collect();
    assert_eq!(
        external_ids.len(),
        refunds.len(),
        "no external id is booked twice"
    );
    for told in told {
        let pair = (told.external_id.clone(), told.id.clone());
        assert!(booked.contains(&pair), "{told:?} is what was booked");
    }
    let first = told.iter().filter(|told| !told.replayed).count();
    assert_eq!(
        first,
        refunds.len(),
        "each refund was new to one process, and a replay to all others"
    );
    refunds.len()
}

#[test]
fn eight_processes_on_one_movement_keep_its_cap_and_book_each_external_id_once() {
    let server = OnServer::new();
    let movement_key = key("mov-0");
    server
        .ledger
        .record_movement(&movement_key, &movement("February"))
        .unwrap();
    let told = race(&server, "one");
    assert_eq!(
        assert_each_once(&server, &told),
        FITTING,
        "121.00 takes 1.21 a hundred times, however many ask"
    );
    let left = server.ledger.balance(&movement_key).unwrap().refundable;
    assert_eq!((left.with, left.without), (0, 0), "it is full to the cent");
    assert_valid(&server.ledger);
}

#[test]
fn eight_processes_on_movements_of_their_own_share_out_the_external_ids_that_all_want() {
    let server = OnServer::new();
    for number in 0..PROCESSES {
        let movement_key = key(&format!("mov-{number}"));
        server
            .ledger
            .record_movement(&movement_key, &movement("February"))
            .unwrap();
    }
    let told = race(&server, "own");
    let (wanted_by_all, own) = (REFUNDS_EACH / 2, REFUNDS_EACH / 2 * PROCESSES);
    assert_eq!(
        assert_each_once(&server, &told) as u64,
        wanted_by_all + own,
        "each got its own, and one of them each that all wanted"
    );
    assert!(
        told.iter().all(|told| !told.replayed),
        "what another movement holds is no replay"
    );
    assert_valid(&server.ledger);
}
