//! The scan: movements in key order, streamed row by row in one view.

use std::ops::ControlFlow;

use rusqlite::{Connection, Row};

use super::errors::Fault;
use super::load::org_number;
use super::rows::{Columns, key};
use super::statements::{
    HOLDER, LAST_POSITION, LOAD_CHAIN, LOAD_REFUNDS, NEXT_MOVEMENTS, NEXT_MOVEMENTS_AFTER,
    NEXT_ORGS, ONE_MOVEMENT,
};
use super::strays::{self, FIRST_ENTRY};
use crate::id::{MovementKey, RefundId};
use crate::journal::JournalPosition;
use crate::store::{ScanRange, ScanRow};

/// What a scan calls for each row.
pub(super) type Visitor<'v> = dyn FnMut(ScanRow<'_>) -> ControlFlow<()> + 'v;

/// Whether the scan goes on.
pub(super) type Flow = Result<ControlFlow<()>, Fault>;

pub(super) const GO_ON: Flow = Ok(ControlFlow::Continue(()));

/// Leaves the function when the visitor has broken off.
macro_rules! visit {
    ($visited:expr) => {
        if $visited.is_break() {
            return Ok(::std::ops::ControlFlow::Break(()));
        }
    };
}
pub(super) use visit;

/// Visits what lies in the range. The connection must be in a transaction.
pub(super) fn scan(
    connection: &Connection,
    range: &ScanRange<'_>,
    visit: &mut Visitor<'_>,
) -> Result<JournalPosition, Fault> {
    // The first read fixes the view.
    let last: i64 = connection
        .prepare_cached(LAST_POSITION)?
        .query_row((), |row| row.get(0))?;
    let mut scan = Scan {
        connection,
        range,
        visit,
        counts: Counts::default(),
    };
    let is_full = range.org.is_none() && range.only.is_none() && range.after.is_none();
    if scan.movements()?.is_continue() && is_full {
        let counts = scan.counts;
        let _stopped = strays::visit(connection, range, counts, scan.visit)?;
    }
    Ok(JournalPosition::try_from(last).unwrap_or(0))
}

/// How many rows of each table a scan came by.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) movements: u64,
    pub(super) entries: u64,
    pub(super) refunds: u64,
}

struct Scan<'a, 'v> {
    connection: &'a Connection,
    range: &'a ScanRange<'a>,
    visit: &'a mut Visitor<'v>,
    counts: Counts,
}

impl Scan<'_, '_> {
    fn movements(&mut self) -> Flow {
        let range = self.range;
        if let Some(only) = range.only {
            if !range.includes(only) {
                return GO_ON;
            }
            let Some(org) = org_number(self.connection, only.org_id())? else {
                return GO_ON;
            };
            let ids = (org, only.subscription_id(), only.movement_id());
            return self.movements_of(only.org_id(), org, ONE_MOVEMENT, ids);
        }
        let first = match (range.org, range.after) {
            (Some(org), _) => org.as_str(),
            (None, Some(after)) => after.org_id(),
            (None, None) => "",
        };
        let mut statement = self.connection.prepare_cached(NEXT_ORGS)?;
        let mut rows = statement.query([first])?;
        while let Some(row) = rows.next()? {
            let number: i64 = row.get(0)?;
            let mut columns = Columns::new(row);
            columns.integer()?;
            // An org without a readable name has no movement with a readable key: each is visited
            // as invalid.
            let name = columns.text().unwrap_or_default();
            if range.org.is_some_and(|org| org.as_str() != name) {
                break;
            }
            let flow = match range.after {
                Some(after) if after.org_id() == name => {
                    let ids = (number, after.subscription_id(), after.movement_id());
                    self.movements_of(name, number, NEXT_MOVEMENTS_AFTER, ids)?
                }
                Some(after) if after.org_id() > name => continue,
                _ => self.movements_of(name, number, NEXT_MOVEMENTS, [number])?,
            };
            visit!(flow);
        }
        GO_ON
    }

    fn movements_of(
        &mut self,
        org_name: &str,
        org: i64,
        sql: &str,
        parameters: impl rusqlite::Params,
    ) -> Flow {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(parameters)?;
        while let Some(row) = rows.next()? {
            self.counts.movements = self.counts.movements.saturating_add(1);
            visit!(self.movement(org_name, org, row)?);
        }
        GO_ON
    }

    fn movement(&mut self, org_name: &str, org: i64, row: &Row<'_>) -> Flow {
        let mut columns = Columns::new(row);
        let ids = (columns.text(), columns.text());
        let key = match ids {
            (Ok(subscription), Ok(movement)) => key(org_name, subscription, movement),
            (Err(fault), _) | (_, Err(fault)) => Err(fault),
        };
        let key = match key {
            Ok(key) => key,
            // Its entries and refunds can't be told from those of the movement before, so they
            // are not visited. What it was called is in its journal.
            Err(fault) => {
                let number = rusqlite::types::Value::from(columns.integer()?);
                let named = strays::owner_of(self.connection, FIRST_ENTRY, number)?;
                return self.invalid(named.as_ref(), fault);
            }
        };
        let found = match columns.movement(key.clone()) {
            Ok(found) => found,
            Err(fault) => return self.invalid(Some(&key), fault),
        };
        visit!((self.visit)(ScanRow::Movement(&found.movement)));
        if self.range.entries {
            visit!(self.entries(found.number, &key)?);
        }
        if self.range.refunds {
            visit!(self.refunds(found.number, org, &key)?);
        }
        GO_ON
    }

    fn entries(&mut self, movement: i64, key: &MovementKey) -> Flow {
        let mut statement = self.connection.prepare_cached(LOAD_CHAIN)?;
        let mut rows = statement.query([movement])?;
        while let Some(row) = rows.next()? {
            self.counts.entries = self.counts.entries.saturating_add(1);
            match Columns::new(row).record(key) {
                Ok(record) => visit!((self.visit)(ScanRow::Entry(&record))),
                Err(fault) => visit!(self.invalid(Some(key), fault)?),
            }
        }
        GO_ON
    }

    fn refunds(&mut self, movement: i64, org: i64, key: &MovementKey) -> Flow {
        let mut statement = self.connection.prepare_cached(LOAD_REFUNDS)?;
        let mut rows = statement.query([movement])?;
        while let Some(row) = rows.next()? {
            self.counts.refunds = self.counts.refunds.saturating_add(1);
            let refund = match Columns::new(row).refund(key.clone()) {
                Ok(found) if found.org == org => found.refund,
                Ok(found) => {
                    let what = format!("refund {}: it is filed under another org", found.refund.id);
                    visit!(self.invalid(Some(key), Fault::Damaged(what))?);
                    continue;
                }
                Err(fault) => {
                    visit!(self.invalid(Some(key), fault)?);
                    continue;
                }
            };
            let holder = match &refund.details.external_id {
                Some(external_id) => self.holder(org, external_id.id().as_str())?,
                None => None,
            };
            visit!((self.visit)(ScanRow::Refund {
                refund: &refund,
                holder,
            }));
        }
        GO_ON
    }

    /// Whom the unique index finds under an external id.
    fn holder(&self, org: i64, external_id: &str) -> Result<Option<RefundId>, Fault> {
        let mut statement = self.connection.prepare_cached(HOLDER)?;
        let mut rows = statement.query((org, external_id))?;
        match rows.next()? {
            Some(row) => Columns::new(row).optional_refund_id(),
            None => Ok(None),
        }
    }

    /// Visits what is damaged; passes on whatever kept SQLite from reading.
    fn invalid(&mut self, movement: Option<&MovementKey>, fault: Fault) -> Flow {
        match fault {
            Fault::Damaged(reason) => Ok((self.visit)(ScanRow::Invalid {
                movement,
                reason: &reason,
            })),
            other => Err(other),
        }
    }
}
