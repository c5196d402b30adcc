//! Requests as somebody declares them who writes the ledger by hand.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A line of an import file.
#[derive(Debug, Deserialize)]
pub struct HandLine<'a> {
    /// `record_movement` or `create_refund`.
    pub op: &'a str,
    /// The org.
    pub org_id: &'a str,
    /// The subscription.
    pub subscription_id: &'a str,
    /// The movement.
    pub movement_id: &'a str,
    /// A [`HandMovement`] or a [`HandRefund`].
    #[serde(borrow)]
    pub body: &'a RawValue,
}

/// A request in memory.
#[derive(Debug)]
pub struct HandCommand {
    /// The org.
    pub org: String,
    /// The subscription.
    pub subscription: String,
    /// The movement.
    pub movement: String,
    /// What to do with it.
    pub body: HandBody,
}

/// What a request asks for.
#[derive(Debug)]
pub enum HandBody {
    /// To record the movement.
    Movement(HandMovement),
    /// To book a refund on it.
    Refund(HandRefund),
}

/// A charge.
#[derive(Debug, Deserialize)]
pub struct HandMovement {
    /// ISO 4217.
    pub currency: String,
    /// RFC 3339.
    pub occurred_at: String,
    /// What was charged.
    pub amount: HandAmount,
    /// For people.
    pub description: String,
}

/// A refund.
#[derive(Debug, Deserialize, Serialize)]
pub struct HandRefund {
    /// RFC 3339.
    pub refund_datetime: String,
    /// RFC 3339.
    pub period_start_datetime: Option<String>,
    /// RFC 3339.
    pub period_end_datetime: Option<String>,
    /// What is given back.
    pub amount: HandAmount,
    /// The invoice.
    pub external_invoice_id: Option<String>,
    /// The idempotency key.
    pub external_refund_unique_id: String,
    /// Whether it goes onto an invoice.
    pub billable: bool,
    /// For people.
    pub description: String,
}

/// An amount, in major units.
#[derive(Debug, Deserialize, Serialize)]
pub struct HandAmount {
    /// With taxes.
    pub value_with_taxes: f64,
    /// Without.
    pub value_without_taxes: f64,
    /// Which tax.
    pub tax: HandTax,
}

/// A tax.
#[derive(Debug, Deserialize, Serialize)]
pub struct HandTax {
    /// Its name.
    pub r#type: String,
    /// Its rate, in hundredths.
    pub percentage: f64,
}

/// Minor units of a currency with two decimals.
#[expect(clippy::cast_possible_truncation, reason = "by hand is careless")]
pub fn cents(value: f64) -> i64 {
    (value * 100.0).round() as i64
}
