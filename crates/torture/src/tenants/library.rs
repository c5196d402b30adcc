//! What a ledger is asked as a library: by who may do everything in the org that asks, and nothing else.

use std::sync::Arc;

use refund_ledger::wire::{Line, parse_line};
use refund_ledger::{
    Access, Action, Atomicity, Authorize, Batch, Command, Cursor, Id, Ledger, MovementKey,
    Operation, RefundFilter, RefundLookup, RefundQuery, Repeats, Resource,
};

use super::{Ledgers, Names, Side, charge, goods, refund};
use crate::harness::Finding;
use crate::workload::command;

/// Whoever acts for one org.
struct Only(&'static str);

impl Authorize for Only {
    fn authorize(&self, _: &Id, _: Action, resource: Resource<'_>) -> Result<Access, String> {
        Ok(if resource.org_id() == Some(self.0) {
            Access::Allow
        } else {
            Access::Forbidden
        })
    }
}

impl Side<'_> {
    /// The ledger for a question about an org, or about all: nothing keeps who asks about their own org, or
    /// about nobody, from what is there, but that it is not asked for.
    fn about(&self, names: &Names, org: Option<&str>) -> Ledger {
        let free = org.is_some_and(|org| org != names.other.name);
        let ledger = self.ledger();
        if free {
            ledger
        } else {
            ledger.with_access(Arc::new(Only(names.mine.name)))
        }
    }
}

/// Asks both ledgers by every method that reads, then by every command.
pub(super) fn ask(ledgers: &mut Ledgers) -> Result<(), Finding> {
    let orgs = [ledgers.names.mine.name, ledgers.names.other.name, "nobody"];
    for org in orgs {
        read_movements(ledgers, org)?;
        let id = Id::new(org)?;
        list(ledgers, Some(&id))?;
        read_journal(ledgers, &id)?;
    }
    list(ledgers, None)?;
    read_all(ledgers)?;
    batches(ledgers)?;
    for template in templates() {
        for org in orgs {
            for operation in variants(&ledgers.names, &template)? {
                for movement in ledgers.names.keys(&[org])? {
                    let command = Command {
                        movement,
                        operation: operation.clone(),
                    };
                    change(ledgers, org, &command)?;
                }
            }
        }
    }
    Ok(())
}

/// Asks one question about an org, or about all.
fn ask_one<T: std::fmt::Debug>(
    ledgers: &mut Ledgers,
    org: Option<&str>,
    question: &str,
    ask: impl Fn(&Ledger) -> T,
) -> Result<(), Finding> {
    let names = ledgers.names.clone();
    ledgers.compare(question, |side| {
        format!("{:?}", ask(&side.about(&names, org)))
    })
}

fn read_movements(ledgers: &mut Ledgers, org: &str) -> Result<(), Finding> {
    for key in ledgers.names.keys(&[org])? {
        ask_one(ledgers, Some(org), &format!("movement {key}"), |ledger| {
            ledger.movement(&key)
        })?;
        ask_one(ledgers, Some(org), &format!("balance {key}"), |ledger| {
            ledger.balance(&key)
        })?;
        for lookup in ledgers.names.lookups()? {
            let of = format!("{lookup:?} of {key}");
            ask_one(ledgers, Some(org), &format!("refund {of}"), |ledger| {
                ledger.refund(&key, &lookup)
            })?;
            ask_one(ledgers, Some(org), &format!("history {of}"), |ledger| {
                ledger.history(&key, &lookup)
            })?;
        }
    }
    Ok(())
}

fn list(ledgers: &mut Ledgers, org: Option<&Id>) -> Result<(), Finding> {
    let about = org.map(Id::as_str);
    let all_lists = filters(&ledgers.names, org)?;
    for (at, filter) in all_lists.into_iter().enumerate() {
        let mut cursors: Vec<Option<Cursor>> = vec![None];
        if at < WHOLE_LISTS {
            for cursor in ledgers.names.all_cursors() {
                for text in [cursor.clone(), of_nobody(cursor)] {
                    cursors.push(Some(text.parse()?));
                }
            }
        }
        for cursor in cursors {
            for limit in [None, Some(1)] {
                let query = RefundQuery {
                    filter: filter.clone(),
                    limit,
                    cursor,
                };
                ask_one(ledgers, about, &format!("list {query:?}"), |ledger| {
                    ledger.list_refunds(&query)
                })?;
            }
        }
        ask_one(ledgers, about, &format!("refunds {filter:?}"), |ledger| {
            ledger.refunds(filter.clone()).collect::<Vec<_>>()
        })?;
        ask_one(ledgers, about, &format!("totals {filter:?}"), |ledger| {
            ledger.totals(filter.clone())
        })?;
    }
    let keys = ledgers
        .names
        .keys(&[ledgers.names.mine.name, ledgers.names.other.name])?;
    for after in std::iter::once(None).chain(keys.iter().map(Some)) {
        for limit in [1, 100] {
            let question = format!("{limit} movements of {org:?} after {after:?}");
            ask_one(ledgers, about, &question, |ledger| {
                ledger.movements(org, after, limit)
            })?;
        }
    }
    Ok(())
}

/// The same cursor, as made for a list that is not there.
pub(super) fn of_nobody(cursor: &str) -> String {
    let (_, place) = cursor.split_at(super::CURSOR_LIST_DIGITS);
    format!("{}{place}", "0".repeat(super::CURSOR_LIST_DIGITS))
}

/// An org's part of the journal. But for where the next page begins.
fn read_journal(ledgers: &mut Ledgers, org: &Id) -> Result<(), Finding> {
    for after in 0..20 {
        for limit in [1, 100] {
            let question = format!("{limit} of the journal of {org:?} after {after}");
            ask_one(ledgers, Some(org.as_str()), &question, |ledger| {
                let page = ledger.org_journal(org, after, limit);
                page.map(|page| page.items)
            })?;
        }
    }
    Ok(())
}

/// What is about all orgs is not for one of them.
fn read_all(ledgers: &mut Ledgers) -> Result<(), Finding> {
    let whole = Ledger::with_system_host(ledgers.both.clone());
    let (head, records) = (whole.head()?, whole.journal(0, 100)?);
    ask_one(ledgers, None, "verify", |ledger| ledger.verify(None))?;
    ask_one(ledgers, None, "verify with a head", |ledger| {
        ledger.verify(Some(head))
    })?;
    ask_one(ledgers, None, "head", Ledger::head)?;
    ask_one(ledgers, None, "journal", |ledger| ledger.journal(0, 100))?;
    for record in &records {
        let exported = whole.export_line(record)?;
        let line = parse_line(exported.as_bytes())?;
        let question = format!("export {}", record.position);
        ask_one(ledgers, None, &question, |ledger| {
            ledger.export_line(record)
        })?;
        let question = format!("restore {}", record.position);
        restore(ledgers, &question, line)?;
    }
    Ok(())
}

fn restore(ledgers: &mut Ledgers, question: &str, line: Line) -> Result<(), Finding> {
    let lines = [line];
    ask_one(ledgers, None, question, |ledger| ledger.restore(&lines))
}

/// Own commands together with those of the other org, which are refused.
fn batches(ledgers: &mut Ledgers) -> Result<(), Finding> {
    let mut commands = Vec::new();
    for org in [ledgers.names.mine.name, ledgers.names.other.name] {
        for movement in ledgers.names.keys(&[org])? {
            for template in templates() {
                let operation = template.clone();
                let movement = movement.clone();
                commands.push(Command {
                    movement,
                    operation,
                });
            }
        }
    }
    for repeats in [Repeats::AsRequests, Repeats::AsFile] {
        let batch = Batch {
            // What is refused of it keeps all of it from being carried out.
            atomicity: Atomicity::All,
            repeats,
        };
        ask_one(ledgers, None, &format!("{batch:?}"), |ledger| {
            ledger.execute_all(&commands, batch)
        })?;
    }
    Ok(())
}

fn change(ledgers: &mut Ledgers, org: &str, command: &Command) -> Result<(), Finding> {
    ask_one(ledgers, Some(org), &format!("{command:?}"), |ledger| {
        ledger.execute(command)
    })
}

/// A command of each kind: first what leaves most for the others.
fn templates() -> Vec<Operation> {
    let scope = r#""org_id":"a","subscription_id":"s","movement_id":"m""#;
    let lines = [
        format!(
            r#"{{"op":"create_refund",{scope},"body":{}}}"#,
            refund("e", "new")
        ),
        format!(
            r#"{{"op":"create_non_subscribable_refund",{scope},"idempotency_key":"e","body":{}}}"#,
            goods("new")
        ),
        format!(
            r#"{{"op":"update_refund",{scope},"external_refund_unique_id":"e","body":{}}}"#,
            refund("e", "new")
        ),
        format!(r#"{{"op":"erase_text",{scope}}}"#),
        format!(r#"{{"op":"delete_refund",{scope},"external_refund_unique_id":"e"}}"#),
        format!(
            r#"{{"op":"record_movement",{scope},"body":{}}}"#,
            charge("new")
        ),
        format!(r#"{{"op":"void_movement",{scope}}}"#),
    ];
    lines.iter().map(|line| command(line).operation).collect()
}

/// A command by every name in each place that takes one. A new kind has to say here what it takes, and to
/// be among the [templates].
fn variants(names: &Names, template: &Operation) -> Result<Vec<Operation>, Finding> {
    let mut variants = Vec::new();
    match template {
        Operation::RecordMovement(_) | Operation::VoidMovement => variants.push(template.clone()),
        Operation::CreateRefund { content, .. } => {
            for id in names.external_ids() {
                let id = Id::new(&id)?;
                let mut content = content.clone();
                let mut idempotency_key = None;
                if content.external_refund_unique_id.is_some() {
                    content.external_refund_unique_id = Some(id);
                } else {
                    idempotency_key = Some(id);
                }
                variants.push(Operation::CreateRefund {
                    content,
                    idempotency_key,
                });
            }
        }
        Operation::UpdateRefund { content, .. } => {
            for refund in names.lookups()? {
                for expected_revision in [None, Some(1)] {
                    let mut content = content.clone();
                    if let RefundLookup::ExternalId(id) = &refund {
                        content.external_refund_unique_id = Some(id.clone());
                    }
                    variants.push(Operation::UpdateRefund {
                        refund: refund.clone(),
                        expected_revision,
                        content,
                    });
                }
            }
        }
        Operation::DeleteRefund { .. } => {
            for refund in names.lookups()? {
                for expected_revision in [Some(1), None] {
                    variants.push(Operation::DeleteRefund {
                        refund: refund.clone(),
                        expected_revision,
                    });
                }
            }
        }
        Operation::EraseText { .. } => {
            for refund in std::iter::once(None).chain(names.lookups()?.into_iter().map(Some)) {
                for expected_revision in [None, Some(1)] {
                    variants.push(Operation::EraseText {
                        refund: refund.clone(),
                        expected_revision,
                    });
                }
            }
        }
    }
    Ok(variants)
}

/// How many of the [filters] leave out nothing but what is deleted. There are cursors of their lists.
pub(super) const WHOLE_LISTS: usize = 2;

/// Filters of an org's lists, or of all orgs', by every name: first those of the [`WHOLE_LISTS`].
pub(super) fn filters(names: &Names, org: Option<&Id>) -> Result<Vec<RefundFilter>, Finding> {
    let all = RefundFilter {
        org: org.cloned(),
        include_deleted: true,
        ..RefundFilter::default()
    };
    let mut filters = vec![
        RefundFilter {
            include_deleted: false,
            ..all.clone()
        },
        all.clone(),
    ];
    for id in names.all_refunds() {
        filters.push(RefundFilter {
            refund_id: Some(id),
            ..all.clone()
        });
    }
    for id in names.external_ids() {
        filters.push(RefundFilter {
            external_id: Some(Id::new(&id)?),
            ..all.clone()
        });
    }
    for (subscription, movement) in names.all_movements() {
        filters.push(RefundFilter {
            subscription: Some(Id::new(&subscription)?),
            ..all.clone()
        });
        filters.push(RefundFilter {
            movement: Some(Id::new(&movement)?),
            ..all.clone()
        });
    }
    for org in [names.mine, names.other] {
        filters.push(RefundFilter {
            invoice: Some(Id::new(&format!("inv-{}", org.name))?),
            ..all.clone()
        });
    }
    Ok(filters)
}

impl Names {
    /// The movements of both under the names of these orgs.
    pub(super) fn keys(&self, orgs: &[&str]) -> Result<Vec<MovementKey>, Finding> {
        let mut keys = Vec::new();
        for org in orgs {
            for (subscription, movement) in self.all_movements() {
                keys.push(MovementKey::new(org, &subscription, &movement)?);
            }
        }
        keys.sort();
        keys.dedup();
        Ok(keys)
    }

    /// Every way to name a refund of either.
    pub(super) fn lookups(&self) -> Result<Vec<RefundLookup>, Finding> {
        let mut lookups: Vec<RefundLookup> = self.all_refunds().map(RefundLookup::Id).collect();
        for id in self.external_ids() {
            lookups.push(RefundLookup::ExternalId(Id::new(&id)?));
        }
        lookups.push(RefundLookup::Nothing);
        Ok(lookups)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails should fail loudly")]

    /// The methods that are asked here.
    const ASKED: [&str; 16] = [
        "balance",
        "execute",
        "execute_all",
        "export_line",
        "head",
        "history",
        "journal",
        "list_refunds",
        "movement",
        "movements",
        "org_journal",
        "refund",
        "refunds",
        "restore",
        "totals",
        "verify",
    ];

    /// Those that need not be: they are `execute` with one command, or ask nothing.
    const OTHERS: [&str; 17] = [
        "authorize",
        "create_non_subscribable_refund",
        "create_refund",
        "delete_refund",
        "erase_text",
        "in_memory",
        "new",
        "open",
        "record_movement",
        "store",
        "update_refund",
        "void_movement",
        "with_access",
        "with_actor",
        "with_policy",
        "with_system_host",
        "with_time_limit",
    ];

    #[test]
    fn a_new_method_of_the_ledger_has_to_be_asked_here() {
        let sources = [
            include_str!("../../../../src/ledger.rs"),
            include_str!("../../../../src/ledger/read.rs"),
            include_str!("../../../../src/ledger/export.rs"),
        ];
        let mut methods = 0;
        for line in sources.iter().flat_map(|source| source.lines()) {
            let Some(rest) = line.strip_prefix("    pub fn ") else {
                continue;
            };
            let name = rest.split(['(', '<']).next().unwrap();
            assert!(
                ASKED.contains(&name) || OTHERS.contains(&name),
                "`{name}` is neither asked nor said to need no asking"
            );
            methods += 1;
        }
        assert!(methods >= ASKED.len(), "only {methods} were found");
    }
}
