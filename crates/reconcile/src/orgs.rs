//! Whose refunds are compared.

use refund_ledger::{ID_BYTES_MAX, Id, Ledger, LedgerError, MovementKey};
use thiserror::Error;

/// How many orgs an error names.
const NAMED_MAX: usize = 10;

/// Why it can't be told whose refunds are compared.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OrgError {
    /// The ledger does not hold the org that is asked for.
    #[error("the ledger has no movements of the org `{org}`; {}", held(orgs))]
    Unknown {
        /// The one that is asked for.
        org: Id,
        /// Those that it holds; where they are more than ten, eleven of them.
        orgs: Vec<Id>,
    },
    /// The ledger holds several, and none is asked for.
    #[error(
        "the ledger holds several orgs: {}; say which one the statement is about",
        names(orgs)
    )]
    Several {
        /// Those that it holds; where they are more than ten, eleven of them.
        orgs: Vec<Id>,
    },
    /// The ledger can't be asked.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// The org of the ledger that is asked for, or the only one; `None` where the ledger is empty.
///
/// # Errors
/// Where the ledger does not hold the org: one that is mistyped would have no refunds, and make a
/// break of each line. Where none is asked for, and the ledger holds several.
///
/// ```
/// use refund_ledger::{Id, Ledger};
/// use refund_reconcile::org_of;
///
/// let ledger = Ledger::in_memory();
/// assert_eq!(org_of(&ledger, None)?, None);
/// let refused = org_of(&ledger, Some(&Id::new("acme")?)).unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "the ledger has no movements of the org `acme`; it is empty"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn org_of(ledger: &Ledger, asked: Option<&Id>) -> Result<Option<Id>, OrgError> {
    let Some(org) = asked else {
        let mut orgs = orgs(ledger)?;
        if orgs.len() > 1 {
            return Err(OrgError::Several { orgs });
        }
        return Ok(orgs.pop());
    };
    if ledger.movements(Some(org), None, 1)?.is_empty() {
        return Err(OrgError::Unknown {
            org: org.clone(),
            orgs: orgs(ledger)?,
        });
    }
    Ok(Some(org.clone()))
}

/// The orgs of the ledger, up to one more than are named.
fn orgs(ledger: &Ledger) -> Result<Vec<Id>, LedgerError> {
    let mut orgs: Vec<Id> = Vec::new();
    let last = last_id();
    let mut after = None;
    while orgs.len() <= NAMED_MAX {
        let next = ledger.movements(None, after.as_ref(), 1)?;
        let Some(movement) = next.first() else { break };
        let org = movement.key.org();
        after = Some(MovementKey::new(org.as_str(), &last, &last)?);
        orgs.push(org);
    }
    Ok(orgs)
}

/// An id behind which no other sorts.
fn last_id() -> String {
    let mut id = "\u{10ffff}".repeat(ID_BYTES_MAX / 4);
    // What is left is less than the last character takes.
    while id.len() + '\u{ffff}'.len_utf8() <= ID_BYTES_MAX {
        id.push('\u{ffff}');
    }
    id
}

fn held(orgs: &[Id]) -> String {
    match orgs {
        [] => "it is empty".into(),
        orgs => format!("it holds {}", names(orgs)),
    }
}

fn names(orgs: &[Id]) -> String {
    let mut names: Vec<String> = orgs
        .iter()
        .take(NAMED_MAX)
        .map(|org| format!("`{org}`"))
        .collect();
    if orgs.len() > NAMED_MAX {
        names.push("others".into());
    }
    names.join(", ")
}
