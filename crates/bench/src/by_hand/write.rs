//! Recording and refunding.

use rusqlite::{Connection, params};

use crate::hand_request::{HandMovement, HandRefund, cents};

/// Names a movement.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) org: &'a str,
    pub(super) subscription: &'a str,
    pub(super) movement: &'a str,
}

/// Fails where the movement is there.
pub(super) fn record(
    connection: &Connection,
    scope: Scope<'_>,
    body: &HandMovement,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO movement (org, subscription, movement, currency, occurred_at, amount_with,
                 amount_without, tax_type, tax_percentage, description)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            scope.org,
            scope.subscription,
            scope.movement,
            body.currency,
            body.occurred_at,
            cents(body.amount.value_with_taxes),
            cents(body.amount.value_without_taxes),
            body.amount.tax.r#type,
            body.amount.tax.percentage,
            body.description,
        ])?;
    Ok(())
}

/// Fails where there is no such movement, or too little is left of it, or the external id is taken.
pub(super) fn refund(
    connection: &Connection,
    scope: Scope<'_>,
    body: &HandRefund,
    json: &str,
) -> rusqlite::Result<()> {
    let with = cents(body.amount.value_with_taxes);
    let without = cents(body.amount.value_without_taxes);
    let movement: i64 = connection
        .prepare_cached(
            "UPDATE movement SET refunded_with = refunded_with + ?4,
                 refunded_without = refunded_without + ?5
             WHERE org = ?1 AND subscription = ?2 AND movement = ?3
                 AND refunded_with + ?4 <= amount_with
                 AND refunded_without + ?5 <= amount_without
             RETURNING id",
        )?
        .query_row(
            params![scope.org, scope.subscription, scope.movement, with, without],
            |row| row.get(0),
        )?;
    connection
        .prepare_cached(
            "INSERT INTO refund (movement, org, external_id, invoice, refund_datetime,
                 period_start, period_end, amount_with, amount_without, tax_type, tax_percentage,
                 billable, description)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            movement,
            scope.org,
            body.external_refund_unique_id,
            body.external_invoice_id,
            body.refund_datetime,
            body.period_start_datetime,
            body.period_end_datetime,
            with,
            without,
            body.amount.tax.r#type,
            body.amount.tax.percentage,
            body.billable,
            body.description,
        ])?;
    connection
        .prepare_cached("INSERT INTO audit (refund, at, actor, body) VALUES (?, ?, ?, ?)")?
        .execute(params![
            connection.last_insert_rowid(),
            "2026-01-01T00:00:00.000000000Z",
            "local",
            json,
        ])?;
    Ok(())
}
