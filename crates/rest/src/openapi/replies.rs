//! The bodies that answers carry. A field that is not required is left out where there is nothing
//! to say.

use refund_ledger::{EntryKind, ErrorCode, KindName};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{Object, ObjectBuilder, OneOfBuilder, Ref, RefOr, Type};

use super::fields::{
    Form, any_text, flag, id, list, mark, or_null, pattern, refund_id, text, utc, whole, word,
};
use crate::refusal::Refusal;

/// The name of each schema of an answer, with the schema.
pub(super) fn schemas() -> Vec<(&'static str, RefOr<Schema>)> {
    vec![
        ("GenericCreatedResponseDTO", created()),
        ("GenericResponseDTO", error()),
        ("ErrorDetailDTO", detail()),
        ("HolderDTO", holder()),
        ("RefundResponseDTO", refund()),
        ("RefundListDTO", refunds()),
        ("RevisionDTO", revision()),
        ("RefundHistoryDTO", history()),
        ("AmountResponseDTO", amount()),
        ("TaxResponseDTO", tax()),
        ("MovementResponseDTO", movement()),
        ("BalanceDTO", balance()),
        ("ValuesDTO", values()),
        ("JournalDTO", journal()),
        ("JournalEntryDTO", journal_entry()),
        ("MovementContentDTO", movement_content()),
        ("RefundContentDTO", refund_content()),
    ]
}

fn created() -> RefOr<Schema> {
    Form::new("What was created, or had been before.")
        .field("id", id("The id of the refund or the movement."))
        .build()
}

fn error() -> RefOr<Schema> {
    let elsewhere = [
        Refusal::PathNotFound,
        Refusal::MethodNotAllowed {
            allow: String::new(),
        },
    ];
    let codes = ErrorCode::ALL
        .into_iter()
        .map(ErrorCode::as_str)
        .chain(elsewhere.iter().map(Refusal::code));
    Form::new("Why a request was refused. A refused request has changed nothing.")
        .field("code", word("The stable name of the reason.", codes))
        .field(
            "message",
            any_text("The reason, for the person who can act."),
        )
        .maybe("details", list("Every field at fault.", "ErrorDetailDTO"))
        .maybe("holder", Ref::from_schema_name("HolderDTO"))
        .build()
}

fn detail() -> RefOr<Schema> {
    Form::new("A field at fault.")
        .field(
            "field",
            any_text(
                "Its path in the body, such as `amount.tax.percentage`, or the name of an id of the \
                 path, of a query parameter or of a header.",
            ),
        )
        .field(
            "code",
            word(
                "What is wrong with it.",
                [
                    "required",
                    "wrong_type",
                    "invalid_format",
                    "out_of_range",
                    "too_long",
                    "too_short",
                    "too_many_decimals",
                    "differs",
                    "not_allowed",
                    "over_refund",
                ],
            ),
        )
        .field(
            "message",
            any_text("The same in words, with what is allowed."),
        )
        .build()
}

fn scope(form: Form) -> Form {
    form.field("org_id", id("The org."))
        .field("subscription_id", id("The subscription."))
        .field("movement_id", id("The movement."))
}

fn holder() -> RefOr<Schema> {
    Form::new("Who has the external id, or the movement's id, where the caller may read it.")
        .and(scope)
        .maybe("refund_id", refund_id("The refund that has it."))
        .build()
}

fn kind() -> Object {
    word(
        "The kind of the refund.",
        [KindName::Standard, KindName::NonSubscribable].map(KindName::as_str),
    )
}

/// What the two kinds of request ask for.
fn content(form: Form) -> Form {
    form.field("kind", kind())
        .field("refund_datetime", utc("When the money was given back."))
        .maybe(
            "period_start_datetime",
            utc("The beginning of the period that it is given back for."),
        )
        .maybe("period_end_datetime", utc("The end of that period."))
        .field("amount", Ref::from_schema_name("AmountResponseDTO"))
        .maybe("external_invoice_id", id("The invoice that it belongs to."))
        .maybe("external_refund_unique_id", id("The caller's own key."))
        .maybe(
            "transaction_type_id",
            id("Of a non-subscribable refund: what kind of transaction it refunds."),
        )
        .maybe(
            "billable",
            flag(
                "Of a standard refund: whether it is billed. The other kind says it in its amount.",
            ),
        )
        .field("description", erasable("Why the money was given back."))
}

fn erasable(description: &str) -> Object {
    or_null(text(&format!("{description} `null` once erased.")))
}

fn refund() -> RefOr<Schema> {
    Form::new("A refund.")
        .field("id", refund_id("What the ledger calls it."))
        .and(scope)
        .and(content)
        .field(
            "revision",
            whole("1 at first, and one more with each change.", 1),
        )
        .field("created_at", utc("When it was recorded."))
        .field("updated_at", utc("When it was last changed."))
        .maybe("deleted", mark("It was deleted."))
        .build()
}

fn refunds() -> RefOr<Schema> {
    Form::new("A page of refunds, by `refund_datetime`, then `id`.")
        .field("items", list("The refunds.", "RefundResponseDTO"))
        .field(
            "next_cursor",
            or_null(any_text(
                "Where the next page begins: send it as `cursor`, with the same filters. `null` on \
                 the last page.",
            )),
        )
        .build()
}

fn actor() -> Object {
    id("Who did it.")
}

fn change() -> Object {
    word(
        "What was done.",
        [
            EntryKind::MovementRecorded,
            EntryKind::MovementVoided,
            EntryKind::RefundCreated,
            EntryKind::RefundUpdated,
            EntryKind::RefundDeleted,
            EntryKind::TextErased,
        ]
        .map(EntryKind::as_str),
    )
}

fn revision() -> RefOr<Schema> {
    Form::new("A change of a refund.")
        .field("change", change())
        .field("actor", actor())
        .field("recorded_at", utc("When it was done."))
        .field("refund", Ref::from_schema_name("RefundResponseDTO"))
        .build()
}

fn history() -> RefOr<Schema> {
    Form::new("The changes of a refund, the first one first.")
        .field("items", list("The changes.", "RevisionDTO"))
        .build()
}

fn number(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Number)
        .description(Some(description))
}

/// Money that may be nothing.
fn money(description: &str) -> Object {
    number(&format!("{description} In major units."))
        .minimum(Some(0))
        .build()
}

fn currency() -> Object {
    pattern(
        "The currency, by its alphabetic code of ISO 4217.",
        "^[A-Z]{3}$",
    )
}

fn amount() -> RefOr<Schema> {
    Form::new("An amount.")
        .field(
            "value_with_taxes",
            number("The value with taxes. In major units.")
                .exclusive_minimum(Some(0))
                .build(),
        )
        .field("value_without_taxes", money("The value without taxes."))
        .maybe("tax", Ref::from_schema_name("TaxResponseDTO"))
        .field("currency", currency())
        .maybe(
            "billable",
            flag("Of a non-subscribable refund: whether it is billed."),
        )
        .build()
}

fn tax() -> RefOr<Schema> {
    Form::new("A tax.")
        .field("type", any_text("What it is called."))
        .field(
            "percentage",
            number("From 0 to 1000, with at most 4 decimals.")
                .minimum(Some(0))
                .maximum(Some(1_000))
                .build(),
        )
        .build()
}

fn charge(form: Form) -> Form {
    form.field("currency", currency())
        .field("occurred_at", utc("When it was charged."))
        .field("amount", Ref::from_schema_name("AmountResponseDTO"))
        .field("description", erasable("What was charged."))
}

fn movement() -> RefOr<Schema> {
    Form::new("A movement with its balance.")
        .and(scope)
        .and(charge)
        .field("recorded_at", utc("When it was recorded."))
        .field("balance", Ref::from_schema_name("BalanceDTO"))
        .build()
}

fn balance() -> RefOr<Schema> {
    Form::new("What was charged, what was given back and what is left.")
        .field("currency", currency())
        .field("amount", Ref::from_schema_name("ValuesDTO"))
        .field("refunded", Ref::from_schema_name("ValuesDTO"))
        .field("refundable", Ref::from_schema_name("ValuesDTO"))
        .field("count", whole("How many refunds are not deleted.", 0))
        .build()
}

fn values() -> RefOr<Schema> {
    Form::new("A sum with and without taxes.")
        .field("value_with_taxes", money("With taxes."))
        .field("value_without_taxes", money("Without taxes."))
        .build()
}

fn journal() -> RefOr<Schema> {
    Form::new("A page of the journal of an org, in the order in which changes were kept.")
        .field("items", list("The entries.", "JournalEntryDTO"))
        .field(
            "next_after",
            whole(
                "Where the next page begins: send it as `after`. A page without items may yet have \
                 to be continued, until this stays as it is.",
                0,
            ),
        )
        .build()
}

fn journal_entry() -> RefOr<Schema> {
    let content = OneOfBuilder::new()
        .description(Some("All content after the change."))
        .item(Ref::from_schema_name("MovementContentDTO"))
        .item(Ref::from_schema_name("RefundContentDTO"));
    Form::new("An entry of the journal. The entries of a movement are a hash chain.")
        .field(
            "position",
            whole("Its place among the entries of all movements.", 1),
        )
        .and(scope)
        .field(
            "sequence",
            whole("Its place among the entries of its movement, from 1.", 1),
        )
        .field("recorded_at", utc("When it was recorded."))
        .field("actor", actor())
        .field("kind", change())
        .maybe("refund_id", refund_id("The refund that it is about."))
        .maybe(
            "revision",
            whole("The refund's revision after the change.", 1),
        )
        .field("content", content)
        .field(
            "text_hash",
            hash("SHA-256 over the description with its salt."),
        )
        .field(
            "text_sequence",
            whole(
                "The sequence of the entry that brought the description. An entry that kept it has \
                 no text of its own.",
                1,
            ),
        )
        .field(
            "previous_hash",
            hash("The hash of the entry before it; zeros in the first one."),
        )
        .field("hash", hash("SHA-256 over the entry."))
        .build()
}

fn hash(description: &str) -> Object {
    pattern(description, "^[0-9a-f]{64}$")
}

fn movement_content() -> RefOr<Schema> {
    Form::new("What a movement was then.").and(charge).build()
}

fn refund_content() -> RefOr<Schema> {
    Form::new("What a refund was then.").and(content).build()
}
