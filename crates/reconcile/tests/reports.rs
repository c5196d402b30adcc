//! Reports as they are written, beside files that a person has read.
//!
//! After a change that is meant: `UPDATE_GOLDEN=1 cargo test -p refund-reconcile --all-features
//! --test reports`, then read the diff.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_docs_in_private_items,
    reason = "tests fail by panicking"
)]

#[path = "common/reports.rs"]
mod reports;
#[path = "common/sides.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod sides;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

use refund_ledger::minor_to_decimal;
use refund_reconcile::{About, Reason, Report, write_csv, write_html, write_json};
use serde_json::Value;

fn about(title: &str) -> About<'_> {
    About {
        title,
        statement: "settlement_detail_report_batch_7.csv",
        ledger: "refunds.db",
        org: Some("acme"),
        options: reports::options(),
        made_at: Some("2026-04-01T08:00:00Z".parse().unwrap()),
    }
}

/// Each report by its name, with what it says of itself.
fn all() -> Vec<(&'static str, Report, About<'static>)> {
    let hostile = About {
        title: "</title><script>alert(1)</script>",
        statement: "=1+1.csv",
        ledger: "\"><b>.db",
        org: Some("a\u{202e}b"),
        ..about("")
    };
    vec![
        (
            "all_kinds",
            reports::all_kinds(),
            about("Refunds of March 2026"),
        ),
        (
            "incomplete",
            reports::incomplete(),
            about("Refunds of March 2026"),
        ),
        (
            "agreeing",
            reports::agreeing(),
            about("Refunds of March 2026"),
        ),
        ("empty", reports::empty(), about("Refunds of March 2026")),
        ("hostile", reports::hostile(), hostile),
    ]
}

fn json(report: &Report) -> String {
    let mut out = Vec::new();
    write_json(report, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn csv(report: &Report) -> String {
    let mut out = Vec::new();
    write_csv(report, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn html(report: &Report, about: &About<'_>) -> String {
    let mut out = Vec::new();
    write_html(report, about, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[track_caller]
fn check(name: &str, actual: &str) {
    let path: PathBuf = [
        env!("CARGO_MANIFEST_DIR"),
        "tests",
        "golden",
        "reports",
        name,
    ]
    .iter()
    .collect();
    #[allow(
        clippy::disallowed_methods,
        reason = "a test is told by the environment to write"
    )]
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    if update {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = expected
        .lines()
        .zip(actual.lines())
        .find(|(one, other)| one != other);
    assert!(
        expected == actual,
        "tests/golden/reports/{name} is not what is written now, first here: {differs:?}. If that \
         is meant, run `UPDATE_GOLDEN=1 cargo test -p refund-reconcile --all-features --test \
         reports`, and read the diff."
    );
}

#[test]
fn reports_are_as_they_were() {
    for (name, report, about) in all() {
        check(&format!("{name}.json"), &json(&report));
        check(&format!("{name}.csv"), &csv(&report));
        check(
            &format!("{name}.html"),
            &without_style_and_script(&html(&report, &about)),
        );
    }
}

/// Both have their own files, and their hashes stay.
fn without_style_and_script(html: &str) -> String {
    let style = between(html, "<style>", "</style>");
    let script = between(html, "<script>", "</script>");
    html.replace(style, "…").replace(script, "…")
}

#[test]
fn the_samples_have_every_kind_of_break() {
    let report = reports::all_kinds();
    for reason in Reason::ALL {
        assert!(
            report.breaks.iter().any(|found| found.reason == reason),
            "{reason}"
        );
    }
    assert_eq!(report.proposals.len(), 1);
}

/// A whole number of JSON, or one in a string.
fn whole(value: &Value) -> i128 {
    match value {
        Value::String(text) => text.parse().unwrap(),
        other => other.as_i64().unwrap().into(),
    }
}

#[test]
fn in_json_the_totals_are_the_sums_of_the_breaks() {
    for (name, report, _) in all() {
        let json: Value = serde_json::from_str(&json(&report)).unwrap();
        let mut differences = BTreeMap::new();
        for found in json["breaks"].as_array().unwrap() {
            let minor = |field: &str| whole(&found[field]);
            if let Some(currency) = found["currency"].as_str() {
                let difference = minor("difference_minor");
                assert_eq!(difference, minor("statement_minor") - minor("ledger_minor"));
                *differences.entry(currency).or_insert(0) += difference;
            } else {
                assert_eq!(found["reason"], "unreadable_line");
                assert!(found["message"].is_string());
                assert!(found["difference_minor"].is_null());
            }
            assert_eq!(
                found.get("pair").is_some(),
                found["reason"] == "currency_mismatch"
            );
        }
        for (currency, totals) in json["totals"].as_object().unwrap() {
            let minor = |field: &str| whole(&totals[field]);
            let breaks = differences.remove(currency.as_str()).unwrap_or(0);
            assert_eq!(
                minor("difference_minor"),
                breaks + minor("tolerated_minor"),
                "{name}: {currency}"
            );
            assert_eq!(
                minor("difference_minor"),
                minor("statement_minor") - minor("ledger_minor")
            );
        }
        assert!(
            differences.is_empty(),
            "{name}: each currency has its totals"
        );
        assert_eq!(json["incomplete"], report.is_incomplete());
    }
}

#[test]
fn json_has_the_fields_that_are_promised() {
    let json: Value = serde_json::from_str(&json(&reports::all_kinds())).unwrap();
    let names =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(
        names(&json),
        [
            "breaks",
            "incomplete",
            "matched",
            "proposals",
            "source",
            "statement",
            "totals"
        ]
    );
    assert_eq!(
        names(&json["statement"]),
        ["ignored", "lines", "refund_lines"]
    );
    assert_eq!(
        names(&json["breaks"][0]),
        [
            "currency",
            "difference_minor",
            "key",
            "ledger_minor",
            "line",
            "reason",
            "refund_id",
            "statement_minor"
        ]
    );
    assert_eq!(
        names(&json["totals"]["EUR"]),
        [
            "difference_minor",
            "ledger_minor",
            "statement_minor",
            "tolerated_minor"
        ]
    );
}

#[test]
fn csv_reads_back_and_no_text_is_a_formula() {
    for (name, report, _) in all() {
        let text = csv(&report);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().unwrap().clone();
        let at = |column: &str| header.iter().position(|name| name == column).unwrap();
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), report.breaks.len(), "{name}");
        for (row, found) in rows.iter().zip(&report.breaks) {
            let cell = |column: &str| &row[at(column)];
            let key = found.key.as_deref().unwrap_or_default();
            let without_apostrophes = |text: &str| text.replace('\'', "");
            assert_eq!(
                without_apostrophes(cell("key")),
                without_apostrophes(key),
                "{name}"
            );
            for column in ["key", "message"] {
                let runs = ['=', '+', '-', '@', '＝', '\t', '\r', '\n', '\0'];
                assert!(!cell(column).starts_with(runs), "{row:?}");
                // Where decimals have a comma, spreadsheets begin a cell behind each semicolon.
                let formulas = ['=', '+', '-', '@', '＝'];
                let mut behind = cell(column).split([';', '\t', '\n']);
                assert!(
                    behind.all(|cell| !cell.trim_start().starts_with(formulas)),
                    "{row:?}"
                );
            }
            let Some(sides) = found.sides else {
                assert_eq!(cell("difference"), "");
                continue;
            };
            let difference = sides.difference_minor();
            assert_eq!(cell("difference_minor"), difference.to_string());
            let shortest = minor_to_decimal(difference, sides.currency);
            assert!(cell("difference").starts_with(&shortest), "{row:?}");
        }
    }
}

/// What stands between two texts, for the first time.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap();
    rest.split_once(end).unwrap().0
}

#[test]
fn no_text_becomes_markup() {
    let (_, report, about) = all().pop().unwrap();
    let html = html(&report, &about);
    let (page, script) = html.split_once("<script>").unwrap();
    assert_eq!(script.matches("<script").count(), 0, "one script, ours");
    let (_, body) = page.split_once("<body>").unwrap();
    for found in [
        "<img",
        "<b>.db",
        "onerror=alert(1)>",
        "\u{202e}",
        "\0",
        "\u{200b}",
    ] {
        assert!(!body.contains(found), "{found:?}");
    }
    assert!(body.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(body.contains("… (10,000 characters)"));
    // No tag has an attribute that runs something or loads something.
    for tag in body
        .split('<')
        .skip(1)
        .map(|rest| rest.split('>').next().unwrap())
    {
        for attribute in [" on", " style=", " src=", " href=\"h", "javascript:"] {
            assert!(!tag.contains(attribute), "<{tag}>");
        }
    }
}

#[test]
fn the_page_says_first_how_it_ended() {
    for (name, heading) in [
        (
            "all_kinds",
            "The statement and the ledger do not agree, and the result is incomplete",
        ),
        (
            "incomplete",
            "What could be read agrees, but the result is incomplete",
        ),
        ("agreeing", "The statement and the ledger agree"),
        ("empty", "There was nothing to compare"),
    ] {
        let (_, report, about) = all()
            .into_iter()
            .find(|(known, ..)| *known == name)
            .unwrap();
        let html = html(&report, &about);
        assert_eq!(
            between(&html, "<h2 id=\"verdict\">", "</h2>"),
            heading,
            "{name}"
        );
    }
}

#[test]
fn what_the_page_points_at_is_there_once() {
    for (name, report, about) in all() {
        let html = html(&report, &about);
        let (_, body) = html.split_once("<body>").unwrap();
        let values = |before: &str| -> Vec<&str> {
            let parts = body.split(before).skip(1);
            parts.map(|rest| rest.split('"').next().unwrap()).collect()
        };
        let ids = values(" id=\"");
        for target in [
            values("href=\"#"),
            values("labelledby=\""),
            values("<label for=\""),
        ]
        .concat()
        {
            let there = ids.iter().filter(|id| **id == target).count();
            assert_eq!(there, 1, "{name}: {target}");
        }
        let reasons: BTreeSet<_> = report.breaks.iter().map(|found| found.reason).collect();
        assert_eq!(values("href=\"#").len(), reasons.len(), "{name}");
    }
}

#[test]
fn the_page_forbids_itself_the_network() {
    let html = html(&reports::all_kinds(), &about("Refunds"));
    let policy = between(&html, "Content-Security-Policy\" content=\"", "\"");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(
        !policy.contains("unsafe") && !policy.contains("http"),
        "{policy}"
    );
    assert!(!html.contains("http:") && !html.contains("https:") && !html.contains("url("));
}

/// A disk that is full after so many bytes.
struct Full {
    left: usize,
}

impl io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self
            .left
            .checked_sub(bytes.len())
            .ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_report_that_could_not_be_written_whole_is_an_error() {
    let (report, about) = (reports::all_kinds(), about("Refunds"));
    for (name, length) in [
        ("json", json(&report).len()),
        ("csv", csv(&report).len()),
        ("html", html(&report, &about).len()),
    ] {
        for (left, fits) in [(length, true), (length - 1, false), (0, false)] {
            let mut out = Full { left };
            let written = match name {
                "json" => write_json(&report, &mut out),
                "csv" => write_csv(&report, &mut out),
                _ => write_html(&report, &about, &mut out),
            };
            let kind = written.err().map(|error| error.kind());
            let expected = (!fits).then_some(io::ErrorKind::StorageFull);
            assert_eq!(
                kind, expected,
                "{name} with room for {left} of {length} bytes"
            );
        }
    }
}

/// A report with so many breaks of one kind.
fn many(count: u8) -> Report {
    let mut report = reports::empty();
    let sample = reports::all_kinds().breaks.swap_remove(0);
    report.breaks = vec![sample; usize::from(count) * 100];
    report
}

#[test]
fn the_page_lists_the_largest_and_says_how_many_more_there_are() {
    let all_shown = html(&many(20), &about("Refunds"));
    assert!(!all_shown.contains("not listed here"));
    let clipped = html(&many(21), &about("Refunds"));
    assert_eq!(clipped.matches("<tr><td>").count(), 2_000);
    assert!(clipped.contains(
        "These are 2,000 of 2,100, the largest differences. 100 more are not listed here; the \
         reports in CSV and JSON have all."
    ));
    assert_eq!(csv(&many(21)).lines().count(), 2_101);
}

#[cfg(feature = "xlsx")]
mod workbook {
    use std::fmt::Write as _;
    use std::io::{Cursor, Read as _};

    use refund_reconcile::write_xlsx;

    use super::{About, Report, all, check};

    fn xlsx(report: &Report, about: &About<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        write_xlsx(report, about, &mut out).unwrap();
        out
    }

    /// The files inside, one behind the other, a tag a line.
    fn parts(bytes: &[u8]) -> String {
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let names = archive.file_names();
        let mut names: Vec<_> = names.map(|name| name.unwrap().into_owned()).collect();
        names.sort();
        let mut all = String::new();
        // The theme is as long as the rest, and never ours.
        for name in names.into_iter().filter(|name| !name.contains("theme")) {
            let mut text = String::new();
            archive
                .by_name(&name)
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
            writeln!(all, "== {name}\n{}", text.replace("><", ">\n<")).unwrap();
        }
        all
    }

    #[test]
    fn workbooks_are_as_they_were_and_the_same_each_time() {
        for (name, report, about) in all() {
            let bytes = xlsx(&report, &about);
            check(&format!("{name}.xlsx.txt"), &parts(&bytes));
            // Another second must not show.
            assert_eq!(bytes, xlsx(&report, &about), "{name}");
        }
    }

    #[test]
    fn no_cell_is_a_formula() {
        for (name, report, about) in all() {
            let parts = parts(&xlsx(&report, &about));
            assert!(!parts.contains("<f>") && !parts.contains("<f "), "{name}");
        }
    }

    #[test]
    fn a_workbook_that_could_not_be_written_whole_is_an_error() {
        let (_, report, about) = all().swap_remove(0);
        let left = xlsx(&report, &about).len() - 1;
        assert!(write_xlsx(&report, &about, &mut super::Full { left }).is_err());
    }

    #[test]
    fn it_was_made_when_the_caller_says() {
        let (_, report, about) = all().swap_remove(0);
        let parts = parts(&xlsx(&report, &about));
        assert!(
            parts.contains(">2026-04-01T08:00:00Z</dcterms:created>"),
            "{parts}"
        );
        assert!(
            parts.contains(">2026-04-01T08:00:00Z</dcterms:modified>"),
            "{parts}"
        );
        let untold = About {
            made_at: None,
            ..about
        };
        let parts = super::html(&report, &untold) + &self::parts(&xlsx(&report, &untold));
        assert!(!parts.contains("Made on"), "{parts}");
        assert!(
            parts.contains(">1900-01-01T00:00:00Z</dcterms:created>"),
            "{parts}"
        );
    }
}
