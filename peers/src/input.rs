//! What both sides are given: lines of JSON.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Number;
use serde_json::value::RawValue;

/// What a refund gives back.
pub const AMOUNT_IN_CENTS: i64 = 1_210;

/// What a movement has: room for a hundred thousand refunds.
pub const MOVEMENT_IN_CENTS: i64 = 121_000_000;

/// The movement of that number as a line of JSON.
pub fn movement_line(movement: usize) -> String {
    format!(
        r#"{{"op":"record_movement","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-{movement}","body":{{"currency":"EUR","occurred_at":"2022-02-01T00:00:00Z","amount":{{"value_with_taxes":1210000,"value_without_taxes":1000000,"tax":{{"type":"IVA","percentage":21}}}},"description":"February"}}}}"#
    )
}

/// A refund of a movement as a line of JSON.
pub fn refund_line(movement: usize, refund: usize) -> String {
    format!(
        r#"{{"op":"create_refund","org_id":"acme","subscription_id":"sub-7","movement_id":"mov-{movement}","body":{{"refund_datetime":"2022-02-24T13:45:10Z","period_start_datetime":"2022-01-31T23:00:00Z","period_end_datetime":"2022-02-28T22:59:59.999999999Z","amount":{{"value_with_taxes":12.1,"value_without_taxes":10,"tax":{{"type":"IVA","percentage":21}}}},"external_invoice_id":"inv-{movement}","external_refund_unique_id":"refund-{refund}","billable":false,"description":"Two days without service, ticket {refund}"}}}}"#
    )
}

/// A line as somebody reads it who has no parser of requests.
#[derive(Deserialize)]
pub(crate) struct Line<'a> {
    pub(crate) movement_id: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) body: &'a RawValue,
}

/// What of a body is posted.
#[derive(Deserialize)]
pub(crate) struct Body<'a> {
    #[serde(alias = "occurred_at", borrow)]
    refund_datetime: Cow<'a, str>,
    amount: Amount,
    pub(crate) external_refund_unique_id: Option<Cow<'a, str>>,
    pub(crate) description: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Amount {
    value_with_taxes: Number,
}

impl Body<'_> {
    pub(crate) fn day(&self) -> NaiveDate {
        let instant = DateTime::parse_from_rfc3339(&self.refund_datetime);
        instant.unwrap().date_naive()
    }

    pub(crate) fn amount(&self) -> Decimal {
        self.amount.value_with_taxes.to_string().parse().unwrap()
    }
}
