//! Lists of refunds: every page is read from an index, in the list's order, from where the page
//! before ended.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};

use rusqlite::Connection;
use rusqlite::types::Value;

use super::bind::stored;
use super::chain::{self, Chain};
use super::errors::Fault;
use super::load::{find_refund, org_number, read_refund};
use super::rows::Columns;
use super::statements::{HOLDER, MOVEMENT_NUMBER, key_columns, refund_columns, refund_joins};
use super::steps::Volume;
use crate::id::{Id, RefundId};
use crate::journal::refund_of;
use crate::query::{ListAfter, Page, RefundFilter};
use crate::refund::{KindName, Refund};
use crate::store::columns::key;
use crate::time::Timestamp;

/// One page. The connection must be in a transaction.
pub(super) fn list(
    connection: &Connection,
    filter: &RefundFilter,
    after: Option<ListAfter>,
    limit: usize,
) -> Result<Page<Refund>, Fault> {
    let list = List { connection, filter };
    // One more than the page, to know whether there are more.
    let wanted = limit.saturating_add(1);
    let mut items = if let Some(id) = filter.refund_id {
        list.among(list.by_id(id)?, after)
    } else if let Some(external_id) = &filter.external_id {
        list.among(list.by_external_id(external_id)?, after)
    } else if let Some(of_movement) = list.by_movement()? {
        list.among(of_movement, after)
    } else {
        list.merge_orgs(after, wanted)?
    };
    let more = items.len() > limit;
    items.truncate(limit);
    Ok(Page { items, more })
}

/// Where a page begins.
#[derive(Clone, Copy, Debug)]
enum Start {
    At(Option<Timestamp>),
    Behind(ListAfter),
}

impl Start {
    fn of(filter: &RefundFilter, after: Option<ListAfter>) -> Self {
        match after {
            Some(after) if filter.from.is_none_or(|from| after.refund_datetime >= from) => {
                Self::Behind(after)
            }
            _ => Self::At(filter.from),
        }
    }
}

struct List<'a> {
    connection: &'a Connection,
    filter: &'a RefundFilter,
}

impl List<'_> {
    /// Those of a few refunds that are on the page, in the list's order.
    fn among(&self, mut found: Vec<Refund>, after: Option<ListAfter>) -> Vec<Refund> {
        found.retain(|refund| {
            self.filter.matches(refund) && after.is_none_or(|after| ListAfter::from(refund) > after)
        });
        found.sort_by_key(|refund| ListAfter::from(refund));
        found
    }

    fn by_id(&self, id: RefundId) -> Result<Vec<Refund>, Fault> {
        let found = find_refund(self.connection, id)?;
        Ok(found.map(|row| row.refund).into_iter().collect())
    }

    fn by_external_id(&self, external_id: &Id) -> Result<Vec<Refund>, Fault> {
        let mut holders = self.connection.prepare_cached(HOLDER)?;
        let mut found = Vec::new();
        for org in self.orgs()? {
            let mut rows = holders.query((org, external_id.as_str()))?;
            let id = match rows.next()? {
                Some(row) => Columns::new(row).optional_refund_id()?,
                None => None,
            };
            if let Some(id) = id {
                found.extend(self.by_id(id)?);
            }
        }
        Ok(found)
    }

    /// The org of the filter, or every org.
    fn orgs(&self) -> Result<Vec<i64>, Fault> {
        if let Some(org) = &self.filter.org {
            return Ok(org_number(self.connection, org.as_str())?
                .into_iter()
                .collect());
        }
        let mut statement = self.connection.prepare_cached("SELECT number FROM orgs")?;
        let numbers = statement.query_map((), |row| row.get(0))?;
        Ok(numbers.collect::<Result<_, _>>()?)
    }

    /// The refunds of the movement that the filter names with all three ids, where it does. A
    /// movement is one charge, so they are few, and its chain names them.
    fn by_movement(&self) -> Result<Option<Vec<Refund>>, Fault> {
        let filter = self.filter;
        let (Some(org), Some(subscription), Some(movement)) =
            (&filter.org, &filter.subscription, &filter.movement)
        else {
            return Ok(None);
        };
        let Some(org_number) = org_number(self.connection, org.as_str())? else {
            return Ok(Some(Vec::new()));
        };
        let mut statement = self.connection.prepare_cached(MOVEMENT_NUMBER)?;
        let mut rows = statement.query((org_number, subscription.as_str(), movement.as_str()))?;
        let Some(row) = rows.next()? else {
            return Ok(Some(Vec::new()));
        };
        let (number, end) = (row.get(0)?, row.get(2)?);
        let key = key(org.as_str(), subscription.as_str(), movement.as_str())?;
        let mut ids = BTreeSet::new();
        let mut volume = Volume::of(self.connection)?;
        for position in Chain::walk(self.connection, number, end)?.whole()? {
            let record = chain::record(self.connection, position, &key, &mut volume)?;
            ids.extend(refund_of(&record.entry.bytes));
        }
        let mut found = Vec::new();
        for id in ids {
            found.extend(self.by_id(id)?);
        }
        Ok(Some(found))
    }

    /// Reads the orgs' ranges side by side, each a few rows at a time, and takes the first of all
    /// their first rows until the page is full: nothing is sorted but one row per org.
    fn merge_orgs(&self, after: Option<ListAfter>, wanted: usize) -> Result<Vec<Refund>, Fault> {
        let orgs = self.orgs()?;
        let start = Start::of(self.filter, after);
        let at_once = wanted
            .checked_div(orgs.len())
            .map_or(0, |share| share.saturating_mul(2))
            .clamp(8.min(wanted), wanted);
        let mut queues: Vec<(i64, VecDeque<Refund>)> = Vec::with_capacity(orgs.len());
        let mut heads = BinaryHeap::with_capacity(orgs.len());
        for org in orgs {
            let queue = VecDeque::from(self.read(org, &start, at_once)?);
            if let Some(first) = queue.front() {
                heads.push(Reverse((ListAfter::from(first), queues.len())));
                queues.push((org, queue));
            }
        }
        let mut items = Vec::new();
        while items.len() < wanted {
            let Some(Reverse((at, of))) = heads.pop() else {
                break;
            };
            let Some((org, queue)) = queues.get_mut(of) else {
                break;
            };
            items.extend(queue.pop_front());
            if queue.is_empty() && items.len() < wanted {
                queue.extend(self.read(*org, &Start::Behind(at), at_once)?);
            }
            if let Some(next) = queue.front() {
                heads.push(Reverse((ListAfter::from(next), of)));
            }
        }
        Ok(items)
    }

    /// The first matching refunds of an org, from a start on.
    fn read(&self, org: i64, start: &Start, wanted: usize) -> Result<Vec<Refund>, Fault> {
        let query = self.query(org, start, wanted);
        let mut statement = self.connection.prepare_cached(&query.sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(query.values))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read_refund(row)?.refund);
        }
        Ok(found)
    }

    fn query(&self, org: i64, start: &Start, wanted: usize) -> Query {
        let mut query = Query {
            sql: concat!(
                "SELECT ",
                key_columns!(),
                ", ",
                refund_columns!(),
                " FROM refunds r INDEXED BY refunds_by_org",
                refund_joins!(),
                "WHERE r.org = ?"
            )
            .to_owned(),
            values: vec![Value::Integer(org)],
        };
        let filter = self.filter;
        match start {
            Start::Behind(after) => {
                let [seconds, nanos] = instant(after.refund_datetime);
                query.and(
                    "(r.refund_datetime_s, r.refund_datetime_ns, r.id) > (?, ?, ?)",
                    [seconds, nanos, Value::Blob(after.id.as_bytes().to_vec())],
                );
            }
            Start::At(Some(from)) => {
                query.and(
                    "(r.refund_datetime_s, r.refund_datetime_ns) >= (?, ?)",
                    instant(*from),
                );
            }
            Start::At(None) => {}
        }
        if let Some(to) = filter.to {
            query.and(
                "(r.refund_datetime_s, r.refund_datetime_ns) < (?, ?)",
                instant(to),
            );
        }
        if !filter.include_deleted {
            query.and("r.deleted = 0", []);
        }
        match filter.kind {
            None => {}
            Some(KindName::Standard) => query.and("r.transaction_type_id IS NULL", []),
            Some(KindName::NonSubscribable) => query.and("r.transaction_type_id IS NOT NULL", []),
        }
        if let Some(billable) = filter.billable {
            query.and("r.billable = ?", [Value::Integer(billable.into())]);
        }
        for (condition, id) in [
            ("r.external_invoice_id = ?", &filter.invoice),
            ("m.subscription_id = ?", &filter.subscription),
            ("m.movement_id = ?", &filter.movement),
        ] {
            if let Some(id) = id {
                query.and(condition, [Value::Text(id.as_str().to_owned())]);
            }
        }
        let wanted = stored(u64::try_from(wanted).unwrap_or(u64::MAX));
        query.sql += " ORDER BY r.refund_datetime_s, r.refund_datetime_ns, r.id LIMIT ?";
        query.values.push(Value::Integer(wanted));
        query
    }
}

/// A query with its values, in the order of their place holders.
struct Query {
    sql: String,
    values: Vec<Value>,
}

impl Query {
    fn and<const N: usize>(&mut self, condition: &str, values: [Value; N]) {
        self.sql += " AND ";
        self.sql += condition;
        self.values.extend(values);
    }
}

fn instant(at: Timestamp) -> [Value; 2] {
    [
        Value::Integer(at.unix_seconds()),
        Value::Integer(at.subsec_nanos().into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::statements::tests::{ledger, plan};

    #[test]
    fn every_page_is_read_from_its_index_without_sorting() {
        let connection = ledger();
        let at = |text: &str| Some(text.parse().unwrap());
        let everything = RefundFilter {
            org: Some(Id::new("acme").unwrap()),
            subscription: Some(Id::new("sub").unwrap()),
            movement: Some(Id::new("mov").unwrap()),
            from: at("2022-01-01T00:00:00Z"),
            to: at("2023-01-01T00:00:00Z"),
            invoice: Some(Id::new("inv").unwrap()),
            kind: Some(KindName::Standard),
            billable: Some(true),
            ..RefundFilter::default()
        };
        let behind = ListAfter {
            refund_datetime: Timestamp::MAX,
            id: RefundId::from_bytes([0; 16]),
        };
        for filter in [RefundFilter::default(), everything] {
            let list = List {
                connection: &connection,
                filter: &filter,
            };
            for start in [
                Start::At(None),
                Start::At(filter.from),
                Start::Behind(behind),
            ] {
                let query = list.query(1, &start, 10);
                let steps = plan(&connection, &query.sql);
                assert!(
                    steps.contains("refunds_by_org (org=?"),
                    "{start:?} reads\n{steps}"
                );
                assert!(!steps.contains("TEMP B-TREE"), "{start:?} sorts\n{steps}");
                assert!(!steps.contains("SCAN"), "{start:?} scans\n{steps}");
                let narrowed = steps.contains("(refund_datetime_s,refund_datetime_ns");
                assert_eq!(
                    narrowed,
                    filter.to.is_some() || matches!(start, Start::Behind(_)),
                    "{start:?} begins and ends in the index\n{steps}"
                );
            }
        }
    }
}
