//! Any table with a header, by a [`ColumnMap`].
//!
//! The form is [RFC 4180](https://www.rfc-editor.org/rfc/rfc4180)'s, with any delimiter. Lines end with a
//! line feed, which carriage returns may precede, or all of them with a carriage return alone. The header
//! is the first row, among the first 50, that holds all the columns of the map; their order is free
//! and others may stand between. A row that differs from the header in its number of fields can't
//! be read, unless what is too much is empty.
//!
//! Amounts are decimals in major units, or whole minor units of ISO 4217 with `unit=minor`. A
//! decimal comma and marks between thousands must be declared, and where a point could be either
//! (`1.000` euros), it must be declared too. A refund is positive, or with `sign=negative` an effect
//! on a balance. Of two columns, `debit` is what was given back and `credit` what came back; one of
//! them is filled and the other empty or zero, and neither has a sign.
//!
//! Dates have the year first, or are written as `date_format` says.

use std::io::Read;

use crate::line::{Item, StatementLine};
use crate::money::{Currencies, NumberStyle, major_to_minor, unsigned_to_minor, whole};
use crate::options::{ColumnMap, Sign, Unit};
use crate::read::{StatementError, Visit};
use crate::rows::Row;
use crate::table::{Header, Table};
use crate::text::Opened;

/// Where a table says how much, by position and name.
enum Amounts<'m> {
    Signed((usize, &'m str)),
    Directed {
        debit: (usize, &'m str),
        credit: (usize, &'m str),
    },
}

struct Columns<'m> {
    map: &'m ColumnMap,
    style: NumberStyle,
    key: Option<usize>,
    invoice: Option<usize>,
    amounts: Amounts<'m>,
    currency: Option<(usize, &'m str)>,
    date: (usize, &'m str),
    kind: Option<usize>,
    currencies: Currencies,
}

pub(super) fn read<R: Read>(
    opened: Opened<R>,
    map: &ColumnMap,
    visit: Visit<'_>,
) -> Result<(), StatementError> {
    let names: Vec<&str> = [
        &map.key,
        &map.invoice,
        &map.amount,
        &map.debit,
        &map.credit,
        &map.currency,
        &map.date,
        &map.kind,
    ]
    .into_iter()
    .filter_map(Option::as_deref)
    .collect();
    let table = Table::open(opened, map.delimiter, |header| {
        names.iter().all(|name| header.has(name))
    })?;
    let mut columns = Columns::new(&table.header, map)?;
    table.each(|row| {
        visit(match row {
            Err(fault) => Item::Unreadable {
                line: fault.line,
                reason: fault.reason,
            },
            Ok(row) => columns.item(row),
        });
    })
}

impl<'m> Columns<'m> {
    fn new(header: &Header, map: &'m ColumnMap) -> Result<Self, StatementError> {
        let find = |name: &'m Option<String>| match name {
            Some(name) => header.need(name).map(|index| Some((index, name.as_str()))),
            None => Ok(None),
        };
        let index = |name| find(name).map(|column| column.map(|(index, _)| index));
        let amounts = match (find(&map.amount)?, find(&map.debit)?, find(&map.credit)?) {
            (Some(amount), _, _) => Amounts::Signed(amount),
            (None, Some(debit), Some(credit)) => Amounts::Directed { debit, credit },
            // The options were checked when they were made.
            _ => return Err(undeclared("amount")),
        };
        Ok(Self {
            map,
            style: NumberStyle {
                is_open: true,
                ..map.number
            },
            key: index(&map.key)?,
            invoice: index(&map.invoice)?,
            amounts,
            currency: find(&map.currency)?,
            date: find(&map.date)?.ok_or_else(|| undeclared("date"))?,
            kind: index(&map.kind)?,
            currencies: Currencies::default(),
        })
    }

    fn item<'a>(&mut self, row: Row<'a>) -> Item<'a> {
        if let Some(kind) = self.kind {
            let kind = row.get(kind);
            if !self.map.refund_types.iter().any(|refund| refund == kind) {
                return Item::Ignored(kind);
            }
        }
        match self.line(row) {
            Ok(line) => Item::Refund(line),
            Err(reason) => Item::Unreadable {
                line: row.line,
                reason,
            },
        }
    }

    fn line<'a>(&mut self, row: Row<'a>) -> Result<StatementLine<'a>, String> {
        let currency = match (self.currency, self.map.fixed_currency) {
            (Some((index, name)), _) => self.currencies.read(name, row.get(index))?,
            (None, Some(currency)) => currency,
            (None, None) => return Err("no currency is declared".into()),
        };
        let minor = |(index, name): (usize, &str)| {
            let text = row.get(index);
            match self.map.unit {
                Unit::Minor => whole(name, text),
                Unit::Major => major_to_minor(name, text, self.style, currency),
            }
        };
        let minor = match &self.amounts {
            Amounts::Signed(amount) => match self.map.sign {
                Sign::Positive => minor(*amount)?,
                Sign::Negative => minor(*amount)?
                    .checked_neg()
                    .ok_or("the amount has too many digits")?,
            },
            Amounts::Directed { debit, credit } => {
                let unsigned = |(index, name): (usize, &str)| match (row.get(index), self.map.unit)
                {
                    ("", _) => Ok(0),
                    (_, Unit::Minor) => minor((index, name)),
                    (text, Unit::Major) => unsigned_to_minor(name, text, self.style, currency),
                };
                direction(*debit, unsigned(*debit)?, *credit, unsigned(*credit)?)?
            }
        };
        let (date, date_name) = self.date;
        Ok(StatementLine {
            line: row.line,
            key: row.filled(self.key),
            invoice: row.filled(self.invoice),
            currency,
            minor,
            date: self
                .map
                .date_format
                .read(date_name, row.get(date), self.map.time_zone)?,
        })
    }
}

/// What was given back, from two columns of which one is filled.
pub(super) fn direction(
    (_, debit_name): (usize, &str),
    debit: i64,
    (_, credit_name): (usize, &str),
    credit: i64,
) -> Result<i64, String> {
    match (debit, credit) {
        (0, 0) => Err(format!(
            "neither `{debit_name}` nor `{credit_name}` has an amount"
        )),
        (debit, 0) if debit > 0 => Ok(debit),
        (0, credit) if credit > 0 => Ok(credit.saturating_neg()),
        (_, 0) | (0, _) => Err(format!(
            "`{debit_name}` and `{credit_name}` must not be negative"
        )),
        _ => Err(format!(
            "both `{debit_name}` and `{credit_name}` have an amount"
        )),
    }
}

fn undeclared(what: &str) -> StatementError {
    StatementError::Undeclared {
        reason: format!("the map does not say which column is the {what}"),
    }
}
