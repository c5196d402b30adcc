//! The golden file: a fixed sequence of commands, with the replies, journal bytes, hashes and head
//! that every store must come to. It is JSON, so that suites in other languages read the same.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Failure;
use super::hosts::ScriptedHost;
use super::view::paged_journal;
use crate::command::Repeats;
use crate::decide::Minted;
use crate::error::LedgerError;
use crate::id::Id;
use crate::journal::entry_hash;
use crate::ledger::{Atomicity, Batch, Ledger};
use crate::store::Store;
use crate::wire::parse_line;

/// The file's text.
pub const TEXT: &str = include_str!("golden/journal-v1.json");

/// The whole file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// What the file is.
    pub about: String,
    /// What is done, step by step.
    pub steps: Vec<Step>,
    /// The journal in the end, in order of position.
    #[serde(default)]
    pub journal: Vec<GoldenEntry>,
    /// The head in the end.
    #[serde(default)]
    pub head: GoldenHead,
}

/// Commands that are carried out as one batch.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The host's time.
    pub now: String,
    /// Who asks.
    pub actor: String,
    /// Whether one refused command stops all (`all`), or not (`per_item`).
    pub atomicity: String,
    /// Whether commands repeat as single requests (`as_requests`) or as lines of a file
    /// (`as_file`).
    pub repeats: String,
    /// The commands in their order.
    pub commands: Vec<Planned>,
}

/// One command with what the host mints for it, and its reply.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// The line of an import file.
    pub line: Box<RawValue>,
    /// The refund id that the host mints.
    pub refund_id: String,
    /// The salt that the host mints, in hexadecimal digits.
    pub salt: String,
    /// The reply.
    #[serde(default)]
    pub reply: Reply,
}

/// What a command comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The refund that it was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_id: Option<String>,
    /// The refund's revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// Whether nothing had to be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed: Option<bool>,
    /// For a refusal: its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// For a refusal: the fields at fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

/// An entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenEntry {
    /// The hashed bytes, in hexadecimal digits.
    pub bytes: String,
    /// Their hash.
    pub hash: String,
    /// The salt of the text that the entry brought; `null` where it brought none or it was erased.
    pub salt: Option<String>,
    /// That text.
    pub text: Option<String>,
}

/// A head without its position: what a store counts positions by is its own affair.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenHead {
    /// How many entries there are.
    pub entries: u64,
    /// How many movements.
    pub movements: u64,
    /// The root, in hexadecimal digits.
    pub root: String,
}

impl Golden {
    /// Reads the file.
    ///
    /// # Errors
    /// Where the file can't be read, which is the suite's own fault.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use refund_ledger::store::conformance::golden::Golden;
    /// let golden = Golden::read()?;
    /// assert!(golden.head.entries as usize == golden.journal.len());
    /// # Ok(()) }
    /// ```
    pub fn read() -> Result<Self, Failure> {
        serde_json::from_str(TEXT)
            .map_err(|error| Failure::new(format!("the golden file can't be read: {error}")))
    }

    /// Plays the steps on an empty store; answers with the file as it would be for that store.
    ///
    /// # Errors
    /// Where the store or the file keeps a step from being played.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use refund_ledger::Store;
    /// use refund_ledger::store::conformance::golden::Golden;
    /// use refund_ledger::store::memory::MemoryStore;
    /// use std::sync::Arc;
    ///
    /// let golden = Golden::read()?;
    /// let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    /// assert_eq!(golden.play(&store)?.head, golden.head);
    /// # Ok(()) }
    /// ```
    pub fn play(&self, store: &Arc<dyn Store>) -> Result<Self, Failure> {
        let mut played = self.clone();
        for step in &mut played.steps {
            step.play(store)?;
        }
        (played.journal, played.head) = observe(store)?;
        Ok(played)
    }
}

impl Step {
    fn play(&mut self, store: &Arc<dyn Store>) -> Result<(), Failure> {
        let minted: Vec<Minted> = self
            .commands
            .iter()
            .map(|planned| {
                Ok(Minted {
                    refund_id: planned.refund_id.parse()?,
                    salt: planned.salt.parse()?,
                })
            })
            .collect::<Result<_, LedgerError>>()?;
        let host = ScriptedHost::new(self.now.parse()?, minted);
        let ledger =
            Ledger::new(Arc::clone(store), Arc::new(host)).with_actor(Id::new(&self.actor)?);
        let commands = self
            .commands
            .iter()
            .map(|planned| Ok(parse_line(planned.line.get().as_bytes())?.command))
            .collect::<Result<Vec<_>, LedgerError>>()?;
        let batch = Batch {
            atomicity: match &*self.atomicity {
                "all" => Atomicity::All,
                "per_item" => Atomicity::PerItem,
                other => return Err(Failure::new(format!("`{other}` is no atomicity"))),
            },
            repeats: match &*self.repeats {
                "as_requests" => Repeats::AsRequests,
                "as_file" => Repeats::AsFile,
                other => return Err(Failure::new(format!("`{other}` is no way to repeat"))),
            },
        };
        let results = ledger.execute_all(&commands, batch)?;
        for (planned, result) in self.commands.iter_mut().zip(results) {
            planned.reply = match result {
                Ok(receipt) => Reply {
                    refund_id: receipt.refund_id.map(|id| id.to_string()),
                    revision: receipt.revision,
                    replayed: Some(receipt.replayed),
                    ..Reply::default()
                },
                Err(error) => Reply {
                    code: Some(error.code().to_string()),
                    fields: error
                        .details()
                        .iter()
                        .map(|it| it.field.to_string())
                        .collect(),
                    ..Reply::default()
                },
            };
        }
        Ok(())
    }
}

/// The journal and the head of a store, in the file's form.
///
/// # Errors
/// Where the store can't be read, or does not verify.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use refund_ledger::Store;
/// use refund_ledger::store::conformance::golden::observe;
/// use refund_ledger::store::memory::MemoryStore;
/// use std::sync::Arc;
/// let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
/// let (journal, head) = observe(&store)?;
/// assert_eq!((journal.len(), head.entries), (0, 0));
/// # Ok(()) }
/// ```
pub fn observe(store: &Arc<dyn Store>) -> Result<(Vec<GoldenEntry>, GoldenHead), Failure> {
    let journal = paged_journal(&**store, 100)?
        .into_iter()
        .map(|record| GoldenEntry {
            bytes: base16ct::lower::encode_string(&record.entry.bytes),
            hash: entry_hash(&record.entry.bytes).to_string(),
            salt: record
                .entry
                .text
                .as_ref()
                .map(|salted| salted.salt.to_string()),
            text: record
                .entry
                .text
                .map(|salted| salted.text.as_str().to_owned()),
        })
        .collect();
    let host = ScriptedHost::new(crate::time::Timestamp::MAX, []);
    let head = Ledger::new(Arc::clone(store), Arc::new(host)).head()?;
    let head = GoldenHead {
        entries: head.entries,
        movements: head.movements,
        root: head.root.to_string(),
    };
    Ok((journal, head))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;

    /// Run this by name after a step was added; a diff in what was pinned before breaks every
    /// ledger that is out there.
    #[test]
    #[ignore = "rewrites the golden file"]
    fn write_the_golden_file() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let played = Golden::read().unwrap().play(&store).unwrap();
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/src/store/conformance/golden/journal-v1.json"
        );
        let text = serde_json::to_string_pretty(&played).unwrap();
        std::fs::write(path, text + "\n").unwrap();
    }
}
