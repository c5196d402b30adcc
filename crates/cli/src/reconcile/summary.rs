//! What a person reads on a terminal.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use refund_ledger::{Currency, Timestamp};
use refund_reconcile::{Break, Reason, Report};

use crate::args::Reconcile;
use crate::import::is_standard_input;
use crate::table::{Field, TextTable, money};
use crate::visible::visible;

/// How many breaks of one reason are shown.
const SHOWN_MAX: usize = 5;

/// How many types of lines that are no refunds are named.
const TYPES_MAX: usize = 10;

/// A report in words and tables.
pub(super) struct Summary<'a> {
    pub(super) args: &'a Reconcile,
    pub(super) org: Option<&'a str>,
    pub(super) report: &'a Report,
}

impl Summary<'_> {
    /// What was compared, the totals, the breaks, and last what it comes to.
    pub(super) fn text(&self) -> String {
        let mut parts = vec![self.compared(), self.counts()];
        if !self.report.totals.is_empty() {
            parts.push(self.totals());
        }
        if !self.report.breaks.is_empty() {
            parts.push(format!("breaks:\n{}", self.reasons()));
        }
        parts.extend(self.largest());
        if self.args.propose {
            parts.push(self.proposals());
        }
        parts.push(self.verdict());
        parts.join("\n\n")
    }

    fn compared(&self) -> String {
        let statement = if is_standard_input(&self.args.statement) {
            "standard input".into()
        } else {
            format!("`{}`", self.args.statement.display())
        };
        let org = self.org.map_or("an empty ledger".into(), |org| {
            format!("the ledger's refunds of `{org}`")
        });
        let mut parts = vec![format!("{statement} ({}) and {org}", self.report.source)];
        parts.extend(self.args.from.map(|from| format!("from {from}")));
        parts.extend(self.args.to.map(|to| format!("to before {to}")));
        visible(&parts.join(", "))
    }

    fn counts(&self) -> String {
        let statement = &self.report.statement;
        let mut text = format!(
            "lines: {}, of them about refunds: {}, matched: {}",
            statement.lines, statement.refund_lines, self.report.matched
        );
        if !statement.ignored.is_empty() {
            let mut types: Vec<_> = statement.ignored.iter().collect();
            types.sort_by_key(|(_, lines)| Reverse(**lines));
            let shown = types.iter().take(TYPES_MAX);
            let mut named: Vec<String> = shown.map(|(name, n)| format!("{n} {name}")).collect();
            if types.len() > TYPES_MAX {
                named.push("others".into());
            }
            text.push_str("\nleft out, as no refunds: ");
            text.push_str(&named.join(", "));
        }
        let lines: Vec<String> = text.lines().map(visible).collect();
        lines.join("\n")
    }

    fn totals(&self) -> String {
        let mut table = TextTable::new(&["", "statement", "ledger", "difference", "tolerated"]);
        for (currency, totals) in &self.report.totals {
            let sums = [
                totals.statement_minor,
                totals.ledger_minor,
                totals.difference_minor(),
                totals.tolerated_minor,
            ];
            let mut row = vec![Field::Text(currency.to_string())];
            row.extend(sums.map(|minor| Field::Number(money(minor, *currency))));
            table.row(row);
        }
        table.text()
    }

    /// How many breaks there are of each reason, and what they come to.
    fn reasons(&self) -> String {
        let mut sums: BTreeMap<(Reason, Option<Currency>), (usize, i128)> = BTreeMap::new();
        for found in &self.report.breaks {
            let currency = found.sides.map(|sides| sides.currency);
            let difference = found.sides.map_or(0, |sides| sides.difference_minor());
            let (count, sum) = sums.entry((found.reason, currency)).or_default();
            *count += 1;
            *sum = sum.saturating_add(difference);
        }
        let mut table = TextTable::new(&["why", "breaks", "difference"]);
        for ((reason, currency), (count, sum)) in sums {
            table.row(vec![
                Field::Text(reason.title().into()),
                Field::Number(count.to_string()),
                Field::Number(currency.map_or(String::new(), |currency| money(sum, currency))),
            ]);
        }
        table.text()
    }

    /// The largest breaks of each reason. Lines that can't be read are told apart.
    fn largest(&self) -> Option<String> {
        let mut table = TextTable::new(&[
            "why",
            "line",
            "key",
            "paid on",
            "refunded on",
            "statement",
            "ledger",
            "difference",
        ]);
        let mut shown = 0;
        let mut left_out = Vec::new();
        for reason in Reason::ALL {
            let of_reason = |found: &&Break| found.reason == reason && found.sides.is_some();
            let mut breaks = self.report.breaks.iter().filter(of_reason);
            for found in breaks.by_ref().take(SHOWN_MAX) {
                table.row(row(found));
                shown += 1;
            }
            let more = breaks.count();
            if more > 0 {
                left_out.push(format!("and {more} more: {}", reason.title()));
            }
        }
        if !left_out.is_empty() {
            left_out.push("`--report FILE.csv` has all of them".into());
        }
        let mut lines = vec!["the largest of each:".to_owned(), table.text()];
        lines.append(&mut left_out);
        (shown > 0).then(|| lines.join("\n"))
    }

    fn proposals(&self) -> String {
        let proposals = &self.report.proposals;
        if proposals.is_empty() {
            return "proposals: none".into();
        }
        let mut table = TextTable::new(&["line", "key", "refund", "both"]);
        for found in proposals.iter().take(SHOWN_MAX) {
            table.row(vec![
                Field::Number(found.line.to_string()),
                Field::Text(found.key.as_deref().unwrap_or_default().into()),
                Field::Text(found.refund_id.to_string()),
                Field::Number(money(found.minor.into(), found.currency)),
            ]);
        }
        let table = table.text();
        let title = "proposals, which may belong together:";
        match proposals.len().saturating_sub(SHOWN_MAX) {
            0 => format!("{title}\n{table}"),
            more => {
                format!("{title}\n{table}\nand {more} more; `--report FILE.json` has all of them")
            }
        }
    }

    fn verdict(&self) -> String {
        let breaks = &self.report.breaks;
        let unreadable = breaks
            .iter()
            .filter(|found| found.reason == Reason::UnreadableLine)
            .count();
        let agree = match breaks.len() - unreadable {
            0 if unreadable == 0 && self.report.totals.is_empty() => {
                "there was nothing to compare".into()
            }
            0 if unreadable == 0 => "statement and ledger agree".into(),
            0 => "what could be read agrees".into(),
            1 => "statement and ledger don't agree: 1 break".into(),
            n => format!("statement and ledger don't agree: {n} breaks"),
        };
        match unreadable {
            0 => agree,
            1 => format!("{agree}\nINCOMPLETE: 1 line could not be read, and is in no total"),
            n => format!("{agree}\nINCOMPLETE: {n} lines could not be read, and are in no total"),
        }
    }
}

fn row(found: &Break) -> Vec<Field> {
    let minor = |minor: Option<i128>| {
        let currency = found.sides.map(|sides| sides.currency);
        let text = minor
            .zip(currency)
            .map(|(minor, currency)| money(minor, currency));
        Field::Number(text.unwrap_or_default())
    };
    let key = found.key.as_deref().map(ToOwned::to_owned);
    // A refund without an external id is known by its own.
    let key = key.or_else(|| found.refund_id.map(|id| id.to_string()));
    vec![
        Field::Text(found.reason.title().into()),
        Field::Number(found.line.map(|line| line.to_string()).unwrap_or_default()),
        Field::Text(key.unwrap_or_default()),
        day(found.statement_date),
        day(found.ledger_date),
        minor(found.sides.map(|sides| sides.statement_minor)),
        minor(found.sides.map(|sides| sides.ledger_minor)),
        minor(found.sides.map(|sides| sides.difference_minor())),
    ]
}

/// The day in UTC.
fn day(date: Option<Timestamp>) -> Field {
    let day = date.map(|date| date.to_string().chars().take_while(|c| *c != 'T').collect());
    Field::Text(day.unwrap_or_default())
}
