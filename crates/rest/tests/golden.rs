//! The table of requests and responses (`tests/golden`), byte for byte. The npm package runs the
//! same files.
//!
//! After a change that is meant: `UPDATE_GOLDEN=1 cargo test -p refund-rest --test golden`, then read
//! the diff.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod common;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use common::Seen;
use refund_ledger::ErrorCode;
use table::coverage::{Answered, complaints, wanted};
use table::plain_json::is_plain;
use table::{ResponseForm, Scenario, Step, Table, folder, read_all, text_of};

/// Steps beside their responses.
fn steps<'a>(
    table: &'a Table,
    responses: &'a [Vec<Seen>],
) -> impl Iterator<Item = (&'a Scenario, &'a Step, &'a Seen)> {
    table
        .scenarios
        .iter()
        .zip(responses)
        .flat_map(|(scenario, responses)| {
            let steps = scenario.steps.iter().zip(responses);
            steps.map(move |(step, seen)| (scenario, step, seen))
        })
}

#[test]
fn every_request_is_answered_as_its_file_says() {
    #[allow(
        clippy::disallowed_methods,
        reason = "a test is told by the environment to write"
    )]
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut differences = Vec::new();
    for (name, table) in read_all() {
        let responses = table.play();
        let laid_out = table.laid_out(&responses);
        if update {
            std::fs::write(folder().join(&name), laid_out).expect("the file can be written");
            continue;
        }
        let before = differences.len();
        for (scenario, step, seen) in steps(&table, &responses) {
            let expected = step.response.as_ref().map(ResponseForm::seen);
            if expected.as_ref() != Some(seen) {
                differences.push(format!(
                    "{name}, {}, {}: {} {}\nexpected: {expected:?}\nanswered: {seen:?}",
                    scenario.name, step.about, step.request.method, step.request.path
                ));
            }
        }
        if differences.len() == before && laid_out != text_of(&name) {
            differences.push(format!("{name} is not laid out as it would be written"));
        }
    }
    assert!(
        differences.is_empty(),
        "{}\n\nIf that is meant, run `UPDATE_GOLDEN=1 cargo test -p refund-rest --test golden`, read \
         the diff line by line, and say in CHANGELOG.md what users will notice.",
        differences.join("\n\n")
    );
}

#[test]
fn a_response_tells_nothing_about_the_store() {
    for (name, table) in read_all() {
        for (scenario, step, seen) in steps(&table, &table.play()) {
            assert!(
                !format!("{seen:?}").contains("secret"),
                "{name}, {}, {}: {seen:?}",
                scenario.name,
                step.about
            );
        }
    }
}

#[test]
fn bodies_that_stand_as_json_are_the_same_in_every_language() {
    for (name, _) in read_all() {
        for line in text_of(&name).lines() {
            if let Some(json) = line.trim_start().strip_prefix("\"json\": ") {
                let json = json.strip_suffix(',').unwrap_or(json);
                assert!(is_plain(json), "{name}: {json}");
            }
        }
    }
}

#[test]
fn names_tell_scenarios_apart() {
    let mut taken = BTreeMap::new();
    for (file, table) in read_all() {
        for scenario in &table.scenarios {
            let other = taken.insert(scenario.name.clone(), file.clone());
            assert_eq!(other, None, "`{}` is there twice", scenario.name);
        }
    }
}

fn seen_in_the_table() -> BTreeSet<Answered> {
    let mut seen = BTreeSet::new();
    for (_, table) in read_all() {
        for (_, step, response) in steps(&table, &table.play()) {
            if step.request.method != "HEAD" {
                let operation = step.request.operation();
                seen.insert((operation, response.status, response.code()));
            }
        }
    }
    seen
}

#[test]
fn each_operation_is_answered_in_every_way_that_it_has() {
    let complaints = complaints(&seen_in_the_table());
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn every_code_is_wanted_of_some_operation() {
    let codes: BTreeSet<String> = wanted().into_iter().filter_map(|(.., code)| code).collect();
    for code in ErrorCode::ALL {
        assert!(codes.contains(code.as_str()), "`{code}`");
    }
    assert_eq!(codes.len(), ErrorCode::ALL.len() + 2);
}

#[test]
fn a_table_that_lacks_an_answer_is_found_out() {
    let whole = wanted();
    assert_eq!(complaints(&whole), Vec::<String>::new());
    for answered in &whole {
        let mut lacking = whole.clone();
        lacking.remove(answered);
        assert_eq!(complaints(&lacking).len(), 1, "without {answered:?}");
    }
    let mut foreign = whole.clone();
    foreign.insert((whole.iter().next_back().unwrap().0, 418, None));
    assert_eq!(complaints(&foreign).len(), 1, "with a status of nobody's");
}

#[test]
fn plain_text_comes_back_as_it_was() {
    for plain in [
        "{}",
        "[]",
        r#"{"a":12.1,"b":[true,false,null,0,121,999999999999999]}"#,
        r#"{"a":"\"ä\\\n\u0001"}"#,
        r#"{"a":"7","b7":""}"#,
    ] {
        assert!(is_plain(plain), "{plain}");
    }
    for other in [
        "",
        " {}",
        r#"{"a": 1}"#,
        "[12.10]",
        "[1e3]",
        "[-0]",
        "[01]",
        "[0.1000]",
        "[9007199254740993]",
        r#"["\u0041"]"#,
        r#"["\/"]"#,
        r#"{"7":1}"#,
        r#"{"a":1,"a":1}"#,
        r#"[{"a":{"b":1,"b":2}}]"#,
        "{",
        "[1,]",
        "nul",
    ] {
        assert!(!is_plain(other), "{other}");
    }
}
