//! The bodies that requests carry. A field that may be left out may also be `null`.

use refund_ledger::{Currency, Tax};
use serde_json::{Value, json};
use utoipa::openapi::schema::{Schema, SchemaType};
use utoipa::openapi::{Object, ObjectBuilder, OneOfBuilder, Ref, RefOr, Type};

use super::examples::{MOVEMENT, NON_SUBSCRIBABLE_REFUND, REFUND, value};
use super::fields::{Form, flag, id, instant, named_or_null, or_null, text, word};

/// The name of each schema of a request, with the schema.
pub(super) fn schemas() -> Vec<(&'static str, RefOr<Schema>)> {
    vec![
        ("RefundRequestDTO", refund()),
        (
            "RefundNonSubscribableProductsRequestDTO",
            non_subscribable_refund(),
        ),
        ("UpdateRefundRequest", update()),
        ("AmountRequestDTO", amount_form(AMOUNT).build()),
        (
            "BillableAmountRequestDTO",
            amount_form("An amount, and whether it is billed.")
                .field("billable", flag("Whether the refund is billed."))
                .build(),
        ),
        ("TaxRequestDTO", tax()),
        ("MovementRequestDTO", movement()),
        ("CurrencyCode", currencies().into()),
    ]
}

fn period(form: Form) -> Form {
    form.field("refund_datetime", instant("When the money was given back."))
        .maybe(
            "period_start_datetime",
            or_null(instant(
                "The beginning of the period that it is given back for.",
            )),
        )
        .maybe(
            "period_end_datetime",
            or_null(instant("The end of that period, after its beginning.")),
        )
}

fn refund() -> RefOr<Schema> {
    Form::new("A refund of a subscription.")
        .and(period)
        .field("amount", Ref::from_schema_name("AmountRequestDTO"))
        .maybe("external_invoice_id", or_null(id(INVOICE)))
        .field("external_refund_unique_id", id(EXTERNAL_ID))
        .field("billable", flag("Whether the refund is billed."))
        .field("description", text(DESCRIPTION))
        .example(value(REFUND))
        .build()
}

fn non_subscribable_refund() -> RefOr<Schema> {
    Form::new("A refund of products that are not subscribed to.")
        .and(period)
        .field("amount", Ref::from_schema_name("BillableAmountRequestDTO"))
        .maybe("external_invoice_id", or_null(id(INVOICE)))
        .maybe("external_refund_unique_id", or_null(id(EXTERNAL_ID)))
        .field(
            "transaction_type_id",
            id("What kind of transaction it refunds."),
        )
        .field("description", text(DESCRIPTION))
        .example(value(NON_SUBSCRIBABLE_REFUND))
        .build()
}

fn update() -> RefOr<Schema> {
    OneOfBuilder::new()
        .description(Some(
            "The new content of a refund: the form of its kind. `external_refund_unique_id` can't be \
             changed.",
        ))
        .item(Ref::from_schema_name("RefundRequestDTO"))
        .item(Ref::from_schema_name(
            "RefundNonSubscribableProductsRequestDTO",
        ))
        .into()
}

fn amount_form(description: &str) -> Form {
    let given = |name: &str| json!({"required": [name], "properties": {name: {"type": ["number", "string"]}}});
    Form::new(description)
        .maybe(
            "value_with_taxes",
            money("The value with taxes, above 0.", ABOVE_ZERO_PATTERN, |it| {
                it.exclusive_minimum(Some(0))
            }),
        )
        .maybe(
            "value_without_taxes",
            money(
                "The value without taxes. 0 only where the refund takes all that is left of the \
                 movement.",
                FROM_ZERO_PATTERN,
                |it| it.minimum(Some(0)),
            ),
        )
        .maybe(
            "tax",
            named_or_null(
                "The tax between the two values. Without it they are equal.",
                "TaxRequestDTO",
            ),
        )
        .maybe(
            "currency",
            named_or_null(
                "The currency. Unless it is left out, it must be the movement's.",
                "CurrencyCode",
            ),
        )
        .with_keyword(
            "anyOf",
            Value::Array(vec![
                given("value_with_taxes"),
                given("value_without_taxes"),
            ]),
        )
}

/// Ordinary decimals above 0 of at most 15 digits before the point. No currency has more than four
/// decimals, so behind them there can only be zeros.
const ABOVE_ZERO_PATTERN: &str =
    r"^(?:0*[1-9][0-9]{0,14}(?:\.[0-9]{1,4}0*)?|0+\.[0-9]{0,3}[1-9]0*)$";

/// The same, or 0.
const FROM_ZERO_PATTERN: &str = r"^0*[0-9]{1,15}(?:\.[0-9]{1,4}0*)?$";

/// From 0 to 1000.
const PERCENTAGE_PATTERN: &str = r"^0*(?:[0-9]{1,3}(?:\.[0-9]{1,4}0*)?|1000(?:\.0+)?)$";

/// A longer string is no amount, whatever zeros it has.
const DECIMAL_CHARACTERS_MAX: usize = 40;

/// The largest whole number of 15 digits.
const MONEY_MAX: f64 = 999_999_999_999_999.0;

fn money(
    description: &str,
    pattern: &str,
    bounded: impl FnOnce(ObjectBuilder) -> ObjectBuilder,
) -> Object {
    let rule = "A number or a decimal string in major units: digits with at most one point between \
                them, no sign, no exponent, at most 15 significant digits, no more decimals than the \
                currency has. At least one of the two values must be there.";
    let builder = decimal(&format!("{description} {rule}"), pattern).maximum(Some(MONEY_MAX));
    or_null(bounded(builder).build())
}

/// A number, or a string that stands for one.
fn decimal(description: &str, pattern: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Number, Type::String]))
        .description(Some(description))
        .max_length(Some(DECIMAL_CHARACTERS_MAX))
        .pattern(Some(pattern))
}

fn tax() -> RefOr<Schema> {
    let name = ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("What the tax is called."))
        .min_length(Some(1))
        .max_length(Some(Tax::TYPE_CHARACTERS_MAX))
        .build();
    let percentage = decimal(
        "From 0 to 1000, with at most 4 decimals: a number or a decimal string.",
        PERCENTAGE_PATTERN,
    )
    .minimum(Some(0))
    .maximum(Some(1_000))
    .build();
    Form::new("A tax.")
        .field("type", name)
        .field("percentage", percentage)
        .example(json!({"type": "IVA", "percentage": 21}))
        .build()
}

fn movement() -> RefOr<Schema> {
    Form::new("A billing movement: a charge that can be refunded.")
        .field("currency", Ref::from_schema_name("CurrencyCode"))
        .field("occurred_at", instant("When it was charged."))
        .field("amount", Ref::from_schema_name("AmountRequestDTO"))
        .field("description", text("What was charged."))
        .example(value(MOVEMENT))
        .build()
}

/// Every currency that the ledger takes, found by asking it: no other list can disagree with it.
fn currencies() -> Object {
    let letters = || 'A'..='Z';
    let codes = letters()
        .flat_map(|a| letters().map(move |b| (a, b)))
        .flat_map(|(a, b)| letters().map(move |c| String::from_iter([a, b, c])))
        .filter(|code| code.parse::<Currency>().is_ok());
    word(
        "A currency of ISO 4217 that has a minor unit, by its alphabetic code.",
        codes,
    )
}

const AMOUNT: &str = "An amount: one value or both. Both values and a tax may differ from what the \
                      tax says by one minor unit at most. From one value and a tax the other is \
                      derived, rounding half away from zero. A refund whose values equal what is left \
                      of its movement takes exactly what is left.";
const INVOICE: &str = "The invoice that the refund belongs to.";
const EXTERNAL_ID: &str =
    "The caller's own key of the refund, unique in the org for ever. It makes retries safe.";
const DESCRIPTION: &str = "Why the money was given back.";
