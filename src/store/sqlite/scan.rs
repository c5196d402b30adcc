//! The scan: movements in key order, streamed row by row in one view.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use rusqlite::{Connection, Row};

use super::chain::{self, Chain};
use super::errors::Fault;
use super::load::org_number;
use super::rows::{Columns, MovementRow, movement, refund};
use super::statements::{
    HOLDER, LAST_POSITION, LOAD_REFUND_OF_MOVEMENT, NEXT_MOVEMENTS, NEXT_MOVEMENTS_AFTER,
    NEXT_ORGS, ONE_MOVEMENT,
};
use super::steps::Volume;
use super::strays::{self, LAST_ENTRY};
use crate::id::{MovementKey, RefundId};
use crate::journal::{JournalPosition, refund_of};
use crate::store::columns::key;
use crate::store::scanning::{Counts, Visitor, visit};
use crate::store::{ScanRange, ScanRow};

/// Whether the scan goes on.
pub(super) type Flow = Result<ControlFlow<()>, Fault>;

pub(super) const GO_ON: Flow = Ok(ControlFlow::Continue(()));

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
        volume: Volume::of(connection)?,
    };
    let is_full = range.org.is_none() && range.only.is_none() && range.after.is_none();
    if scan.movements()?.is_continue() && is_full {
        let counts = scan.counts;
        let _stopped = strays::visit(connection, range, counts, scan.visit)?;
    }
    Ok(JournalPosition::try_from(last).unwrap_or(0))
}

struct Scan<'a, 'v> {
    connection: &'a Connection,
    range: &'a ScanRange<'a>,
    visit: &'a mut Visitor<'v>,
    counts: Counts,
    volume: Volume,
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
            return self.movements_of(only.org_id(), ONE_MOVEMENT, ids);
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
                    self.movements_of(name, NEXT_MOVEMENTS_AFTER, ids)?
                }
                Some(after) if after.org_id() > name => continue,
                _ => self.movements_of(name, NEXT_MOVEMENTS, [number])?,
            };
            visit!(flow);
        }
        GO_ON
    }

    fn movements_of(
        &mut self,
        org_name: &str,
        sql: &str,
        parameters: impl rusqlite::Params,
    ) -> Flow {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(parameters)?;
        while let Some(row) = rows.next()? {
            self.counts.movements = self.counts.movements.saturating_add(1);
            visit!(self.movement(org_name, row)?);
        }
        GO_ON
    }

    fn movement(&mut self, org_name: &str, row: &Row<'_>) -> Flow {
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
                let named =
                    strays::owner_of(self.connection, LAST_ENTRY, number, &mut self.volume)?;
                return self.invalid(named.as_ref(), fault.into());
            }
        };
        let found = match movement(&mut columns, key.clone()) {
            Ok(found) => found,
            Err(fault) => return self.invalid(Some(&key), fault),
        };
        visit!((self.visit)(ScanRow::Movement(&found.movement)));
        if !(self.range.entries || self.range.refunds) {
            return GO_ON;
        }
        let chain = Chain::walk(self.connection, found.number, found.chain_position)?;
        if let Some(fault) = chain.fault() {
            visit!(self.invalid(Some(&key), fault)?);
        }
        let mut refunds = BTreeSet::new();
        for position in chain.positions {
            self.counts.entries = self.counts.entries.saturating_add(1);
            match chain::record(self.connection, position, &key, &mut self.volume) {
                Ok(record) => {
                    if self.range.entries {
                        visit!((self.visit)(ScanRow::Entry(&record)));
                    }
                    if self.range.refunds {
                        refunds.extend(refund_of(&record.entry.bytes));
                    }
                }
                Err(fault) => visit!(self.invalid(Some(&key), fault)?),
            }
        }
        for id in refunds {
            visit!(self.refund(id, &found, &key)?);
        }
        GO_ON
    }

    fn refund(&mut self, id: RefundId, of: &MovementRow, key: &MovementKey) -> Flow {
        let mut statement = self.connection.prepare_cached(LOAD_REFUND_OF_MOVEMENT)?;
        let mut rows = statement.query([&id.as_bytes()[..]])?;
        let Some(row) = rows.next()? else {
            // Whoever compares with the journal sees that it is missing.
            return GO_ON;
        };
        self.counts.refunds = self.counts.refunds.saturating_add(1);
        let found = match refund(&mut Columns::new(row), key.clone()) {
            Ok(found) => found,
            Err(fault) => return self.invalid(Some(key), fault),
        };
        if (found.org, found.movement) != (of.org, of.number) {
            let what = format!("refund {id}: it is filed under another movement or org");
            return self.invalid(Some(key), Fault::Damaged(what));
        }
        let refund = found.refund;
        let holder = match &refund.details.external_id {
            Some(external_id) => self.holder(of.org, external_id.id().as_str())?,
            None => None,
        };
        Ok((self.visit)(ScanRow::Refund {
            refund: &refund,
            holder,
        }))
    }

    /// Whom the unique index finds under an external id.
    fn holder(&self, org: i64, external_id: &str) -> Result<Option<RefundId>, Fault> {
        let mut statement = self.connection.prepare_cached(HOLDER)?;
        let mut rows = statement.query((org, external_id))?;
        match rows.next()? {
            Some(row) => Ok(Columns::new(row).optional_refund_id()?),
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
