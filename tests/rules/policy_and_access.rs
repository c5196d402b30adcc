//! Policy and access: what an operator allows, to whom, and what the journal says of it.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{
    Book, Json, accepted, charge, external, id, key, non_subscribable, plain, refused, replayed,
    standard, time,
};
use refund_ledger::store::memory::MemoryStore;
use refund_ledger::store::{ReadSet, ScanRange, ScanRow, Snapshot, WriteBatch};
use refund_ledger::{
    Access, Action, Atomicity, Authorize, Batch, Id, JournalPosition, JournalRecord, ListAfter,
    Page, Policy, Refund, RefundFilter, RefundQuery, Resource, Store, StoreError,
};

fn dated(refund_datetime: &str) -> Json {
    standard("r-1").text("refund_datetime", refund_datetime)
}

fn under(policy: Policy) -> Book {
    Book::new().with(|ledger| ledger.with_policy(policy))
}

#[test]
fn a_refund_is_not_dated_before_its_movement() {
    let book = Book::new();
    let before = dated("2022-01-31T23:59:59.999999999Z");
    refused(
        book.unchanged(|| book.create(&before)),
        "refund_before_movement",
    );
    accepted(book.create(&dated("2022-02-01T01:00:00+01:00")));
    let lenient = under(Policy {
        allow_refund_before_movement: true,
        ..Policy::default()
    });
    accepted(lenient.create(&before));
}

#[test]
fn a_refund_is_dated_a_day_in_the_future_at_most() {
    let book = Book::new();
    let beyond = dated("2022-03-02T00:00:00.000000001Z");
    refused(book.unchanged(|| book.create(&beyond)), "refund_in_future");
    accepted(book.create(&dated("2022-03-02T00:00:00Z")));
    for (skew, code) in [
        (Some(Duration::ZERO), Some("refund_in_future")),
        (None, None),
    ] {
        let book = under(Policy {
            future_skew_max: skew,
            ..Policy::default()
        });
        let answer = book.create(&beyond);
        match code {
            Some(code) => drop(refused(answer, code)),
            None => drop(accepted(answer)),
        }
    }
}

#[test]
fn the_window_is_off_until_it_is_set_and_counts_from_the_movement() {
    let late = dated("2022-02-28T00:00:00.000000001Z");
    accepted(Book::new().create(&late));
    let book = under(Policy {
        window_max: Some(Duration::from_hours(648)),
        ..Policy::default()
    });
    refused(
        book.unchanged(|| book.create(&late)),
        "refund_window_expired",
    );
    accepted(book.create(&dated("2022-02-28T00:00:00Z")));
    // It is the refund's date that counts, not the day of the request.
    book.host.set(time("2030-01-01T00:00:00Z"));
    accepted(book.create(&standard("r-2")));
}

#[test]
fn the_count_is_off_until_it_is_set_and_counts_live_refunds() {
    let book = under(Policy {
        live_refunds_max: Some(2),
        ..Policy::default()
    });
    accepted(book.create(&standard("r-1")));
    accepted(book.create_other(&non_subscribable("r-2"), None));
    refused(
        book.unchanged(|| book.create(&standard("r-3"))),
        "refund_count_exceeded",
    );
    accepted(book.update("r-1", &plain("r-1", "1")));
    let elsewhere = book.on(&key("acme", "sub-7", "mov-43"));
    accepted(elsewhere.record(&charge()));
    accepted(elsewhere.create(&standard("r-4")));
    accepted(book.delete("r-1"));
    accepted(book.create(&standard("r-3")));
}

#[test]
fn an_update_is_judged_only_where_it_moves_the_date() {
    let book = Book::new();
    accepted(book.create(&standard("r-1")));
    let strict = book.with(|ledger| {
        ledger.with_policy(Policy {
            window_max: Some(Duration::ZERO),
            live_refunds_max: Some(0),
            ..Policy::default()
        })
    });
    accepted(strict.update("r-1", &standard("r-1").text("description", "Other")));
    let same_instant = standard("r-1").text("refund_datetime", "2022-02-24T14:45:10+01:00");
    accepted(strict.update("r-1", &same_instant));
    refused(
        book.unchanged(|| strict.update("r-1", &dated("2022-02-24T13:45:11Z"))),
        "refund_window_expired",
    );
    refused(
        book.unchanged(|| strict.update("r-1", &dated("2022-01-31T13:45:11Z"))),
        "refund_before_movement",
    );
    refused(
        book.unchanged(|| strict.update("r-1", &dated("2023-01-31T13:45:11Z"))),
        "refund_in_future",
    );
    // The number of refunds is as it was.
    accepted(strict.update("r-1", &dated("2022-02-01T00:00:00Z")));
}

#[test]
fn verify_ignores_the_policy() {
    let book = Book::new();
    accepted(book.create(&standard("r-1")));
    let strict = book.with(|ledger| {
        ledger.with_policy(Policy {
            window_max: Some(Duration::ZERO),
            future_skew_max: Some(Duration::ZERO),
            live_refunds_max: Some(0),
            ..Policy::default()
        })
    });
    strict.host.set(time("2001-01-01T00:00:00Z"));
    strict.verifies();
}

/// A hook that answers as it is told, and notes what it was asked.
struct Hook {
    answer: Result<Access, String>,
    asked: Mutex<Vec<String>>,
}

impl Hook {
    fn new(answer: Result<Access, String>) -> Arc<Self> {
        Arc::new(Self {
            answer,
            asked: Mutex::default(),
        })
    }
}

impl Authorize for Hook {
    fn authorize(&self, actor: &Id, action: Action, at: Resource<'_>) -> Result<Access, String> {
        let mut asked = self.asked.lock().unwrap();
        asked.push(format!("{actor} {action:?} {:?}", at.org_id()));
        self.answer.clone()
    }
}

/// A store that counts how often it is asked anything.
#[derive(Default)]
struct Counting {
    store: MemoryStore,
    calls: AtomicU32,
    closed: AtomicBool,
}

impl Counting {
    fn count(&self) {
        assert!(
            !self.closed.load(Ordering::Relaxed),
            "the store was asked before the hook had allowed it"
        );
        self.calls.fetch_add(1, Ordering::Relaxed);
    }
}

impl Store for Counting {
    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        self.count();
        self.store.load(wanted)
    }
    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        self.count();
        self.store.commit(batch)
    }
    fn list_refunds(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, StoreError> {
        self.count();
        self.store.list_refunds(filter, after, limit)
    }
    fn journal(
        &self,
        after: JournalPosition,
        limit: usize,
    ) -> Result<Vec<JournalRecord>, StoreError> {
        self.count();
        self.store.journal(after, limit)
    }
    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError> {
        self.count();
        self.store.scan(range, visit)
    }
}

type Attempt = (
    &'static str,
    fn(&Book) -> Option<refund_ledger::LedgerError>,
);

/// One request of each kind, each of which would succeed if it were allowed.
const ATTEMPTS: &[Attempt] = &[
    ("RecordMovement", |book| book.record(&charge()).err()),
    ("VoidMovement", |book| book.void().err()),
    ("CreateRefund", |book| book.create(&standard("r-1")).err()),
    ("CreateRefund", |book| {
        book.create_other(&non_subscribable("r-1"), None).err()
    }),
    ("UpdateRefund", |book| {
        book.update("r-1", &standard("r-1")).err()
    }),
    ("DeleteRefund", |book| book.delete("r-1").err()),
    ("EraseText", |book| book.erase(None).err()),
    ("Read", |book| book.ledger.movement(&book.movement).err()),
    ("Read", |book| book.ledger.balance(&book.movement).err()),
    ("Read", |book| {
        book.ledger.refund(&book.movement, external("r-1")).err()
    }),
    ("Read", |book| {
        book.ledger.history(&book.movement, external("r-1")).err()
    }),
    ("List", |book| {
        book.ledger.list_refunds(&RefundQuery::default()).err()
    }),
    // Refused before what else is wrong with the request.
    ("List", |book| {
        let query = RefundQuery {
            limit: Some(0),
            ..RefundQuery::default()
        };
        book.ledger.list_refunds(&query).err()
    }),
    ("List", |book| {
        book.ledger
            .refunds(RefundFilter::default())
            .find_map(Result::err)
    }),
    ("List", |book| {
        book.ledger.totals(RefundFilter::default()).err()
    }),
    ("List", |book| book.ledger.movements(None, None, 1).err()),
    ("Audit", |book| book.ledger.journal(0, 1).err()),
    ("Audit", |book| book.ledger.verify(None).err()),
    ("Audit", |book| book.ledger.head().err()),
];

#[test]
fn what_the_hook_does_not_clearly_allow_is_refused_before_anything_is_read() {
    for (answer, code) in [
        (Ok(Access::Unauthenticated), "unauthorized"),
        (Ok(Access::Forbidden), "forbidden"),
        (Err("the directory is down".to_owned()), "forbidden"),
    ] {
        let store = Arc::new(Counting::default());
        let book = Book::over(store.clone());
        accepted(book.record(&charge()));
        accepted(book.create(&standard("r-1")));
        let before = book.all();
        store.closed.store(true, Ordering::Relaxed);
        for (action, attempt) in ATTEMPTS {
            println!("{action} answered {answer:?}");
            let hook = Hook::new(answer.clone());
            let refused_book = book.with(|ledger| ledger.with_access(hook.clone()));
            let error = attempt(&refused_book).expect("a refusal");
            assert_eq!(error.code().as_str(), code);
            assert!(
                !error.message().contains("directory"),
                "the hook's own error leaks: {}",
                error.message()
            );
            let asked = hook.asked.lock().unwrap().clone();
            assert_eq!(asked.len(), 1, "the hook is asked once: {asked:?}");
            assert!(
                asked[0].starts_with(&format!("local {action}")),
                "{asked:?}"
            );
        }
        store.closed.store(false, Ordering::Relaxed);
        assert_eq!(before, book.all(), "the ledger is as it was before");
    }
}

#[test]
fn forbidden_is_answered_whether_the_org_exists_or_not() {
    let book = Book::new();
    let denied = book.with(|ledger| ledger.with_access(Hook::new(Ok(Access::Forbidden))));
    let there = refused(denied.create(&standard("r-1")), "forbidden");
    let nowhere = denied.on(&key("nobody", "sub-7", "mov-42"));
    assert_eq!(
        there,
        refused(nowhere.create(&standard("r-1")), "forbidden"),
        "the two answers are one and the same"
    );
}

#[test]
fn the_hook_is_told_who_wants_what_of_which_org() {
    let book = Book::new();
    let hook = Hook::new(Ok(Access::Allow));
    let clerk = book.with(|ledger| ledger.with_access(hook.clone()).with_actor(id("clerk")));
    accepted(clerk.create(&standard("r-1")));
    let filter = RefundFilter {
        org: Some(id("acme")),
        ..RefundFilter::default()
    };
    assert_eq!(clerk.list(filter).len(), 1);
    assert_eq!(clerk.list(RefundFilter::default()).len(), 1);
    assert_eq!(
        *hook.asked.lock().unwrap(),
        [
            r#"clerk CreateRefund Some("acme")"#,
            r#"clerk List Some("acme")"#,
            "clerk List None"
        ]
    );
}

/// Allows one org only.
struct OneOrg;

impl Authorize for OneOrg {
    fn authorize(&self, _: &Id, _: Action, at: Resource<'_>) -> Result<Access, String> {
        Ok(if at.org_id() == Some("acme") {
            Access::Allow
        } else {
            Access::Forbidden
        })
    }
}

#[test]
fn in_a_batch_each_command_is_asked_for_on_its_own() {
    let book = Book::empty().with(|ledger| ledger.with_access(Arc::new(OneOrg)));
    let other = book.on(&key("beta", "sub-7", "mov-42"));
    let commands: Vec<_> = [&other, &book, &other]
        .map(|at| at.line("record_movement").set("body", charge()))
        .iter()
        .map(|line| crate::common::command(line).unwrap())
        .collect();
    let answers = book
        .ledger
        .execute_all(&commands, Batch::default())
        .unwrap();
    let mut answers = answers.into_iter();
    refused(answers.next().unwrap(), "forbidden");
    accepted(answers.next().unwrap());
    refused(answers.next().unwrap(), "forbidden");
    refused(book.ledger.balance(&book.movement), "movement_not_found");

    let per_item = Batch {
        atomicity: Atomicity::PerItem,
        ..Batch::default()
    };
    let mut answers = book
        .ledger
        .execute_all(&commands, per_item)
        .unwrap()
        .into_iter();
    refused(answers.next().unwrap(), "forbidden");
    accepted(answers.next().unwrap());
    refused(answers.next().unwrap(), "forbidden");
    assert_eq!(book.left(), (12_100, 10_000), "the allowed one landed");
}

#[test]
fn the_journal_names_who_made_each_change() {
    let book = Book::new();
    let clerk = book.with(|ledger| ledger.with_actor(id("clerk@example.org")));
    accepted(clerk.create(&standard("r-1")));
    replayed(book.create(&standard("r-1")));
    accepted(book.delete("r-1"));
    let actors: Vec<String> = book
        .ledger
        .journal(0, 10)
        .unwrap()
        .iter()
        .map(|record| record.decode().unwrap().actor.to_string())
        .collect();
    assert_eq!(actors, ["local", "clerk@example.org", "local"]);
}

#[test]
fn reading_listing_and_auditing_write_nothing() {
    let actions = [
        (Action::Read, false),
        (Action::List, false),
        (Action::Audit, false),
        (Action::CreateRefund, true),
        (Action::UpdateRefund, true),
        (Action::DeleteRefund, true),
        (Action::EraseText, true),
        (Action::RecordMovement, true),
        (Action::VoidMovement, true),
        (Action::Restore, true),
    ];
    for (action, is_write) in actions {
        assert_eq!(action.is_write(), is_write, "{action:?}");
    }
}
