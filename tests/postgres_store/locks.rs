//! What a change has read is locked, also where it came to be while the change waited.

use std::thread;

use refund_ledger::store::{Loaded, ReadSet, Store, WriteBatch};

use crate::postgres_support::{OnServer, create, key, movement, wait_until_queueing};

#[test]
fn a_movement_that_appears_while_others_are_waited_for_is_locked_too() {
    let server = OnServer::new();
    let [there, new] = [key("there"), key("new")];
    server
        .ledger
        .record_movement(&there, &movement("February"))
        .unwrap();
    let (faster, waiting) = (server.other(2), server.other(3));
    let (mut holder, mut somebody) = (server.session(), server.session());
    holder.execute("BEGIN");
    holder.execute("SELECT 1 FROM movements FOR UPDATE");
    let mut wanted = ReadSet::default();
    wanted.want_movement(there.clone());
    wanted.want_movement(new.clone());
    let mut decided = 0;
    thread::scope(|scope| {
        let changing = scope.spawn(|| create(&faster, &there, "ext-1"));
        wait_until_queueing(&mut holder, 1);
        let reading = scope.spawn(|| {
            waiting.store().transact(&wanted, &mut |snapshot| {
                decided += 1;
                let Loaded::Present(there) = snapshot.movement(&there) else {
                    panic!("it was there all the time");
                };
                assert_eq!(there.chain.length, 2, "as the faster one left it");
                assert!(
                    matches!(snapshot.movement(&new), Loaded::Present(_)),
                    "it was there before the lock was"
                );
                let lock = "SELECT 1 FROM movements WHERE movement_id = 'new' FOR UPDATE NOWAIT";
                let refused = somebody.run(lock).expect_err("it is locked");
                assert_eq!(refused.sqlstate, "55P03", "{refused:?}");
                WriteBatch::default()
            })
        });
        wait_until_queueing(&mut holder, 2);
        server
            .ledger
            .record_movement(&new, &movement("March"))
            .unwrap();
        holder.execute("ROLLBACK");
        changing.join().unwrap();
        reading.join().unwrap().unwrap();
    });
    assert_eq!(decided, 1, "nothing is decided on what is not locked");
}
