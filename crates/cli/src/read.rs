//! The commands that read.

use std::fs;

use refund_ledger::{CurrencyTotals, Head, MovementKey, RefundFilter, Verdict, wire};
use serde::Serialize;

use crate::args::{self, Common};
use crate::change::find;
use crate::failure::Failure;
use crate::location;
use crate::output::{Exit, Output};
use crate::table::{self, Field, TextTable, money, with_taxes};
use crate::visible::visible;

/// How many journal entries or movements are held at once.
const PAGE: usize = 500;

/// How many movements a table or a JSON object holds unless told.
const MOVEMENTS_DEFAULT: usize = 100;

/// One refund.
pub(crate) fn show(
    common: &Common,
    args: &args::One,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let refund = find(&location::open(common)?, &args.id)?;
    output.answer(&wire::RefundBody::from(&refund), || table::refund(&refund))?;
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Items<T> {
    items: Vec<T>,
}

/// Every revision of a refund.
pub(crate) fn history(
    common: &Common,
    args: &args::One,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let ledger = location::open(common)?;
    let refund = find(&ledger, &args.id)?;
    let revisions = ledger.history(&refund.movement, refund.id)?;
    let items = revisions.iter().map(wire::RevisionBody::from).collect();
    output.answer(&Items { items }, || history_table(&revisions))?;
    Ok(Exit::Done)
}

/// Revisions as a table.
pub(crate) fn history_table(revisions: &[refund_ledger::Revision]) -> String {
    let mut table = TextTable::new(&[
        "rev",
        "change",
        "recorded at",
        "actor",
        "with taxes",
        "refunded at",
        "description",
    ]);
    for revision in revisions {
        let details = &revision.refund.details;
        table.row(vec![
            Field::Number(revision.refund.revision.to_string()),
            Field::Text(revision.kind.to_string()),
            Field::Text(revision.recorded_at.to_string()),
            Field::Text(revision.actor.to_string()),
            Field::Number(with_taxes(&details.amount)),
            Field::Text(details.refund_datetime.to_string()),
            Field::Text(details.description.text().unwrap_or("(erased)").to_owned()),
        ]);
    }
    table.text()
}

/// What is left of a movement.
pub(crate) fn balance(
    common: &Common,
    args: &args::Balance,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let scope = &args.scope;
    let key = MovementKey::new(&scope.org, &scope.subscription, &scope.movement)
        .map_err(Failure::of_query)?;
    let balance = location::open(common)?.balance(&key)?;
    output.answer(&wire::BalanceBody::from(&balance), || {
        balance_table(&balance)
    })?;
    Ok(Exit::Done)
}

/// A balance as a table.
pub(crate) fn balance_table(balance: &refund_ledger::Balance) -> String {
    let mut table = TextTable::new(&["", "with taxes", "without taxes"]);
    let refunded = format!("refunded ({})", balance.count);
    for (name, values) in [
        ("charged", balance.amount),
        (refunded.as_str(), balance.refunded),
        ("refundable", balance.refundable),
    ] {
        table.row(vec![
            Field::Text(name.to_owned()),
            Field::Number(money(values.with.into(), balance.currency)),
            Field::Number(money(values.without.into(), balance.currency)),
        ]);
    }
    table.text()
}

#[derive(Serialize)]
struct Movements<'a> {
    items: Vec<wire::MovementBody<'a>>,
    more: bool,
}

/// Movements in key order.
pub(crate) fn movements(
    common: &Common,
    args: &args::Movements,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let ledger = location::open(common)?;
    let org = args.org.as_ref();
    match output.format() {
        args::Format::Jsonl => {
            let mut left = args.limit.unwrap_or(usize::MAX);
            let mut after: Option<MovementKey> = None;
            while left > 0 {
                let page = ledger.movements(org, after.as_ref(), PAGE.min(left))?;
                let Some(last) = page.last() else { break };
                left = left.saturating_sub(page.len());
                after = Some(last.key.clone());
                for movement in &page {
                    output.json(&wire::MovementBody::from(movement))?;
                }
            }
        }
        args::Format::Human | args::Format::Json | args::Format::Csv => {
            let limit = args.limit.unwrap_or(MOVEMENTS_DEFAULT);
            let mut found = ledger.movements(org, None, limit.saturating_add(1))?;
            let more = found.len() > limit;
            found.truncate(limit);
            let items = found.iter().map(wire::MovementBody::from).collect();
            output.answer(&Movements { items, more }, || table::movements(&found))?;
            if more && !output.is_json() {
                crate::output::note("there are more movements; see them with `--limit N`");
            }
        }
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Totals {
    totals: Vec<wire::TotalsBody>,
}

/// The sums of refunds, per currency.
pub(crate) fn totals(
    common: &Common,
    args: &args::Totals,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let totals = location::open(common)?.totals(RefundFilter {
        org: args.org.clone(),
        from: args.from,
        to: args.to,
        ..RefundFilter::default()
    })?;
    let body = Totals {
        totals: totals.iter().copied().map(wire::TotalsBody).collect(),
    };
    output.answer(&body, || totals_table(&totals))?;
    Ok(Exit::Done)
}

fn totals_table(totals: &[CurrencyTotals]) -> String {
    let mut table = TextTable::new(&["currency", "refunds", "with taxes", "without taxes"]);
    for sum in totals {
        table.row(vec![
            Field::Text(sum.currency.to_string()),
            Field::Number(sum.count.to_string()),
            Field::Number(money(sum.with_minor, sum.currency)),
            Field::Number(money(sum.without_minor, sum.currency)),
        ]);
    }
    table.text()
}

/// The journal feed.
pub(crate) fn journal(
    common: &Common,
    args: &args::Journal,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let ledger = location::open(common)?;
    let mut after = args.after;
    let mut left = args.limit.unwrap_or(usize::MAX);
    while left > 0 {
        let page = ledger.journal(after, PAGE.min(left))?;
        let Some(last) = page.last() else { break };
        after = last.position;
        left = left.saturating_sub(page.len());
        for record in &page {
            output.json(&wire::JournalLine::new(record, &record.decode()?))?;
        }
    }
    Ok(Exit::Done)
}

/// Recomputes everything.
pub(crate) fn verify(
    common: &Common,
    args: &args::Verify,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let kept = match &args.head {
        None => None,
        Some(path) => {
            let text =
                fs::read_to_string(path).map_err(|error| Failure::file("read", path, error))?;
            let head = Head::from_json(text.trim()).map_err(|error| {
                Failure::Usage(format!(
                    "`{}` is not what `refunds head` prints: {error}",
                    path.display()
                ))
            })?;
            Some(head)
        }
    };
    let report = location::open(common)?.verify(kept)?;
    output.answer(&wire::ReportBody::from(&report), || report_text(&report))?;
    Ok(match report.verdict {
        Verdict::Valid => Exit::Done,
        Verdict::Divergent => Exit::Divergent,
        Verdict::Incomplete => Exit::Incomplete,
    })
}

/// A report in words.
pub(crate) fn report_text(report: &refund_ledger::Report) -> String {
    let mut text = format!(
        "{}: {} movements, {} journal entries",
        report.verdict.as_str(),
        report.movements,
        report.entries
    );
    for finding in &report.findings {
        text.push_str("\n  ");
        if let Some(movement) = &finding.movement {
            text.push_str(&visible(&movement.to_string()));
        }
        if let Some(sequence) = finding.sequence {
            text.push_str(", entry ");
            text.push_str(&sequence.to_string());
        }
        if finding.movement.is_some() {
            text.push_str(": ");
        }
        text.push_str(&visible(&finding.message));
    }
    text
}

/// The head, which is JSON in every format.
pub(crate) fn head(common: &Common, output: &mut Output) -> Result<Exit, Failure> {
    let head = location::open(common)?.head()?;
    output.line(&head.to_json())?;
    Ok(Exit::Done)
}
