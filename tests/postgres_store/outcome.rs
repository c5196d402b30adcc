//! The connection breaks off at any message of a call: what the ledger answers is true, and nothing is
//! ever booked twice.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use postgres_cluster::{Cut, Fate, Proxy, Way};
use refund_ledger::store::postgres::{PostgresOptions, PostgresStore};
use refund_ledger::store::{ReadSet, ScanRange, ScanRow, Snapshot, WriteBatch};
use refund_ledger::{
    Created, ErrorCode, JournalRecord, Ledger, LedgerError, ListAfter, MovementKey, Page, Refund,
    RefundFilter, Store, StoreError,
};

use crate::postgres_support::{
    CountingHost, OnServer, assert_valid, key, movement, product_refund, refund,
};

/// What stands between the ledger and the store: nothing, or something that is wrong.
type Wrap = fn(PostgresStore) -> Arc<dyn Store>;

fn plainly(store: PostgresStore) -> Arc<dyn Store> {
    Arc::new(store)
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Call {
    /// A refund with an external id.
    Named,
    /// A refund that nothing but its own id tells from another one like it.
    Nameless,
}

/// Whether the call finds a connection that has served others.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Connection {
    Used,
    New,
}

/// A ledger that is reached through the proxy, and directly.
struct Bench {
    server: OnServer,
    proxy: Proxy,
    calls: AtomicU64,
    wrap: Wrap,
    /// How long a call may take.
    limit: Duration,
}

/// What a call came to.
struct Outcome {
    at: MovementKey,
    external_id: String,
    answer: Result<Created, LedgerError>,
}

impl Bench {
    fn new(wrap: Wrap) -> Self {
        let cluster = postgres_cluster::shared().unwrap();
        Self {
            server: OnServer::new(),
            proxy: Proxy::to(cluster).unwrap(),
            calls: AtomicU64::new(2),
            wrap,
            limit: Duration::from_mins(1),
        }
    }

    fn options(&self) -> PostgresOptions {
        let options = crate::postgres_support::options(&self.proxy.url(), &self.server.schema);
        options.with_time_limit(self.limit)
    }

    /// A call on a movement of its own, with the connection broken off on the way.
    fn call(&self, call: Call, connection: Connection, cut: Option<Cut>) -> Outcome {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let at = key(&format!("mov-{number}"));
        let external_id = format!("ext-{number}");
        self.server
            .ledger
            .record_movement(&at, &movement("February"))
            .unwrap();
        self.proxy.arm(None);
        // Nothing of it is asked before the call is.
        let store = PostgresStore::open(&self.options()).unwrap();
        let host = Arc::new(CountingHost::new(number));
        let ledger = Ledger::new((self.wrap)(store), host);
        let ask = |at: &MovementKey, external_id: &str| match call {
            Call::Named => ledger.create_refund(at, &refund(external_id, "12.1", "Two days")),
            Call::Nameless => {
                ledger.create_non_subscribable_refund(at, &product_refund("12.1", "A lamp"), None)
            }
        };
        match connection {
            // Every statement is prepared.
            Connection::Used => {
                let before = key(&format!("before-{number}"));
                self.server
                    .ledger
                    .record_movement(&before, &movement("January"))
                    .unwrap();
                ask(&before, &format!("before-{number}")).unwrap();
            }
            Connection::New => self.drop_connections(&ledger),
        }
        self.proxy.arm(cut);
        let answer = ask(&at, &external_id);
        Outcome {
            at,
            external_id,
            answer,
        }
    }

    /// Breaks off the connection that the ledger has, so that its next call makes one.
    fn drop_connections(&self, ledger: &Ledger) {
        self.proxy.arm(Some(Cut {
            way: Way::ToServer,
            at: 0,
            fate: Fate::Lost,
            then_reachable: false,
        }));
        assert!(ledger.movement(&key("none")).is_err(), "nobody is reached");
    }

    /// How many messages a call takes, each way, and which of those to the server commits.
    fn measure(&self, call: Call, connection: Connection) -> (usize, usize, usize) {
        let outcome = self.call(call, connection, None);
        assert!(outcome.answer.is_ok(), "{:?}", outcome.answer);
        let passed = self.proxy.passed();
        let to_server: Vec<&String> = passed
            .iter()
            .filter(|(way, _)| *way == Way::ToServer)
            .map(|(_, message)| message)
            .collect();
        let commits = to_server
            .iter()
            .position(|message| message.contains("COMMIT"));
        let to_client = passed.len() - to_server.len();
        (to_server.len(), to_client, commits.expect("it commits"))
    }

    fn booked(&self, at: &MovementKey) -> Vec<Refund> {
        let filter = RefundFilter {
            org: Some(at.org()),
            movement: Some(refund_ledger::Id::new(at.movement_id()).unwrap()),
            ..RefundFilter::default()
        };
        let refunds = self.server.ledger.refunds(filter);
        refunds.map(Result::unwrap).collect()
    }

    /// Holds an answer against what is there, and asks again where it says so.
    fn judge(&self, call: Call, outcome: &Outcome) -> Result<(), String> {
        let Outcome {
            at,
            external_id,
            answer,
        } = outcome;
        // Whoever is still at it holds the movement.
        let waited = self
            .server
            .ledger
            .record_movement(at, &movement("February"));
        assert!(waited.unwrap().replayed);
        match answer {
            Ok(created) => {
                if created.replayed {
                    return Err("a refund that was asked for once is answered as a replay".into());
                }
                match self.booked(at).as_slice() {
                    [refund] if refund.id == created.id => {}
                    other => return Err(format!("answered {created:?}, booked {other:?}")),
                }
            }
            Err(error) => {
                if error.code() != ErrorCode::StoreUnavailable {
                    return Err(format!("answered with another error: {error:?}"));
                }
                let unknown =
                    matches!(error.store_error(), Some(StoreError::OutcomeUnknown { .. }));
                let booked = self.booked(at).len();
                if booked > 1 || (booked == 1 && !unknown) {
                    return Err(format!("answered {error:?}, and {booked} are booked"));
                }
            }
        }
        if call == Call::Named {
            let again = refund(external_id, "12.1", "Two days");
            let again = self.server.ledger.create_refund(at, &again);
            let again = again.map_err(|error| format!("asked again: {error:?}"))?;
            let booked = self.booked(at);
            if booked.len() != 1 || booked[0].id != again.id {
                return Err(format!("asked again, {again:?}, and booked {booked:?}"));
            }
            let left = self.server.ledger.balance(at).unwrap().refundable;
            if left.with != 10_890 {
                return Err(format!("12.10 of 121.00 are gone, and {left:?} is left"));
            }
        }
        Ok(())
    }

    /// Breaks a call off at each of its messages. Gives how many of the calls were answered with success.
    fn sweep(
        &self,
        call: Call,
        connection: Connection,
        fates: &[Fate],
        then_reachable: bool,
    ) -> Result<(usize, usize), String> {
        let (to_server, to_client, commits) = self.measure(call, connection);
        let ways = [(Way::ToServer, to_server), (Way::ToClient, to_client)];
        let (mut tried, mut succeeded) = (0, 0);
        for (way, count) in ways {
            for at in 0..count {
                for fate in fates {
                    let cut = Cut {
                        way,
                        at,
                        fate: *fate,
                        then_reachable,
                    };
                    let outcome = self.call(call, connection, Some(cut));
                    let context = |why: String| format!("{call:?}, {connection:?}, {cut:?}: {why}");
                    if !self.proxy.has_cut() {
                        return Err(context("the call ended before its connection did".into()));
                    }
                    self.judge(call, &outcome).map_err(context)?;
                    let is_over = way == Way::ToServer && at > commits;
                    if is_over && outcome.answer.is_err() {
                        return Err(context(format!("it is booked: {:?}", outcome.answer)));
                    }
                    tried += 1;
                    succeeded += usize::from(outcome.answer.is_ok());
                }
            }
        }
        assert_valid(&self.server.ledger);
        Ok((tried, succeeded))
    }
}

fn swept(outcome: Result<(usize, usize), String>) -> (usize, usize) {
    outcome.unwrap_or_else(|why| panic!("{why}"))
}

#[test]
fn a_used_connection_may_break_off_at_any_message_and_the_refund_is_booked_all_the_same() {
    let bench = Bench::new(plainly);
    for call in [Call::Named, Call::Nameless] {
        let fates = [Fate::Lost, Fate::Halved];
        let (tried, succeeded) = swept(bench.sweep(call, Connection::Used, &fates, true));
        assert!(tried > 40, "each message of the call was tried: {tried}");
        assert_eq!(
            succeeded, tried,
            "what was lost before the commit is done again, and after it is found"
        );
    }
}

#[test]
fn a_new_connection_may_break_off_at_any_message_and_the_answer_is_true() {
    let bench = Bench::new(plainly);
    let (tried, succeeded) = swept(bench.sweep(Call::Named, Connection::New, &[Fate::Lost], true));
    assert!(tried > 100, "each message of the call was tried: {tried}");
    assert!(
        0 < succeeded && succeeded < tried,
        "broken off before the commit it says so, broken off after it finds out: {succeeded}"
    );
}

#[test]
fn a_server_that_is_not_reached_again_leaves_the_answer_true() {
    let bench = Bench::new(plainly);
    for call in [Call::Named, Call::Nameless] {
        let (tried, succeeded) = swept(bench.sweep(call, Connection::Used, &[Fate::Lost], false));
        assert!(tried > 20, "each message of the call was tried: {tried}");
        assert_eq!(succeeded, 0, "nobody can say that it was done");
    }
}

#[test]
fn a_commit_that_arrives_late_is_not_taken_for_one_that_failed() {
    let bench = Bench::new(plainly);
    let (_, _, commits) = bench.measure(Call::Named, Connection::Used);
    let cut = Cut {
        way: Way::ToServer,
        at: commits,
        fate: Fate::Delayed,
        then_reachable: true,
    };
    // What holds the movement will do so until its commit arrives: nobody waits that long.
    let bench = Bench {
        limit: Duration::from_secs(3),
        ..bench
    };
    let outcome = bench.call(Call::Named, Connection::Used, Some(cut));
    let error = outcome.answer.as_ref().unwrap_err();
    assert!(
        matches!(error.store_error(), Some(StoreError::OutcomeUnknown { .. })),
        "it may still be booked: {error:?}"
    );
    assert_eq!(bench.booked(&outcome.at), [], "it is not booked yet");
    bench.proxy.let_go();
    bench.judge(Call::Named, &outcome).unwrap();
    let again = refund(&outcome.external_id, "12.1", "Two days");
    let again = bench.server.ledger.create_refund(&outcome.at, &again);
    assert!(again.unwrap().replayed);
}

#[test]
fn a_server_that_falls_silent_is_given_up_within_the_limit() {
    let limit = Duration::from_secs(2);
    let bench = Bench {
        limit,
        ..Bench::new(plainly)
    };
    let (to_server, to_client, commits) = bench.measure(Call::Named, Connection::Used);
    for (way, at) in [
        (Way::ToServer, 0),
        (Way::ToServer, commits),
        (Way::ToClient, 0),
        (Way::ToClient, to_client - 1),
    ] {
        let cut = Cut {
            way,
            at,
            fate: Fate::Silence,
            then_reachable: false,
        };
        let start = Instant::now();
        let outcome = bench.call(Call::Named, Connection::Used, Some(cut));
        let took = start.elapsed();
        assert!(
            took >= limit,
            "{cut:?}: it waits as long as it may: {took:?}"
        );
        // Making the movements and the connections takes its time too.
        assert!(took < limit * 10, "{cut:?}: and not for ever: {took:?}");
        let error = outcome.answer.as_ref().unwrap_err();
        let unknown = matches!(error.store_error(), Some(StoreError::OutcomeUnknown { .. }));
        let commit_sent = match way {
            Way::ToServer => at == commits,
            Way::ToClient => at > 0,
        };
        assert_eq!(unknown, commit_sent, "{cut:?} of {to_server}: {error:?}");
        bench.proxy.let_go();
        bench.judge(Call::Named, &outcome).unwrap();
    }
}

/// A store that takes an unknown outcome for something else.
struct Wrong {
    inner: PostgresStore,
    tries_again: bool,
}

impl Store for Wrong {
    fn transact(
        &self,
        wanted: &ReadSet,
        decide: &mut dyn FnMut(Snapshot) -> WriteBatch,
    ) -> Result<(), StoreError> {
        match self.inner.transact(wanted, decide) {
            Err(StoreError::OutcomeUnknown { .. }) if self.tries_again => {
                self.inner.transact(wanted, decide)
            }
            Err(StoreError::OutcomeUnknown { reason }) => Err(StoreError::Unavailable { reason }),
            outcome => outcome,
        }
    }
    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        self.inner.load(wanted)
    }
    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        self.inner.commit(batch)
    }
    fn list_refunds(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, StoreError> {
        self.inner.list_refunds(filter, after, limit)
    }
    fn journal(&self, after: u64, limit: usize) -> Result<Vec<JournalRecord>, StoreError> {
        self.inner.journal(after, limit)
    }
    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<u64, StoreError> {
        self.inner.scan(range, visit)
    }
}

/// The harness itself: whoever tries blindly again, or says that nothing was done, is found.
#[test]
fn wrong_answers_to_a_lost_commit_are_found() {
    let tries_again: Wrap = |inner| {
        Arc::new(Wrong {
            inner,
            tries_again: true,
        })
    };
    let gives_up: Wrap = |inner| {
        Arc::new(Wrong {
            inner,
            tries_again: false,
        })
    };
    for (wrap, call, expected) in [
        (tries_again, Call::Named, "is answered as a replay"),
        (tries_again, Call::Nameless, "answered with another error"),
        (gives_up, Call::Named, "and 1 are booked"),
        (gives_up, Call::Nameless, "and 1 are booked"),
    ] {
        let found = Bench::new(wrap).sweep(call, Connection::Used, &[Fate::Lost], true);
        let why = found.expect_err("a wrong answer must be found");
        assert!(why.contains(expected), "{call:?}: {why}");
    }
}
