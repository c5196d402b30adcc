//! Tenants: whatever one org asks, by names and ids of its own, of another org or of nobody, it is answered
//! as if the other org were not there, byte for byte. So is who may act in two orgs, when asking in one.
//!
//! Each pair of orgs has two ledgers: one with both, and one with only the org that asks. So there is
//! nothing of the other org that could be told, and "not yours" is "not there". What the other org has is
//! the same afterwards. Asked are the contract over REST, the ledger as a library, and the store beneath it.

mod leaky;
mod library;
mod requests;
mod stores;

use std::path::Path;
use std::sync::Arc;

use refund_ledger::store::ScanRange;
use refund_ledger::store::memory::MemoryStore;
use refund_ledger::store::postgres::{PostgresOptions, PostgresStore};
use refund_ledger::store::sqlite::SqliteStore;
use refund_ledger::{Id, Ledger, RefundFilter, RefundId, RefundQuery, Store};
use refund_rest::{Caller, Grants, Operation, OrgGrant, Permission};

use self::leaky::{Leak, Leaky};
use crate::harness::{Finding, Report, Task, caught, in_parallel};
use crate::workload::{self, command};

/// Some begin as others do, some differ in case alone.
const ORGS: [&str; 4] = ["acme", "acme-2", "Acme", "globex"];

/// A word in every text of an org, which nobody who asks uses.
const MARKS: [&str; ORGS.len()] = ["amber", "birch", "cedar", "dogwood"];

pub(crate) fn run(_: &Task) -> Result<Report, Finding> {
    let folder = tempfile::tempdir()?;
    let server = postgres_cluster::Cluster::start()?;
    let url = server.socket_url();
    let pairs: Vec<(Org, Org)> = pairs_of_orgs().collect();
    let in_memory = |_: &str| Ok(Arc::new(MemoryStore::new()) as Arc<dyn Store>);
    let in_file = |name: &str| file(folder.path(), name);
    let on_server = |name: &str| schema(&url, name);
    let stores: [(&str, Open<'_>); 3] = [
        ("memory", &in_memory),
        ("SQLite", &in_file),
        ("PostgreSQL", &on_server),
    ];
    let asked = in_parallel(pairs.len() * stores.len(), |number| {
        let (pair, (store, open)) = (number / stores.len(), stores[number % stores.len()]);
        ask_all(pairs[pair], open, &format!("{pair}"), &|store| store)
            .map_err(|finding| finding.within(store))
    })?;
    let mut planted = Vec::new();
    for (leak, bug) in Leak::ALL {
        planted.push((bug, leaks_everywhere(leak, &pairs, &stores)?));
    }
    Ok(Report {
        did: format!(
            "{} operations, every method of a ledger and every question to a store, for {} pairs of orgs over three stores: {} requests, each answered as if the other org were not there",
            Operation::ALL.len(),
            pairs.len(),
            asked.into_iter().sum::<usize>()
        ),
        planted,
    })
}

/// What was found where each store leaks; nothing where one of them was not caught.
fn leaks_everywhere(
    leak: Leak,
    pairs: &[(Org, Org)],
    stores: &[(&str, Open<'_>)],
) -> Result<Option<Finding>, Finding> {
    let leaking = |store| Arc::new(Leaky { store, leak }) as Arc<dyn Store>;
    let mut last = None;
    for (store, open) in stores {
        let runs = pairs.iter().enumerate().map(|(number, pair)| {
            let name = format!("{leak:?}_{number}").to_lowercase();
            ask_all(*pair, open, &name, &leaking)
        });
        let Some(finding) = caught(runs)? else {
            return Ok(None);
        };
        last = Some(finding.within(&format!("over all three, at last {store}")));
    }
    Ok(last)
}

fn file(folder: &Path, name: &str) -> Result<Arc<dyn Store>, Finding> {
    Ok(Arc::new(SqliteStore::open(
        &folder.join(format!("{name}.db")),
    )?))
}

fn schema(url: &str, name: &str) -> Result<Arc<dyn Store>, Finding> {
    let options = PostgresOptions::new(url)?.with_schema(name)?;
    Ok(Arc::new(PostgresStore::open(&options)?))
}

/// An org, whose names and texts all have its own name in them, but for those that all orgs use.
#[derive(Clone, Copy, Debug)]
struct Org {
    name: &'static str,
    number: usize,
}

fn orgs() -> impl Iterator<Item = Org> {
    let numbered = ORGS.iter().enumerate();
    numbered.map(|(number, name)| Org { name, number })
}

fn pairs_of_orgs() -> impl Iterator<Item = (Org, Org)> {
    orgs()
        .flat_map(|mine| orgs().map(move |theirs| (mine, theirs)))
        .filter(|(mine, theirs)| mine.number != theirs.number)
}

impl Org {
    fn mark(self) -> &'static str {
        MARKS[self.number]
    }

    /// One that is neither of a pair.
    fn third(mine: Self, theirs: Self) -> Self {
        let mut others = orgs().filter(|org| ![mine.number, theirs.number].contains(&org.number));
        others.next().unwrap_or(theirs)
    }

    /// Its subscriptions with their movements: its own, and those that every org has under these names.
    fn movements(self) -> [(String, String); 2] {
        let own = (format!("sub-{}", self.name), format!("mov-{}", self.name));
        [own, ("sub".to_owned(), "mov".to_owned())]
    }

    /// Writes what it has. Gives the ids of its refunds.
    fn fill(self, store: &Arc<dyn Store>) -> Result<Vec<RefundId>, Finding> {
        let [own, shared] = self.movements();
        let (name, mark) = (self.name, self.mark());
        let lines = [
            self.line("record_movement", &own, "", &charge(mark)),
            self.line("record_movement", &shared, "", &charge(mark)),
            self.line(
                "create_refund",
                &own,
                "",
                &refund(&format!("ext-{name}"), name),
            ),
            self.line("create_refund", &shared, "", &refund("ext", name)),
            self.line(
                "create_non_subscribable_refund",
                &own,
                &format!(r#","idempotency_key":"key-{name}""#),
                &goods(name),
            ),
            self.line(
                "create_refund",
                &own,
                "",
                &refund(&format!("gone-{name}"), name),
            ),
            self.line(
                "delete_refund",
                &own,
                &format!(r#","external_refund_unique_id":"gone-{name}""#),
                "",
            ),
        ];
        let mut ids = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let ledger = workload::ledger(store.clone(), self.number * lines.len() + at);
            let receipt = ledger.execute(&command(line))?;
            ids.extend(receipt.refund_id);
        }
        ids.dedup();
        Ok(ids)
    }

    fn line(self, op: &str, movement: &(String, String), rest: &str, body: &str) -> String {
        let (org, (subscription, movement)) = (self.name, movement);
        let body = if body.is_empty() {
            String::new()
        } else {
            format!(r#","body":{body}"#)
        };
        format!(
            r#"{{"op":"{op}","org_id":"{org}","subscription_id":"{subscription}","movement_id":"{movement}"{rest}{body}}}"#
        )
    }

    /// All that it has, as its store has it.
    fn belongings(self, store: &Arc<dyn Store>) -> Result<String, Finding> {
        let org = Id::new(self.name)?;
        let range = ScanRange {
            org: Some(&org),
            entries: true,
            refunds: true,
            ..ScanRange::default()
        };
        Ok(stores::rows(store, &range))
    }
}

/// Who may read and write in these orgs.
fn caller(orgs: &[Org]) -> Result<Caller, Finding> {
    let may = ["read", "write"]
        .iter()
        .filter_map(|name| Permission::named(name));
    let granted: Result<Vec<OrgGrant>, _> = orgs.iter().map(|org| org.name.parse()).collect();
    Ok(Caller {
        subject: Id::new("clerk")?,
        grants: Grants::new(granted?, may),
    })
}

fn charge(text: &str) -> String {
    format!(
        r#"{{"currency":"EUR","occurred_at":"2022-02-01T00:00:00Z","amount":{{"value_with_taxes":1210}},"description":"of {text}"}}"#
    )
}

fn refund(external_id: &str, text: &str) -> String {
    format!(
        r#"{{"refund_datetime":"2022-02-24T13:45:10Z","amount":{{"value_with_taxes":12.1}},"external_refund_unique_id":"{external_id}","external_invoice_id":"inv-{text}","billable":false,"description":"of {text}"}}"#
    )
}

fn goods(text: &str) -> String {
    format!(
        r#"{{"refund_datetime":"2022-02-24T13:45:10Z","amount":{{"value_with_taxes":5,"billable":true}},"transaction_type_id":"goods","description":"of {text}"}}"#
    )
}

/// Makes an empty store of this name.
type Open<'a> = &'a (dyn Fn(&str) -> Result<Arc<dyn Store>, Finding> + Sync);

/// What a planted bug puts around a store.
type Wrap<'a> = &'a dyn Fn(Arc<dyn Store>) -> Arc<dyn Store>;

/// Has one org of a pair ask everything about both, by all ways. Gives how many questions it asked.
fn ask_all(
    (mine, theirs): (Org, Org),
    open: Open<'_>,
    name: &str,
    wrap: Wrap<'_>,
) -> Result<usize, Finding> {
    let third = Org::third(mine, theirs);
    let mut asked = 0;
    for (way, others) in [
        (Way::Contract, &[theirs][..]),
        // Who may act in both, beside a third org.
        (Way::ContractOfTwo, &[theirs, third]),
        (Way::Library, &[theirs]),
        (Way::Store, &[theirs]),
    ] {
        // Grants are looked at before a store is: each org with one other is enough.
        if matches!(way, Way::ContractOfTwo) && theirs.number != (mine.number + 1) % ORGS.len() {
            continue;
        }
        let named = |side: &str| open(&format!("{way:?}_{side}_{name}").to_lowercase());
        let (both, alone) = (named("both")?, named("alone")?);
        let mut ledgers = Ledgers::fill(mine, others, [both.clone(), alone], wrap)?;
        let before = ledgers.belongings(&both)?;
        match way {
            Way::Contract => requests::ask(&mut ledgers, &caller(&[mine])?),
            Way::ContractOfTwo => requests::ask(&mut ledgers, &caller(&[mine, theirs])?),
            Way::Library => library::ask(&mut ledgers),
            Way::Store => stores::ask(&mut ledgers),
        }?;
        let after = ledgers.belongings(&both)?;
        if after != before {
            return Err(Finding::new(format!(
                "{} changed what others have: {before}\nand then: {after}",
                mine.name
            )));
        }
        asked += ledgers.asked;
    }
    Ok(asked)
}

/// How a ledger is asked.
#[derive(Clone, Copy, Debug)]
enum Way {
    Contract,
    ContractOfTwo,
    Library,
    Store,
}

/// A ledger with all orgs, and one with only the org that asks.
struct Ledgers {
    both: Arc<dyn Store>,
    alone: Arc<dyn Store>,
    names: Names,
    /// Of whom nothing may be told, each with the ids of its refunds.
    others: Vec<(Org, Vec<RefundId>)>,
    asked: usize,
}

/// One of the two ledgers, for one question.
struct Side<'a> {
    store: &'a Arc<dyn Store>,
    is_alone: bool,
    call: usize,
}

impl Side<'_> {
    fn ledger(&self) -> Ledger {
        workload::ledger(self.store.clone(), self.call)
    }
}

/// How many digits of a cursor say what list it is of; the others say a place in it.
const CURSOR_LIST_DIGITS: usize = 16;

impl Ledgers {
    /// Fills both. A planted bug comes after that.
    fn fill(
        mine: Org,
        others: &[Org],
        [both, alone]: [Arc<dyn Store>; 2],
        wrap: Wrap<'_>,
    ) -> Result<Self, Finding> {
        let failed = |finding: Finding| Finding::of_harness(finding.what);
        let my_refunds = mine.fill(&both).map_err(failed)?;
        let mut filled = Vec::new();
        for org in others {
            filled.push((*org, org.fill(&both).map_err(failed)?));
        }
        if mine.fill(&alone).map_err(failed)? != my_refunds {
            return Err(Finding::of_harness("both ledgers should have the same ids"));
        }
        let Some((other, other_refunds)) = filled.first().cloned() else {
            return Err(Finding::of_harness("there is no other org"));
        };
        let (foreign_cursors, forged_cursors) = cursors(&both, mine, other).map_err(failed)?;
        Ok(Self {
            both: wrap(both),
            alone: wrap(alone),
            names: Names {
                mine,
                other,
                my_refunds,
                other_refunds,
                foreign_cursors,
                forged_cursors,
            },
            others: filled,
            asked: 0,
        })
    }

    /// Asks both ledgers the same: the answers must be the same too, with nothing of others in them that
    /// was not in the question.
    fn compare(
        &mut self,
        question: &str,
        ask: impl Fn(&Side<'_>) -> String,
    ) -> Result<(), Finding> {
        self.asked += 1;
        let side = |store, is_alone| {
            let call = 1_000 + self.asked;
            ask(&Side {
                store,
                is_alone,
                call,
            })
        };
        let (with, without) = (side(&self.both, false), side(&self.alone, true));
        let mine = self.names.mine.name;
        if with != without {
            return Err(Finding::new(format!(
                "{mine} asks {question}: {with}\nand where others are not there: {without}"
            )));
        }
        for (org, ids) in &self.others {
            let mut secrets = ids.iter().map(ToString::to_string);
            let told = secrets.find(|id| with.contains(id) && !question.contains(id));
            let told = told.or_else(|| with.contains(org.mark()).then(|| org.mark().to_owned()));
            if let Some(told) = told {
                return Err(Finding::new(format!(
                    "{mine} asks {question} and is told {told}, which is of {}: {with}",
                    org.name
                )));
            }
        }
        Ok(())
    }

    fn belongings(&self, store: &Arc<dyn Store>) -> Result<String, Finding> {
        let all: Result<Vec<String>, Finding> = self
            .others
            .iter()
            .map(|(org, _)| org.belongings(store))
            .collect();
        Ok(all?.join("\n"))
    }
}

/// Cursors of the other org's lists; and of lists of the org that asks, with a place in the other's.
fn cursors(
    store: &Arc<dyn Store>,
    mine: Org,
    other: Org,
) -> Result<(Vec<String>, Vec<String>), Finding> {
    let ledger = Ledger::with_system_host(store.clone());
    let (mut foreign, mut forged) = (Vec::new(), Vec::new());
    for include_deleted in [false, true] {
        let first = |org: Org| {
            let filter = RefundFilter {
                org: Some(Id::new(org.name)?),
                include_deleted,
                ..RefundFilter::default()
            };
            let page = ledger.list_refunds(&RefundQuery {
                filter,
                limit: Some(1),
                cursor: None,
            })?;
            Ok::<_, Finding>(page.next_cursor.map(|cursor| cursor.to_string()))
        };
        let (Some(theirs), Some(own)) = (first(other)?, first(mine)?) else {
            return Err(Finding::of_harness("lists should have more than one page"));
        };
        let (list, _) = own.split_at(CURSOR_LIST_DIGITS);
        let (_, place) = theirs.split_at(CURSOR_LIST_DIGITS);
        forged.push(format!("{list}{place}"));
        foreign.push(theirs);
    }
    Ok((foreign, forged))
}

/// What can be named: of the org that asks, and of the other one.
#[derive(Clone, Debug)]
struct Names {
    mine: Org,
    other: Org,
    my_refunds: Vec<RefundId>,
    other_refunds: Vec<RefundId>,
    /// Of the other's lists.
    foreign_cursors: Vec<String>,
    /// Of lists of the org that asks, with a place in the other's.
    forged_cursors: Vec<String>,
}

impl Names {
    fn all_movements(&self) -> impl Iterator<Item = (String, String)> + use<> {
        let others = self.other.movements();
        self.mine.movements().into_iter().chain(others)
    }

    fn all_refunds(&self) -> impl Iterator<Item = RefundId> {
        self.my_refunds.iter().chain(&self.other_refunds).copied()
    }

    fn all_cursors(&self) -> impl Iterator<Item = &String> {
        self.foreign_cursors.iter().chain(&self.forged_cursors)
    }

    /// Of both orgs, taken as external ids, as keys, by what is deleted, and by nobody.
    fn external_ids(&self) -> Vec<String> {
        let of = |org: Org| ["ext", "key", "gone"].map(|kind| format!("{kind}-{}", org.name));
        let free = ["ext".to_owned(), "free".to_owned()];
        let taken = of(self.mine).into_iter().chain(of(self.other));
        taken.chain(free).collect()
    }
}
