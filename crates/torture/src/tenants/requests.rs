//! What is asked over REST: the contract, by every name in each place that takes one.

use http::Request;
use refund_rest::{Caller, Operation, answer};

use super::library::of_nobody;
use super::{Ledgers, Names, Org, Side, caller, charge, goods, refund};
use crate::harness::Finding;

/// Has a caller ask the ledger with all orgs everything, and one who may act only in the org that asks
/// the ledger that has no other.
pub(super) fn ask(ledgers: &mut Ledgers, asker: &Caller) -> Result<(), Finding> {
    let mine = ledgers.names.mine;
    let alone = caller(&[mine])?;
    // The last is no one's business: where the caller may act in two orgs it is the third.
    let outsider = ledgers.others.last().map_or(mine, |(org, _)| *org);
    // What reads comes first: what was written later has other positions where others have written too.
    let (reads, writes): (Vec<Operation>, Vec<Operation>) = Operation::ALL
        .into_iter()
        .partition(|operation| operation.method() == http::Method::GET);
    for operation in reads.into_iter().chain(writes) {
        for request in ledgers.names.clone().requests(outsider, operation)? {
            ledgers.compare(&in_words(&request), |side| {
                told(side, if side.is_alone { &alone } else { asker }, &request)
            })?;
        }
    }
    foreign_cursors(ledgers, asker, outsider)
}

/// A cursor of a list that is not the caller's is answered as one of a list that is not there.
fn foreign_cursors(ledgers: &mut Ledgers, asker: &Caller, outsider: Org) -> Result<(), Finding> {
    for cursor in ledgers.names.foreign_cursors.clone() {
        for org in [ledgers.names.mine.name, outsider.name] {
            let request = |cursor: &str| {
                let path = format!("/v1/orgs/{org}/refunds?limit=1&cursor={cursor}");
                asking("GET", &path, "", None)
            };
            let (foreign, of_nobody) = (request(&cursor)?, request(&of_nobody(&cursor))?);
            ledgers.asked += 1;
            let side = Side {
                store: &ledgers.both,
                is_alone: false,
                call: 1_000 + ledgers.asked,
            };
            let answers = [foreign, of_nobody].map(|request| told(&side, asker, &request));
            if answers[0] != answers[1] || !answers[0].starts_with('4') {
                return Err(Finding::new(format!(
                    "a foreign cursor is answered in {org} by {}\nand one of nobody by {}",
                    answers[0], answers[1]
                )));
            }
        }
    }
    Ok(())
}

fn in_words(request: &Request<Vec<u8>>) -> String {
    let body = String::from_utf8_lossy(request.body());
    format!("{} {} {body}", request.method(), request.uri())
}

/// All of an answer: status, headers, body. But for where the next page of a journal begins: positions are
/// those of the whole ledger, and tell how many entries all orgs together have.
fn told(side: &Side<'_>, caller: &Caller, request: &Request<Vec<u8>>) -> String {
    let response = answer(&side.ledger(), Some(caller), request);
    let body = String::from_utf8_lossy(response.body());
    let body = body
        .rsplit_once(r#","next_after":"#)
        .map_or(&*body, |(items, _)| items);
    format!("{} {:?} {body}", response.status(), response.headers())
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

impl Names {
    /// Everything that an operation can be asked, with names of both orgs in each place that takes one.
    fn requests(
        &self,
        outsider: Org,
        operation: Operation,
    ) -> Result<Vec<Request<Vec<u8>>>, Finding> {
        let mut requests = Vec::new();
        let mut add = |path: &str, body: &str, key: Option<&str>| {
            requests.push(asking(operation.method().as_str(), path, body, key)?);
            Ok::<_, Finding>(())
        };
        for path in self.paths(outsider, operation) {
            // A new operation has to say here what it takes.
            match operation {
                Operation::GetRefund
                | Operation::DeleteRefund
                | Operation::GetMovement
                | Operation::VoidMovement
                | Operation::GetRefundHistory => add(&path, "", None)?,
                Operation::RecordMovement => add(&path, &charge("new"), None)?,
                Operation::CreateRefund => {
                    for external_id in self.external_ids() {
                        add(&path, &refund(&external_id, "new"), None)?;
                    }
                }
                Operation::UpdateRefund => {
                    // A refund keeps its external id: what others are called does not matter.
                    for org in [self.mine, self.other] {
                        add(&path, &refund(&format!("ext-{}", org.name), "new"), None)?;
                    }
                    add(&path, &refund("ext", "new"), None)?;
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
    fn paths(&self, outsider: Org, operation: Operation) -> Vec<String> {
        let orgs = [self.mine.name, outsider.name, "nobody"];
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
                for refund in self.all_refunds() {
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
        for org in [self.mine, self.other] {
            queries.push(format!("external_invoice_id=inv-{}", org.name));
        }
        for cursor in self.all_cursors() {
            queries.push(format!("limit=1&cursor={cursor}"));
            queries.push(format!("include_deleted=true&limit=1&cursor={cursor}"));
        }
        queries
    }
}
