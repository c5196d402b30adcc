//! Commands as lines of an import file.

use std::collections::BTreeMap;

use refund_ledger::{MovementKey, RefundId, Timestamp};

use crate::command::{Ask, Command, Form, Key, Op, RefundAsk, Target};
use crate::json::{Json, line, quoted};
use crate::mismatch::Mismatch;

/// 2022-03-01T00:00:00Z.
const EPOCH: i64 = 1_646_092_800;

pub(crate) fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_unix(EPOCH + seconds, 0).unwrap_or(Timestamp::MAX)
}

pub(crate) fn movement_key((org, subscription, movement): Key) -> Result<MovementKey, Mismatch> {
    MovementKey::new(org, subscription, movement).map_err(|error| Mismatch::new(error.to_string()))
}

fn decimal(value: i128, form: Form) -> String {
    let (whole, fraction) = (value / 100_000, format!("{:05}", value % 100_000));
    let fraction = fraction.trim_end_matches('0');
    let zeros = match form {
        Form::LongNumber | Form::LongText => "0",
        Form::Number | Form::Text => "",
    };
    let text = match (fraction, zeros) {
        ("", "") => whole.to_string(),
        _ => format!("{whole}.{fraction}{zeros}"),
    };
    match form {
        Form::Number | Form::LongNumber => text,
        Form::Text | Form::LongText => quoted(&text),
    }
}

fn render_amount(ask: &Ask) -> Json {
    let mut json = Json::object();
    if let Some(with) = ask.with {
        json = json.set("value_with_taxes", decimal(with, ask.form));
    }
    if let Some(without) = ask.without {
        json = json.set("value_without_taxes", decimal(without, ask.form));
    }
    if let Some((tax_type, percentage)) = ask.tax {
        json = json
            .text("tax.type", tax_type)
            .set("tax.percentage", decimal(percentage * 10, ask.form));
    }
    if let Some(currency) = ask.currency {
        json = json.text("currency", currency);
    }
    json
}

fn instant_text(seconds: i64, form: Form) -> String {
    if form == Form::LongText {
        let elsewhere = moment(seconds + 5 * 3_600).to_string();
        format!("{}.00+05:00", elsewhere.trim_end_matches('Z'))
    } else {
        moment(seconds).to_string()
    }
}

fn render_refund(ask: &RefundAsk) -> Json {
    let form = ask.amount.form;
    let mut json = Json::object()
        .text("refund_datetime", &instant_text(ask.datetime, form))
        .set("amount", render_amount(&ask.amount))
        .text("description", ask.text);
    let billable = ask.billable.to_string();
    json = match ask.transaction_type {
        None => json.set("billable", billable),
        Some(transaction_type) => json
            .text("transaction_type_id", transaction_type)
            .set("amount.billable", billable),
    };
    for (field, end) in [
        ("period_start_datetime", ask.period.0),
        ("period_end_datetime", ask.period.1),
    ] {
        if let Some(end) = end {
            json = json.text(field, &instant_text(end, form));
        }
    }
    if let Some(invoice) = ask.invoice {
        json = json.text("external_invoice_id", invoice);
    }
    if let Some(external_id) = ask.external_id {
        json = json.text("external_refund_unique_id", external_id);
    }
    json
}

/// A command as text, about refunds whose ids are known by the number of what created them.
pub(crate) fn render(command: &Command, ids: &BTreeMap<u64, RefundId>) -> Result<String, Mismatch> {
    let movement = movement_key(command.key)?;
    let at = |op: &str| line(op, &movement);
    let about = |json: Json, target: &Target| match target {
        Target::External(id) => json.text("external_refund_unique_id", id),
        Target::Nth(number) => {
            let id = ids.get(number).map(ToString::to_string);
            json.text("refund_id", &id.unwrap_or_else(|| "none".into()))
        }
    };
    let expecting = |json: Json, expected: Option<u32>| match expected {
        Some(expected) => json.set("expected_revision", expected.to_string()),
        None => json,
    };
    let json = match &command.op {
        Op::Record(ask) => at("record_movement").set(
            "body",
            Json::object()
                .text("currency", ask.currency)
                .text(
                    "occurred_at",
                    &instant_text(ask.occurred_at, ask.amount.form),
                )
                .set("amount", render_amount(&ask.amount))
                .text("description", ask.text),
        ),
        Op::Void => at("void_movement"),
        Op::Create(ask, idempotency_key) => {
            let op = if ask.transaction_type.is_some() {
                "create_non_subscribable_refund"
            } else {
                "create_refund"
            };
            let json = at(op).set("body", render_refund(ask));
            match idempotency_key {
                Some(key) => json.text("idempotency_key", key),
                None => json,
            }
        }
        Op::Update(target, expected, ask) => expecting(
            about(at("update_refund"), target).set("body", render_refund(ask)),
            *expected,
        ),
        Op::Delete(target, expected) => expecting(about(at("delete_refund"), target), *expected),
        Op::Erase(None) => at("erase_text"),
        Op::Erase(Some(target)) => about(at("erase_text"), target),
    };
    Ok(json.render())
}
