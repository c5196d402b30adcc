//! Whose refunds are compared.

use refund_ledger::{ID_BYTES_MAX, Id, Ledger, MovementKey};

use crate::failure::Failure;

/// How many orgs an error names.
const NAMED_MAX: usize = 10;

/// The org, if the ledger holds it. A mistyped one would have no refunds, and make a break of each
/// line.
pub(super) fn known(ledger: &Ledger, org: &Id) -> Result<Id, Failure> {
    if !ledger.movements(Some(org), None, 1)?.is_empty() {
        return Ok(org.clone());
    }
    let orgs = orgs(ledger)?;
    Err(Failure::Usage(format!(
        "the ledger has no movements of the org `{org}`; {}",
        match orgs.as_slice() {
            [] => "it is empty".into(),
            orgs => format!("it holds {}", names(orgs)),
        }
    )))
}

/// The only org.
pub(super) fn only(ledger: &Ledger) -> Result<Option<Id>, Failure> {
    let mut orgs = orgs(ledger)?;
    if orgs.len() > 1 {
        return Err(Failure::Usage(format!(
            "the ledger holds several orgs: {}; say with `--org` which one the statement is about",
            names(&orgs)
        )));
    }
    Ok(orgs.pop())
}

/// The orgs of the ledger, up to one more than are named.
fn orgs(ledger: &Ledger) -> Result<Vec<Id>, Failure> {
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
