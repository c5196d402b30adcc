//! What is done to a ledger while something is done to its files, and how to tell what is in it.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use refund_ledger::wire::parse_line;
use refund_ledger::{
    Atomicity, Batch, Command, Host, Ledger, LedgerError, Minted, RefundId, Repeats, Salt, Store,
    Timestamp,
};
use watched_vfs::{Change, Onlooker, Verdict};

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
/// In words, where it is not.
pub(crate) fn state(ledger: &Ledger) -> Result<State, String> {
    let report = ledger.verify(None).map_err(|error| error.to_string())?;
    if !report.is_valid() {
        return Err(format!("it is not valid: {report:?}"));
    }
    let records = ledger
        .journal(0, usize::MAX)
        .map_err(|error| error.to_string())?;
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

/// A call of each kind that changes something.
pub(crate) fn kinds() -> Vec<(&'static str, Call)> {
    let named = |op, id: &str, body: &str| {
        command(&line(
            op,
            0,
            &format!(r#","external_refund_unique_id":"{id}"{body}"#),
        ))
    };
    let other = format!(
        r#","expected_revision":1,"body":{}"#,
        body_of("ref-1", 777, "other")
    );
    vec![
        ("record a movement", vec![command(&record(9))]),
        ("create a refund", vec![command(&fixed(1, "ref-7"))]),
        (
            "create several",
            vec![
                command(&fixed(0, "ref-7")),
                command(&fixed(1, "ref-8")),
                command(&fixed(0, "ref-9")),
            ],
        ),
        (
            "update a refund",
            vec![named("update_refund", "ref-1", &other)],
        ),
        ("delete a refund", vec![named("delete_refund", "ref-2", "")]),
        ("erase a text", vec![named("erase_text", "ref-3", "")]),
        (
            "void a movement",
            vec![command(&line("void_movement", 3, ""))],
        ),
    ]
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
