//! What requests carry beside their body: the ids of the path, the parameters of the query, and
//! headers.

use refund_ledger::{KindName, LIST_LIMIT_MAX};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{KnownFormat, Object, ObjectBuilder, RefOr, Required, SchemaFormat, Type};

use super::fields::{any_text, flag, id, instant, keyword, pattern, word};
use crate::operation::Operation;

/// Every parameter of an operation, in the order of the path, the query and the headers.
pub(super) fn of(operation: Operation) -> Vec<Parameter> {
    let ids = path_ids(operation).map(|name| {
        let (schema, example) = path_id(name);
        parameter(ParameterIn::Path, name, schema).example(Some(example.into()))
    });
    let query = operation
        .query_parameters()
        .iter()
        .map(|name| parameter(ParameterIn::Query, name, query(name)));
    let headers = headers(operation)
        .into_iter()
        .map(|(name, schema, example)| {
            parameter(ParameterIn::Header, name, schema).example(Some(example.into()))
        });
    ids.chain(query)
        .chain(headers)
        .map(ParameterBuilder::build)
        .collect()
}

/// The names of the ids in the path of an operation.
pub(super) fn path_ids(operation: Operation) -> impl Iterator<Item = &'static str> {
    let parts = operation.path().split('/');
    parts.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn parameter(place: ParameterIn, name: &str, mut schema: Object) -> ParameterBuilder {
    // What is said of the field is said of the parameter: it stands where tools look for it.
    let description = schema.description.take();
    let required = match place {
        ParameterIn::Path => Required::True,
        _ => Required::False,
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(description)
        .schema(Some(RefOr::from(schema)))
}

/// The schema of an id, and an example.
fn path_id(name: &str) -> (Object, &'static str) {
    match name {
        "orgId" => (id("The org."), "acme"),
        "subscriptionId" => (id("The subscription."), "sub-7"),
        "movementId" => (id("The billing movement."), "mov-42"),
        // Whatever is no id of a refund is answered with 404, as one that nobody has.
        _ => (
            any_text("The refund, by the `id` that the ledger gave it, a UUID."),
            "017f449b-9000-7000-8000-000000000001",
        ),
    }
}

fn query(name: &str) -> Object {
    match name {
        "subscription_id" => id("Only refunds of this subscription."),
        "movement_id" => id("Only refunds of movements with this id."),
        "from" => instant("Only refunds with `refund_datetime` at this instant or later."),
        "to" => instant("Only refunds with `refund_datetime` before this instant."),
        "external_refund_unique_id" => id("Only the refund with this external id."),
        "external_invoice_id" => id("Only refunds of this invoice."),
        "kind" => word(
            "Only refunds of this kind.",
            [KindName::Standard, KindName::NonSubscribable].map(KindName::as_str),
        ),
        "billable" => flag("Only refunds that are billed, or that are not."),
        "include_deleted" => flag("Deleted refunds too. Without it, they are left out."),
        "limit" => ObjectBuilder::new()
            .schema_type(Type::Integer)
            .description(Some("How many items the page has at most."))
            .minimum(Some(1))
            .maximum(Some(LIST_LIMIT_MAX))
            .default(Some(100.into()))
            .build(),
        "after" => ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .description(Some(
                "Only entries behind this position: 0, or the `next_after` of an earlier page.",
            ))
            .minimum(Some(0))
            // Exact on every platform, which the builder's numbers are not.
            .extensions(Some(keyword("maximum", i64::MAX)))
            .default(Some(0.into()))
            .build(),
        _ => pattern(
            "Where the page begins: the `next_cursor` of an earlier page with the same filters.",
            "^[0-9a-f]{72}$",
        ),
    }
}

/// Each header with its schema and an example.
fn headers(operation: Operation) -> Vec<(&'static str, Object, &'static str)> {
    match operation {
        Operation::UpdateRefund | Operation::DeleteRefund => vec![(
            "If-Match",
            pattern(
                "The revision that the refund must be at: the `ETag` of an earlier answer, such as \
                 `\"3\"`. With `*` or without the header, any.",
                r#"^(?:\*|"(?:[1-9][0-9]{0,8}|[1-4][0-9]{9})")$"#,
            ),
            "\"1\"",
        )],
        Operation::CreateNonSubscribableRefund => vec![(
            "Idempotency-Key",
            // Its form is judged only where it is needed, so no rule stands here.
            any_text(
                "The key of a refund that has no `external_refund_unique_id`; where the body has \
                 one, this header is ignored. In quotes or not. It is taken from the same namespace, \
                 follows the same rules, and is not returned.",
            ),
            "goods-17",
        )],
        _ => Vec::new(),
    }
}
