//! The contract's request bodies.

use super::object::Object;
use super::scan::{Document, Value};
use super::{BODY_BYTES_MAX, DEPTH_MAX};
use crate::amount::{AmountRequest, Percentage, Tax};
use crate::error::{Faults, LedgerError};
use crate::money::DecimalValue;
use crate::movement::MovementRequest;
use crate::refund::{NonSubscribableRefundRequest, RefundContent, RefundKind, RefundRequest};
use crate::text::Text;
use crate::time::Period;

const MOVEMENT_FIELDS: [&str; 4] = ["currency", "occurred_at", "amount", "description"];
const REFUND_FIELDS: [&str; 8] = [
    "refund_datetime",
    "period_start_datetime",
    "period_end_datetime",
    "amount",
    "external_invoice_id",
    "external_refund_unique_id",
    "billable",
    "description",
];
const NON_SUBSCRIBABLE_FIELDS: [&str; 8] = [
    "refund_datetime",
    "period_start_datetime",
    "period_end_datetime",
    "amount",
    "external_invoice_id",
    "external_refund_unique_id",
    "transaction_type_id",
    "description",
];
const AMOUNT_FIELDS: [&str; 4] = ["value_with_taxes", "value_without_taxes", "tax", "currency"];
const BILLABLE_AMOUNT_FIELDS: [&str; 5] = [
    "value_with_taxes",
    "value_without_taxes",
    "tax",
    "currency",
    "billable",
];

/// How many digits an amount may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Digits {
    /// As many as a caller may send.
    Limited,
    /// As many as the ledger itself may have written into an export.
    Exact,
}

/// Reads a body to record a movement with: `currency`, `occurred_at`, `amount` and `description`,
/// all required.
///
/// # Errors
/// `malformed_request`; `invalid_request` that lists every field at fault.
///
/// ```
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::{ErrorCode, wire};
/// let body = br#"{"currency":"EUR","occurred_at":"2022-02-01T00:00:00Z",
///     "amount":{"value_with_taxes":121},"description":"February"}"#;
/// assert_eq!(wire::parse_movement_request(body)?.currency.code(), "EUR");
///
/// let refused = wire::parse_movement_request(br#"{"colour":"red"}"#).unwrap_err();
/// assert_eq!(refused.code(), ErrorCode::MalformedRequest); // a field that is not known
/// let refused = wire::parse_movement_request(br#"{"currency":"EUR"}"#).unwrap_err();
/// assert_eq!(refused.code(), ErrorCode::InvalidRequest);
/// assert_eq!(refused.details().len(), 3); // the fields that are missing
/// # Ok(()) }
/// ```
pub fn parse_movement_request(body: &[u8]) -> Result<MovementRequest, LedgerError> {
    let document = Document::check(body, BODY_BYTES_MAX, DEPTH_MAX)?;
    movement(document.root(), Digits::Limited)
}

/// Reads the contract's `RefundRequestDTO`.
///
/// # Errors
/// `malformed_request`; `invalid_request` that lists every field at fault.
///
/// ```
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::{ErrorCode, wire};
/// let body = r#"{"refund_datetime":"2022-02-24T13:45:10Z","amount":{"value_with_taxes":12.1},
///     "external_refund_unique_id":"987654321","billable":false,"description":"Two days"}"#;
/// let request = wire::parse_refund_request(body.as_bytes())?;
/// assert_eq!(request.external_refund_unique_id.as_str(), "987654321");
///
/// let refused = wire::parse_refund_request(body.replace("12.1", "-1").as_bytes()).unwrap_err();
/// assert_eq!(refused.code(), ErrorCode::InvalidRequest);
/// assert_eq!(refused.details()[0].field, "amount.value_with_taxes");
/// # Ok(()) }
/// ```
pub fn parse_refund_request(body: &[u8]) -> Result<RefundRequest, LedgerError> {
    let document = Document::check(body, BODY_BYTES_MAX, DEPTH_MAX)?;
    let form = Form::standard(Presence::Required);
    let content = refund(document.root(), form, Digits::Limited)?;
    match content.external_refund_unique_id {
        Some(external_refund_unique_id) => Ok(RefundRequest {
            refund_datetime: content.refund_datetime,
            period: content.period,
            amount: content.amount,
            external_invoice_id: content.external_invoice_id,
            external_refund_unique_id,
            billable: content.billable,
            description: content.description,
        }),
        None => Err(lost_field()),
    }
}

/// Reads the contract's `RefundNonSubscribableProductsRequestDTO`.
///
/// # Errors
/// `malformed_request`; `invalid_request` that lists every field at fault.
///
/// ```
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::{ErrorCode, wire};
/// let body = r#"{"refund_datetime":"2022-02-25T09:00:00Z","transaction_type_id":"goods",
///     "amount":{"value_with_taxes":"5.00","billable":true},"description":"A broken cable"}"#;
/// assert!(wire::parse_non_subscribable_request(body.as_bytes())?.billable);
///
/// let without = body.replace(r#","billable":true"#, "");
/// let refused = wire::parse_non_subscribable_request(without.as_bytes()).unwrap_err();
/// assert_eq!(refused.code(), ErrorCode::InvalidRequest);
/// assert_eq!(refused.details()[0].field, "amount.billable");
/// # Ok(()) }
/// ```
pub fn parse_non_subscribable_request(
    body: &[u8],
) -> Result<NonSubscribableRefundRequest, LedgerError> {
    let document = Document::check(body, BODY_BYTES_MAX, DEPTH_MAX)?;
    let content = refund(document.root(), Form::NON_SUBSCRIBABLE, Digits::Limited)?;
    match content.kind {
        RefundKind::NonSubscribable {
            transaction_type_id,
        } => Ok(NonSubscribableRefundRequest {
            refund_datetime: content.refund_datetime,
            period: content.period,
            amount: content.amount,
            billable: content.billable,
            external_invoice_id: content.external_invoice_id,
            external_refund_unique_id: content.external_refund_unique_id,
            transaction_type_id,
            description: content.description,
        }),
        RefundKind::Standard => Err(lost_field()),
    }
}

/// Reads the body of the contract's PUT: the DTO of the refund's kind. It is non-subscribable where
/// `transaction_type_id` or `amount.billable` is there, and then the external id may be left out,
/// which leaves it as it is; a `RefundRequestDTO` must have it. In an import file either may leave
/// it out: there the line names the refund, perhaps by that id.
///
/// # Errors
/// `malformed_request`; `invalid_request` that lists every field at fault.
///
/// ```
/// # fn main() -> Result<(), refund_ledger::LedgerError> {
/// use refund_ledger::{ErrorCode, KindName, wire};
/// let body = r#"{"refund_datetime":"2022-02-24T13:45:10Z","amount":{"value_with_taxes":24.2},
///     "external_refund_unique_id":"987654321","billable":false,"description":"Four days"}"#;
/// assert_eq!(wire::parse_update_request(body.as_bytes())?.kind.name(), KindName::Standard);
///
/// let refused = wire::parse_update_request(b"[]").unwrap_err(); // no object
/// assert_eq!(refused.code(), ErrorCode::MalformedRequest);
/// # Ok(()) }
/// ```
pub fn parse_update_request(body: &[u8]) -> Result<RefundContent, LedgerError> {
    let document = Document::check(body, BODY_BYTES_MAX, DEPTH_MAX)?;
    let form = update_form(document.root(), Presence::Required)?;
    refund(document.root(), form, Digits::Limited)
}

pub(super) fn movement(value: Value<'_>, digits: Digits) -> Result<MovementRequest, LedgerError> {
    let mut faults = Faults::default();
    let body = Object::root(value, &MOVEMENT_FIELDS)?;
    let amount = amount(&body, &AMOUNT_FIELDS, digits, &mut faults)?;
    let currency = body
        .required("currency", &mut faults)
        .and_then(|value| body.parsed("currency", value, &mut faults, str::parse));
    let occurred_at = body.required_timestamp("occurred_at", &mut faults);
    let description = description(&body, &mut faults);
    faults.into_result()?;
    match (currency, occurred_at, amount, description) {
        (Some(currency), Some(occurred_at), Some((amount, _)), Some(description)) => {
            Ok(MovementRequest {
                currency,
                occurred_at,
                amount,
                description,
            })
        }
        _ => Err(lost_field()),
    }
}

pub(super) fn update(value: Value<'_>, digits: Digits) -> Result<RefundContent, LedgerError> {
    refund(value, update_form(value, Presence::Optional)?, digits)
}

pub(super) fn create(value: Value<'_>, digits: Digits) -> Result<RefundContent, LedgerError> {
    refund(value, Form::standard(Presence::Required), digits)
}

pub(super) fn create_non_subscribable(
    value: Value<'_>,
    digits: Digits,
) -> Result<RefundContent, LedgerError> {
    refund(value, Form::NON_SUBSCRIBABLE, digits)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    Optional,
}

/// Which of the contract's two DTOs a refund's body is.
#[derive(Clone, Copy)]
struct Form {
    non_subscribable: bool,
    fields: &'static [&'static str],
    amount_fields: &'static [&'static str],
    external_id: Presence,
}

impl Form {
    const NON_SUBSCRIBABLE: Self = Self {
        non_subscribable: true,
        fields: &NON_SUBSCRIBABLE_FIELDS,
        amount_fields: &BILLABLE_AMOUNT_FIELDS,
        external_id: Presence::Optional,
    };

    const fn standard(external_id: Presence) -> Self {
        Self {
            non_subscribable: false,
            fields: &REFUND_FIELDS,
            amount_fields: &AMOUNT_FIELDS,
            external_id,
        }
    }
}

/// The form of an update's body; `external_id` is whether a standard refund must name its own.
fn update_form(value: Value<'_>, external_id: Presence) -> Result<Form, LedgerError> {
    Ok(if names_non_subscribable(value)? {
        Form::NON_SUBSCRIBABLE
    } else {
        Form::standard(external_id)
    })
}

/// Whether an update's body has what only non-subscribable refunds have.
fn names_non_subscribable(value: Value<'_>) -> Result<bool, LedgerError> {
    let mut all: Vec<&str> = REFUND_FIELDS.to_vec();
    all.push("transaction_type_id");
    let body = Object::root(value, &all)?;
    if body.get("transaction_type_id").is_some() {
        return Ok(true);
    }
    let amount = match body.get("amount") {
        Some(value) => Object::read(value, "amount", &BILLABLE_AMOUNT_FIELDS)?,
        None => None,
    };
    Ok(amount.is_some_and(|amount| amount.get("billable").is_some()))
}

fn refund(value: Value<'_>, form: Form, digits: Digits) -> Result<RefundContent, LedgerError> {
    let mut faults = Faults::default();
    let body = Object::root(value, form.fields)?;
    let amount = amount(&body, form.amount_fields, digits, &mut faults)?;
    let refund_datetime = body.required_timestamp("refund_datetime", &mut faults);
    let period = Period::new(
        body.timestamp("period_start_datetime", &mut faults),
        body.timestamp("period_end_datetime", &mut faults),
    );
    let period = faults.keep(period);
    let external_invoice_id = body.id("external_invoice_id", &mut faults);
    let external_refund_unique_id = match form.external_id {
        Presence::Required => body.required_id("external_refund_unique_id", &mut faults),
        Presence::Optional => body.id("external_refund_unique_id", &mut faults),
    };
    let (kind, billable) = if form.non_subscribable {
        let kind =
            body.required_id("transaction_type_id", &mut faults)
                .map(|transaction_type_id| RefundKind::NonSubscribable {
                    transaction_type_id,
                });
        (kind, amount.as_ref().and_then(|(_, billable)| *billable))
    } else {
        (
            Some(RefundKind::Standard),
            body.required_bool("billable", &mut faults),
        )
    };
    let description = description(&body, &mut faults);
    faults.into_result()?;
    match (kind, refund_datetime, period, amount, billable, description) {
        (
            Some(kind),
            Some(refund_datetime),
            Some(period),
            Some((amount, _)),
            Some(billable),
            Some(description),
        ) => Ok(RefundContent {
            kind,
            refund_datetime,
            period,
            amount,
            billable,
            external_invoice_id,
            external_refund_unique_id,
            description,
        }),
        _ => Err(lost_field()),
    }
}

fn description(body: &Object<'_>, faults: &mut Faults) -> Option<Text> {
    let value = body.required("description", faults)?;
    body.parsed("description", value, faults, Text::new)
}

/// The amount and, in a `BillableAmountRequestDTO`, whether it is billable.
fn amount(
    body: &Object<'_>,
    known: &[&str],
    digits: Digits,
    faults: &mut Faults,
) -> Result<Option<(AmountRequest, Option<bool>)>, LedgerError> {
    let Some(value) = body.required("amount", faults) else {
        return Ok(None);
    };
    let Some(object) = Object::read(value, "amount", known)? else {
        faults.add("amount", "wrong_type", "must be an object");
        return Ok(None);
    };
    let tax = tax(&object, faults)?;
    let parse = match digits {
        Digits::Limited => str::parse,
        Digits::Exact => DecimalValue::from_exact,
    };
    let mut value = |name| {
        let given = object.get(name).is_some();
        let value = object.decimal(name, faults, parse);
        (value, given && value.is_none())
    };
    let (with, with_at_fault) = value("value_with_taxes");
    let (without, without_at_fault) = value("value_without_taxes");
    let currency = object
        .get("currency")
        .and_then(|value| object.parsed("currency", value, faults, str::parse));
    let billable = known
        .contains(&"billable")
        .then(|| object.required_bool("billable", faults))
        .flatten();
    if with_at_fault || without_at_fault {
        // What the two say together can't be judged, but what one says alone can.
        if with.is_some() {
            faults.keep(AmountRequest::new(with, None));
        }
        return Ok(None);
    }
    let amount = faults
        .keep(AmountRequest::new(with, without))
        .map(|amount| {
            let amount = match tax {
                Some(tax) => amount.with_tax(tax),
                None => amount,
            };
            match currency {
                Some(currency) => amount.with_currency(currency),
                None => amount,
            }
        });
    Ok(amount.map(|amount| (amount, billable)))
}

fn tax(amount: &Object<'_>, faults: &mut Faults) -> Result<Option<Tax>, LedgerError> {
    let Some(value) = amount.get("tax") else {
        return Ok(None);
    };
    let Some(object) = Object::read(value, "amount.tax", &["type", "percentage"])? else {
        faults.add("amount.tax", "wrong_type", "must be an object");
        return Ok(None);
    };
    let tax_type = object
        .required("type", faults)
        .and_then(|value| object.text("type", value, faults));
    let percentage = object
        .required("percentage", faults)
        .and_then(|value| object.decimal_text("percentage", value, faults))
        .and_then(|text| faults.keep_at("amount.tax.percentage", text.parse::<Percentage>()));
    // The type is judged also where the percentage is at fault.
    let tax = tax_type.and_then(|tax_type| {
        faults.keep(Tax::new(&tax_type, percentage.unwrap_or(Percentage::ZERO)))
    });
    Ok(percentage.and(tax))
}

/// Every field that is missing here was noted as a fault before.
fn lost_field() -> LedgerError {
    LedgerError::internal("a request without a fault lacks a field")
}
