//! What is done to a ledger while something is done to its files, and how to tell what is in it.

use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use refund_ledger::wire::parse_line;
use refund_ledger::{
    Atomicity, Batch, Command, Host, Id, Ledger, LedgerError, Minted, MovementKey, Operation,
    RefundFilter, RefundId, RefundKind, RefundLookup, RefundQuery, Repeats, Salt, Store,
    StoreError, Timestamp, Verdict as Verified,
};
use watched_vfs::{Change, Onlooker, Verdict};

use crate::harness::Finding;
use crate::random::Random;

/// Commands that are carried out together.
pub(crate) type Call = Vec<Command>;

/// All of a call or nothing, and a repeat is as good as the first.
pub(crate) const BATCH: Batch = Batch {
    atomicity: Atomicity::All,
    repeats: Repeats::AsFile,
};

/// A clock that stands still, and ids and salts that count up: the same calls make the same ledger.
#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl Host for Counting {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(1_646_092_800, 0).unwrap_or(Timestamp::MAX)
    }

    fn mint(&self, now: Timestamp) -> Result<Minted, LedgerError> {
        let number = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let mut random = [0; 10];
        random[2..].copy_from_slice(&number);
        let mut salt = [0x5A; 16];
        salt[8..].copy_from_slice(&number);
        let millis = u64::try_from(now.unix_millis()).unwrap_or(0);
        Ok(Minted {
            refund_id: RefundId::from_millis_and_random(millis, &random),
            salt: Salt(salt),
        })
    }
}

/// A ledger whose ids and salts count on from a call's number, so that a call that is made again
/// brings the same.
pub(crate) fn ledger(store: Arc<dyn Store>, call: usize) -> Ledger {
    let first = u64::try_from(call).unwrap_or(0) * 1_000;
    Ledger::new(store, Arc::new(Counting(AtomicU64::new(first))))
}

const MOVEMENTS: usize = 4;

/// Draws calls: mostly one refund, now and then several, changes, deletions and erasures. None is
/// refused: the amounts are small.
pub(crate) struct Calls {
    random: Random,
    made: usize,
    booked: Vec<(usize, String)>,
}

impl Calls {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            made: 0,
            booked: Vec::new(),
        }
    }

    fn book(&mut self) -> String {
        self.made += 1;
        let movement = self.random.below(MOVEMENTS);
        let external_id = format!("ref-{}", self.made);
        let body = self.body(&external_id);
        self.booked.push((movement, external_id));
        line("create_refund", movement, &format!(r#","body":{body}"#))
    }

    fn body(&mut self, external_id: &str) -> String {
        let cents = 1 + self.random.below(2_000);
        let text = "x".repeat(self.random.below(300));
        body_of(external_id, cents, &format!("{cents} {text}"))
    }

    /// A change of a refund that was booked; `None` while there is none.
    fn change(&mut self) -> Option<String> {
        let what = self.random.below(3);
        let at = self.random.below(self.booked.len());
        if self.booked.is_empty() {
            return None;
        }
        let (movement, external_id) = self.booked[at].clone();
        let named = format!(r#","external_refund_unique_id":"{external_id}""#);
        Some(match what {
            0 => {
                let body = self.body(&external_id);
                line(
                    "update_refund",
                    movement,
                    &format!(r#"{named},"body":{body}"#),
                )
            }
            1 => {
                self.booked.swap_remove(at);
                line("delete_refund", movement, &named)
            }
            _ => {
                self.booked.swap_remove(at);
                line("erase_text", movement, &named)
            }
        })
    }
}

impl Iterator for Calls {
    type Item = Call;

    fn next(&mut self) -> Option<Call> {
        let lines: Vec<String> = if self.made == 0 {
            self.made = 1;
            (0..MOVEMENTS).map(record).collect()
        } else {
            match self.random.below(10) {
                0..=2 => self.change().into_iter().collect(),
                3 => (0..2 + self.random.below(6)).map(|_| self.book()).collect(),
                _ => vec![self.book()],
            }
        };
        Some(lines.iter().map(|line| command(line)).collect())
    }
}

fn line(op: &str, movement: usize, rest: &str) -> String {
    format!(
        r#"{{"op":"{op}","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-{movement}"{rest}}}"#
    )
}

fn record(movement: usize) -> String {
    let body = r#","body":{"currency":"EUR","occurred_at":"2022-02-01T00:00:00Z","amount":{"value_with_taxes":1000000},"description":"February"}"#;
    line("record_movement", movement, body)
}

/// A line as a command. All lines here are written here.
pub(crate) fn command(line: &str) -> Command {
    match parse_line(line.as_bytes()) {
        Ok(line) => line.command,
        Err(error) => unreachable!("{line}: {error}"),
    }
}

/// What is in a ledger: how many entries, and a digest of them with their texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) entries: usize,
    digest: u64,
}

/// The state of a ledger that is valid through and through.
///
/// # Errors
/// Where it is not, or can't be read.
pub(crate) fn state(ledger: &Ledger) -> Result<State, Finding> {
    let report = ledger.verify(None)?;
    if !report.is_valid() {
        return Err(Finding::new(format!("it is not valid: {report:?}")));
    }
    let records = ledger.journal(0, usize::MAX)?;
    let mut hasher = DefaultHasher::new();
    for record in &records {
        record.entry.bytes.hash(&mut hasher);
        let text = record.entry.text.as_ref();
        text.map(|text| text.text.as_str()).hash(&mut hasher);
    }
    Ok(State {
        entries: records.len(),
        digest: hasher.finish(),
    })
}

/// What the calls of each [kind](kinds) are made after.
pub(crate) fn before() -> Vec<Call> {
    let mut calls: Vec<Call> = vec![(0..MOVEMENTS).map(|at| command(&record(at))).collect()];
    calls.extend((1..4).map(|number| vec![command(&fixed(0, &format!("ref-{number}")))]));
    calls
}

/// The kinds of calls, with their names.
macro_rules! kinds {
    ($($kind:ident = $name:literal,)*) => {
        /// A kind of call that may change something.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind {
            $($kind),*
        }

        impl Kind {
            const ALL: &[Self] = &[$(Self::$kind),*];

            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name),*
                }
            }
        }
    };
}

kinds! {
    Record = "record a movement",
    Create = "create a refund",
    CreateGoods = "create a non-subscribable refund",
    CreateSeveral = "create several",
    Replay = "create what is there",
    Refusal = "create too much",
    Update = "update a refund",
    Delete = "delete a refund",
    Erase = "erase a text",
    EraseOfMovement = "erase the text of a movement",
    Void = "void a movement",
}

/// The kinds that have an operation in them: a new operation has to name one here.
fn kinds_of(operation: &Operation) -> &'static [Kind] {
    match operation {
        Operation::RecordMovement(_) => &[Kind::Record],
        Operation::VoidMovement => &[Kind::Void],
        Operation::CreateRefund { content, .. } => match content.kind {
            RefundKind::Standard => &[
                Kind::Create,
                Kind::CreateSeveral,
                Kind::Replay,
                Kind::Refusal,
            ],
            RefundKind::NonSubscribable { .. } => &[Kind::CreateGoods],
        },
        Operation::UpdateRefund { .. } => &[Kind::Update],
        Operation::DeleteRefund { .. } => &[Kind::Delete],
        Operation::EraseText {
            refund: Some(_), ..
        } => &[Kind::Erase],
        Operation::EraseText { refund: None, .. } => &[Kind::EraseOfMovement],
    }
}

impl Kind {
    fn call(self) -> Call {
        let lines = match self {
            Self::Record => vec![record(9)],
            Self::Create => vec![fixed(1, "ref-7")],
            Self::CreateGoods => vec![goods(1, "key-7")],
            Self::CreateSeveral => vec![fixed(0, "ref-7"), fixed(1, "ref-8"), fixed(0, "ref-9")],
            Self::Replay => vec![fixed(0, "ref-1")],
            Self::Refusal => {
                let body = body_of("ref-7", 100_000_001, "too much");
                vec![line("create_refund", 1, &format!(r#","body":{body}"#))]
            }
            Self::Update => {
                let body = body_of("ref-1", 777, "other");
                let other = format!(r#","expected_revision":1,"body":{body}"#);
                vec![named("update_refund", "ref-1", &other)]
            }
            Self::Delete => vec![named("delete_refund", "ref-2", "")],
            Self::Erase => vec![named("erase_text", "ref-3", "")],
            Self::EraseOfMovement => vec![line("erase_text", 2, "")],
            Self::Void => vec![line("void_movement", 3, "")],
        };
        lines.iter().map(|line| command(line)).collect()
    }
}

/// A call of each kind.
pub(crate) fn kinds() -> impl Iterator<Item = (Kind, Call)> {
    Kind::ALL.iter().map(|kind| {
        let call = kind.call();
        let is_of_kind = |command: &Command| kinds_of(&command.operation).contains(kind);
        assert!(call.iter().all(is_of_kind), "{kind:?} is what it is called");
        (*kind, call)
    })
}

/// Something that is asked of a ledger, and its answer as a text.
pub(crate) type Read = fn(&Ledger) -> Result<String, LedgerError>;

/// Everything that can be asked. What is not whole is an error here.
pub(crate) fn reads() -> Vec<(&'static str, Read)> {
    vec![
        ("movement", |ledger| text(ledger.movement(&first()?))),
        ("balance", |ledger| text(ledger.balance(&first()?))),
        ("refund", |ledger| text(ledger.refund(&first()?, booked()?))),
        ("history", |ledger| {
            text(ledger.history(&first()?, booked()?))
        }),
        ("list of refunds", |ledger| {
            text(ledger.list_refunds(&RefundQuery::default()))
        }),
        ("totals", |ledger| {
            text(ledger.totals(RefundFilter::default()))
        }),
        ("list of movements", |ledger| {
            text(ledger.movements(None, None, 100))
        }),
        ("journal", |ledger| text(ledger.journal(0, usize::MAX))),
        ("journal of an org", |ledger| {
            text(ledger.org_journal(&Id::new("acme")?, 0, 100))
        }),
        ("export", |ledger| {
            let records = ledger.journal(0, usize::MAX)?;
            let lines = records.iter().map(|record| ledger.export_line(record));
            text(lines.collect::<Result<Vec<_>, _>>())
        }),
        ("outlines of refunds", |ledger| {
            let mut outlines = Vec::new();
            ledger
                .store()
                .refund_outlines(&Id::new("acme")?, None, None, &mut |outline| {
                    outlines.push(format!("{outline:?}"));
                    ControlFlow::Continue(())
                })?;
            // They come in any order.
            outlines.sort();
            text(Ok(outlines))
        }),
        ("verification", |ledger| {
            let report = ledger.verify(None)?;
            if report.verdict == Verified::Incomplete {
                let reason = format!("{:?}", report.findings);
                return Err(StoreError::Failed { reason }.into());
            }
            text(Ok(report))
        }),
        ("head", |ledger| text(ledger.head())),
    ]
}

fn text<T: fmt::Debug>(answer: Result<T, LedgerError>) -> Result<String, LedgerError> {
    answer.map(|answer| format!("{answer:?}"))
}

fn first() -> Result<MovementKey, LedgerError> {
    MovementKey::new("acme", "sub-7", "mov-0")
}

fn booked() -> Result<RefundLookup, LedgerError> {
    Ok(RefundLookup::ExternalId(Id::new("ref-1")?))
}

fn named(op: &str, id: &str, rest: &str) -> String {
    line(
        op,
        0,
        &format!(r#","external_refund_unique_id":"{id}"{rest}"#),
    )
}

fn goods(movement: usize, key: &str) -> String {
    let body = r#"{"refund_datetime":"2022-02-24T13:45:10Z","amount":{"value_with_taxes":5,"billable":true},"transaction_type_id":"goods","description":"of goods"}"#;
    line(
        "create_non_subscribable_refund",
        movement,
        &format!(r#","idempotency_key":"{key}","body":{body}"#),
    )
}

fn fixed(movement: usize, external_id: &str) -> String {
    let body = body_of(external_id, 1_210, &"text ".repeat(40));
    line("create_refund", movement, &format!(r#","body":{body}"#))
}

fn body_of(external_id: &str, cents: usize, text: &str) -> String {
    format!(
        r#"{{"refund_datetime":"2022-02-24T13:45:10Z","amount":{{"value_with_taxes":{}.{:02}}},"external_refund_unique_id":"{external_id}","billable":false,"description":"{text}"}}"#,
        cents / 100,
        cents % 100
    )
}

/// The name of a file in its folder.
pub(crate) fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Lets SQLite's syncs be: nobody cuts the power here.
pub(crate) struct Hurried;

impl Onlooker for Hurried {
    fn judge(&self, _: &Path, change: Change<'_>) -> Verdict {
        without_syncs(change)
    }
}

/// Lets everything happen but syncs, which take long and do not matter where no real power is cut.
pub(crate) fn without_syncs(change: Change<'_>) -> Verdict {
    match change {
        Change::Sync { .. } => Verdict::Pretended,
        _ => Verdict::Happens,
    }
}
