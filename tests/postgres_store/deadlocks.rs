//! Batches over the same movements and external ids, in any order, wait for each other and end.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

use postgres_cluster::Cluster;
use refund_ledger::{Batch, Command, ErrorCode, Ledger, MovementKey, Operation, RefundFilter};

use crate::postgres_support::{OnServer, assert_valid, create, movement, refund, wait_until};

const THREADS: usize = 8;
const ROUNDS: usize = 12;
const ORGS: usize = 3;
const MOVEMENTS: usize = 4;

fn at(org: usize, n: usize) -> MovementKey {
    MovementKey::new(&format!("org-{org}"), "sub", &format!("mov-{n}")).unwrap()
}

/// In each org a few refunds, and movements that all threads record. Which movement asks for which
/// external id differs from thread to thread, and so does the order in which they stand. In every
/// second round the refunds are on movements of the thread's own, so that no lock on a movement keeps
/// the threads apart.
fn batch(round: usize, thread: usize) -> Vec<Command> {
    let mut commands = Vec::new();
    for org in 0..ORGS {
        for n in 0..MOVEMENTS {
            let external_id = format!("ext-{round}-{}", (n + thread) % MOVEMENTS);
            let own = if round.is_multiple_of(2) {
                0
            } else {
                (thread + 1) * MOVEMENTS
            };
            commands.push(Command {
                movement: at(org, own + n),
                operation: Operation::CreateRefund {
                    content: refund(&external_id, "1.21", "Racing").into(),
                    idempotency_key: None,
                },
            });
            commands.push(Command {
                movement: MovementKey::new(&format!("org-{org}"), "new", &format!("{round}-{n}"))
                    .unwrap(),
                operation: Operation::RecordMovement(movement("New")),
            });
        }
    }
    let turn = thread * 5 % commands.len();
    commands.rotate_left(turn);
    if thread % 2 == 1 {
        commands.reverse();
    }
    commands
}

fn run(ledger: &Ledger, thread: usize, together: &Barrier) {
    for round in 0..ROUNDS {
        together.wait();
        let commands = batch(round, thread);
        let results = ledger
            .execute_all(&commands, Batch::default())
            .unwrap_or_else(|error| panic!("round {round}, thread {thread}: {error:?}"));
        for (command, result) in commands.iter().zip(results) {
            match result {
                Ok(_) => {}
                // Another movement was faster with the external id.
                Err(error) if matches!(command.operation, Operation::CreateRefund { .. }) => {
                    assert_eq!(error.code(), ErrorCode::IdempotencyConflict, "{error}");
                }
                Err(error) => panic!("{command:?} should be done, or done before: {error}"),
            }
        }
    }
}

/// A server of its own, whose log tells of deadlocks.
fn watched() -> Cluster {
    Cluster::builder()
        .fsync(false)
        .setting("deadlock_timeout", "100ms")
        .start()
        .unwrap()
}

fn assert_no_deadlock(cluster: &Cluster) {
    let log = cluster.log();
    assert!(
        !log.contains("deadlock detected"),
        "batches take what they share in one order, so the server need not end any:\n{log}"
    );
}

#[test]
fn batches_in_opposite_orders_never_fail() {
    let cluster = watched();
    let server = OnServer::at(&cluster.url());
    for org in 0..ORGS {
        for n in 0..(THREADS + 1) * MOVEMENTS {
            server
                .ledger
                .record_movement(&at(org, n), &movement("February"))
                .unwrap();
        }
    }
    let together = Barrier::new(THREADS);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (server, together) = (&server, &together);
            scope.spawn(move || run(&server.other(thread as u64 + 2), thread, together));
        }
    });

    let mut booked = BTreeSet::new();
    let mut count = 0;
    for refund in server.ledger.refunds(RefundFilter::default()) {
        let refund = refund.unwrap();
        let external_id = refund.details.external_id.unwrap().id().clone();
        booked.insert((refund.movement.org(), external_id));
        count += 1;
    }
    let wanted = ORGS * ROUNDS * MOVEMENTS;
    assert_eq!(
        (booked.len(), count),
        (wanted, wanted),
        "in each org each external id is booked, and once"
    );
    assert_valid(&server.ledger);
    assert_no_deadlock(&cluster);
}

/// Two batches that want the same in opposite orders, made to meet: somebody else holds what is in the
/// middle of both until both wait.
fn meet_at(middle: &str, commands: impl Fn(usize) -> Vec<Command>) {
    let cluster = watched();
    let server = OnServer::at(&cluster.url());
    for n in 0..2 {
        let movement_key = at(0, n);
        server
            .ledger
            .record_movement(&movement_key, &movement("February"))
            .unwrap();
        create(&server.ledger, &movement_key, &format!("before-{n}"));
    }
    let mut holder = server.session();
    holder.execute("BEGIN");
    assert_eq!(holder.execute(middle), 1, "what is in the middle is taken");
    thread::scope(|scope| {
        for n in 0..2 {
            let (server, commands) = (&server, commands(n));
            scope.spawn(move || {
                let ledger = server.other(n as u64 + 2);
                ledger.execute_all(&commands, Batch::default()).unwrap();
            });
        }
        // One for what is held, the other for that or for the first.
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        wait_until(&mut holder, waiting, 2);
        holder.execute("ROLLBACK");
    });
    assert_valid(&server.ledger);
    assert_no_deadlock(&cluster);
}

fn ordered(mut commands: Vec<Command>, thread: usize) -> Vec<Command> {
    if thread == 1 {
        commands.reverse();
    }
    commands
}

#[test]
fn new_movements_are_recorded_in_one_order() {
    let new = |n: usize| MovementKey::new("org-0", "new", &format!("mov-{n}")).unwrap();
    let middle = "INSERT INTO movements SELECT org, 'new', 'mov-1', occurred_at_s, occurred_at_ns, \
         currency, amount_with, amount_without, tax_type, tax_ten_thousandths, description_sequence, \
         recorded_at_s, recorded_at_ns, voided, refunded_with, refunded_without, refunded_count, \
         chain_length, chain_hash, chain_recorded_at_s, chain_recorded_at_ns FROM movements LIMIT 1";
    meet_at(middle, |thread| {
        let commands = (0..3).map(|n| Command {
            movement: new(n),
            operation: Operation::RecordMovement(movement("New")),
        });
        ordered(commands.collect(), thread)
    });
}

#[test]
fn external_ids_are_taken_in_one_order() {
    let middle = "INSERT INTO refunds (org, id, subscription_id, movement_id, external_id, \
         external_id_is_key, refund_datetime_s, refund_datetime_ns, currency, amount_with, \
         amount_without, billable, description_sequence, revision, created_at_s, created_at_ns, \
         updated_at_s, updated_at_ns, deleted) \
         SELECT org, gen_random_uuid(), subscription_id, movement_id, 'ext-1', false, \
         refund_datetime_s, refund_datetime_ns, currency, amount_with, amount_without, billable, \
         description_sequence, revision, created_at_s, created_at_ns, updated_at_s, updated_at_ns, \
         deleted FROM refunds LIMIT 1";
    meet_at(middle, |thread| {
        let commands = (0..3).map(|n| Command {
            movement: at(0, thread),
            operation: Operation::CreateRefund {
                content: refund(&format!("ext-{n}"), "1.21", "Racing").into(),
                idempotency_key: None,
            },
        });
        ordered(commands.collect(), thread)
    });
}
