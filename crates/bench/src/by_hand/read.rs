//! Reading back.

use rusqlite::{Connection, Row, params};

use crate::contender::{LIST_FROM, LIST_TO, ORG, PAGE};

/// A refund as it stands in its table, with its movement.
#[derive(Clone, Debug)]
pub struct HandListed {
    /// Its own number.
    pub id: i64,
    /// The subscription of its movement.
    pub subscription: String,
    /// Its movement.
    pub movement: String,
    /// The idempotency key.
    pub external_id: String,
    /// The invoice.
    pub invoice: Option<String>,
    /// RFC 3339.
    pub refund_datetime: String,
    /// RFC 3339.
    pub period_start: Option<String>,
    /// RFC 3339.
    pub period_end: Option<String>,
    /// Of its movement, ISO 4217.
    pub currency: String,
    /// In cents, with taxes.
    pub amount_with: i64,
    /// In cents, without taxes.
    pub amount_without: i64,
    /// The tax's name.
    pub tax_type: Option<String>,
    /// The tax's rate.
    pub tax_percentage: Option<f64>,
    /// Whether it goes onto an invoice.
    pub billable: bool,
    /// For people.
    pub description: String,
}

/// Where a page ended.
#[derive(Clone, Debug)]
pub struct HandCursor {
    refund_datetime: String,
    id: i64,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, m.subscription, m.movement, r.external_id, r.invoice, r.refund_datetime,
                 r.period_start, r.period_end, m.currency, r.amount_with, r.amount_without,
                 r.tax_type, r.tax_percentage, r.billable, r.description
             FROM refund r JOIN movement m ON m.id = r.movement ",
            $rest
        )
    };
}

fn listed(row: &Row<'_>) -> rusqlite::Result<HandListed> {
    Ok(HandListed {
        id: row.get(0)?,
        subscription: row.get(1)?,
        movement: row.get(2)?,
        external_id: row.get(3)?,
        invoice: row.get(4)?,
        refund_datetime: row.get(5)?,
        period_start: row.get(6)?,
        period_end: row.get(7)?,
        currency: row.get(8)?,
        amount_with: row.get(9)?,
        amount_without: row.get(10)?,
        tax_type: row.get(11)?,
        tax_percentage: row.get(12)?,
        billable: row.get(13)?,
        description: row.get(14)?,
    })
}

pub(super) fn of_movement(
    connection: &Connection,
    movement: &[String; 3],
) -> rusqlite::Result<Vec<HandListed>> {
    let mut statement = connection.prepare_cached(select!(
        "WHERE m.org = ? AND m.subscription = ? AND m.movement = ?
         ORDER BY r.refund_datetime, r.id"
    ))?;
    let found = statement.query_map(movement.each_ref(), listed)?;
    found.collect()
}

pub(super) fn page(
    connection: &Connection,
    after: Option<HandCursor>,
) -> rusqlite::Result<(Vec<HandListed>, Option<HandCursor>)> {
    // No refund has the number 0, so the first page begins with the instant itself.
    let after = after.unwrap_or_else(|| HandCursor {
        refund_datetime: LIST_FROM.to_owned(),
        id: 0,
    });
    let mut statement = connection.prepare_cached(select!(
        "WHERE r.org = ?1 AND (r.refund_datetime, r.id) > (?2, ?3) AND r.refund_datetime < ?4
         ORDER BY r.refund_datetime, r.id LIMIT ?5"
    ))?;
    let found = statement.query_map(
        params![
            ORG,
            after.refund_datetime,
            after.id,
            LIST_TO,
            i64::try_from(PAGE).unwrap_or(i64::MAX)
        ],
        listed,
    )?;
    let found: Vec<HandListed> = found.collect::<Result<_, _>>()?;
    let last = found.last().filter(|_| found.len() == PAGE);
    let next = last.map(|refund| HandCursor {
        refund_datetime: refund.refund_datetime.clone(),
        id: refund.id,
    });
    Ok((found, next))
}

pub(super) fn one(
    connection: &Connection,
    [org, subscription, movement]: &[String; 3],
    id: i64,
) -> rusqlite::Result<HandListed> {
    connection
        .prepare_cached(select!(
            "WHERE r.id = ? AND m.org = ? AND m.subscription = ? AND m.movement = ?"
        ))?
        .query_row(params![id, org, subscription, movement], listed)
}

/// Whether each movement keeps what its refunds add up to.
pub(super) fn sums_are_right(connection: &Connection) -> rusqlite::Result<bool> {
    let wrong: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM movement m LEFT JOIN
                 (SELECT movement, sum(amount_with) sum_with, sum(amount_without) sum_without
                  FROM refund GROUP BY movement) r ON r.movement = m.id
             WHERE m.refunded_with != coalesce(r.sum_with, 0)
                 OR m.refunded_without != coalesce(r.sum_without, 0)",
        )?
        .query_row((), |row| row.get(0))?;
    Ok(wrong == 0)
}
