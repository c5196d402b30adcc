//! Stripe's itemised balance reports, and the history of balances from its dashboard.
//!
//! Reports: [balance change from activity](https://docs.stripe.com/reports/report-types/balance),
//! [payout reconciliation](https://docs.stripe.com/reports/report-types/payout-reconciliation) and
//! ending balance, itemised, in every version, also those for connected accounts. Which columns a
//! report has, and in which order, is chosen where it is run, so they are found by name. The
//! dashboard's export ("All activity") has other names for the same.
//!
//! | what | in a report | from the dashboard |
//! |---|---|---|
//! | kind | [`reporting_category`](https://docs.stripe.com/reports/reporting-categories) `refund`, and `refund_failure` where the money came back | `Type` `refund`, `payment_refund`, and `refund_failure` |
//! | key | `refund_metadata[external_refund_unique_id]`, else `source_id` | `external_refund_unique_id (metadata)`, else `Source` |
//! | invoice | `invoice_id` | none |
//! | amount | `customer_facing_amount`, else `gross`: major units, negative for a refund | `Customer Facing Amount`, else `Amount` |
//! | currency | `customer_facing_currency`, else `currency` | `Customer Facing Currency`, else `Currency` |
//! | date | `created_utc`, else `created` in the zone that `time_zone` says | `Created (UTC)` |
//!
//! Any other category or type is ignored by its name, so also `partial_capture_reversal`, which
//! gives nothing back. The dashboard has no such category: there it stands as a `refund`.
//!
//! A `refund_failure` says only what came back to the balance. Where the refund of the same source
//! was in another currency for the customer, and the failure undoes exactly its effect on the
//! balance, the customer's amount is what came back. Such lines come last, since the refund may
//! stand anywhere in the file.

use std::collections::BTreeMap;
use std::io::Read;

use chrono::FixedOffset;
use refund_ledger::{Currency, Timestamp};

use crate::dates::Civil;
use crate::line::{Item, StatementLine};
use crate::money::{Currencies, NumberStyle, major_to_minor, shown};
use crate::options::ColumnMap;
use crate::read::{StatementError, Visit};
use crate::rows::Row;
use crate::table::{Header, Table};
use crate::text::Opened;

const EXPECTED: &str = "an itemised balance report of Stripe";

/// The names of the columns that hold the same in reports and in the dashboard's history.
struct Names {
    kind: &'static str,
    refunds: &'static [&'static str],
    failures: &'static [&'static str],
    source: &'static str,
    key: &'static str,
    invoice: Option<&'static str>,
    gross: &'static str,
    currency: &'static str,
    customer_amount: &'static str,
    customer_currency: &'static str,
    date_utc: &'static str,
    date_local: Option<&'static str>,
}

const REPORT: Names = Names {
    kind: "reporting_category",
    refunds: &["refund"],
    failures: &["refund_failure"],
    source: "source_id",
    key: "refund_metadata[external_refund_unique_id]",
    invoice: Some("invoice_id"),
    gross: "gross",
    currency: "currency",
    customer_amount: "customer_facing_amount",
    customer_currency: "customer_facing_currency",
    date_utc: "created_utc",
    date_local: Some("created"),
};

const DASHBOARD: Names = Names {
    kind: "Type",
    refunds: &["refund", "payment_refund"],
    failures: &["refund_failure"],
    source: "Source",
    key: "external_refund_unique_id (metadata)",
    invoice: None,
    gross: "Amount",
    currency: "Currency",
    customer_amount: "Customer Facing Amount",
    customer_currency: "Customer Facing Currency",
    date_utc: "Created (UTC)",
    date_local: None,
};

impl Names {
    /// Whether a header is of this form. Columns that are needed too, but may have been left out
    /// where the report was run, are asked for by name afterwards.
    fn fit(&self, header: &Header) -> bool {
        header.has(self.kind) && header.has(self.gross) && !header.has("count")
    }
}

pub(super) fn read<R: Read>(
    opened: Opened<R>,
    map: &ColumnMap,
    visit: Visit<'_>,
) -> Result<(), StatementError> {
    let form = |header: &Header| {
        [&REPORT, &DASHBOARD]
            .into_iter()
            .find(|names| names.fit(header))
    };
    let table = Table::open(opened, map.delimiter, |header| form(header).is_some())?;
    let names = match form(&table.header) {
        Some(names) if table.is_found && !table.header.has("effective_at_utc") => names,
        _ => return Err(wrong_format(&table.header)),
    };
    let mut reader = Reader::new(&table.header, names, map)?;
    table.each(|row| match row {
        Err(fault) => visit(Item::Unreadable {
            line: fault.line,
            reason: fault.reason,
        }),
        Ok(row) => reader.row(row, visit),
    })?;
    reader.failures(visit);
    Ok(())
}

/// Says which relative of the report it is, where it's one.
fn wrong_format(header: &Header) -> StatementError {
    let relatives = [
        (
            "Amount Refunded",
            "it is the export of payments, which has no line for each refund: export the balance history, or run the report `balance_change_from_activity.itemized`",
        ),
        (
            "_fivetran_synced",
            "it is a copy of Stripe's objects in a data warehouse, in minor units: read it with `--source csv --map …,unit=minor`, or run the report `balance_change_from_activity.itemized`",
        ),
        (
            "effective_at_utc",
            "it is the report of payouts, which has no refunds: run the report `balance_change_from_activity.itemized`",
        ),
        (
            "count",
            "it is a summary, which has no lines: run the itemised report, `balance_change_from_activity.itemized`",
        ),
        (
            "net_amount",
            "it is a summary, which has no lines: run the itemised report, `balance_change_from_activity.itemized`",
        ),
    ];
    let hint = relatives.into_iter().find(|(name, _)| header.has(name));
    let seen = match hint {
        Some((_, hint)) => hint.into(),
        None => format!(
            "its columns must have `reporting_category` and `gross`, or from the dashboard `Type` \
             and `Amount`; it has {}",
            header.shown()
        ),
    };
    StatementError::WrongFormat {
        expected: EXPECTED,
        seen,
    }
}

/// A refund whose customer's currency is not the balance's.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Converted {
    gross: i64,
    currency: Currency,
    customer_minor: i64,
    customer_currency: Currency,
}

/// A failure that waits for its refund.
struct Failure {
    line: u64,
    source: String,
    key: Option<String>,
    invoice: Option<String>,
    currency: Currency,
    minor: i64,
    date: Timestamp,
}

struct Reader {
    names: &'static Names,
    kind: usize,
    source: Option<usize>,
    key: Option<usize>,
    key_else: Option<usize>,
    invoice: Option<usize>,
    gross: usize,
    currency: usize,
    customer: Option<(usize, usize)>,
    date: (usize, &'static str),
    zone: Option<FixedOffset>,
    style: NumberStyle,
    currencies: Currencies,
    customer_currencies: Currencies,
    converted: BTreeMap<String, Option<Converted>>,
    failures: Vec<Failure>,
}

impl Reader {
    fn new(
        header: &Header,
        names: &'static Names,
        map: &ColumnMap,
    ) -> Result<Self, StatementError> {
        let source = header.find(names.source)?;
        let (key, key_else) = match &map.key {
            Some(name) => (Some(header.need(name)?), None),
            None => match header.find(names.key)? {
                Some(key) => (Some(key), source),
                None => (Some(header.need(names.source)?), None),
            },
        };
        let amount = header.find(names.customer_amount)?;
        let customer = match (amount, header.find(names.customer_currency)?) {
            (Some(amount), Some(currency)) => Some((amount, currency)),
            (None, None) => None,
            _ => {
                return Err(StatementError::Undeclared {
                    reason: format!(
                        "`{}` and `{}` go together: run the report with both, or with neither",
                        names.customer_amount, names.customer_currency
                    ),
                });
            }
        };
        let (date, zone) = date_column(header, names, map)?;
        Ok(Self {
            names,
            kind: header.need(names.kind)?,
            source,
            key,
            key_else,
            invoice: match (&map.invoice, names.invoice) {
                (Some(name), _) => Some(header.need(name)?),
                (None, Some(name)) => header.find(name)?,
                (None, None) => None,
            },
            gross: header.need(names.gross)?,
            currency: header.need(names.currency)?,
            customer,
            date,
            zone,
            style: NumberStyle {
                decimal: map.number.decimal.or(NumberStyle::PLAIN.decimal),
                ..NumberStyle::PLAIN
            },
            currencies: Currencies::default(),
            customer_currencies: Currencies::default(),
            converted: BTreeMap::new(),
            failures: Vec::new(),
        })
    }

    fn row(&mut self, row: Row<'_>, visit: Visit<'_>) {
        let kind = row.get(self.kind);
        if kind.is_empty() {
            let reason = format!("`{}` is empty", self.names.kind);
            return visit(Item::Unreadable {
                line: row.line,
                reason,
            });
        }
        let failed = self.names.failures.contains(&kind);
        if !failed && !self.names.refunds.contains(&kind) {
            return visit(Item::Ignored(kind));
        }
        match self.line(row, failed) {
            Ok(Some(line)) => visit(Item::Refund(line)),
            Ok(None) => {}
            Err(reason) => visit(Item::Unreadable {
                line: row.line,
                reason,
            }),
        }
    }

    /// A row's line; nothing where it waits for the end.
    fn line<'a>(
        &mut self,
        row: Row<'a>,
        failed: bool,
    ) -> Result<Option<StatementLine<'a>>, String> {
        let names = self.names;
        let currency = self
            .currencies
            .read(names.currency, row.get(self.currency))?;
        let gross = major_to_minor(names.gross, row.get(self.gross), self.style, currency)?;
        let customer = self.customer(row)?;
        let given = |effect: i64| effect.checked_neg().ok_or("the amount has too many digits");
        let (minor, currency_given) = match customer {
            Some((amount, customer_currency)) => (given(amount)?, customer_currency),
            None => (given(gross)?, currency),
        };
        if (minor < 0) != failed && minor != 0 {
            return Err(format!(
                "the amount of a `{}` is on the wrong side of zero",
                row.get(self.kind)
            ));
        }
        let line = StatementLine {
            line: row.line,
            key: row.filled(self.key).or(row.filled(self.key_else)),
            invoice: row.filled(self.invoice),
            currency: currency_given,
            minor,
            date: self.date(row)?,
        };
        let Some(source) = row.filled(self.source) else {
            return Ok(Some(line));
        };
        match customer {
            // Where no row tells a customer's amount, there is nothing to wait for.
            None if failed && self.customer.is_some() => {
                self.failures.push(Failure {
                    line: row.line,
                    source: source.to_owned(),
                    key: line.key.map(str::to_owned),
                    invoice: line.invoice.map(str::to_owned),
                    currency,
                    minor,
                    date: line.date,
                });
                Ok(None)
            }
            Some((customer_minor, customer_currency))
                if !failed && customer_currency != currency =>
            {
                self.remember(
                    source,
                    Converted {
                        gross,
                        currency,
                        customer_minor,
                        customer_currency,
                    },
                );
                Ok(Some(line))
            }
            _ => Ok(Some(line)),
        }
    }

    /// The amount in the customer's currency, if the row has one.
    fn customer(&mut self, row: Row<'_>) -> Result<Option<(i64, Currency)>, String> {
        let Some((amount, currency)) = self.customer else {
            return Ok(None);
        };
        let (amount, currency) = (row.get(amount), row.get(currency));
        if amount.is_empty() && currency.is_empty() {
            return Ok(None);
        }
        let names = self.names;
        let currency = self
            .customer_currencies
            .read(names.customer_currency, currency)?;
        let minor = major_to_minor(names.customer_amount, amount, self.style, currency)?;
        Ok(Some((minor, currency)))
    }

    fn date(&self, row: Row<'_>) -> Result<Timestamp, String> {
        let (index, name) = self.date;
        let text = row.get(index);
        Civil::read(text)
            .filter(|civil| civil.time.is_some() && civil.offset.is_none())
            .and_then(|civil| civil.at(self.zone))
            .ok_or_else(|| {
                format!(
                    "`{name}` is `{}`; it must be as in `2026-03-02 10:15:00`. If a spreadsheet \
                     has rewritten it, take the file as it was downloaded",
                    shown(text)
                )
            })
    }

    /// Two refunds of one source that differ leave open which of them failed.
    fn remember(&mut self, source: &str, refund: Converted) {
        match self.converted.get_mut(source) {
            Some(known) if *known == Some(refund) => {}
            Some(known) => *known = None,
            None => {
                self.converted.insert(source.to_owned(), Some(refund));
            }
        }
    }

    /// Hands over what waited for the end.
    fn failures(self, visit: Visit<'_>) {
        for failure in &self.failures {
            // What came back has the opposite sign of what was given, so here both sums agree.
            let refund = self
                .converted
                .get(&failure.source)
                .copied()
                .flatten()
                .filter(|refund| {
                    refund.currency == failure.currency && refund.gross == failure.minor
                });
            let (minor, currency) = match refund {
                Some(refund) => (refund.customer_minor, refund.customer_currency),
                None => (failure.minor, failure.currency),
            };
            visit(Item::Refund(StatementLine {
                line: failure.line,
                key: failure.key.as_deref(),
                invoice: failure.invoice.as_deref(),
                currency,
                minor,
                date: failure.date,
            }));
        }
    }
}

/// The column of the date, and the zone that it is in.
#[allow(
    clippy::type_complexity,
    reason = "two things that only the caller takes apart"
)]
fn date_column(
    header: &Header,
    names: &'static Names,
    map: &ColumnMap,
) -> Result<((usize, &'static str), Option<FixedOffset>), StatementError> {
    if let Some(index) = header.find(names.date_utc)? {
        return Ok(((index, names.date_utc), None));
    }
    let local = match names.date_local {
        Some(name) => header.find(name)?.map(|index| (index, name)),
        None => None,
    };
    match (local, map.time_zone) {
        (Some(column), Some(zone)) => Ok((column, Some(zone))),
        (Some((_, name)), None) => Err(StatementError::Undeclared {
            reason: format!(
                "the statement has `{name}` but not `{}`: say the zone that the report was run \
                 in, for instance `time_zone=UTC`, or run it with that column",
                names.date_utc
            ),
        }),
        (None, _) => Err(header
            .need(names.date_utc)
            .err()
            .unwrap_or(StatementError::Empty)),
    }
}
