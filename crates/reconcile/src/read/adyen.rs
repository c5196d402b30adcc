//! Adyen's [settlement details report](https://docs.adyen.com/reporting/settlement-reconciliation/transaction-level/settlement-details-report).
//!
//! Columns are found by name, in any order; their order has changed over the years, and lines may
//! stand before the header.
//!
//! | what | from |
//! |---|---|
//! | key | `Modification Merchant Reference`, else `Modification Reference` |
//! | invoice | `Merchant Reference` |
//! | amount | `Gross Debit (GC)` of a `Refunded`, `Gross Credit (GC)` of a `RefundedReversed`, in `Gross Currency`: major units with a point, no sign |
//! | date | `Creation Date` in the zone of [`TimeZone`](https://docs.adyen.com/reporting/time-zone-setting) |
//!
//! A refund in the other column than its type says can't be read. [Some currencies have other
//! decimals](https://docs.adyen.com/development-resources/currency-codes) at Adyen than in ISO
//! 4217 (1000.00 Chilean pesos): decimals beyond the currency's must be zeros. Every other `Type`
//! is ignored by its name.
//!
//! `CST` is taken for the zone of North America. Abbreviations that stand for several zones
//! (`IST`), that are not known or missing, make a line unreadable unless `time_zone` is declared,
//! which then holds for these and for `CST`.

use std::io::Read;

use chrono::FixedOffset;
use refund_ledger::Timestamp;

use crate::dates::{Abbreviation, Civil, abbreviation};
use crate::line::{Item, StatementLine};
use crate::money::{Currencies, NumberStyle, shown, unsigned_to_minor};
use crate::options::ColumnMap;
use crate::read::mapped::direction;
use crate::read::{StatementError, Visit};
use crate::rows::Row;
use crate::table::{Header, Table};
use crate::text::Opened;

const EXPECTED: &str = "a settlement details report of Adyen";

const TYPE: &str = "Type";
const DATE: &str = "Creation Date";
const ZONE: &str = "TimeZone";
const CURRENCY: &str = "Gross Currency";
const DEBIT: &str = "Gross Debit (GC)";
const CREDIT: &str = "Gross Credit (GC)";

struct Columns {
    kind: usize,
    key: usize,
    key_else: Option<usize>,
    invoice: Option<usize>,
    currency: usize,
    debit: usize,
    credit: usize,
    date: usize,
    zone: usize,
    time_zone: Option<FixedOffset>,
    currencies: Currencies,
}

pub(super) fn read<R: Read>(
    opened: Opened<R>,
    map: &ColumnMap,
    visit: Visit<'_>,
) -> Result<(), StatementError> {
    let table = Table::open(opened, map.delimiter, |header| {
        [TYPE, DATE, CURRENCY].iter().all(|name| header.has(name))
    })?;
    if !table.is_found {
        return Err(wrong_format(&table.header));
    }
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

fn wrong_format(header: &Header) -> StatementError {
    let hint = if header.has("Record Type") {
        "; the payment accounting report has another form: download the settlement details report"
    } else {
        ""
    };
    StatementError::WrongFormat {
        expected: EXPECTED,
        seen: format!(
            "no row at its beginning has the columns `{TYPE}`, `{DATE}` and `{CURRENCY}`; it has {}{hint}",
            header.shown()
        ),
    }
}

impl Columns {
    fn new(header: &Header, map: &ColumnMap) -> Result<Self, StatementError> {
        let (key, key_else) = match &map.key {
            Some(name) => (header.need(name)?, None),
            None => (
                header.need("Modification Merchant Reference")?,
                header.find("Modification Reference")?,
            ),
        };
        Ok(Self {
            kind: header.need(TYPE)?,
            key,
            key_else,
            invoice: match &map.invoice {
                Some(name) => Some(header.need(name)?),
                None => header.find("Merchant Reference")?,
            },
            currency: header.need(CURRENCY)?,
            debit: header.need(DEBIT)?,
            credit: header.need(CREDIT)?,
            date: header.need(DATE)?,
            zone: header.need(ZONE)?,
            time_zone: map.time_zone,
            currencies: Currencies::default(),
        })
    }

    fn item<'a>(&mut self, row: Row<'a>) -> Item<'a> {
        let kind = row.get(self.kind);
        let reversed = match kind {
            "Refunded" => false,
            "RefundedReversed" => true,
            "" => {
                let reason = format!("`{TYPE}` is empty");
                return Item::Unreadable {
                    line: row.line,
                    reason,
                };
            }
            _ => return Item::Ignored(kind),
        };
        match self.line(row, reversed) {
            Ok(line) => Item::Refund(line),
            Err(reason) => Item::Unreadable {
                line: row.line,
                reason,
            },
        }
    }

    fn line<'a>(&mut self, row: Row<'a>, reversed: bool) -> Result<StatementLine<'a>, String> {
        let currency = self.currencies.read(CURRENCY, row.get(self.currency))?;
        let amount = |index: usize, name: &str| match row.get(index) {
            "" => Ok(0),
            text => unsigned_to_minor(name, text, NumberStyle::PLAIN, currency),
        };
        let (debit, credit) = (amount(self.debit, DEBIT)?, amount(self.credit, CREDIT)?);
        let minor = direction((self.debit, DEBIT), debit, (self.credit, CREDIT), credit)?;
        if reversed != (minor < 0) {
            let (kind, column) = if reversed {
                ("RefundedReversed", CREDIT)
            } else {
                ("Refunded", DEBIT)
            };
            return Err(format!("a `{kind}` must have its amount in `{column}`"));
        }
        Ok(StatementLine {
            line: row.line,
            key: row.filled(Some(self.key)).or(row.filled(self.key_else)),
            invoice: row.filled(self.invoice),
            currency,
            minor,
            date: self.date(row.get(self.date), row.get(self.zone))?,
        })
    }

    fn date(&self, text: &str, zone: &str) -> Result<Timestamp, String> {
        let offset = match (abbreviation(zone), self.time_zone) {
            (Abbreviation::Known(_), Some(declared)) if zone == "CST" => declared,
            (Abbreviation::Known(offset), _) | (_, Some(offset)) => offset,
            (Abbreviation::Ambiguous, None) => {
                return Err(format!(
                    "`{ZONE}` is `{zone}`, which stands for several zones; say which, for \
                     instance `time_zone=+05:30`"
                ));
            }
            (Abbreviation::Unknown, None) if zone.is_empty() => {
                return Err(format!(
                    "`{ZONE}` is empty; say the offset, for instance `time_zone=+01:00`"
                ));
            }
            (Abbreviation::Unknown, None) => {
                return Err(format!(
                    "`{ZONE}` is `{}`, which is not known; say its offset, for instance \
                     `time_zone=+01:00`",
                    shown(zone)
                ));
            }
        };
        Civil::read(text)
            .filter(|civil| civil.time.is_some() && civil.offset.is_none())
            .and_then(|civil| civil.at(Some(offset)))
            .ok_or_else(|| {
                format!(
                    "`{DATE}` is `{}`; it must be as in `2026-03-02 10:15:00`. If a spreadsheet \
                     has rewritten it, take the file as it was downloaded",
                    shown(text)
                )
            })
    }
}
