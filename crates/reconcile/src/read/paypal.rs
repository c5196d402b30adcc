//! PayPal's [settlement report](https://developer.paypal.com/docs/reports/sftp-reports/settlement-report/)
//! (STL), separated by commas or tabs.
//!
//! The first field of a row says what it is: `RH` and `FH` open report and file, `SH` a section,
//! `CH` names its columns, `SB` is a transaction, `SF` and `SC` close the section, `RF` and `RC` the
//! report, `FF` the file. Columns are found by their names, which older versions write with two
//! spaces or none. A file may hold several sections, and begin with a section.
//!
//! | what | from |
//! |---|---|
//! | kind | `Transaction Event Code` [`T1107`](https://developer.paypal.com/reports/reference/t-codes.md): a refund that the merchant gave |
//! | key | `Invoice ID`, else `Transaction ID` |
//! | invoice | `Invoice ID` |
//! | amount | `Gross Transaction Amount` in `Gross Transaction Currency`: whole, with two implied decimals in every currency, so that 100 yen are `10000`; `Transaction Debit or Credit` `DR` is a refund, `CR` money that came back |
//! | date | `Transaction Initiation Date`, else `Transaction Completion Date`, with their own offset |
//!
//! Every other code is ignored by its name; reversals and chargebacks, which PayPal or a card's
//! bank started, too.
//!
//! A section without `SC`, and a file that has `RH` or `FH` but not `FF`, were cut off. `SC` must count the
//! section's transactions, and `RC` those of the whole report, which is checked where the report has
//! only one file. What the other totals count is not published, so they are not looked at.

use std::io::Read;

use refund_ledger::Timestamp;

use crate::dates::Civil;
use crate::line::{Item, StatementLine};
use crate::money::{Currencies, PAYPAL_DECIMALS, rescale, shown, whole};
use crate::options::ColumnMap;
use crate::read::{StatementError, Visit};
use crate::rows::{Next, Row, Rows};
use crate::text::Opened;

const EXPECTED: &str = "a settlement report of PayPal (STL)";

const CODE: &str = "Transaction Event Code";
const SIDE: &str = "Transaction Debit or Credit";
const AMOUNT: &str = "Gross Transaction Amount";
const CURRENCY: &str = "Gross Transaction Currency";
const STARTED: &str = "Transaction Initiation Date";
const COMPLETED: &str = "Transaction Completion Date";
const INVOICE: &str = "Invoice ID";
const TRANSACTION: &str = "Transaction ID";

pub(super) fn read<R: Read>(
    opened: Opened<R>,
    map: &ColumnMap,
    visit: Visit<'_>,
) -> Result<(), StatementError> {
    let delimiter = map.delimiter.unwrap_or_else(|| delimiter(opened.head()));
    let mut rows = Rows::new(opened, delimiter);
    let mut reader = Reader::new(map);
    let mut last_line = 1;
    loop {
        match rows.next()? {
            Next::End => break,
            Next::Fault(fault) => {
                last_line = fault.line;
                if !reader.has_begun {
                    return Err(wrong_format(format!(
                        "line {}: {}",
                        fault.line, fault.reason
                    )));
                }
                // It may have been a transaction, so the section's count no longer tells anything.
                reader.counts_hold = false;
                visit(Item::Unreadable {
                    line: fault.line,
                    reason: fault.reason,
                });
            }
            Next::Row => {
                last_line = rows.line();
                let ended = rows.ended();
                if let Some(row) = rows.row() {
                    reader.row(row, ended, visit)?;
                }
            }
        }
    }
    reader.end(last_line, visit)
}

/// What stands behind the first field, `RH`, `FH` or `SH`.
fn delimiter(head: &[u8]) -> u8 {
    let first = head.iter().find(|byte| matches!(byte, b',' | b'\t'));
    first.copied().unwrap_or(b',')
}

fn wrong_format(seen: String) -> StatementError {
    StatementError::WrongFormat {
        expected: EXPECTED,
        seen,
    }
}

/// Where the columns of a section are.
struct Columns {
    count: usize,
    key: usize,
    key_else: Option<usize>,
    invoice: usize,
    code: usize,
    side: usize,
    amount: usize,
    currency: usize,
    started: usize,
    completed: usize,
}

/// What a file begins with, and ends with `FF`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    /// A report, by `RH`, whose file has not begun yet.
    Report,
    /// A file, by `FH`.
    File,
}

const UNFINISHED: &str = "the file has no `FF` row at its end; what may follow is missing";

struct Reader<'m> {
    map: &'m ColumnMap,
    has_begun: bool,
    columns: Option<Columns>,
    /// The line of the section that is open.
    section: Option<u64>,
    section_rows: u64,
    all_rows: u64,
    counts_hold: bool,
    /// The number that `FH` gives the file.
    file_number: Option<i64>,
    /// What has begun that no `FF` has closed.
    open: Option<Open>,
    currencies: Currencies,
}

impl<'m> Reader<'m> {
    fn new(map: &'m ColumnMap) -> Self {
        Self {
            map,
            has_begun: false,
            columns: None,
            section: None,
            section_rows: 0,
            all_rows: 0,
            counts_hold: true,
            file_number: None,
            open: None,
            currencies: Currencies::default(),
        }
    }

    fn row(&mut self, row: Row<'_>, ended: bool, visit: Visit<'_>) -> Result<(), StatementError> {
        let kind = row.get(0);
        if !self.has_begun && !matches!(kind, "RH" | "FH" | "SH") {
            return Err(wrong_format(not_begun(row)));
        }
        self.has_begun = true;
        let unreadable = |reason: String| Item::Unreadable {
            line: row.line,
            reason,
        };
        match kind {
            "SB" => match self.transaction(row, ended) {
                Ok(item) => visit(item),
                Err(reason) => visit(unreadable(reason)),
            },
            "SH" => {
                if let Some(reason) = self.unclosed() {
                    visit(unreadable(reason));
                }
                (self.section, self.section_rows, self.columns) = (Some(row.line), 0, None);
            }
            "CH" => self.columns = Some(Columns::new(row, self.map)?),
            "SC" => {
                if let Err(reason) = self.section_count(row) {
                    visit(unreadable(reason));
                }
                self.section = None;
            }
            "RC" => {
                // A report of several files counts them all.
                if self.file_number == Some(1)
                    && let Err(reason) = count("report", row, self.all_rows, self.counts_hold)
                {
                    visit(unreadable(reason));
                }
            }
            // Another report may follow in the same file.
            "RH" => {
                self.all_rows = 0;
                self.open = self.open.or(Some(Open::Report));
            }
            "FH" => {
                if self.open == Some(Open::File) {
                    visit(unreadable(UNFINISHED.into()));
                }
                self.file_number = whole("FH", row.get(1)).ok();
                self.open = Some(Open::File);
            }
            "FF" => self.open = None,
            "RF" | "SF" => {}
            other => {
                self.counts_hold = false;
                visit(unreadable(format!("`{}` is no type of row", shown(other))));
            }
        }
        Ok(())
    }

    /// Says that the section before was not closed.
    fn unclosed(&self) -> Option<String> {
        let line = self.section?;
        Some(format!(
            "the section that begins on line {line} has no `SC` row; what may follow in it is missing"
        ))
    }

    fn section_count(&self, row: Row<'_>) -> Result<(), String> {
        if self.section.is_none() {
            return Err("the `SC` row closes no section".into());
        }
        count("section", row, self.section_rows, self.counts_hold)
    }

    fn end(self, line: u64, visit: Visit<'_>) -> Result<(), StatementError> {
        if !self.has_begun {
            return Err(StatementError::Empty);
        }
        let unfinished = || self.open.map(|_| UNFINISHED.into());
        if let Some(reason) = self.unclosed().or_else(unfinished) {
            visit(Item::Unreadable { line, reason });
        }
        Ok(())
    }

    fn transaction<'a>(&mut self, row: Row<'a>, ended: bool) -> Result<Item<'a>, String> {
        self.section_rows = self.section_rows.saturating_add(1);
        self.all_rows = self.all_rows.saturating_add(1);
        let Some(columns) = &self.columns else {
            return Err("the transaction stands before the `CH` row that names its columns".into());
        };
        if row.len() < columns.count && !ended {
            return Err(
                "the file ends in the middle of this row; what may follow is missing".into(),
            );
        }
        let (fields, count) = (row.len(), columns.count);
        if fields < count || (count..fields).any(|index| !row.get(index).is_empty()) {
            return Err(format!(
                "the row has {fields} fields, but its `CH` row has {count}"
            ));
        }
        match row.get(columns.code) {
            "T1107" => {}
            "" => return Err(format!("`{CODE}` is empty")),
            code => return Ok(Item::Ignored(code)),
        }
        let currency = self.currencies.read(CURRENCY, row.get(columns.currency))?;
        let amount = whole(AMOUNT, row.get(columns.amount))?;
        if amount < 0 {
            return Err(format!(
                "`{AMOUNT}` is `{amount}`; it has no sign, `{SIDE}` says the direction"
            ));
        }
        let minor = rescale(AMOUNT, amount, PAYPAL_DECIMALS, currency)?;
        let minor = match row.get(columns.side) {
            "DR" => minor,
            "CR" => minor.saturating_neg(),
            side => {
                return Err(format!(
                    "`{SIDE}` is `{}`; it must be `DR` or `CR`",
                    shown(side)
                ));
            }
        };
        let date = match row.get(columns.started) {
            "" => date(COMPLETED, row.get(columns.completed))?,
            started => date(STARTED, started)?,
        };
        Ok(Item::Refund(StatementLine {
            line: row.line,
            key: row
                .filled(Some(columns.key))
                .or(row.filled(columns.key_else)),
            invoice: row.filled(Some(columns.invoice)),
            currency,
            minor,
            date,
        }))
    }
}

fn date(name: &str, text: &str) -> Result<Timestamp, String> {
    Civil::read(text)
        .filter(|civil| civil.time.is_some() && civil.offset.is_some())
        .and_then(|civil| civil.at(None))
        .ok_or_else(|| {
            format!(
                "`{name}` is `{}`; it must be as in `2026/03/02 10:15:00 -0800`. If a spreadsheet \
                 has rewritten it, take the file as it was downloaded",
                shown(text)
            )
        })
}

/// Compares a count of transactions with those that were read.
fn count(of: &str, row: Row<'_>, counted: u64, counts_hold: bool) -> Result<(), String> {
    let kind = row.get(0);
    let stated = whole(kind, row.get(1))?;
    if counts_hold && u64::try_from(stated) != Ok(counted) {
        return Err(format!(
            "`{kind}` says that the {of} has {stated} transactions; {counted} were read"
        ));
    }
    Ok(())
}

fn not_begun(row: Row<'_>) -> String {
    let has = |name: &str| (0..row.len()).any(|index| row.get(index) == name);
    let first = shown(row.get(0));
    if has("Time") && has("Status") {
        return "it is the activity download of the web page: get the settlement report from \
                PayPal's SFTP server or the reports page"
            .into();
    }
    format!("its first row begins with `{first}`; it must be `RH`, `FH` or `SH`")
}

/// Names are compared without spaces and case, since both have changed between versions.
fn same_name(one: &str, other: &str) -> bool {
    let letters = |name: &str| {
        name.chars()
            .filter(|c| !c.is_whitespace())
            .flat_map(char::to_lowercase)
            .collect::<String>()
    };
    letters(one) == letters(other)
}

impl Columns {
    fn new(row: Row<'_>, map: &ColumnMap) -> Result<Self, StatementError> {
        let find = |name: &str| {
            let mut found = (1..row.len()).filter(|index| same_name(row.get(*index), name));
            match (found.next(), found.next()) {
                (Some(_), Some(_)) => Err(StatementError::RepeatedColumn { name: name.into() }),
                (found, _) => Ok(found),
            }
        };
        let need = |name: &str| {
            find(name)?.ok_or_else(|| StatementError::MissingColumn {
                name: name.into(),
                seen: (1..row.len())
                    .map(|index| format!("`{}`", row.get(index)))
                    .collect::<Vec<_>>()
                    .join(", "),
            })
        };
        for own in ["Transactional Status", "Transaction Status"] {
            if find(own)?.is_some() {
                let hint = "it is a transaction detail report (TRR): take the settlement report (STL) of the same day";
                return Err(wrong_format(hint.into()));
            }
        }
        let (key, key_else) = match &map.key {
            Some(name) => (need(name)?, None),
            None => (need(INVOICE)?, Some(need(TRANSACTION)?)),
        };
        // Where rows end with a delimiter, an empty field follows the last.
        let count = (0..row.len())
            .rev()
            .find(|index| !row.get(*index).is_empty());
        Ok(Self {
            count: count.map_or(0, |last| last.saturating_add(1)),
            key,
            key_else,
            invoice: need(map.invoice.as_deref().unwrap_or(INVOICE))?,
            code: need(CODE)?,
            side: need(SIDE)?,
            amount: need(AMOUNT)?,
            currency: need(CURRENCY)?,
            started: need(STARTED)?,
            completed: need(COMPLETED)?,
        })
    }
}
