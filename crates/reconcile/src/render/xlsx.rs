//! A workbook for spreadsheets.

use std::io::{self, Write};

use refund_ledger::{Currency, Timestamp};
use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError,
};

use super::About;
use super::cell::{clipped, day_and_time, major};
use super::sums::{Sum, Sums, of_reason};
use super::words::{self, counted};
use crate::report::{Break, Proposal, Reason, Report};

/// How many rows a sheet has below its header, at most.
const ROWS_MAX: usize = 1_048_575;

/// A cell holds 32,767 units of UTF-16, of which a character takes up to two.
const CHARACTERS_MAX: usize = 16_000;

/// Spreadsheets show fifteen digits and zeros behind them: what has more is written as text.
const EXACT_BELOW: u128 = 1_000_000_000_000_000;

/// Writes the report as a workbook: a sheet that says what was found, one of the breaks, and one of
/// the proposals where there are any.
///
/// Amounts are numbers in major units, shown with all decimals of their currency; one of more than
/// fifteen digits, which a spreadsheet would round, is text. Dates are dates, in UTC, to the second;
/// one before 1900 is text. Texts are never formulas; one of more than 16,000 characters is cut, and
/// says so. What does not fit onto one sheet goes on with the next.
///
/// The whole workbook is in memory: about 1.6 KB for each break, 1.6 GB for a million, where CSV and
/// JSON need nothing. In a browser it has to be built by wasm-bindgen, since the workbook's library
/// asks JavaScript for the time; what it answers is not in the file.
///
/// # Errors
/// Where `out` can't be written to.
pub fn write_xlsx(report: &Report, about: &About<'_>, out: &mut dyn Write) -> io::Result<()> {
    // Into memory first, since what zips it complains on standard error where it can't finish.
    let bytes = workbook(report, about, ROWS_MAX)
        .and_then(|mut workbook| workbook.save_to_buffer())
        .map_err(io::Error::other)?;
    out.write_all(&bytes)?;
    out.flush()
}

fn workbook(report: &Report, about: &About<'_>, rows_max: usize) -> Result<Workbook, XlsxError> {
    let formats = Formats::new();
    let mut workbook = Workbook::new();
    let properties = DocProperties::new().set_title(cell(about.title));
    // What a spreadsheet's calendar does not have is told as its first day, and so is what is not told:
    // else the library would tell the time of now.
    let made_at = about.made_at.and_then(excel);
    let made_at = made_at.map_or_else(|| ExcelDateTime::from_ymd(1900, 1, 1), Ok)?;
    workbook.set_properties(&properties.set_creation_datetime(&made_at));
    summary(report, about, workbook.add_worksheet(), &formats)?;
    let mut breaks = report.breaks.chunks(rows_max).peekable();
    if breaks.peek().is_none() {
        let sheet = workbook.add_worksheet().set_name("Breaks")?;
        list(sheet, &BREAKS, 0, &formats)?;
    }
    for (number, breaks) in (1_u32..).zip(breaks) {
        let sheet = workbook
            .add_worksheet()
            .set_name(numbered("Breaks", number))?;
        list(sheet, &BREAKS, breaks.len(), &formats)?;
        for (row, found) in (1..).zip(breaks) {
            break_row(sheet, row, found, &formats)?;
        }
    }
    for (number, proposals) in (1_u32..).zip(report.proposals.chunks(rows_max)) {
        let sheet = workbook
            .add_worksheet()
            .set_name(numbered("Proposals", number))?;
        list(sheet, &PROPOSALS, proposals.len(), &formats)?;
        for (row, proposal) in (1..).zip(proposals) {
            proposal_row(sheet, row, proposal, &formats)?;
        }
    }
    Ok(workbook)
}

fn numbered(name: &str, number: u32) -> String {
    match number {
        1 => name.to_owned(),
        _ => format!("{name} {number}"),
    }
}

/// How cells look.
struct Formats {
    title: Format,
    header: Format,
    bold: Format,
    date: Format,
    /// Of an amount that is text.
    right: Format,
    /// Of amounts, by the decimals of their currency.
    amounts: [Format; 5],
}

impl Formats {
    fn new() -> Self {
        let amount = |code: &str| Format::new().set_num_format(code);
        Self {
            title: Format::new().set_bold().set_font_size(16),
            header: Format::new().set_bold().set_background_color("DDE3EA"),
            bold: Format::new().set_bold(),
            date: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
            right: Format::new().set_align(FormatAlign::Right),
            amounts: [
                amount("#,##0"),
                amount("#,##0.0"),
                amount("#,##0.00"),
                amount("#,##0.000"),
                amount("#,##0.0000"),
            ],
        }
    }

    fn amount(&self, currency: Currency) -> Option<&Format> {
        self.amounts.get(usize::from(currency.exponent()))
    }
}

/// A column of a list: its name, and how wide it is in characters.
type Column = (&'static str, u8);

const BREAKS: [Column; 12] = [
    ("Reason", 28),
    ("Reference", 30),
    ("Line", 10),
    ("Statement date", 20),
    ("Refund", 38),
    ("Ledger date", 20),
    ("Currency", 10),
    ("Statement", 16),
    ("Ledger", 16),
    ("Difference", 16),
    ("Pair", 8),
    ("What is wrong with the line", 60),
];

const PROPOSALS: [Column; 5] = [
    ("Reference", 30),
    ("Line", 10),
    ("Refund", 38),
    ("Currency", 10),
    ("Amount", 16),
];

/// Begins a list: a header that stays, and can be filtered by.
fn list(
    sheet: &mut Worksheet,
    columns: &[Column],
    rows: usize,
    formats: &Formats,
) -> Result<(), XlsxError> {
    for (at, (name, width)) in (0..).zip(columns) {
        sheet.write_string_with_format(0, at, *name, &formats.header)?;
        sheet.set_column_width(at, *width)?;
    }
    let last_column = u16::try_from(columns.len().saturating_sub(1)).unwrap_or(u16::MAX);
    sheet.autofilter(0, 0, u32::try_from(rows).unwrap_or(u32::MAX), last_column)?;
    sheet.set_freeze_panes(1, 0)?;
    sheet.set_repeat_rows(0, 0)?;
    sheet.set_landscape();
    sheet.set_print_fit_to_pages(1, 0);
    Ok(())
}

fn break_row(
    sheet: &mut Worksheet,
    row: u32,
    found: &Break,
    formats: &Formats,
) -> Result<(), XlsxError> {
    sheet.write_string(row, 0, found.reason.title())?;
    text(sheet, row, 1, found.key.as_deref())?;
    number(sheet, row, 2, found.line)?;
    date(sheet, row, 3, found.statement_date, formats)?;
    if let Some(id) = found.refund_id {
        sheet.write_string(row, 4, id.to_string())?;
    }
    date(sheet, row, 5, found.ledger_date, formats)?;
    if let Some(sides) = found.sides {
        let currency = sides.currency;
        sheet.write_string(row, 6, currency.code())?;
        amount(sheet, row, 7, sides.statement_minor, currency, formats)?;
        amount(sheet, row, 8, sides.ledger_minor, currency, formats)?;
        amount(sheet, row, 9, sides.difference_minor(), currency, formats)?;
    }
    number(sheet, row, 10, found.pair.map(u64::from))?;
    text(sheet, row, 11, found.message.as_deref())
}

fn proposal_row(
    sheet: &mut Worksheet,
    row: u32,
    proposal: &Proposal,
    formats: &Formats,
) -> Result<(), XlsxError> {
    text(sheet, row, 0, proposal.key.as_deref())?;
    number(sheet, row, 1, Some(proposal.line))?;
    sheet.write_string(row, 2, proposal.refund_id.to_string())?;
    sheet.write_string(row, 3, proposal.currency.code())?;
    amount(
        sheet,
        row,
        4,
        proposal.minor.into(),
        proposal.currency,
        formats,
    )
}

/// What was found, and of what.
fn summary(
    report: &Report,
    about: &About<'_>,
    sheet: &mut Worksheet,
    formats: &Formats,
) -> Result<(), XlsxError> {
    sheet.set_name("Summary")?;
    sheet.set_column_width(0, 36)?;
    for column in 1..=5 {
        sheet.set_column_width(column, 18)?;
    }
    sheet.set_landscape();
    sheet.set_print_fit_to_pages(1, 0);
    let mut rows = Rows { sheet, next: 0 };
    let verdict = words::verdict(report, about);
    let title = cell(about.title);
    rows.add(|sheet, row| sheet.write_string_with_format(row, 0, title, &formats.title))?;
    let heading = verdict.heading;
    rows.add(|sheet, row| sheet.write_string_with_format(row, 0, heading, &formats.bold))?;
    for sentence in verdict.sentences {
        rows.add(|sheet, row| sheet.write_string(row, 0, sentence))?;
    }
    rows.skip();
    for (name, value) in inputs(report, about) {
        rows.add(|sheet, row| {
            sheet
                .write_string(row, 0, name)?
                .write_string(row, 1, value)
        })?;
    }
    counts(report, &mut rows, formats)?;
    totals(report, &mut rows, formats)?;
    reasons(report, &mut rows, formats)
}

/// What was compared, and how.
fn inputs(report: &Report, about: &About<'_>) -> Vec<(&'static str, String)> {
    let options = &about.options;
    let mut inputs = vec![
        ("Statement", cell(about.statement)),
        ("Source", report.source.title().to_owned()),
        ("Ledger", cell(about.ledger)),
    ];
    inputs.extend(about.org.map(|org| ("Org", cell(org))));
    let days = u64::from(options.period.window_days);
    inputs.extend([
        ("Period (UTC)", words::period(about)),
        (
            "A refund and its line may be apart",
            counted(days, "day", "days"),
        ),
        ("Differences let pass", words::tolerance(about)),
    ]);
    let made_at = about.made_at.map(day_and_time);
    inputs.extend(made_at.map(|made_at| ("Made on (UTC)", made_at)));
    inputs
}

fn counts(report: &Report, rows: &mut Rows<'_>, formats: &Formats) -> Result<(), XlsxError> {
    let counts = &report.statement;
    rows.skip();
    rows.header(&["Lines of the statement", "Lines"], formats)?;
    let unreadable = of_reason(report, Reason::UnreadableLine).count();
    for (name, count) in [
        ("all", counts.lines),
        ("about refunds", counts.refund_lines),
        ("agree with the ledger", report.matched),
        ("can't be read", words::length(unreadable)),
    ] {
        rows.add(|sheet, row| {
            sheet.write_string(row, 0, name)?;
            number(sheet, row, 1, Some(count))?;
            Ok(sheet)
        })?;
    }
    for (kind, count) in &counts.ignored {
        let kind = cell(&format!("left out: {kind}"));
        rows.add(|sheet, row| {
            sheet.write_string(row, 0, kind)?;
            number(sheet, row, 1, Some(*count))?;
            Ok(sheet)
        })?;
    }
    Ok(())
}

/// The sums of each currency, and what they are made of.
fn totals(report: &Report, rows: &mut Rows<'_>, formats: &Formats) -> Result<(), XlsxError> {
    let sums = Sums::of(report);
    rows.skip();
    let header = [
        "Totals",
        "Currency",
        "Breaks",
        "Statement",
        "Ledger",
        "Difference",
    ];
    rows.header(&header, formats)?;
    for (currency, totals) in &report.totals {
        for (name, sum) in sums.made_of(*currency, totals) {
            rows.sum(name, *currency, &sum, formats)?;
        }
    }
    Ok(())
}

/// What each reason means, and what to do about it.
fn reasons(report: &Report, rows: &mut Rows<'_>, formats: &Formats) -> Result<(), XlsxError> {
    if report.breaks.is_empty() {
        return Ok(());
    }
    rows.skip();
    rows.header(
        &["Reasons", "Breaks", "What it means, and what to do"],
        formats,
    )?;
    for reason in Reason::ALL {
        let count = words::length(of_reason(report, reason).count());
        if count > 0 {
            let words = format!("{} {}", reason.meaning(), reason.advice());
            rows.add(|sheet, row| {
                sheet.write_string(row, 0, reason.title())?;
                number(sheet, row, 1, Some(count))?;
                sheet.write_string(row, 2, words)
            })?;
        }
    }
    Ok(())
}

/// A sheet that is written from top to bottom.
struct Rows<'a> {
    sheet: &'a mut Worksheet,
    next: u32,
}

impl Rows<'_> {
    fn skip(&mut self) {
        self.next = self.next.saturating_add(1);
    }

    fn add(
        &mut self,
        write: impl FnOnce(&mut Worksheet, u32) -> Result<&mut Worksheet, XlsxError>,
    ) -> Result<(), XlsxError> {
        write(self.sheet, self.next)?;
        self.skip();
        Ok(())
    }

    fn header(&mut self, names: &[&str], formats: &Formats) -> Result<(), XlsxError> {
        self.add(|sheet, row| {
            for (at, name) in (0..).zip(names) {
                sheet.write_string_with_format(row, at, *name, &formats.header)?;
            }
            Ok(sheet)
        })
    }

    fn sum(
        &mut self,
        name: &str,
        currency: Currency,
        sum: &Sum,
        formats: &Formats,
    ) -> Result<(), XlsxError> {
        self.add(|sheet, row| {
            sheet.write_string(row, 0, name)?;
            sheet.write_string(row, 1, currency.code())?;
            number(sheet, row, 2, Some(sum.breaks))?;
            amount(sheet, row, 3, sum.statement_minor, currency, formats)?;
            amount(sheet, row, 4, sum.ledger_minor, currency, formats)?;
            amount(sheet, row, 5, sum.difference_minor(), currency, formats)?;
            Ok(sheet)
        })
    }
}

/// A text as a cell can hold it.
fn cell(text: &str) -> String {
    match clipped(text, CHARACTERS_MAX) {
        (all, None) => all.to_owned(),
        (shown, Some(characters)) => format!("{shown}… ({characters} characters)"),
    }
}

fn text(sheet: &mut Worksheet, row: u32, column: u16, text: Option<&str>) -> Result<(), XlsxError> {
    if let Some(text) = text {
        sheet.write_string(row, column, cell(text))?;
    }
    Ok(())
}

fn number(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    number: Option<u64>,
) -> Result<(), XlsxError> {
    match number {
        None => {}
        Some(count) => match double(count.into(), 0) {
            Some(double) => {
                sheet.write_number(row, column, double)?;
            }
            None => {
                sheet.write_string(row, column, count.to_string())?;
            }
        },
    }
    Ok(())
}

fn amount(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    minor: i128,
    currency: Currency,
    formats: &Formats,
) -> Result<(), XlsxError> {
    match (double(minor, currency.exponent()), formats.amount(currency)) {
        (Some(double), Some(format)) => {
            sheet.write_number_with_format(row, column, double, format)?;
        }
        _ => {
            sheet.write_string_with_format(row, column, major(minor, currency), &formats.right)?;
        }
    }
    Ok(())
}

/// Minor units in major ones, where a spreadsheet shows all their digits.
fn double(minor: i128, decimals: u8) -> Option<f64> {
    // Both are whole and below 2^53, so the quotient is the double nearest to the decimal, whose
    // shortest text, up to fifteen digits, is the same decimal.
    #[expect(clippy::cast_precision_loss, reason = "below 10^15 nothing is lost")]
    (minor.unsigned_abs() < EXACT_BELOW).then(|| minor as f64 / 10_f64.powi(i32::from(decimals)))
}

fn date(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    date: Option<Timestamp>,
    formats: &Formats,
) -> Result<(), XlsxError> {
    let Some(date) = date else {
        return Ok(());
    };
    match excel(date) {
        Some(day) => sheet.write_datetime_with_format(row, column, day, &formats.date)?,
        None => sheet.write_string(row, column, date.to_string())?,
    };
    Ok(())
}

/// Where a spreadsheet's calendar has it: not before 1900.
fn excel(instant: Timestamp) -> Option<ExcelDateTime> {
    ExcelDateTime::from_timestamp(instant.unix_seconds()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Source;
    use crate::reconciliation::{ReconcileOptions, Reconciliation};

    fn about() -> About<'static> {
        About {
            title: "Refunds",
            statement: "statement.csv",
            ledger: "refunds.db",
            org: None,
            options: ReconcileOptions::default(),
            made_at: Some("1899-12-31T00:00:00Z".parse().unwrap()),
        }
    }

    #[test]
    fn what_does_not_fit_onto_a_sheet_goes_on_with_the_next() {
        let empty = Reconciliation::new(Source::Csv, ReconcileOptions::default());
        let mut report = empty.finish().unwrap();
        let one = Break {
            reason: Reason::UnreadableLine,
            line: Some(1),
            statement_date: None,
            key: None,
            refund_id: None,
            ledger_date: None,
            sides: None,
            pair: None,
            message: None,
        };
        for (breaks, sheets) in [
            (0, vec!["Summary", "Breaks"]),
            (3, vec!["Summary", "Breaks"]),
            (4, vec!["Summary", "Breaks", "Breaks 2"]),
            (7, vec!["Summary", "Breaks", "Breaks 2", "Breaks 3"]),
        ] {
            report.breaks = vec![one.clone(); breaks];
            let mut workbook = workbook(&report, &about(), 3).unwrap();
            let names: Vec<_> = workbook.worksheets().iter().map(Worksheet::name).collect();
            assert_eq!(names, sheets);
            assert!(workbook.save_to_buffer().is_ok());
        }
    }

    #[test]
    fn numbers_have_at_most_fifteen_digits() {
        for (minor, decimals, number) in [
            (0, 2, Some(0.0)),
            (-5, 2, Some(-0.05)),
            (1_234_567, 3, Some(1_234.567)),
            (999_999_999_999_999, 2, Some(9_999_999_999_999.99)),
            (1_000_000_000_000_000, 2, None),
            (i128::MIN, 0, None),
        ] {
            assert_eq!(double(minor, decimals), number, "{minor}");
        }
    }
}
