//! Refunds in outline, read in one pass over their table instead of along the movements' chains.

use std::ops::ControlFlow;

use rusqlite::Connection;

use super::errors::Fault;
use super::load::org_number;
use super::rows::Columns;
use crate::currency::Currency;
use crate::id::{Id, RefundId};
use crate::time::Timestamp;

/// What is compared with a statement of a refund, as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundOutline<'a> {
    /// Its id.
    pub id: RefundId,
    /// Its external id, or the idempotency key in its place.
    pub external_id: Option<&'a str>,
    /// Its invoice.
    pub external_invoice_id: Option<&'a str>,
    /// When the money was given back.
    pub refund_datetime: Timestamp,
    /// Its currency.
    pub currency: Currency,
    /// Its value with taxes, in minor units.
    pub with_minor: i64,
    /// Whether it was deleted.
    pub deleted: bool,
}

macro_rules! outlines_of {
    ($from:literal) => {
        concat!(
            "SELECT id, external_id, external_invoice_id, refund_datetime_s, refund_datetime_ns, \
             currency, amount_with, deleted FROM refunds ",
            $from
        )
    };
}

/// In the order of the file: the sign keeps SQLite from any index.
const OF_THE_ONLY_ORG: &str = outlines_of!("WHERE +org = ?1");

const OF_ONE_ORG: &str = outlines_of!("INDEXED BY refunds_by_org WHERE org = ?1");

const ORGS: &str = "SELECT count(*) FROM (SELECT 1 FROM orgs LIMIT 2)";

/// Visits every refund of the org. The connection must be in a transaction.
pub(super) fn outlines(
    connection: &Connection,
    org: &Id,
    visit: &mut dyn FnMut(RefundOutline<'_>) -> ControlFlow<()>,
) -> Result<(), Fault> {
    let Some(number) = org_number(connection, org.as_str())? else {
        return Ok(());
    };
    let orgs: i64 = connection.query_row(ORGS, (), |row| row.get(0))?;
    let sql = if orgs == 1 {
        OF_THE_ONLY_ORG
    } else {
        OF_ONE_ORG
    };
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([number])?;
    while let Some(row) = rows.next()? {
        if visit(Columns::new(row).outline()?).is_break() {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::statements::tests::ledger;

    #[test]
    fn the_only_org_is_read_in_the_order_of_the_file_and_others_by_their_index() {
        let connection = ledger();
        let plan = |sql: &str| -> String {
            let explained = format!("EXPLAIN QUERY PLAN {sql}");
            connection
                .query_row(&explained, [1], |row| row.get("detail"))
                .unwrap()
        };
        assert_eq!(plan(OF_THE_ONLY_ORG), "SCAN refunds");
        assert_eq!(
            plan(OF_ONE_ORG),
            "SEARCH refunds USING INDEX refunds_by_org (org=?)"
        );
    }
}
