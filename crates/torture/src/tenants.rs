//! Tenants: whatever one org asks, by names and ids of its own, of another org or of nobody, it is answered
//! as if the other org were not there, byte for byte.
//!
//! Each pair of orgs has two ledgers: one with both, and one with only the org that asks. So there is
//! nothing of the other org that could be told, and "not yours" is "not there". What the other org has is
//! the same afterwards.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use http::Request;
use refund_ledger::store::memory::MemoryStore;
use refund_ledger::store::postgres::{PostgresOptions, PostgresStore};
use refund_ledger::store::sqlite::SqliteStore;
use refund_ledger::store::{ReadSet, ScanRange, ScanRow, Snapshot, WriteBatch};
use refund_ledger::{
    Id, JournalPosition, JournalRecord, ListAfter, Page, Refund, RefundFilter, RefundId, Store,
    StoreError,
};
use refund_rest::{Caller, Grants, Operation, OrgGrant, Permission, answer};

use crate::harness::{Finding, Report, Task, caught, in_parallel};
use crate::workload::{self, command};

/// Some begin as others do, some differ in case alone.
const ORGS: [&str; 4] = ["acme", "acme-2", "Acme", "globex"];

pub(crate) fn run(_: &Task) -> Result<Report, Finding> {
    let folder = tempfile::tempdir()?;
    let server = postgres_cluster::Cluster::start()?;
    let pairs: Vec<(Org, Org)> = pairs_of_orgs().collect();
    let asked = in_parallel(pairs.len(), |pair| {
        let (mine, theirs) = pairs[pair];
        let name = |kind: &str| format!("{kind}_{pair}");
        let in_memory = ask_all(mine, theirs, &|_| Ok(Arc::new(MemoryStore::new())))?;
        let in_file = ask_all(mine, theirs, &|kind| file(folder.path(), &name(kind)))?;
        let url = server.socket_url();
        let on_server = ask_all(mine, theirs, &|kind| schema(&url, &name(kind)))?;
        Ok(in_memory + in_file + on_server)
    })?;
    let leaking = |_: &str| Ok(Arc::new(ListsOfAllOrgs(MemoryStore::new())) as Arc<dyn Store>);
    let planted = caught(pairs_of_orgs().map(|(mine, theirs)| ask_all(mine, theirs, &leaking)))?;
    Ok(Report {
        did: format!(
            "{} operations for {} pairs of orgs over three stores: {} requests, each answered as if the other org were not there",
            Operation::ALL.len(),
            pairs.len(),
            asked.into_iter().sum::<usize>()
        ),
        planted: vec![("one missing org in a WHERE", planted)],
    })
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

fn pairs_of_orgs() -> impl Iterator<Item = (Org, Org)> {
    let orgs = || {
        ORGS.iter()
            .enumerate()
            .map(|(number, name)| Org { name, number })
    };
    orgs()
        .flat_map(move |mine| orgs().map(move |theirs| (mine, theirs)))
        .filter(|(mine, theirs)| mine.number != theirs.number)
}

impl Org {
    /// Its subscriptions with their movements: its own, and those that every org has under these names.
    fn movements(self) -> [(String, String); 2] {
        let own = (format!("sub-{}", self.name), format!("mov-{}", self.name));
        [own, ("sub".to_owned(), "mov".to_owned())]
    }

    /// Writes what it has. Gives the ids of its refunds.
    fn fill(self, store: &Arc<dyn Store>) -> Result<Vec<RefundId>, Finding> {
        let [own, shared] = self.movements();
        let name = self.name;
        let lines = [
            self.line("record_movement", &own, "", &charge(name)),
            self.line("record_movement", &shared, "", &charge(name)),
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

    fn caller(self) -> Result<Caller, Finding> {
        let may = ["read", "write"]
            .iter()
            .filter_map(|name| Permission::named(name));
        let org: OrgGrant = self.name.parse()?;
        Ok(Caller {
            subject: Id::new("clerk")?,
            grants: Grants::new([org], may),
        })
    }
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

/// Makes an empty store; two that belong together differ by what they are called.
type Open<'a> = &'a dyn Fn(&str) -> Result<Arc<dyn Store>, Finding>;

/// Has one org ask everything about both, on a ledger with both and on one with only its own. Gives how
/// many requests it made.
fn ask_all(mine: Org, theirs: Org, open: Open<'_>) -> Result<usize, Finding> {
    let (both, alone) = (open("both")?, open("alone")?);
    let names = Names {
        mine,
        theirs,
        my_refunds: mine.fill(&both)?,
        their_refunds: theirs.fill(&both)?,
    };
    if mine.fill(&alone)? != names.my_refunds {
        return Err(Finding::of_harness("both ledgers should have the same ids"));
    }
    let their_own = told(
        &both,
        &theirs.caller()?,
        &list(theirs.name, "include_deleted=true")?,
        0,
    );
    let caller = mine.caller()?;
    let mut asked = 0;
    // What reads comes first: what was written later has other positions where others have written too.
    let (reads, writes): (Vec<Operation>, Vec<Operation>) = Operation::ALL
        .into_iter()
        .partition(|operation| operation.method() == http::Method::GET);
    for operation in reads.into_iter().chain(writes) {
        for request in names.requests(operation)? {
            asked += 1;
            let with = told(&both, &caller, &request, 1_000 + asked);
            let without = told(&alone, &caller, &request, 1_000 + asked);
            if with != without {
                return Err(Finding::new(format!(
                    "{} asks {} {}: {with}\nand where {} is not there: {without}",
                    mine.name,
                    request.method(),
                    request.uri(),
                    theirs.name,
                )));
            }
        }
    }
    let after = told(
        &both,
        &theirs.caller()?,
        &list(theirs.name, "include_deleted=true")?,
        0,
    );
    if after == their_own {
        Ok(asked)
    } else {
        Err(Finding::new(format!(
            "{} changed what {} has: {their_own}\nand then: {after}",
            mine.name, theirs.name
        )))
    }
}

/// All of an answer: status, headers, body. But for where the next page of a journal begins: positions are
/// those of the whole ledger, and tell how many entries all orgs together have.
fn told(
    store: &Arc<dyn Store>,
    caller: &Caller,
    request: &Request<Vec<u8>>,
    call: usize,
) -> String {
    let ledger = workload::ledger(store.clone(), call);
    let response = answer(&ledger, Some(caller), request);
    let body = String::from_utf8_lossy(response.body());
    let body = body
        .rsplit_once(r#","next_after":"#)
        .map_or(&*body, |(items, _)| items);
    format!("{} {:?} {body}", response.status(), response.headers())
}

fn list(org: &str, query: &str) -> Result<Request<Vec<u8>>, Finding> {
    asking("GET", &format!("/v1/orgs/{org}/refunds?{query}"), "", None)
}

fn asking(
    method: &str,
    path: &str,
    body: &str,
    key: Option<&str>,
) -> Result<Request<Vec<u8>>, Finding> {
    let mut request = Request::builder().method(method).uri(path);
    if !body.is_empty() {
        request = request.header("content-type", "application/json");
    }
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let request = request.body(body.as_bytes().to_vec());
    request.map_err(|error| Finding::of_harness(format!("{method} {path}: {error}")))
}

/// What can be named: of the org that asks, and of the other one.
struct Names {
    mine: Org,
    theirs: Org,
    my_refunds: Vec<RefundId>,
    their_refunds: Vec<RefundId>,
}

impl Names {
    /// Everything that an operation can be asked, with names of both orgs in each place that takes one.
    fn requests(&self, operation: Operation) -> Result<Vec<Request<Vec<u8>>>, Finding> {
        let mut requests = Vec::new();
        let mut add = |path: &str, body: &str, key: Option<&str>| {
            requests.push(asking(operation.method().as_str(), path, body, key)?);
            Ok::<_, Finding>(())
        };
        for path in self.paths(operation) {
            // A new operation has to say here what it takes.
            match operation {
                Operation::GetRefund
                | Operation::DeleteRefund
                | Operation::GetMovement
                | Operation::VoidMovement
                | Operation::GetRefundHistory => add(&path, "", None)?,
                Operation::RecordMovement => add(&path, &charge("new"), None)?,
                Operation::CreateRefund | Operation::UpdateRefund => {
                    for external_id in self.external_ids() {
                        add(&path, &refund(&external_id, "new"), None)?;
                    }
                }
                Operation::CreateNonSubscribableRefund => {
                    for key in self.external_ids() {
                        add(&path, &goods("new"), Some(&key))?;
                    }
                }
                Operation::ListRefunds | Operation::ListMovementRefunds => {
                    for query in self.queries() {
                        add(&format!("{path}?{query}"), "", None)?;
                    }
                }
                Operation::GetJournal => {
                    for after in 0..20 {
                        add(&format!("{path}?after={after}"), "", None)?;
                        add(&format!("{path}?after={after}&limit=1"), "", None)?;
                    }
                }
            }
        }
        Ok(requests)
    }

    /// The paths of an operation, by names of both orgs.
    fn paths(&self, operation: Operation) -> Vec<String> {
        let orgs = [self.mine.name, self.theirs.name, "nobody"];
        let mut movements: Vec<(String, String)> = Vec::new();
        for (subscription, _) in self.all_movements() {
            for (_, movement) in self.all_movements() {
                movements.push((subscription.clone(), movement));
            }
        }
        movements.sort();
        movements.dedup();
        let mut paths = Vec::new();
        for org in orgs {
            for (subscription, movement) in &movements {
                for refund in self.my_refunds.iter().chain(&self.their_refunds) {
                    let path = operation.path();
                    let path = path.replace("{orgId}", org);
                    let path = path.replace("{subscriptionId}", subscription);
                    let path = path.replace("{movementId}", movement);
                    paths.push(path.replace("{refundId}", &refund.to_string()));
                }
            }
        }
        paths.sort();
        paths.dedup();
        paths
    }

    fn all_movements(&self) -> impl Iterator<Item = (String, String)> {
        let theirs = self.theirs.movements();
        self.mine.movements().into_iter().chain(theirs)
    }

    /// Of both orgs, taken as external ids, as keys, by what is deleted, and by nobody.
    fn external_ids(&self) -> Vec<String> {
        let of = |org: Org| ["ext", "key", "gone"].map(|kind| format!("{kind}-{}", org.name));
        let free = ["ext".to_owned(), "free".to_owned()];
        let taken = of(self.mine).into_iter().chain(of(self.theirs));
        taken.chain(free).collect()
    }

    fn queries(&self) -> Vec<String> {
        let mut queries = vec![String::new(), "include_deleted=true&limit=1".to_owned()];
        queries.extend(
            self.external_ids()
                .iter()
                .map(|id| format!("include_deleted=true&external_refund_unique_id={id}")),
        );
        for (subscription, movement) in self.all_movements() {
            queries.push(format!("subscription_id={subscription}"));
            queries.push(format!("movement_id={movement}"));
        }
        for org in [self.mine, self.theirs] {
            queries.push(format!("external_invoice_id=inv-{}", org.name));
        }
        queries
    }
}

/// The planted bug: a list without its org.
struct ListsOfAllOrgs(MemoryStore);

impl Store for ListsOfAllOrgs {
    fn list_refunds(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, StoreError> {
        let everywhere = RefundFilter {
            org: None,
            ..filter.clone()
        };
        self.0.list_refunds(&everywhere, after, limit)
    }

    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        self.0.load(wanted)
    }

    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        self.0.commit(batch)
    }

    fn journal(
        &self,
        after: JournalPosition,
        limit: usize,
    ) -> Result<Vec<JournalRecord>, StoreError> {
        self.0.journal(after, limit)
    }

    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError> {
        self.0.scan(range, visit)
    }
}
