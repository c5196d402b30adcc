//! Lists of refunds: a page is read from an index, in the list's order, from where the page before
//! ended.

use tokio_postgres::types::ToSql;

use super::bind::{Uuid, stored};
use super::errors::Fault;
use super::load::entries_of;
use super::rows::{self, Columns};
use super::session::Link;
use super::statements::{LOAD_REFUNDS, ORGS, description_of, refund_columns};
use crate::id::{Id, MovementKey, RefundId};
use crate::journal::refund_of;
use crate::query::{ListAfter, Page, RefundFilter};
use crate::refund::{KindName, Refund};
use crate::time::Timestamp;

/// One page. The connection must be in a transaction with one view.
pub(super) async fn list(
    link: &Link,
    filter: &RefundFilter,
    after: Option<ListAfter>,
    limit: usize,
) -> Result<Page<Refund>, Fault> {
    let mut items = if let (Some(org), Some(subscription), Some(movement)) =
        (&filter.org, &filter.subscription, &filter.movement)
    {
        let key = MovementKey::new(org.as_str(), subscription.as_str(), movement.as_str())
            .map_err(|error| Fault::Damaged(error.to_string()))?;
        let mut found = of_movement(link, key).await?;
        found.retain(|refund| {
            filter.matches(refund) && after.is_none_or(|after| ListAfter::from(refund) > after)
        });
        found.sort_by_key(|refund| ListAfter::from(refund));
        found
    } else {
        // One more than the page, to know whether there are more.
        let query = Query::of(filter, after, limit.saturating_add(1));
        query.read(link).await?
    };
    let more = items.len() > limit;
    items.truncate(limit);
    Ok(Page { items, more })
}

/// The refunds of a movement. It is one charge, so they are few, and its chain names them: no index is
/// needed for them.
async fn of_movement(link: &Link, key: MovementKey) -> Result<Vec<Refund>, Fault> {
    let keys = [key];
    let entries = entries_of(link, &keys).await?;
    let mut ids: Vec<RefundId> = entries
        .iter()
        .filter_map(|(_, entry)| refund_of(&entry.bytes))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let orgs: Vec<&str> = keys
        .iter()
        .cycle()
        .take(ids.len())
        .map(MovementKey::org_id)
        .collect();
    let ids: Vec<Uuid> = ids.into_iter().map(Uuid).collect();
    let statement = link.prepare(LOAD_REFUNDS).await?;
    let rows = link.client().query(&statement, &[&orgs, &ids]).await?;
    refunds(&rows)
}

fn refunds(rows: &[tokio_postgres::Row]) -> Result<Vec<Refund>, Fault> {
    let refund = |row| {
        let mut columns = Columns::new(row);
        columns.integer()?;
        Ok(rows::refund(&mut columns)?)
    };
    rows.iter().map(refund).collect()
}

/// A value of a query.
type Value = Box<dyn ToSql + Sync>;

/// A query with its values, in the order of their place holders.
struct Query {
    sql: String,
    values: Vec<Value>,
}

impl Query {
    /// The first of every org that a list may hold, then the first of those.
    fn of(filter: &RefundFilter, after: Option<ListAfter>, wanted: usize) -> Self {
        let mut query = Self {
            sql: String::new(),
            values: Vec::new(),
        };
        query.sql += "SELECT 0::bigint, ";
        query.sql += refund_columns!();
        query.sql += " FROM (";
        match &filter.org {
            Some(org) => {
                query.sql += "SELECT ";
                query.value(text(org));
                query.sql += "::text AS org";
            }
            None => query.sql += ORGS,
        }
        query.sql += ") AS o CROSS JOIN LATERAL (SELECT * FROM refunds r WHERE r.org = o.org";
        query.start(filter, after);
        query.conditions(filter);
        query.sql += " ORDER BY r.org, r.refund_datetime_s, r.refund_datetime_ns, r.id LIMIT ";
        query.value(Box::new(stored(u64::try_from(wanted).unwrap_or(u64::MAX))));
        query.sql += ") AS r";
        query.sql += description_of!("r");
        query.sql += " ORDER BY r.refund_datetime_s, r.refund_datetime_ns, r.id LIMIT ";
        query.value(Box::new(stored(u64::try_from(wanted).unwrap_or(u64::MAX))));
        query
    }

    fn start(&mut self, filter: &RefundFilter, after: Option<ListAfter>) {
        match (after, filter.from) {
            (Some(after), from) if from.is_none_or(|from| after.refund_datetime >= from) => {
                self.sql += " AND (r.refund_datetime_s, r.refund_datetime_ns, r.id) > (";
                self.instant(after.refund_datetime);
                self.sql += ", ";
                self.value(Box::new(Uuid(after.id)));
                self.sql += ")";
            }
            (_, Some(from)) => {
                self.sql += " AND (r.refund_datetime_s, r.refund_datetime_ns) >= (";
                self.instant(from);
                self.sql += ")";
            }
            (_, None) => {}
        }
        if let Some(to) = filter.to {
            self.sql += " AND (r.refund_datetime_s, r.refund_datetime_ns) < (";
            self.instant(to);
            self.sql += ")";
        }
    }

    fn conditions(&mut self, filter: &RefundFilter) {
        if !filter.include_deleted {
            self.sql += " AND NOT r.deleted";
        }
        match filter.kind {
            None => {}
            Some(KindName::Standard) => self.sql += " AND r.transaction_type_id IS NULL",
            Some(KindName::NonSubscribable) => self.sql += " AND r.transaction_type_id IS NOT NULL",
        }
        if let Some(billable) = filter.billable {
            self.sql += " AND r.billable = ";
            self.value(Box::new(billable));
        }
        if let Some(id) = filter.refund_id {
            self.sql += " AND r.id = ";
            self.value(Box::new(Uuid(id)));
        }
        if filter.external_id.is_some() {
            // An idempotency key is none.
            self.sql += " AND NOT r.external_id_is_key";
        }
        for (condition, id) in [
            (" AND r.external_id = ", &filter.external_id),
            (" AND r.external_invoice_id = ", &filter.invoice),
            (" AND r.subscription_id = ", &filter.subscription),
            (" AND r.movement_id = ", &filter.movement),
        ] {
            if let Some(id) = id {
                self.sql += condition;
                self.value(text(id));
            }
        }
    }

    fn instant(&mut self, at: Timestamp) {
        self.value(Box::new(at.unix_seconds()));
        self.sql += "::bigint, ";
        self.value(Box::new(i64::from(at.subsec_nanos())));
        self.sql += "::bigint";
    }

    fn value(&mut self, value: Value) {
        self.values.push(value);
        self.sql += "$";
        self.sql += &self.values.len().to_string();
    }

    async fn read(&self, link: &Link) -> Result<Vec<Refund>, Fault> {
        let statement = link.prepare(&self.sql).await?;
        let values: Vec<&(dyn ToSql + Sync)> = self.values.iter().map(AsRef::as_ref).collect();
        refunds(&link.client().query(&statement, &values).await?)
    }
}

fn text(id: &Id) -> Value {
    Box::new(id.as_str().to_owned())
}
