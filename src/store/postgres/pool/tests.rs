#![allow(
    clippy::disallowed_methods,
    reason = "tests of time limits measure the time"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, mpsc};
use std::time::{Duration, Instant};

use postgres_cluster::{Cluster, PASSWORD};

use super::Pool;
use crate::store::StoreError;
use crate::store::postgres::errors::Fault;
use crate::store::postgres::options::PostgresOptions;
use crate::store::postgres::session::Link;

/// Longer than any server needs that is there.
const ENOUGH: Duration = Duration::from_secs(30);

/// What an answer may come later than its limit, on a busy machine.
const LATE: Duration = Duration::from_secs(2);

fn shared() -> &'static Cluster {
    postgres_cluster::shared().expect("a server starts")
}

fn pool_of(server: &Cluster, connections_max: usize) -> Pool {
    let options = PostgresOptions::new(&server.url()).expect("the URL is one");
    Pool::new(options.with_connections_max(connections_max))
}

async fn number(link: &Link, sql: &str) -> Result<i32, Fault> {
    Ok(link.client().query_typed_one(sql, &[]).await?.try_get(0)?)
}

async fn run(link: &Link, sql: &str) -> Result<(), Fault> {
    Ok(link.client().batch_execute(sql).await?)
}

/// Which of the server's processes the pool's next call goes to.
fn process(pool: &Pool) -> i32 {
    pool.run(ENOUGH, async |link| {
        number(link, "SELECT pg_backend_pid()").await
    })
    .expect("the server answers")
}

/// Whether the server still runs this process.
fn is_alive(server: &Cluster, process: i32) -> bool {
    let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {process}");
    server.query(&sql).unwrap() == "1"
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < ENOUGH, "{what}");
    }
}

#[test]
fn one_connection_serves_calls_that_follow_each_other() {
    let pool = pool_of(shared(), 4);
    let first = process(&pool);
    for _ in 0..10 {
        assert_eq!(process(&pool), first);
    }
}

#[test]
fn calls_at_the_same_time_have_connections_of_their_own() {
    let pool = pool_of(shared(), 4);
    let together = Barrier::new(4);
    let mut processes: Vec<i32> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    pool.run(ENOUGH, async |link| {
                        let process = number(link, "SELECT pg_backend_pid()").await?;
                        together.wait();
                        Ok(process)
                    })
                    .unwrap()
                })
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    processes.sort_unstable();
    processes.dedup();
    assert_eq!(processes.len(), 4);
    // All of them are kept.
    assert_eq!(pool.state().idle.len(), 4);
    assert_eq!(pool.state().open, 4);
}

#[test]
fn many_threads_share_a_few_connections() {
    let pool = pool_of(shared(), 3);
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                for _ in 0..20 {
                    process(&pool);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(done.into_inner(), 240);
    assert!(pool.state().open <= 3);
}

#[test]
fn a_call_that_no_connection_is_left_for_is_busy_within_its_limit() {
    let pool = pool_of(shared(), 1);
    let limit = Duration::from_millis(300);
    let (started, has_started) = mpsc::channel();
    let (finish, may_finish) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let pool = &pool;
        let holder = scope.spawn(move || {
            pool.run(ENOUGH, async |_| {
                started.send(()).unwrap();
                may_finish.recv().unwrap();
                Ok(())
            })
        });
        has_started.recv().unwrap();
        let start = Instant::now();
        assert_eq!(pool.run(limit, async |_| Ok(())), Err(StoreError::Busy));
        let took = start.elapsed();
        assert!(took >= limit && took < limit + LATE, "took {took:?}");

        // One that waits longer has its turn as soon as the first is done.
        let waiter = scope.spawn(|| process(pool));
        finish.send(()).unwrap();
        holder.join().unwrap().unwrap();
        waiter.join().unwrap();
    });
}

#[test]
fn what_the_server_refuses_is_rolled_back_and_the_connection_is_kept() {
    let pool = pool_of(shared(), 1);
    let before = process(&pool);
    let outcome = pool.run(ENOUGH, async |link| {
        run(link, "BEGIN; CREATE TABLE public.rolled_back ()").await?;
        run(link, "SELECT log(0)").await
    });
    match outcome {
        Err(StoreError::Failed { reason }) => {
            assert!(
                reason.contains("cannot take logarithm of zero (SQLSTATE 2201E)"),
                "{reason}"
            );
        }
        other => panic!("should have failed: {other:?}"),
    }
    let state = "SELECT count(*)::int4 FROM pg_class WHERE relname = 'rolled_back'";
    let there = pool.run(ENOUGH, async |link| number(link, state).await);
    assert_eq!(there, Ok(0));
    assert_eq!(process(&pool), before, "the connection should be kept");
}

#[test]
fn what_work_itself_finds_wrong_is_rolled_back_too() {
    let pool = pool_of(shared(), 1);
    let before = process(&pool);
    let outcome: Result<(), _> = pool.run(ENOUGH, async |link| {
        run(link, "BEGIN; CREATE TABLE public.conflicting ()").await?;
        Err(Fault::Store(StoreError::Conflict))
    });
    assert_eq!(outcome, Err(StoreError::Conflict));
    let in_transaction = pool.run(ENOUGH, async |link| {
        number(
            link,
            "SELECT (pg_current_xact_id_if_assigned() IS NOT NULL)::int4",
        )
        .await
    });
    assert_eq!(in_transaction, Ok(0));
    assert_eq!(process(&pool), before, "the connection should be kept");
}

#[test]
fn a_panic_closes_the_connection_and_leaves_the_pool_whole() {
    let pool = pool_of(shared(), 1);
    let before = process(&pool);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        pool.run(ENOUGH, async |link| -> Result<(), Fault> {
            run(link, "BEGIN; CREATE TABLE public.panicked ()").await?;
            panic!("as planned")
        })
    }));
    assert!(panicked.is_err());
    assert_ne!(process(&pool), before, "another connection should be made");
    wait_until("the server should end the transaction", || {
        !is_alive(shared(), before)
    });
    assert_eq!(pool.state().open, 1);
}

#[test]
fn a_poisoned_lock_is_still_a_lock() {
    let pool = pool_of(shared(), 1);
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let _state = pool.state();
        panic!("as planned");
    }));
    process(&pool);
}

#[test]
fn calls_go_on_after_the_server_was_restarted() {
    let server = Cluster::builder().fsync(false).start().unwrap();
    let pool = pool_of(&server, 3);
    let fill = || {
        let together = Barrier::new(3);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    pool.run(ENOUGH, async |_| {
                        together.wait();
                        Ok(())
                    })
                });
            }
        });
        assert_eq!(pool.state().idle.len(), 3);
    };
    fill();
    server.restart().unwrap();
    process(&pool);
    fill();
    server.kill().unwrap();
    match pool.run(ENOUGH, async |_| Ok(())) {
        Err(StoreError::Unavailable { reason }) => {
            assert!(reason.contains("connection refused"), "{reason}");
        }
        other => panic!("nobody is there: {other:?}"),
    }
    assert_eq!(pool.state().open, 0);
    server.restart().unwrap();
    process(&pool);
}

#[test]
fn an_idle_connection_that_dies_as_it_is_used_is_replaced_once() {
    let server = shared();
    let pool = pool_of(server, 1);
    let old = process(&pool);
    let mut runs = 0;
    let new = pool.run(ENOUGH, async |link| {
        runs += 1;
        if runs == 1 {
            server
                .execute(&format!("SELECT pg_terminate_backend({old}, 10000)"))
                .unwrap();
        }
        number(link, "SELECT pg_backend_pid()").await
    });
    assert!(new.is_ok_and(|new| new != old));
    assert_eq!(runs, 2);

    // A fresh one that dies has died of something else.
    let pool = pool_of(server, 1);
    let mut runs = 0;
    let outcome = pool.run(ENOUGH, async |link| {
        runs += 1;
        run(link, "SELECT pg_terminate_backend(pg_backend_pid())").await
    });
    assert!(
        matches!(&outcome, Err(StoreError::Unavailable { reason }) if reason.contains("57P01")),
        "{outcome:?}"
    );
    assert_eq!(runs, 1);
}

#[test]
fn a_call_of_many_steps_is_begun_anew_but_never_repeated() {
    let server = shared();
    let pool = pool_of(server, 1);
    let end = |process: i32| {
        let sql = format!("SELECT pg_terminate_backend({process}, 10000)");
        server.execute(&sql).unwrap();
    };
    let old = process(&pool);
    let begun = AtomicUsize::new(0);
    let begin = async |link: &Link| {
        if begun.fetch_add(1, Ordering::Relaxed) == 0 {
            end(old);
        }
        run(link, "BEGIN").await
    };
    let mut visits = 0;
    let outcome = pool.read(ENOUGH, &begin, |steps| {
        visits += 1;
        let process = steps.run(async |link| number(link, "SELECT pg_backend_pid()").await)?;
        end(process);
        steps.run(async |link| run(link, "SELECT 1").await)
    });
    assert!(
        matches!(&outcome, Err(StoreError::Unavailable { reason }) if reason.contains("57P01")),
        "{outcome:?}"
    );
    assert_eq!(begun.into_inner(), 2);
    assert_eq!(visits, 1);
    process(&pool);
}

#[test]
fn a_server_that_can_no_longer_be_written_to_is_left_for_another() {
    let demoted = Cluster::builder().fsync(false).start().unwrap();
    let (first, second) = (demoted.port(), shared().port());
    let url =
        format!("postgres://postgres:{PASSWORD}@127.0.0.1:{first},127.0.0.1:{second}/postgres");
    let pool = Pool::new(PostgresOptions::new(&url).unwrap());
    let ask = |sql: &str| {
        pool.run(ENOUGH, async |link| {
            let row = link.client().query_typed_one(sql, &[]).await?;
            Ok(row.try_get::<_, String>(0)?)
        })
        .unwrap()
    };
    assert_eq!(ask("SHOW port"), first.to_string());
    demoted
        .execute("ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf()")
        .unwrap();
    wait_until("the session should learn of it", || {
        ask("SHOW default_transaction_read_only") == "on"
    });
    // It is still good for reading.
    assert_eq!(ask("SHOW port"), first.to_string());
    pool.run(ENOUGH, async |link| {
        run(
            link,
            "CREATE TABLE IF NOT EXISTS public.written_elsewhere ()",
        )
        .await
    })
    .unwrap();
    assert_eq!(ask("SHOW port"), second.to_string());
}

#[test]
fn from_the_commit_on_a_lost_connection_leaves_the_outcome_unknown() {
    let server = shared();
    let pool = pool_of(server, 1);
    process(&pool);
    let mut runs = 0;
    let outcome = pool.run(ENOUGH, async |link| {
        runs += 1;
        run(link, "BEGIN").await?;
        link.will_commit();
        run(link, "SELECT pg_terminate_backend(pg_backend_pid())").await
    });
    match outcome {
        Err(StoreError::OutcomeUnknown { reason }) => {
            assert!(reason.contains("57P01"), "{reason}");
        }
        other => panic!("the outcome should be unknown: {other:?}"),
    }
    assert_eq!(runs, 1, "nothing is repeated blindly");

    // The next call has not sent any commit.
    let outcome = pool.run(ENOUGH, async |link| {
        run(link, "SELECT pg_terminate_backend(pg_backend_pid())").await
    });
    assert!(
        matches!(outcome, Err(StoreError::Unavailable { .. })),
        "{outcome:?}"
    );
    // Nor has one on the same connection.
    let committed = pool.run(ENOUGH, async |link| {
        link.will_commit();
        run(link, "SELECT 1").await
    });
    assert_eq!(committed, Ok(()));
    let mut runs = 0;
    let outcome = pool.run(ENOUGH, async |link| {
        runs += 1;
        run(link, "SELECT pg_terminate_backend(pg_backend_pid())").await
    });
    assert_eq!(runs, 2, "the first was over an idle connection");
    assert!(
        matches!(outcome, Err(StoreError::Unavailable { .. })),
        "{outcome:?}"
    );
}

#[test]
fn a_commit_that_is_refused_is_known_not_to_have_happened() {
    let pool = pool_of(shared(), 1);
    let before = process(&pool);
    let outcome = pool.run(ENOUGH, async |link| {
        run(
            link,
            "BEGIN;
             CREATE TEMPORARY TABLE deferred (id int UNIQUE DEFERRABLE INITIALLY DEFERRED);
             INSERT INTO deferred VALUES (1), (1)",
        )
        .await?;
        link.will_commit();
        run(link, "COMMIT").await
    });
    assert_eq!(outcome, Err(StoreError::Conflict));
    assert_eq!(process(&pool), before);
}

#[test]
fn a_server_that_hangs_is_unavailable_before_a_commit_and_unknown_after() {
    let server = Cluster::builder().fsync(false).start().unwrap();
    let pool = pool_of(&server, 2);
    let limit = Duration::from_millis(500);
    for commits in [false, true] {
        let old = process(&pool);
        server.pause().unwrap();
        let start = Instant::now();
        let outcome = pool.run(limit, async |link| {
            if commits {
                link.will_commit();
            }
            run(link, "SELECT 1").await
        });
        let took = start.elapsed();
        assert!(took >= limit && took < limit + LATE, "took {took:?}");
        match outcome {
            Err(StoreError::OutcomeUnknown { reason }) if commits => {
                assert!(reason.ends_with("it did not answer in time"), "{reason}");
            }
            Err(StoreError::Unavailable { reason }) if !commits => {
                assert!(reason.ends_with("it did not answer in time"), "{reason}");
            }
            other => panic!("commits {commits}: {other:?}"),
        }
        server.resume().unwrap();
        assert_ne!(process(&pool), old, "the silent connection should be gone");
    }
}

#[test]
fn a_client_that_gave_up_soon_holds_no_lock_any_more() {
    let server = shared();
    server
        .execute("CREATE TABLE IF NOT EXISTS locked (id int)")
        .unwrap();
    let pool = pool_of(server, 1);
    let outcome = pool.run(Duration::from_millis(200), async |link| {
        run(link, "BEGIN; LOCK TABLE public.locked; SELECT pg_sleep(60)").await
    });
    assert!(
        matches!(outcome, Err(StoreError::Unavailable { .. })),
        "{outcome:?}"
    );
    let start = Instant::now();
    server.execute("BEGIN; LOCK TABLE locked; COMMIT").unwrap();
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "the server should notice that the client is gone"
    );
}

#[test]
fn a_statement_of_changed_tables_is_prepared_anew() {
    let server = shared();
    let url = server.create_database("changed").unwrap();
    server
        .query_in("changed", "CREATE TABLE t (a int4)")
        .unwrap();
    let pool = Pool::new(
        PostgresOptions::new(&url)
            .unwrap()
            .with_schema("public")
            .unwrap(),
    );
    let columns = || {
        pool.run(ENOUGH, async |link| {
            let statement = link.prepare("SELECT * FROM t").await?;
            link.client().query(&statement, &[]).await?;
            Ok(statement.columns().len())
        })
    };
    assert_eq!(columns(), Ok(1));
    server
        .query_in("changed", "ALTER TABLE t ADD COLUMN b int4")
        .unwrap();
    assert_eq!(columns(), Ok(2));
    pool.run(ENOUGH, async |link| run(link, "DEALLOCATE ALL").await)
        .unwrap();
    assert_eq!(columns(), Ok(2));
}

#[test]
fn connections_unused_for_long_are_closed_when_another_is_given_back() {
    let server = shared();
    let pool = pool_of(server, 2);
    let together = Barrier::new(2);
    let processes: Vec<i32> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    pool.run(ENOUGH, async |link| {
                        let process = number(link, "SELECT pg_backend_pid()").await?;
                        together.wait();
                        Ok(process)
                    })
                    .unwrap()
                })
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let long_ago = Instant::now()
        .checked_sub(super::IDLE_MAX + Duration::from_secs(1))
        .expect("the machine runs for longer than that");
    pool.state().idle[0].since = long_ago;
    let used = process(&pool);
    assert_eq!(pool.state().idle.len(), 1);
    assert_eq!(pool.state().open, 1);
    let unused = processes
        .into_iter()
        .find(|process| *process != used)
        .unwrap();
    wait_until("the server should be told", || !is_alive(server, unused));
}

#[test]
fn a_pool_that_is_dropped_takes_its_leave() {
    let server = Cluster::builder()
        .fsync(false)
        .setting("log_disconnections", "on")
        .start()
        .unwrap();
    let pool = pool_of(&server, 2);
    let used = process(&pool);
    drop(pool);
    wait_until("the session should end", || !is_alive(&server, used));
    let log = server.log();
    assert!(
        !log.contains("unexpected EOF") && !log.contains("could not receive"),
        "{log}"
    );
}

#[test]
fn the_longest_limit_is_no_overflow() {
    let pool = pool_of(shared(), 1);
    assert_eq!(pool.run(Duration::MAX, async |_| Ok(())), Ok(()));
}

#[test]
fn a_limit_of_nothing_is_used_up_at_once() {
    let pool = pool_of(shared(), 1);
    let outcome = pool.run(Duration::ZERO, async |_| Ok(()));
    assert!(
        matches!(outcome, Err(StoreError::Unavailable { .. })),
        "{outcome:?}"
    );
}

#[test]
fn a_pool_lives_and_dies_on_the_threads_of_a_runtime() {
    let current_thread = || tokio::runtime::Builder::new_current_thread().build();
    let multi_thread = || tokio::runtime::Builder::new_multi_thread().build();
    for runtime in [current_thread().unwrap(), multi_thread().unwrap()] {
        runtime.block_on(async {
            let pool = pool_of(shared(), 2);
            process(&pool);
            // Also on a task of its own, and dropped there.
            tokio::spawn(async move {
                process(&pool);
                drop(pool);
            })
            .await
            .unwrap();
            // And in the middle of something.
            let pool = pool_of(shared(), 2);
            let outcome = pool.run(Duration::from_millis(100), async |link| {
                run(link, "SELECT pg_sleep(60)").await
            });
            assert!(outcome.is_err());
        });
    }
}
