//! The end of a scan of everything: what belongs to no movement, and what no movement's scan can see.

use std::ops::ControlFlow;

use super::errors::Fault;
use super::rows::Columns;
use super::scan::{Flow, GO_ON};
use super::session::Steps;
use crate::store::scanning::{Counts, Visitor, visit};
use crate::store::{ScanRange, ScanRow};

/// Rows that must not be, with their keys where they have one.
const STRAYS: [(&str, &str); 4] = [
    (
        "an entry belongs to no movement",
        "SELECT DISTINCT j.org, j.subscription_id, j.movement_id FROM journal j \
         WHERE NOT EXISTS (SELECT 1 FROM movements m WHERE m.org = j.org \
         AND m.subscription_id = j.subscription_id AND m.movement_id = j.movement_id)",
    ),
    (
        "a refund belongs to no movement",
        "SELECT DISTINCT r.org, r.subscription_id, r.movement_id FROM refunds r \
         WHERE NOT EXISTS (SELECT 1 FROM movements m WHERE m.org = r.org \
         AND m.subscription_id = r.subscription_id AND m.movement_id = r.movement_id)",
    ),
    (
        "an entry is at a position that another one has",
        "SELECT j.org, j.subscription_id, j.movement_id FROM journal j WHERE EXISTS (SELECT 1 \
         FROM journal o WHERE o.position = j.position AND (o.org, o.subscription_id, o.movement_id, \
         o.sequence) <> (j.org, j.subscription_id, j.movement_id, j.sequence))",
    ),
    (
        "an entry is at a position that can't be",
        "SELECT j.org, j.subscription_id, j.movement_id FROM journal j WHERE j.position < 1 \
         OR j.position > (SELECT count(*) FROM journal)",
    ),
];

/// Visits them. `last` is the last position of the view.
pub(super) fn visit(
    steps: &mut Steps<'_>,
    range: &ScanRange<'_>,
    counts: Counts,
    last: i64,
    visit: &mut Visitor<'_>,
) -> Flow {
    // What comes now takes the longer the more the ledger holds.
    let unlimited = "SET LOCAL statement_timeout = 0";
    steps.run(async |link| Ok(link.client().batch_execute(unlimited).await?))?;
    for (reason, sql) in STRAYS {
        let rows = steps.run_long(async |link| Ok(link.client().query(sql, &[]).await?))?;
        for row in &rows {
            let movement = Columns::new(row).key().ok();
            visit!(visit(ScanRow::Invalid {
                movement: movement.as_ref(),
                reason,
            }));
        }
    }
    // What its movement's chain does not name was not visited.
    let seen = [
        ("movements", counts.movements, true),
        ("journal", counts.entries, range.entries || range.refunds),
        ("refunds", counts.refunds, range.refunds),
    ];
    for (table, seen, was_visited) in seen {
        let stored = number(steps, &format!("SELECT count(*) FROM {table}"))?;
        if was_visited && u64::try_from(stored).ok() != Some(seen) {
            visit!(without_movement(
                visit,
                &format!("table `{table}` has {stored} rows; {seen} were found by movement"),
            ));
        }
    }
    let rows = number(steps, "SELECT count(*) FROM ledger")?;
    if rows != 1 {
        visit!(without_movement(
            visit,
            &format!("table `ledger` has {rows} rows; it should have one"),
        ));
    }
    let taken = number(steps, "SELECT coalesce(max(last_position), -1) FROM ledger")?;
    if taken != last {
        visit!(without_movement(
            visit,
            &format!("positions up to {taken} were given out; the journal's last is {last}"),
        ));
    }
    GO_ON
}

fn number(steps: &mut Steps<'_>, sql: &str) -> Result<i64, Fault> {
    steps.run_long(async |link| {
        let row = link.client().query_one(sql, &[]).await?;
        Ok(Columns::new(&row).integer()?)
    })
}

fn without_movement(visit: &mut Visitor<'_>, reason: &str) -> ControlFlow<()> {
    visit(ScanRow::Invalid {
        movement: None,
        reason,
    })
}
