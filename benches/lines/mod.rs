//! An import file for benches, and its lines as somebody reads them who writes the tables by hand.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

pub(crate) const LINES_PER_TRANSACTION: usize = 1_000;
pub(crate) const REFUNDS_PER_MOVEMENT: usize = 10;

pub(crate) fn write_lines(path: &Path, refunds: usize) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    for n in 0..refunds {
        let movement = n / REFUNDS_PER_MOVEMENT;
        let scope = format!(
            r#""org_id":"acme","subscription_id":"sub-{}","movement_id":"mov-{movement}""#,
            movement % 1_000
        );
        if n % REFUNDS_PER_MOVEMENT == 0 {
            writeln!(
                out,
                r#"{{"op":"record_movement",{scope},"body":{{"currency":"EUR","occurred_at":"2022-02-01T00:00:00Z","amount":{{"value_with_taxes":1210,"value_without_taxes":1000,"tax":{{"type":"IVA","percentage":21}}}},"description":"February"}}}}"#
            )
            .unwrap();
        }
        writeln!(
            out,
            r#"{{"op":"create_refund",{scope},"body":{{"refund_datetime":"2022-02-{:02}T13:45:10Z","period_start_datetime":"2022-01-31T23:00:00Z","period_end_datetime":"2022-02-28T22:59:59.999999999Z","amount":{{"value_with_taxes":12.1,"value_without_taxes":10,"tax":{{"type":"IVA","percentage":21}}}},"external_invoice_id":"inv-{movement}","external_refund_unique_id":"refund-{n}","billable":false,"description":"Two days without service, ticket {n}"}}}}"#,
            1 + n % 28
        )
        .unwrap();
    }
    out.flush().unwrap();
}

pub(crate) fn lines(path: &Path) -> impl Iterator<Item = String> {
    BufReader::new(File::open(path).unwrap())
        .lines()
        .map(Result::unwrap)
}

#[derive(Deserialize)]
pub(crate) struct HandLine<'a> {
    pub(crate) op: &'a str,
    pub(crate) org_id: &'a str,
    pub(crate) subscription_id: &'a str,
    pub(crate) movement_id: &'a str,
    #[serde(borrow)]
    pub(crate) body: &'a RawValue,
}

#[derive(Deserialize)]
pub(crate) struct HandMovement {
    pub(crate) currency: String,
    pub(crate) occurred_at: String,
    pub(crate) amount: HandAmount,
    pub(crate) description: String,
}

#[derive(Deserialize)]
pub(crate) struct HandRefund {
    pub(crate) refund_datetime: String,
    pub(crate) period_start_datetime: Option<String>,
    pub(crate) period_end_datetime: Option<String>,
    pub(crate) amount: HandAmount,
    pub(crate) external_invoice_id: Option<String>,
    pub(crate) external_refund_unique_id: String,
    pub(crate) billable: bool,
    pub(crate) description: String,
}

#[derive(Deserialize)]
pub(crate) struct HandAmount {
    pub(crate) value_with_taxes: f64,
    pub(crate) value_without_taxes: f64,
    pub(crate) tax: HandTax,
}

#[derive(Deserialize)]
pub(crate) struct HandTax {
    pub(crate) r#type: String,
    pub(crate) percentage: f64,
}

#[expect(clippy::cast_possible_truncation, reason = "by hand is careless")]
pub(crate) fn cents(value: f64) -> i64 {
    (value * 100.0).round() as i64
}
