//! Somebody with the ledger's file and time: bits of it are flipped, rows are changed, deleted, added and
//! put in another order, its end is cut off, an older file or that of another history takes its place.
//!
//! Whoever kept the head from before finds it out, or the ledger still says what it said.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use refund_ledger::store::sqlite::SqliteStore;
use refund_ledger::store::{ReadSet, ScanRange, ScanRow, Snapshot, WriteBatch};
use refund_ledger::{
    Amount, Entry, EntryContent, Head, Id, JournalPosition, JournalRecord, Ledger, LedgerError,
    ListAfter, MovementKey, Page, Refund, RefundFilter, Store, StoreError, Timestamp, entry_hash,
};
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::harness::{Finding, Report, Task, caught};
use crate::random::Random;
use crate::workload::{self, BATCH, Calls, Hurried};

/// How many calls made the ledger.
const CALLS: usize = 60;

/// After how many of them a copy is kept, to be restored later.
const KEPT_EVERY: usize = 5;

/// How often each kind of tampering is tried before it must have changed something.
const ENOUGH: usize = 50;

/// How often the planted bug may go unnoticed.
const PLANTED_MAX: usize = 100;

pub(crate) fn run(task: &Task) -> Result<Report, Finding> {
    let folder = tempfile::tempdir()?;
    let victim = watched_vfs::under(Rc::new(Hurried), || Victim::make(folder.path(), task))?;
    let tried = task.in_parallel(task.scaled(4_000, 1_000_000), |number| {
        let mut random = Random::new(task.seed(number));
        let how = Tampering::ALL[number % Tampering::ALL.len()];
        let found = victim.tamper(how, &mut random, false)?;
        if !found && how.always_changes_something() {
            return Err(Finding::new(format!(
                "{how:?} number {number} was not found"
            )));
        }
        Ok((how, found))
    })?;
    for how in Tampering::ALL {
        let alike = tried.iter().filter(|(tried, _)| *tried == how);
        let changed = alike.clone().filter(|(_, found)| *found).count();
        if changed == 0 && alike.count() >= ENOUGH {
            return Err(Finding::of_harness(format!(
                "{how:?} never changed anything"
            )));
        }
    }
    let planted = caught((0..PLANTED_MAX).map(|number| {
        let mut random = Random::new(task.seed(number));
        victim.tamper(Tampering::EditEntry, &mut random, true)
    }))?;
    let changed = tried.iter().filter(|(_, found)| *found).count();
    Ok(Report {
        did: format!(
            "{} tamperings, {changed} of them found, the others changed nothing that the ledger says",
            tried.len()
        ),
        planted: vec![("a hash that skips a field", planted)],
    })
}

/// What is done to a ledger's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tampering {
    FlipBits,
    CutFile,
    EditRow,
    /// One field of what was hashed is another one, well-formed.
    EditEntry,
    DeleteRows,
    Reorder,
    AddRow,
    RestoreOlder,
    /// A sound ledger, by the same program, of a history in which something else happened.
    AnotherHistory,
}

impl Tampering {
    const ALL: [Self; 9] = [
        Self::FlipBits,
        Self::CutFile,
        Self::EditRow,
        Self::EditEntry,
        Self::DeleteRows,
        Self::Reorder,
        Self::AddRow,
        Self::RestoreOlder,
        Self::AnotherHistory,
    ];

    /// Whether what the ledger says is another thing afterwards, in any case.
    fn always_changes_something(self) -> bool {
        matches!(
            self,
            Self::CutFile | Self::EditEntry | Self::RestoreOlder | Self::AnotherHistory
        )
    }
}

/// The ledger that is tampered with, and what is known of it.
struct Victim {
    folder: PathBuf,
    sound: PathBuf,
    head: Head,
    content: u64,
    journal: Arc<Vec<JournalRecord>>,
    older: Vec<PathBuf>,
    others: Vec<PathBuf>,
}

impl Victim {
    fn make(folder: &Path, task: &Task) -> Result<Self, Finding> {
        let calls: Vec<_> = Calls::new(task.seed(0)).take(CALLS).collect();
        let sound = folder.join("sound.db");
        let mut older = Vec::new();
        for (number, call) in calls.iter().enumerate() {
            if number > 0 && number % KEPT_EVERY == 0 {
                let copy = folder.join(format!("older-{number}.db"));
                fs::copy(&sound, &copy)?;
                older.push(copy);
            }
            make_call(&sound, call, number)?;
        }
        // One call of each is not made.
        let mut others = Vec::new();
        for left_out in (1..CALLS).step_by(CALLS / 6) {
            let path = folder.join(format!("other-{left_out}.db"));
            for (number, call) in calls.iter().enumerate() {
                if number != left_out {
                    // What the call left out made may be missing now.
                    let _ = make_call(&path, call, number);
                }
            }
            others.push(path);
        }
        let (store, ledger) = open(&sound)?;
        let head = ledger.verify(None)?.head;
        let victim = Self {
            folder: folder.to_owned(),
            content: content(&ledger)?,
            journal: Arc::new(store.journal(0, usize::MAX)?),
            sound,
            head,
            older,
            others,
        };
        if victim.is_found(&victim.sound, false)? {
            return Err(Finding::of_harness(
                "the sound ledger is found to be damaged",
            ));
        }
        Ok(victim)
    }

    /// Tampers with a copy. Gives whether it was found, which is right, as is that nothing changed.
    fn tamper(&self, how: Tampering, random: &mut Random, planted: bool) -> Result<bool, Finding> {
        watched_vfs::under(Rc::new(Hurried), || {
            let place = tempfile::tempdir_in(&self.folder)?;
            let path = place.path().join("ledger.db");
            let what = self.write(how, &path, random).map_err(|error| {
                Finding::of_harness(format!("{how:?} could not be done: {error}"))
            })?;
            self.is_found(&path, planted)
                .map_err(|finding| finding.within(&format!("{how:?}: {what}")))
        })
    }

    /// Writes the file as it was tampered with. Says what was done.
    fn write(&self, how: Tampering, path: &Path, random: &mut Random) -> Result<String, Problem> {
        match how {
            Tampering::FlipBits => {
                let mut bytes = fs::read(&self.sound)?;
                let mut flipped = Vec::new();
                for _ in 0..=random.below(3) {
                    let (at, bit) = (random.below(bytes.len()), random.below(8));
                    bytes[at] ^= 1 << bit;
                    flipped.push(format!("bit {bit} of byte {at}"));
                }
                fs::write(path, bytes)?;
                Ok(flipped.join(", "))
            }
            Tampering::CutFile => {
                let bytes = fs::read(&self.sound)?;
                let length = 1 + random.below(bytes.len() - 1);
                fs::write(path, &bytes[..length])?;
                Ok(format!("{length} of {} bytes", bytes.len()))
            }
            Tampering::RestoreOlder => {
                let older = &self.older[random.below(self.older.len())];
                fs::copy(older, path)?;
                Ok(workload::name(older))
            }
            Tampering::AnotherHistory => {
                let other = &self.others[random.below(self.others.len())];
                fs::copy(other, path)?;
                Ok(workload::name(other))
            }
            Tampering::EditRow
            | Tampering::EditEntry
            | Tampering::DeleteRows
            | Tampering::Reorder
            | Tampering::AddRow => {
                fs::copy(&self.sound, path)?;
                let rows = Rows::of(path)?;
                match how {
                    Tampering::EditEntry => rows.edit_entry(random),
                    Tampering::DeleteRows => rows.delete(random),
                    Tampering::Reorder => rows.reorder(random),
                    Tampering::AddRow => rows.add(random),
                    _ => rows.edit(random),
                }
            }
        }
    }

    fn is_found(&self, path: &Path, planted: bool) -> Result<bool, Finding> {
        let (store, ledger) = match open(path) {
            Ok(opened) => opened,
            Err(error) => return says_what_is_wrong(&error),
        };
        let verified = if planted {
            let journal = self.journal.clone();
            let skipping = Arc::new(SkipsActors { store, journal });
            workload::ledger(skipping, 0).verify(Some(self.head))
        } else {
            ledger.verify(Some(self.head))
        };
        let report = match verified {
            Ok(report) => report,
            Err(error) => match error.store_error() {
                Some(error) => return says_what_is_wrong(error),
                None => return Err(error.into()),
            },
        };
        if !report.is_valid() {
            return Ok(true);
        }
        if content(&ledger)? == self.content {
            Ok(false)
        } else {
            Err(Finding::new("it is valid, and says something else"))
        }
    }
}

/// Whether an error says that the file is damaged, or not a ledger: any other leaves its reader in the dark.
fn says_what_is_wrong(error: &StoreError) -> Result<bool, Finding> {
    match error {
        StoreError::Corrupted { .. } | StoreError::Unsupported { .. } => Ok(true),
        _ => Err(Finding::new(format!("it is answered with {error:?}"))),
    }
}

fn make_call(path: &Path, call: &workload::Call, number: usize) -> Result<(), Finding> {
    let store = Arc::new(SqliteStore::open(path)?);
    for result in workload::ledger(store, number).execute_all(call, BATCH)? {
        result?;
    }
    Ok(())
}

fn open(path: &Path) -> Result<(Arc<SqliteStore>, Ledger), StoreError> {
    let store = Arc::new(SqliteStore::open(path)?);
    let ledger = workload::ledger(store.clone(), 0);
    Ok((store, ledger))
}

/// A digest of all that a ledger says: its movements, refunds, and entries with their texts.
fn content(ledger: &Ledger) -> Result<u64, LedgerError> {
    let mut hasher = DefaultHasher::new();
    let mut movements = Vec::new();
    let mut entries = ledger.journal(0, usize::MAX)?;
    // Positions are the order of the feed, and attested by nothing.
    entries.sort_by(|one, other| {
        let place = |record: &JournalRecord| (record.entry.movement.clone(), record.entry.sequence);
        place(one).cmp(&place(other))
    });
    for JournalRecord { entry, .. } in &entries {
        format!("{entry:?}").hash(&mut hasher);
        if movements.last() != Some(&entry.movement) {
            movements.push(entry.movement.clone());
        }
    }
    for movement in &movements {
        format!("{:?}", ledger.movement(movement)).hash(&mut hasher);
        format!("{:?}", ledger.balance(movement)).hash(&mut hasher);
    }
    let all = RefundFilter {
        include_deleted: true,
        ..RefundFilter::default()
    };
    for refund in ledger.refunds(all) {
        format!("{:?}", refund?).hash(&mut hasher);
    }
    Ok(hasher.finish())
}

/// Why a file could not be tampered with.
type Problem = Box<dyn std::error::Error>;

/// The rows of a ledger, without what guards them.
struct Rows(Connection);

/// The tables, with the column that tells their rows apart.
const TABLES: [(&str, &str); 4] = [
    ("orgs", "number"),
    ("movements", "number"),
    ("journal", "position"),
    ("refunds", "id"),
];

impl Rows {
    fn of(path: &Path) -> Result<Self, Problem> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF;",
        )?;
        Ok(Self(connection))
    }

    fn columns(&self, table: &str) -> Result<Vec<String>, Problem> {
        let mut names = self.0.prepare("SELECT name FROM pragma_table_info(?1)")?;
        let names = names.query_map([table], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    fn keys(&self, (table, key): (&str, &str)) -> Result<Vec<Value>, Problem> {
        let mut keys = self.0.prepare(&format!("SELECT {key} FROM {table}"))?;
        let keys = keys.query_map((), |row| row.get(0))?;
        Ok(keys.collect::<Result<_, _>>()?)
    }

    fn draw(&self, table: (&str, &str), random: &mut Random) -> Result<Value, Problem> {
        let keys = self.keys(table)?;
        Ok(keys[random.below(keys.len())].clone())
    }

    /// Carries out a statement. One that the tables don't take, such as a name that is taken already,
    /// changes nothing, and there is nothing to be found then.
    fn change(&self, sql: &str, values: &[Value]) -> Result<String, Problem> {
        let changed = self.0.execute(sql, rusqlite::params_from_iter(values));
        match changed {
            Ok(_) => {}
            Err(rusqlite::Error::SqliteFailure(failure, _))
                if failure.code == rusqlite::ErrorCode::ConstraintViolation => {}
            Err(error) => return Err(format!("`{sql}`: {error}").into()),
        }
        Ok(format!("`{sql}` with {values:?}"))
    }

    fn edit(&self, random: &mut Random) -> Result<String, Problem> {
        let table @ (name, key) = TABLES[random.below(TABLES.len())];
        let columns = self.columns(name)?;
        let column = &columns[random.below(columns.len())];
        let row = self.draw(table, random)?;
        let sql = format!("SELECT {column} FROM {name} WHERE {key} = ?1");
        let value: Value = self.0.query_row(&sql, [&row], |row| row.get(0))?;
        let other = another(&value, column, random);
        self.change(
            &format!("UPDATE {name} SET {column} = ?1 WHERE {key} = ?2"),
            &[other, row],
        )
    }

    fn edit_entry(&self, random: &mut Random) -> Result<String, Problem> {
        let position = self.draw(TABLES[2], random)?;
        let sql = "SELECT bytes FROM journal WHERE position = ?1";
        let bytes: Vec<u8> = self.0.query_row(sql, [&position], |row| row.get(0))?;
        let mut entry = Entry::decode(&bytes)?;
        match (random.below(8), &mut entry.content) {
            (0, _) => entry.sequence += 1,
            (1, _) => entry.recorded_at = a_second_after(entry.recorded_at)?,
            (2, _) => {
                let key = &entry.movement;
                entry.movement = MovementKey::new(key.org_id(), key.subscription_id(), "mov-x")?;
            }
            (3, _) => entry.previous = entry_hash(&bytes),
            (4, EntryContent::Movement(movement)) => movement.amount = more(&movement.amount)?,
            (4, EntryContent::Refund(refund)) => {
                refund.details.amount = more(&refund.details.amount)?;
            }
            (5, EntryContent::Movement(movement)) => {
                movement.occurred_at = a_second_after(movement.occurred_at)?;
            }
            (5, EntryContent::Refund(refund)) => refund.revision += 1,
            (6, EntryContent::Refund(refund)) => refund.deleted = !refund.deleted,
            _ => entry.actor = Id::new("mallory")?,
        }
        if entry.encode() == bytes {
            return Err("it changes nothing".into());
        }
        self.change(
            "UPDATE journal SET bytes = ?1 WHERE position = ?2",
            &[Value::Blob(entry.encode()), position],
        )
    }

    fn delete(&self, random: &mut Random) -> Result<String, Problem> {
        let mut done = Vec::new();
        let table @ (name, key) = TABLES[random.below(TABLES.len())];
        for _ in 0..=random.below(3) {
            if self.keys(table)?.is_empty() {
                break;
            }
            let row = self.draw(table, random)?;
            done.push(self.change(&format!("DELETE FROM {name} WHERE {key} = ?1"), &[row])?);
        }
        // The end of the journal, as a program that lost it would have it.
        if random.one_in(4) {
            let position = self.draw(TABLES[2], random)?;
            done.push(self.change("DELETE FROM journal WHERE position >= ?1", &[position])?);
        }
        Ok(done.join(", "))
    }

    /// Swaps what two rows hold in one column, or in all that makes an entry.
    fn reorder(&self, random: &mut Random) -> Result<String, Problem> {
        let table @ (name, key) = TABLES[1 + random.below(3)];
        let (one, other) = (self.draw(table, random)?, self.draw(table, random)?);
        let columns = self.columns(name)?;
        let column = &columns[random.below(columns.len())];
        let swapped: &[&str] = if name == "journal" && random.one_in(2) {
            &[
                "movement",
                "sequence",
                "previous_position",
                "bytes",
                "salt",
                "text",
            ]
        } else {
            &[column]
        };
        let sets: Vec<String> = swapped
            .iter()
            .map(|column| {
                format!(
                    "{column} = (SELECT {column} FROM {name} AS b
                                 WHERE b.{key} = iif({name}.{key} = ?1, ?2, ?1))"
                )
            })
            .collect();
        let sql = format!(
            "UPDATE {name} SET {} WHERE {key} IN (?1, ?2)",
            sets.join(", ")
        );
        self.change(&sql, &[one, other])
    }

    /// Adds a row that is like another one but for what must differ.
    fn add(&self, random: &mut Random) -> Result<String, Problem> {
        let table @ (name, key) = TABLES[random.below(TABLES.len())];
        let row = self.draw(table, random)?;
        let number = 1_000 + random.below(1_000);
        let values = self
            .columns(name)?
            .into_iter()
            .map(|column| match (name, column.as_str()) {
                ("refunds", "id") => format!("randomblob({})", 16),
                (_, column) if column == key => format!("(SELECT max({key}) + 1 FROM {name})"),
                ("orgs", "name") | ("movements", "movement_id") | ("refunds", "external_id") => {
                    format!("'new-{number}'")
                }
                ("refunds", "external_id_is_key") => "0".to_owned(),
                ("journal", "sequence") => format!("sequence + {}", random.below(2)),
                _ => column,
            });
        let sql = format!(
            "INSERT INTO {name} SELECT {} FROM {name} WHERE {key} = ?1",
            values.collect::<Vec<_>>().join(", ")
        );
        self.change(&sql, &[row])
    }
}

fn a_second_after(instant: Timestamp) -> Result<Timestamp, LedgerError> {
    Timestamp::from_unix(instant.unix_seconds() + 1, 0)
}

fn more(amount: &Amount) -> Result<Amount, LedgerError> {
    let mut values = amount.values();
    values.with += 1;
    Amount::from_stored(amount.currency(), values, amount.tax().cloned())
}

/// Another value that the column takes.
fn another(value: &Value, column: &str, random: &mut Random) -> Value {
    match value {
        Value::Null if column == "salt" => Value::Blob(vec![1; 16]),
        Value::Null if matches!(column, "text" | "external_id" | "tax_type") => {
            Value::Text("new".to_owned())
        }
        Value::Null if column.ends_with("_id") => Value::Text("new".to_owned()),
        Value::Null => Value::Integer(5),
        Value::Integer(number) => {
            let by = [1, -1, 100, 1 << 20][random.below(4)];
            Value::Integer(number.wrapping_add(by))
        }
        Value::Text(text) => match random.below(3) {
            0 => Value::Text(format!("{text}x")),
            1 => Value::Text(String::new()),
            _ => Value::Text(text.chars().rev().chain(['y']).collect()),
        },
        Value::Blob(bytes) => {
            let mut bytes = bytes.clone();
            if bytes.is_empty() || random.one_in(4) {
                bytes.push(0);
            } else {
                let at = random.below(bytes.len());
                bytes[at] ^= 1 << random.below(8);
            }
            Value::Blob(bytes)
        }
        Value::Real(number) => Value::Real(number + 1.0),
    }
}

/// The planted bug: who made a change is in no hash, so that any name does.
struct SkipsActors {
    store: Arc<SqliteStore>,
    journal: Arc<Vec<JournalRecord>>,
}

impl SkipsActors {
    /// The entry as it was, where only its actor is another.
    fn without_actor(&self, record: &JournalRecord) -> Option<JournalRecord> {
        let sound = self
            .journal
            .iter()
            .find(|sound| sound.position == record.position)?;
        let mut entry = Entry::decode(&record.entry.bytes).ok()?;
        entry.actor = Entry::decode(&sound.entry.bytes).ok()?.actor;
        (entry.encode() == sound.entry.bytes).then(|| sound.clone())
    }
}

impl Store for SkipsActors {
    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError> {
        self.store.scan(range, &mut |row| match row {
            ScanRow::Entry(record) => match self.without_actor(record) {
                Some(sound) => visit(ScanRow::Entry(&sound)),
                None => visit(row),
            },
            _ => visit(row),
        })
    }

    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        self.store.load(wanted)
    }

    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        self.store.commit(batch)
    }

    fn list_refunds(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, StoreError> {
        self.store.list_refunds(filter, after, limit)
    }

    fn journal(
        &self,
        after: JournalPosition,
        limit: usize,
    ) -> Result<Vec<JournalRecord>, StoreError> {
        self.store.journal(after, limit)
    }
}
