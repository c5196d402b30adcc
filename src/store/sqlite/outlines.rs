//! Refunds in outline, read in one pass over their table instead of along the movements' chains.

use std::ops::ControlFlow;

use rusqlite::Connection;

use super::errors::Fault;
use super::load::org_number;
use super::rows::Columns;
use crate::id::Id;
use crate::store::RefundOutline;
use crate::time::Timestamp;

macro_rules! outlines_of {
    ($from:literal) => {
        concat!(
            "SELECT id, external_id, external_invoice_id, refund_datetime_s, refund_datetime_ns, \
             currency, amount_with, deleted FROM refunds ",
            $from
        )
    };
}

/// In the order of the file: the signs keep SQLite from any index.
const MANY: &str = outlines_of!("WHERE +org = ?1 AND +refund_datetime_s BETWEEN ?2 AND ?3");

const FEW: &str = outlines_of!(
    "INDEXED BY refunds_by_org WHERE org = ?1 AND refund_datetime_s BETWEEN ?2 AND ?3"
);

/// How many there are, or the limit where there are more.
const COUNT: &str = "SELECT count(*) FROM (SELECT 1 FROM refunds INDEXED BY refunds_by_org \
                     WHERE org = ?1 AND refund_datetime_s BETWEEN ?2 AND ?3 LIMIT ?4)";

/// As many as there are entries: no fewer than there are refunds, and known without counting them.
const ENTRIES: &str = "SELECT coalesce(max(position), 0) FROM journal";

/// A refund that an index leads to costs as much as this many in the order of the file, where those
/// of the index lie anywhere in it.
const IN_ORDER_PER_SOUGHT: i64 = 32;

/// Visits every refund of the org in `[from, to)`. The connection must be in a transaction.
pub(super) fn outlines(
    connection: &Connection,
    org: &Id,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    visit: &mut dyn FnMut(RefundOutline<'_>) -> ControlFlow<()>,
) -> Result<(), Fault> {
    let Some(number) = org_number(connection, org.as_str())? else {
        return Ok(());
    };
    let first = from.map_or(i64::MIN, Timestamp::unix_seconds);
    let last = to.map_or(i64::MAX, Timestamp::unix_seconds);
    let sql = if are_few(connection, number, first, last)? {
        FEW
    } else {
        MANY
    };
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query((number, first, last))?;
    while let Some(row) = rows.next()? {
        let refund = Columns::new(row).outline()?;
        let is_inside = from.is_none_or(|from| refund.refund_datetime >= from)
            && to.is_none_or(|to| refund.refund_datetime < to);
        if is_inside && visit(refund).is_break() {
            break;
        }
    }
    Ok(())
}

/// Whether it is cheaper to seek each of them than to read all refunds.
fn are_few(connection: &Connection, org: i64, first: i64, last: i64) -> Result<bool, Fault> {
    let entries: i64 = connection.query_row(ENTRIES, (), |row| row.get(0))?;
    let enough = entries / IN_ORDER_PER_SOUGHT;
    let count: i64 = connection.query_row(COUNT, (org, first, last, enough), |row| row.get(0))?;
    Ok(count < enough)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::statements::tests::{ledger, plan};

    #[test]
    fn many_are_read_in_the_order_of_the_file_and_few_are_sought() {
        let connection = ledger();
        assert_eq!(plan(&connection, MANY), "SCAN refunds\n");
        assert_eq!(
            plan(&connection, FEW),
            "SEARCH refunds USING INDEX refunds_by_org (org=? AND refund_datetime_s>? AND \
             refund_datetime_s<?)\n"
        );
    }

    #[test]
    fn a_day_of_a_year_is_few_and_so_is_an_org_of_many() {
        let connection = ledger();
        connection
            .execute_batch(
                "PRAGMA foreign_keys = OFF;
                 WITH RECURSIVE days (day) AS (
                     SELECT 0 UNION ALL SELECT day + 1 FROM days WHERE day < 363
                 )
                 INSERT INTO refunds
                 SELECT CAST(format('%016d', day) AS BLOB), iif(day % 91 = 0, 2, 1), 1, NULL, NULL,
                     NULL, day, 0, NULL, NULL, NULL, NULL, 'EUR', 1, 1, NULL, NULL, 0, NULL, 1, 1, 0,
                     0, 0, 0, 0 FROM days;
                 INSERT INTO journal VALUES (364, 1, 1, NULL, x'00', NULL, NULL);",
            )
            .unwrap();
        for (org, first, last, few) in [
            (1, 5, 5, true),
            (1, 1, 10, true),
            (1, 1, 11, false),
            (1, i64::MIN, i64::MAX, false),
            (2, i64::MIN, i64::MAX, true),
            (3, i64::MIN, i64::MAX, true),
        ] {
            assert_eq!(
                are_few(&connection, org, first, last).unwrap(),
                few,
                "org {org} from {first} to {last}"
            );
        }
    }
}
