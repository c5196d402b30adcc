//! The ledger, as a program calls it.

use std::path::Path;

use refund_ledger::wire::parse_line;
use refund_ledger::{
    Atomicity, Batch, Command, Cursor, Id, Ledger, LedgerError, MovementKey, Receipt, Refund,
    RefundFilter, RefundId, RefundLookup, RefundQuery, Repeats,
};

use crate::contender::{Contender, LIST_FROM, LIST_TO, ORG, PAGE};
use crate::input::{LINES_PER_TRANSACTION, lines, names};

/// How a file is imported: each line by itself, and as one that may come again.
const AS_FILE: Batch = Batch {
    atomicity: Atomicity::PerItem,
    repeats: Repeats::AsFile,
};

/// The ledger over a SQLite file, in memory, or over any other store. Clones share it.
#[derive(Clone, Debug)]
pub struct Ours {
    ledger: Ledger,
}

impl From<Ledger> for Ours {
    fn from(ledger: Ledger) -> Self {
        Self { ledger }
    }
}

impl Ours {
    fn list(&self, query: &RefundQuery) -> (Vec<Refund>, Option<Cursor>) {
        let page = self.ledger.list_refunds(query).unwrap();
        (page.items, page.next_cursor)
    }
}

/// A replay writes nothing, so a measurement that has one measured too little.
fn written(result: Result<Receipt, LedgerError>) -> Result<(), LedgerError> {
    assert!(!result?.replayed, "it was carried out before");
    Ok(())
}

impl Contender for Ours {
    type Request = Command;
    type Key = MovementKey;
    type Id = RefundId;
    type Refund = Refund;
    type Cursor = Cursor;
    type Refusal = LedgerError;

    fn open(path: &Path) -> Self {
        Ledger::open(path).unwrap().into()
    }

    fn in_memory() -> Self {
        Ledger::in_memory().into()
    }

    fn serve_lists(&mut self) {}

    fn request(line: &str) -> Command {
        parse_line(line.as_bytes()).unwrap().command
    }

    fn key(movement: usize) -> MovementKey {
        let [subscription, movement] = names(movement);
        MovementKey::new(ORG, &subscription, &movement).unwrap()
    }

    fn execute(&mut self, request: &Command) -> Result<(), LedgerError> {
        written(self.ledger.execute(request))
    }

    fn execute_all(&mut self, requests: &[Command]) -> Result<(), LedgerError> {
        let results = self.ledger.execute_all(requests, Batch::default())?;
        results.into_iter().try_for_each(written)
    }

    fn import(&mut self, path: &Path) {
        let mut commands = Vec::with_capacity(LINES_PER_TRANSACTION);
        let carry_out = |commands: &mut Vec<_>| {
            for result in self.ledger.execute_all(commands, AS_FILE).unwrap() {
                written(result).unwrap();
            }
            commands.clear();
        };
        for line in lines(path) {
            commands.push(Self::request(&line));
            if commands.len() == LINES_PER_TRANSACTION {
                carry_out(&mut commands);
            }
        }
        carry_out(&mut commands);
    }

    fn refunds_of(&mut self, movement: &MovementKey) -> Vec<Refund> {
        let filter = RefundFilter {
            org: Some(movement.org()),
            subscription: Some(Id::new(movement.subscription_id()).unwrap()),
            movement: Some(Id::new(movement.movement_id()).unwrap()),
            ..RefundFilter::default()
        };
        let query = RefundQuery {
            filter,
            ..RefundQuery::default()
        };
        self.list(&query).0
    }

    fn page(&mut self, cursor: Option<Cursor>) -> (Vec<Refund>, Option<Cursor>) {
        let filter = RefundFilter {
            org: Some(Id::new(ORG).unwrap()),
            from: Some(LIST_FROM.parse().unwrap()),
            to: Some(LIST_TO.parse().unwrap()),
            ..RefundFilter::default()
        };
        self.list(&RefundQuery {
            filter,
            limit: Some(PAGE),
            cursor,
        })
    }

    fn refund(&mut self, movement: &MovementKey, id: RefundId) -> Refund {
        self.ledger.refund(movement, RefundLookup::Id(id)).unwrap()
    }

    fn verify(&mut self) -> bool {
        self.ledger.verify(None).unwrap().is_valid()
    }

    fn id(refund: &Refund) -> RefundId {
        refund.id
    }

    fn content(refund: &Refund) -> (String, i64, i64) {
        let external_id = refund.details.external_id.as_ref().unwrap();
        let values = refund.details.amount.values();
        (
            external_id.id().as_str().to_owned(),
            values.with,
            values.without,
        )
    }
}
