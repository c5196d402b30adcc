//! `list`: refunds that match, as a table, a page of JSON, JSON Lines or CSV.

mod csv;

use refund_ledger::{Cursor, LIST_LIMIT_MAX, Ledger, Refund, RefundQuery, wire};
use serde::Serialize;

use crate::args::{Common, Format, List};
use crate::failure::Failure;
use crate::location;
use crate::output::{Exit, Output, note};
use crate::table;

#[derive(Serialize)]
struct Page<'a> {
    items: Vec<wire::RefundBody<'a>>,
    next_cursor: Option<String>,
}

/// Lists refunds.
pub(crate) fn run(common: &Common, args: &List, output: &mut Output) -> Result<Exit, Failure> {
    let ledger = location::open(common)?;
    let next_cursor = match common.format {
        Format::Human | Format::Json => page(&ledger, args, output)?,
        Format::Jsonl => stream(&ledger, args, |refund| {
            output.json(&wire::RefundBody::from(refund))
        })?,
        Format::Csv => {
            let mut rows = csv::Rows::begin(output)?;
            let next_cursor = stream(&ledger, args, |refund| rows.refund(refund))?;
            rows.finish()?;
            next_cursor
        }
    };
    if let Some(cursor) = next_cursor.filter(|_| !output.is_json()) {
        note(&format!(
            "there are more; continue with `--cursor {cursor}`"
        ));
    }
    Ok(Exit::Done)
}

fn page(ledger: &Ledger, args: &List, output: &mut Output) -> Result<Option<Cursor>, Failure> {
    let page = ledger
        .list_refunds(&RefundQuery {
            filter: args.filter(),
            limit: args.limit,
            cursor: args.cursor,
        })
        .map_err(Failure::of_query)?;
    let body = Page {
        items: page.items.iter().map(wire::RefundBody::from).collect(),
        next_cursor: page.next_cursor.map(|cursor| cursor.to_string()),
    };
    output.answer(&body, || table::refunds(&page.items))?;
    Ok(page.next_cursor)
}

/// Every refund that matches, up to the limit, in memory for one page.
fn stream(
    ledger: &Ledger,
    args: &List,
    mut visit: impl FnMut(&Refund) -> Result<(), Failure>,
) -> Result<Option<Cursor>, Failure> {
    let mut left = args.limit.unwrap_or(usize::MAX);
    let mut query = RefundQuery {
        filter: args.filter(),
        limit: None,
        cursor: args.cursor,
    };
    loop {
        query.limit = Some(left.min(LIST_LIMIT_MAX));
        let page = ledger.list_refunds(&query).map_err(Failure::of_query)?;
        for refund in &page.items {
            visit(refund)?;
        }
        left = left.saturating_sub(page.items.len());
        if page.next_cursor.is_none() || left == 0 {
            return Ok(page.next_cursor);
        }
        query.cursor = page.next_cursor;
    }
}
