//! Proof afterwards: rebuilds what the tables must hold from the journal, and compares.

mod movement;

use serde::Serialize;

use crate::error::LedgerError;
use crate::head::{Head, MerkleTree};
use crate::id::MovementKey;
use crate::journal::JournalPosition;
use crate::store::ScanRow;
use movement::{Checked, MovementCheck};

/// What a verification comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every chain is whole and the tables hold what the journal says.
    Valid,
    /// Something is not what the journal, or the head, says.
    Divergent,
    /// Something could not be read, and all that could be is sound.
    Incomplete,
}

impl Verdict {
    /// The verdict's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Divergent => "divergent",
            Self::Incomplete => "incomplete",
        }
    }
}

/// What is wrong with one movement, or with the ledger as a whole, as far as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The movement; `None` for the whole.
    pub movement: Option<MovementKey>,
    /// The first bad entry of its chain; `None` where the chain is whole and a table differs.
    pub sequence: Option<u64>,
    /// What differs, in words for the operator.
    pub message: String,
}

/// The result of a verification (see [`Ledger::verify`](crate::Ledger::verify)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What it comes to.
    pub verdict: Verdict,
    /// How many movements were visited.
    pub movements: u64,
    /// How many entries were visited.
    pub entries: u64,
    /// What was found: the first [`FINDINGS_MAX`](Self::FINDINGS_MAX) findings about movements, as many about
    /// the whole, and how many more there are. The chain and tables of one movement make one finding.
    pub findings: Vec<Finding>,
    /// What the journal holds now; it means something only where the verdict is valid.
    pub head: Head,
}

impl Report {
    /// How many findings of each kind are listed: of a ledger that is damaged all over, the first ones tell
    /// enough.
    pub const FINDINGS_MAX: usize = 1_000;

    /// Whether everything is as it should be.
    pub fn is_valid(&self) -> bool {
        self.verdict == Verdict::Valid
    }
}

/// Verifies a ledger from what a scan of everything visits, in memory that grows with the largest
/// movement only. [`Ledger::verify`](crate::Ledger::verify) does it in one call.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use refund_ledger::Verifier;
/// use refund_ledger::store::ScanRange;
/// use std::ops::ControlFlow;
/// let (ledger, _) = ledger()?;
/// let mut verifier = Verifier::new(None);
/// let everything = ScanRange { entries: true, refunds: true, ..ScanRange::default() };
/// let position = ledger.store().scan(&everything, &mut |row| {
///     verifier.visit(row);
///     ControlFlow::Continue(())
/// })?;
/// assert!(verifier.finish(position, None).is_valid());
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Verifier {
    kept: Option<Head>,
    current: Option<MovementCheck>,
    last: Option<MovementKey>,
    now: HeadBuilder,
    then: HeadBuilder,
    findings: Findings,
}

/// The first findings about movements and about the whole, and how many more there are.
#[derive(Debug, Default)]
struct Findings {
    of_movements: Vec<Finding>,
    of_the_whole: Vec<Finding>,
    left_out: u64,
}

impl Findings {
    fn push(&mut self, finding: Finding) {
        let list = match finding.movement {
            Some(_) => &mut self.of_movements,
            None => &mut self.of_the_whole,
        };
        if list.len() < Report::FINDINGS_MAX {
            list.push(finding);
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    fn finish(mut self) -> Vec<Finding> {
        let mut listed = self.of_movements;
        listed.append(&mut self.of_the_whole);
        if self.left_out > 0 {
            listed.push(Finding {
                movement: None,
                sequence: None,
                message: format!("{} more findings are not listed", self.left_out),
            });
        }
        listed
    }
}

#[derive(Debug, Default)]
struct HeadBuilder {
    tree: MerkleTree,
    entries: u64,
}

impl HeadBuilder {
    fn finish(&self, position: JournalPosition) -> Head {
        Head {
            version: Head::VERSION,
            position,
            entries: self.entries,
            movements: self.tree.leaves(),
            root: self.tree.root(),
        }
    }
}

impl Verifier {
    /// A verification, also against a head that was kept from before, where there is one.
    pub fn new(kept: Option<Head>) -> Self {
        Self {
            kept,
            current: None,
            last: None,
            now: HeadBuilder::default(),
            then: HeadBuilder::default(),
            findings: Findings::default(),
        }
    }

    /// Takes what a scan visits next.
    pub fn visit(&mut self, row: ScanRow<'_>) {
        match row {
            ScanRow::Movement(movement) => {
                self.finish_movement();
                if self.last.as_ref().is_some_and(|last| *last >= movement.key) {
                    self.stray(&movement.key, "it is there twice, or in the wrong place");
                }
                self.last = Some(movement.key.clone());
                let until = self.kept.map_or(0, |head| head.position);
                self.current = Some(MovementCheck::new(movement.clone(), until));
            }
            ScanRow::Entry(record) => match &mut self.current {
                Some(current) => current.visit_entry(record),
                None => self.stray(&record.entry.movement, "an entry belongs to no movement"),
            },
            ScanRow::Refund { refund, holder } => match &mut self.current {
                Some(current) => current.visit_refund(refund, holder),
                None => self.stray(&refund.movement, "a refund belongs to no movement"),
            },
            ScanRow::Invalid { movement, reason } => match (&mut self.current, movement) {
                (Some(current), Some(key)) if current.key() == key => current.fault(reason),
                _ => self.findings.push(Finding {
                    movement: movement.cloned(),
                    sequence: None,
                    message: reason.into(),
                }),
            },
        }
    }

    fn stray(&mut self, movement: &MovementKey, message: &str) {
        self.findings.push(Finding {
            movement: Some(movement.clone()),
            sequence: None,
            message: message.into(),
        });
    }

    fn finish_movement(&mut self) {
        if let Some(current) = self.current.take() {
            self.add(current.finish());
        }
    }

    fn add(&mut self, result: Checked) {
        self.now.entries = self.now.entries.saturating_add(result.now.length);
        self.now
            .tree
            .add(&result.key, result.now.length, result.now.hash);
        if let Some(then) = result.then {
            self.then.entries = self.then.entries.saturating_add(then.length);
            self.then.tree.add(&result.key, then.length, then.hash);
        }
        if let Some(finding) = result.finding {
            self.findings.push(finding);
        }
    }

    /// The report, once the scan is done. `position` is what the scan answered; `unread` is why it
    /// could not read everything, where it could not.
    pub fn finish(mut self, position: JournalPosition, unread: Option<&LedgerError>) -> Report {
        if unread.is_none() {
            self.finish_movement();
        } else if let Some(current) = self.current.take() {
            // What was not visited of it may be there.
            self.add(current.break_off());
        }
        let head = self.now.finish(position);
        let mut findings = self.findings.finish();
        if let Some(kept) = self.kept
            && unread.is_none()
        {
            let then = self.then.finish(kept.position);
            findings.extend(differs_from_kept(&then, &kept, position));
        }
        let verdict = match (findings.is_empty(), unread) {
            (false, _) => Verdict::Divergent,
            (true, Some(_)) => Verdict::Incomplete,
            (true, None) => Verdict::Valid,
        };
        findings.extend(unread.map(|error| Finding {
            movement: None,
            sequence: None,
            message: match error.store_error() {
                Some(store) => format!("not everything could be read: {store}"),
                None => format!("not everything could be read: {error}"),
            },
        }));
        Report {
            verdict,
            movements: head.movements,
            entries: head.entries,
            findings,
            head,
        }
    }
}

/// What is wrong if what the journal held `then`, up to the position of the kept head, is something else.
fn differs_from_kept(then: &Head, kept: &Head, position: JournalPosition) -> Option<Finding> {
    if then == kept && position >= kept.position {
        return None;
    }
    let message = if position < kept.position || then.entries < kept.entries {
        format!(
            "the journal was cut off: the kept head covers {} entries up to position {}, \
             {} of them are there",
            kept.entries, kept.position, then.entries
        )
    } else {
        format!(
            "the journal was rewritten: its first {} positions are not those of the kept head",
            kept.position
        )
    };
    Some(Finding {
        movement: None,
        sequence: None,
        message,
    })
}
