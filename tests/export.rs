//! Exports rebuild a ledger: exactly with what they preserve, and as plain commands without it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use refund_ledger::wire::{Line, parse_line};
use refund_ledger::{Atomicity, Batch, Command, Ledger, RefundFilter, Repeats};

/// A session with one of everything: both kinds, every kind of key, texts kept, changed and
/// erased, deletions, a movement taken back and recorded anew.
const SESSION: &str = r#"
{"op":"record_movement","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-42","body":{"currency":"EUR","occurred_at":"2022-02-01T00:00:00Z","amount":{"value_with_taxes":121,"value_without_taxes":100,"tax":{"type":"IVA","percentage":21}},"description":"February"}}
{"op":"create_refund","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-42","body":{"refund_datetime":"2022-02-24T13:45:10Z","period_start_datetime":"2022-01-31T23:00:00Z","period_end_datetime":"2022-02-28T22:59:59.999999999Z","amount":{"value_with_taxes":12.1,"value_without_taxes":10,"tax":{"type":"IVA","percentage":21}},"external_invoice_id":"inv-9","external_refund_unique_id":"one","billable":false,"description":"Two days without service"}}
{"op":"create_non_subscribable_refund","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-42","idempotency_key":"key-1","body":{"refund_datetime":"2022-02-25T00:00:00Z","amount":{"value_with_taxes":5,"billable":true},"transaction_type_id":"goods","description":"A broken cable"}}
{"op":"update_refund","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-42","external_refund_unique_id":"one","expected_revision":1,"body":{"refund_datetime":"2022-02-24T13:45:10Z","amount":{"value_with_taxes":24.2,"value_without_taxes":20,"tax":{"type":"IVA","percentage":21}},"billable":true,"description":"Two days without service"}}
{"op":"update_refund","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-42","external_refund_unique_id":"one","expected_revision":2,"body":{"refund_datetime":"2022-02-24T13:45:10Z","amount":{"value_with_taxes":24.2,"value_without_taxes":20,"tax":{"type":"IVA","percentage":21}},"billable":true,"description":"Four days without service"}}
{"op":"erase_text","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-42","external_refund_unique_id":"one"}
{"op":"update_refund","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-42","external_refund_unique_id":"one","expected_revision":3,"body":{"refund_datetime":"2022-02-26T00:00:00Z","amount":{"value_with_taxes":24.2,"value_without_taxes":20,"tax":{"type":"IVA","percentage":21}},"billable":true,"description":"A new text"}}
{"op":"create_refund","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-42","body":{"refund_datetime":"2022-03-01T00:00:00+02:00","amount":{"value_with_taxes":91.8},"external_refund_unique_id":"rest","billable":false,"description":"The rest"}}
{"op":"delete_refund","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-42","external_refund_unique_id":"key-1","expected_revision":1}
{"op":"record_movement","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-43","body":{"currency":"JPY","occurred_at":"2022-02-01T00:00:00Z","amount":{"value_with_taxes":100},"description":"Mistyped"}}
{"op":"erase_text","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-43"}
{"op":"void_movement","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-43"}
{"op":"record_movement","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-43","body":{"currency":"JPY","occurred_at":"2022-02-01T00:00:00Z","amount":{"value_with_taxes":1000},"description":"Right"}}
"#;

fn commands(lines: &[Line]) -> Vec<Command> {
    lines.iter().map(|line| line.command.clone()).collect()
}

fn parsed(text: &str) -> Vec<Line> {
    text.lines()
        .filter(|line| !line.is_empty())
        .map(|line| parse_line(line.as_bytes()).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect()
}

const AS_FILE: Batch = Batch {
    atomicity: Atomicity::PerItem,
    repeats: Repeats::AsFile,
};

/// Carries lines out, and says how many were replays.
fn import(ledger: &Ledger, lines: &[Line]) -> usize {
    let results = ledger.execute_all(&commands(lines), AS_FILE).unwrap();
    let mut replays = 0;
    for (line, result) in lines.iter().zip(results) {
        let receipt = result.unwrap_or_else(|error| panic!("{line:?}: {error}"));
        replays += usize::from(receipt.replayed);
    }
    replays
}

fn session() -> Ledger {
    let ledger = Ledger::in_memory();
    let lines = parsed(SESSION);
    assert_eq!(import(&ledger, &lines), 0, "every line does something new");
    // A refund without any key can't be in an import file, but in a ledger.
    let movement = lines[0].command.movement.clone();
    let request = refund_ledger::wire::parse_non_subscribable_request(
        br#"{"refund_datetime":"2022-02-25T00:00:00Z","amount":{"value_with_taxes":1,"billable":true},"transaction_type_id":"goods","description":"Keyless"}"#,
    )
    .unwrap();
    ledger
        .create_non_subscribable_refund(&movement, &request, None)
        .unwrap();
    ledger
}

fn export(ledger: &Ledger) -> String {
    let mut text = String::new();
    for record in ledger.journal(0, 10_000).unwrap() {
        text += &ledger.export_line(&record).unwrap();
        text.push('\n');
    }
    text
}

#[test]
fn a_restored_export_has_the_same_head_and_the_same_export() {
    let ledger = session();
    let text = export(&ledger);
    let copy = Ledger::in_memory();
    for line in parsed(&text) {
        copy.restore(&[line]).unwrap();
    }
    assert_eq!(copy.head().unwrap(), ledger.head().unwrap());
    assert_eq!(export(&copy), text);

    let at_once = Ledger::in_memory();
    at_once.restore(&parsed(&text)).unwrap();
    assert_eq!(at_once.head().unwrap(), ledger.head().unwrap());

    let all = RefundFilter {
        include_deleted: true,
        ..RefundFilter::default()
    };
    let refunds =
        |ledger: &Ledger| -> Vec<_> { ledger.refunds(all.clone()).map(Result::unwrap).collect() };
    assert_eq!(refunds(&at_once), refunds(&ledger));
}

#[test]
fn a_plain_import_of_an_export_books_the_same_and_can_be_repeated() {
    let ledger = session();
    let lines = parsed(&export(&ledger));
    let copy = Ledger::in_memory();
    assert_eq!(import(&copy, &lines), 0, "every line does something new");
    assert!(copy.verify(None).unwrap().is_valid());
    let key = &lines[0].command.movement;
    assert_eq!(copy.balance(key).unwrap(), ledger.balance(key).unwrap());
    let totals = |ledger: &Ledger| ledger.totals(RefundFilter::default()).unwrap();
    assert_eq!(totals(&copy), totals(&ledger));
    // The movement that was taken back and recorded anew goes round once more; nothing else does.
    let moved = lines
        .iter()
        .filter(|line| line.command.movement.movement_id() == "mov-43")
        .count();
    let rest: Vec<Line> = lines
        .iter()
        .filter(|line| line.command.movement.movement_id() != "mov-43")
        .cloned()
        .collect();
    assert_eq!(moved, 4);
    assert_eq!(import(&copy, &rest), rest.len(), "all replays");
}

#[test]
fn no_erased_text_is_in_an_export() {
    let text = export(&session());
    for erased in ["Two days", "Four days", "Mistyped"] {
        assert!(!text.contains(erased), "`{erased}` was erased");
    }
    assert!(text.contains("A new text"));
}

#[test]
fn a_changed_missing_or_repeated_line_is_refused_and_nothing_is_written() {
    let text = export(&session());
    let lines = parsed(&text);
    let refused = |lines: &[Line], what: &str| {
        let copy = Ledger::in_memory();
        let error = copy.restore(lines).expect_err(what);
        assert_eq!(
            copy.head().unwrap().entries,
            0,
            "{what}: nothing was written"
        );
        error
    };
    for (at, _) in lines.iter().enumerate().take(lines.len() - 1) {
        let mut without = lines.clone();
        without.remove(at);
        let last_of_its_movement = lines[at + 1..]
            .iter()
            .all(|line| line.command.movement != lines[at].command.movement);
        if !last_of_its_movement {
            refused(&without, "a missing line");
        }
        let mut twice = lines.clone();
        twice.insert(at, lines[at].clone());
        let error = refused(&twice, "a repeated line");
        assert_eq!(error.index, Some(at + 1));
    }
    for (from, to) in [
        ("121", "122"),
        ("12.1", "12.2"),
        ("February", "Februarx"),
        ("inv-9", "inv-8"),
        ("\"actor\":\"local\"", "\"actor\":\"other\""),
        ("2022-02-24T13:45:10Z", "2022-02-24T13:45:11Z"),
        ("\"billable\":true", "\"billable\":false"),
        ("\"one\"", "\"two\""),
        ("goods", "bads"),
    ] {
        let changed = text.replace(from, to);
        assert_ne!(changed, text, "{from} is in the export");
        refused(&parsed(&changed), from);
    }
}

#[test]
fn a_line_that_cannot_follow_is_refused_before_its_hash_is_looked_at() {
    let scope = r#""org_id":"a","subscription_id":"s","movement_id":"m""#;
    let content = |external_id: &str| {
        format!(
            r#"{{"refund_datetime":"2022-02-24T00:00:00Z","amount":{{"value_with_taxes":1}}{external_id},"billable":false,"description":"kept"}}"#
        )
    };
    let (one, two) = (
        content(r#","external_refund_unique_id":"one""#),
        content(r#","external_refund_unique_id":"two""#),
    );
    let moved = content("").replace("02-24", "02-25");
    let session = format!(
        r#"{{"op":"record_movement",{scope},"body":{{"currency":"EUR","occurred_at":"2022-02-01T00:00:00Z","amount":{{"value_with_taxes":9}},"description":"d"}}}}
{{"op":"create_refund",{scope},"body":{one}}}
{{"op":"update_refund",{scope},"external_refund_unique_id":"one","expected_revision":1,"body":{moved}}}
{{"op":"create_refund",{scope},"body":{two}}}"#
    );
    let ledger = Ledger::in_memory();
    assert_eq!(import(&ledger, &parsed(&session)), 0);
    let lines: Vec<serde_json::Value> = export(&ledger)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let refused = |lines: &[serde_json::Value]| {
        let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
        let copy = Ledger::in_memory();
        let refused = copy.restore(&parsed(&text.join("\n"))).unwrap_err();
        assert_eq!(copy.head().unwrap().entries, 0, "nothing was written");
        (refused.index, refused.error.to_string())
    };
    let with = |at: usize, pointer: &str, value: serde_json::Value| {
        let mut lines = lines.clone();
        *lines[at].pointer_mut(pointer).unwrap() = value;
        refused(&lines)
    };
    let mut no_salt = lines.clone();
    no_salt[0]["preserved"]
        .as_object_mut()
        .unwrap()
        .remove("salt");
    let (at, why) = refused(&no_salt);
    let said = why.contains("preserved.salt") && why.contains("is required");
    assert!(at == Some(0) && said, "{why}");
    let salt = lines[0]["preserved"]["salt"].clone();
    for (at, name, value) in [(0, "erased", true.into()), (2, "salt", salt)] {
        let mut needless = lines.clone();
        needless[at]["preserved"][name] = value;
        let (told, why) = refused(&needless);
        assert!(
            told == Some(at) && why.contains("preserved.salt") && !why.contains("required"),
            "{why}"
        );
    }
    let mut odd = lines[1].clone();
    odd["preserved"] = "all of it".into();
    let error = parse_line(odd.to_string().as_bytes()).unwrap_err();
    assert_eq!(error.details()[0].field, "preserved");
    let (at, why) = with(1, "/preserved/revision", 2.into());
    assert!(at == Some(1) && why.contains("can't follow"), "{why}");
    let (at, why) = with(3, "/body/external_refund_unique_id", "one".into());
    assert!(at == Some(3) && why.contains("can't follow"), "{why}");
    let (at, why) = with(2, "/body/description", "another".into());
    assert!(at == Some(2) && why.contains("the entry kept"), "{why}");

    let mut voided = lines[0].clone();
    voided["op"] = "void_movement".into();
    voided.as_object_mut().unwrap().remove("body");
    let preserved = voided["preserved"].as_object_mut().unwrap();
    preserved.remove("salt");
    preserved.insert("sequence".into(), 5.into());
    let mut behind = lines.clone();
    behind.push(voided);
    let (at, why) = refused(&behind);
    assert!(at == Some(4) && why.contains("can't follow"), "{why}");
}

#[test]
fn an_update_that_sends_back_the_amount_as_it_was_read_keeps_it() {
    // What a refund took as the rest of a movement, or had derived, need not fit its tax by itself.
    let scope = r#""org_id":"a","subscription_id":"s","movement_id":"m""#;
    let line = |op: &str, rest: &str| {
        parsed(&format!(r#"{{"op":"{op}",{scope},{rest}}}"#))
            .remove(0)
            .command
    };
    let create = |id: &str, amount: &str| {
        line(
            "create_refund",
            &format!(
                r#""body":{{"refund_datetime":"2022-02-24T00:00:00Z","amount":{amount},"external_refund_unique_id":"{id}","billable":false,"description":"d"}}"#
            ),
        )
    };
    let ledger = Ledger::in_memory();
    let movement = r#""body":{"currency":"EUR","occurred_at":"2022-02-01T00:00:00Z","amount":{"value_with_taxes":1,"value_without_taxes":0.9,"tax":{"type":"IVA","percentage":11}},"description":"d"}"#;
    let iva = r#""tax":{"type":"IVA","percentage":21}"#;
    let high = r#""tax":{"type":"T","percentage":300}"#;
    for command in [
        line("record_movement", movement),
        create("derived", &format!(r#"{{"value_with_taxes":0.06,{high}}}"#)),
        create("some", r#"{"value_with_taxes":0.5}"#),
        create("rest", &format!(r#"{{"value_with_taxes":0.44,{iva}}}"#)),
        line("delete_refund", r#""external_refund_unique_id":"some""#),
    ] {
        ledger.execute(&command).unwrap();
    }
    for refund in ledger.refunds(RefundFilter::default()) {
        let refund = refund.unwrap();
        let mut body =
            serde_json::to_value(refund_ledger::wire::RefundBody::from(&refund)).unwrap();
        let fields = body.as_object_mut().unwrap();
        for reply_only in [
            "id",
            "org_id",
            "subscription_id",
            "movement_id",
            "kind",
            "revision",
            "created_at",
            "updated_at",
        ] {
            fields.remove(reply_only);
        }
        fields.insert("description".into(), "changed".into());
        let content =
            refund_ledger::wire::parse_update_request(body.to_string().as_bytes()).unwrap();
        ledger
            .update_refund(&refund.movement, refund.id, content, Some(1))
            .unwrap_or_else(|error| panic!("{body}: {error}"));
        let now = ledger.refund(&refund.movement, refund.id).unwrap();
        assert_eq!(now.details.amount, refund.details.amount);
        assert_eq!(now.details.description.text(), Some("changed"));
    }
}

#[test]
fn only_who_may_restore_can_append_entries_in_the_name_of_others() {
    struct Clerk;
    impl refund_ledger::Authorize for Clerk {
        fn authorize(
            &self,
            _: &refund_ledger::Id,
            action: refund_ledger::Action,
            _: refund_ledger::Resource<'_>,
        ) -> Result<refund_ledger::Access, String> {
            Ok(if action == refund_ledger::Action::Restore {
                refund_ledger::Access::Forbidden
            } else {
                refund_ledger::Access::Allow
            })
        }
    }
    let lines = parsed(&export(&session()));
    let copy = Ledger::in_memory().with_access(std::sync::Arc::new(Clerk));
    let refused = copy.restore(&lines).unwrap_err();
    assert_eq!(
        refused.error.code(),
        refund_ledger::ErrorCode::Forbidden,
        "the entries name their own actors and times"
    );
}
