//! Questions as JSON, what they ask for, and what is made of a command without a ledger.

use std::ops::ControlFlow;

use refund_ledger::store::ReadSet;
use refund_ledger::wire::{parse_journal_query, parse_refund_query};
use refund_ledger::{
    Command, Context, Host, Id, LedgerError, Policy, Repeats, StoreError, decide, decide_all,
};

use crate::common::{Book, accepted, charge, command, id, key, plain, quoted, standard, time};

/// The fields that are told to be at fault, and why.
fn faults<T>(read: Result<T, LedgerError>) -> Vec<(String, &'static str)> {
    let error = read.err().expect("it is refused");
    assert_eq!(error.code().as_str(), "invalid_request");
    let details = error.details().iter();
    details
        .map(|detail| (detail.field.to_string(), detail.code))
        .collect()
}

#[test]
fn a_limit_is_a_number_from_1_to_500() {
    for (text, code) in [
        ("0", "out_of_range"),
        ("501", "out_of_range"),
        ("-1", "out_of_range"),
        ("1.5", "out_of_range"),
        ("99999999999999999999999", "out_of_range"),
        (r#""ten""#, "wrong_type"),
        ("true", "wrong_type"),
        ("[1]", "wrong_type"),
    ] {
        let query = format!(r#"{{"limit":{text}}}"#);
        let expected = [("limit".to_owned(), code)];
        assert_eq!(faults(parse_refund_query(query.as_bytes())), expected);
        assert_eq!(faults(parse_journal_query(query.as_bytes())), expected);
    }
    for limit in [1, 500] {
        let query = format!(r#"{{"limit":{limit}}}"#);
        let read = parse_refund_query(query.as_bytes()).unwrap();
        assert_eq!(read.limit, Some(limit));
        let read = parse_journal_query(query.as_bytes()).unwrap();
        assert_eq!(read.limit, limit);
    }
    assert_eq!(parse_refund_query(b"{}").unwrap().limit, None);
    assert_eq!(parse_journal_query(b"{}").unwrap().limit, 100);
}

#[test]
fn a_position_is_below_2_to_the_63() {
    let last = i64::MAX;
    let read = parse_journal_query(format!(r#"{{"after":{last}}}"#).as_bytes()).unwrap();
    assert_eq!(read.after, last.unsigned_abs());
    let expected = [("after".to_owned(), "out_of_range")];
    let behind = format!(r#"{{"after":{}}}"#, last.unsigned_abs() + 1);
    assert_eq!(faults(parse_journal_query(behind.as_bytes())), expected);
}

#[test]
fn a_store_that_only_scans_gives_the_outlines_of_a_time() {
    let book = Book::new();
    let abroad = book.on(&key("beta", "sub-7", "mov-42"));
    accepted(abroad.record(&charge()));
    for (at, external_id) in [
        (&book, "r-10"),
        (&book, "r-11"),
        (&book, "r-12"),
        (&abroad, "r-11"),
    ] {
        let day = external_id.replace("r-", "2022-02-") + "T00:00:00Z";
        accepted(at.create(&plain(external_id, "1").text("refund_datetime", &day)));
    }
    let outlines = |from: Option<&str>, to: Option<&str>, most: usize| {
        let mut found = Vec::new();
        let (from, to) = (from.map(time), to.map(time));
        let store = book.ledger.store();
        let outcome = store.refund_outlines(&id("acme"), from, to, &mut |outline| {
            let external_id = outline.external_id.expect("an external id");
            found.push(external_id.to_string());
            if found.len() < most {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        outcome.unwrap();
        found.sort();
        found
    };
    let (begin, end) = ("2022-02-11T00:00:00Z", "2022-02-12T00:00:00Z");
    assert_eq!(outlines(None, None, 9), ["r-10", "r-11", "r-12"]);
    assert_eq!(outlines(Some(begin), None, 9), ["r-11", "r-12"]);
    assert_eq!(outlines(None, Some(end), 9), ["r-10", "r-11"]);
    assert_eq!(outlines(Some(begin), Some(end), 9), ["r-11"]);
    assert_eq!(outlines(None, None, 2).len(), 2);
}

#[test]
fn a_page_of_an_org_ends_where_much_was_looked_through() {
    const OTHERS: usize = 10_000;
    let book = Book::new();
    for number in 0..OTHERS {
        let movement = key("beta", "sub-7", &format!("mov-{number}"));
        accepted(book.on(&movement).record(&charge()));
    }
    accepted(book.on(&key("acme", "sub-8", "mov-1")).record(&charge()));
    let first = book.ledger.org_journal(&id("acme"), 1, 5).unwrap();
    assert!(first.items.is_empty(), "those are all of another org");
    assert_eq!(first.next_after, 1 + 10_000);
    let then = book.ledger.org_journal(&id("acme"), first.next_after, 5);
    let then = then.unwrap();
    assert_eq!(then.items.len(), 1);
    assert_eq!(then.items[0].1.movement.movement_id(), "mov-1");
    let full = book.ledger.org_journal(&id("beta"), 0, 700).unwrap();
    assert_eq!(full.items.len(), 700);
}

/// A command by itself is spared what several need to see each other's changes.
#[test]
fn a_command_by_itself_writes_what_it_writes_in_a_batch() {
    let book = Book::new();
    accepted(book.create(&plain("r-1", "1")));
    accepted(book.update("r-1", &plain("r-1", "2")));
    let empty = book.on(&key("acme", "sub-7", "mov-empty"));
    accepted(empty.record(&charge()));
    let other = book.on(&key("acme", "sub-7", "mov-other"));
    let nowhere = book.on(&key("acme", "sub-7", "mov-nowhere"));
    let refused = nowhere.line("void_movement");
    for line in [
        other.line("record_movement").set("body", charge()),
        book.line("create_refund").set("body", plain("r-2", "1")),
        book.update_line("r-1", &plain("r-1", "1")),
        book.delete_line("r-1"),
        book.line("erase_text")
            .set("external_refund_unique_id", quoted("r-1")),
        book.line("erase_text"),
        empty.line("void_movement"),
    ] {
        let [line, refused] = [&line, &refused].map(|line| command(line).unwrap());
        let context = Context {
            now: book.host.now(),
            actor: &id("clerk"),
            policy: &Policy::default(),
            repeats: Repeats::AsRequests,
        };
        let minted = book.host.mint(context.now).unwrap();
        let decided = |commands: &[&Command]| {
            let mut wanted = ReadSet::default();
            for command in commands {
                command.read_set(context.repeats, &mut wanted);
            }
            let snapshot = book.ledger.store().load(&wanted).unwrap();
            let planned = commands.iter().map(|command| (*command, minted));
            let (results, batch) = decide_all(planned, snapshot, &context);
            (results[0].is_ok(), batch)
        };
        let alone = decided(&[&line]);
        assert_eq!(alone, decided(&[&line, &refused]), "{line:?}");
        assert!(alone.0 && !alone.1.entries.is_empty(), "{line:?}");
    }
}

#[test]
fn a_decision_is_what_its_host_writes() {
    let book = Book::new();
    let (actor, policy) = (Id::new("clerk").unwrap(), Policy::default());
    let repeats = Repeats::AsRequests;
    let context = Context {
        now: book.host.now(),
        actor: &actor,
        policy: &policy,
        repeats,
    };
    let create = command(&book.line("create_refund").set("body", standard("r-1"))).unwrap();
    let decided = || {
        let mut wanted = ReadSet::default();
        create.read_set(repeats, &mut wanted);
        let snapshot = book.ledger.store().load(&wanted).unwrap();
        let minted = book.host.mint(context.now).unwrap();
        let decision = decide(&create, minted, &snapshot, &context).unwrap();
        (decision.receipt.replayed, decision.into_batch(&snapshot))
    };
    let (replayed, batch) = decided();
    assert!(!replayed);
    assert_eq!((batch.refunds.len(), batch.entries.len()), (1, 1));
    book.ledger.store().commit(&batch).unwrap();
    let again = book.ledger.store().commit(&batch);
    assert_eq!(again, Err(StoreError::Conflict), "it was decided on less");
    let (replayed, nothing) = decided();
    assert!(replayed);
    assert!(nothing.entries.is_empty() && nothing.refunds.is_empty());
    let report = book.ledger.verify(None).unwrap();
    assert!(report.is_valid(), "{report:?}");
}

#[test]
fn an_error_within_a_larger_request_names_its_part() {
    let refused = parse_refund_query(br#"{"limit":0}"#).unwrap_err();
    let within = refused.within("commands[2]");
    assert_eq!(within.details()[0].field, "commands[2].limit");
    assert!(within.message().contains("commands[2].limit"));
    let gone = Book::new()
        .on(&key("acme", "s", "none"))
        .create(&standard("r-1"));
    let gone = gone.expect_err("there is no such movement");
    let told = gone.message().to_owned();
    let within = gone.within("commands[3]");
    assert_eq!(within.code().as_str(), "movement_not_found");
    assert_eq!(within.message(), format!("commands[3]: {told}"));
}
