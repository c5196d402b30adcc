//! What each operation is for, takes and answers.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{HttpMethod, Operation as Described, OperationBuilder};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::{Ref, Required};

use super::{links, parameters, responses};
use crate::operation::Operation;

/// The groups of operations, each with what it is about.
pub(super) const TAGS: [(&str, &str); 3] = [
    ("refunds", "Refunds of billing movements."),
    (
        "movements",
        "Billing movements, which refunds give money back on.",
    ),
    ("journal", "What was changed, when and by whom."),
];

/// The operation with its method.
pub(super) fn describe(operation: Operation) -> (HttpMethod, Described) {
    let method = match operation.method() {
        http::Method::POST => HttpMethod::Post,
        http::Method::PUT => HttpMethod::Put,
        http::Method::DELETE => HttpMethod::Delete,
        _ => HttpMethod::Get,
    };
    let (tag, summary, description) = words(operation);
    let mut builder = OperationBuilder::new()
        .operation_id(Some(operation.id()))
        .tag(tag)
        .summary(Some(summary))
        .description(Some(description))
        .parameters(Some(parameters::of(operation)))
        .request_body(request_body(operation));
    for (status, response) in successes(operation) {
        builder = builder.response(status, response);
    }
    builder = builder
        .response(
            "400",
            responses::refusal(
                "The request could not be processed because it was malformed",
                bad_requests(operation),
            ),
        )
        .response(
            "404",
            responses::refusal("The specified resource was not found", missing(operation)),
        );
    if matches!(operation, Operation::UpdateRefund | Operation::DeleteRefund) {
        builder = builder.response(
            "412",
            responses::refusal(
                "The refund is at another revision than `If-Match` says",
                &["stale_revision"],
            ),
        );
    }
    for (status, name) in responses::SHARED {
        builder = builder.response(status, Ref::from_response_name(name));
    }
    (method, builder.build())
}

/// The tag, the summary and the description.
fn words(operation: Operation) -> (&'static str, &'static str, &'static str) {
    match operation {
        Operation::CreateRefund => (
            "refunds",
            "Create a refund",
            "Books a refund of a subscription. The same request again answers with the same id and \
             books nothing, also after the refund was changed; other content under the same external \
             id is an `idempotency_conflict`.",
        ),
        Operation::CreateNonSubscribableRefund => (
            "refunds",
            "Create a refund of non-subscribable products",
            "Books a refund of products that are not subscribed to. Without an external id and \
             without `Idempotency-Key` every request books a refund of its own.",
        ),
        Operation::GetRefund => (
            "refunds",
            "Retrieve a refund",
            "Answers with a refund that is not deleted.",
        ),
        Operation::UpdateRefund => (
            "refunds",
            "Update a refund",
            "Replaces every field of a refund but its external id. An update to what the refund is \
             already succeeds and writes nothing, whatever `If-Match` says.",
        ),
        Operation::DeleteRefund => (
            "refunds",
            "Delete a refund",
            "Takes a refund back: its amount can be refunded again. Its external id stays taken.",
        ),
        Operation::RecordMovement => (
            "movements",
            "Record a movement",
            "Records a charge, so that it can be refunded. Once recorded it does not change: the same \
             content again is answered with 204, other content is an `idempotency_conflict`.",
        ),
        Operation::GetMovement => (
            "movements",
            "Retrieve a movement with its balance",
            "Answers with what was charged, what was refunded and what is left.",
        ),
        Operation::VoidMovement => (
            "movements",
            "Void a movement",
            "Takes back a movement that was recorded by mistake and has no refunds. It can then be \
             recorded anew.",
        ),
        Operation::ListRefunds => (
            "refunds",
            "List the refunds of an org",
            "Pages of refunds by `refund_datetime`, then `id`. Filters that are left out do not \
             filter.",
        ),
        Operation::ListMovementRefunds => (
            "refunds",
            "List the refunds of a movement",
            "Pages of refunds by `refund_datetime`, then `id`. Filters that are left out do not \
             filter.",
        ),
        Operation::GetRefundHistory => (
            "refunds",
            "List the changes of a refund",
            "Every revision of a refund, with who made it. A deleted refund has its history too.",
        ),
        Operation::GetJournal => (
            "journal",
            "Follow the journal of an org",
            "Pages of what was changed in an org, in the order in which it was kept. A reader that \
             continues from `next_after` misses nothing.",
        ),
    }
}

fn request_body(operation: Operation) -> Option<RequestBody> {
    let (schema, examples): (_, &[&str]) = match operation {
        Operation::CreateRefund => ("RefundRequestDTO", &["refund_request"]),
        Operation::CreateNonSubscribableRefund => (
            "RefundNonSubscribableProductsRequestDTO",
            &["non_subscribable_request", "keyless_request"],
        ),
        Operation::UpdateRefund => (
            "UpdateRefundRequest",
            &["refund_request", "non_subscribable_request"],
        ),
        Operation::RecordMovement => ("MovementRequestDTO", &["movement_request"]),
        _ => return None,
    };
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(schema)))
        .examples_from_iter(
            examples
                .iter()
                .map(|name| (*name, responses::example(name))),
        )
        .build();
    Some(
        RequestBodyBuilder::new()
            .required(Some(Required::True))
            .content("application/json", content)
            .build(),
    )
}

fn successes(operation: Operation) -> Vec<(&'static str, ResponseBuilder)> {
    let body = responses::with_body;
    let created = |headers: &[&str], example| {
        let schema = "GenericCreatedResponseDTO";
        let response = body("Resource created", headers, schema, &[example]);
        let links = links::of_created(operation).into_iter();
        let linked = links.fold(response, |response, (name, link)| response.link(name, link));
        ("201", linked)
    };
    match operation {
        Operation::CreateRefund | Operation::CreateNonSubscribableRefund => vec![created(
            &["Location", "ETag", "Idempotent-Replayed"],
            "refund_created",
        )],
        Operation::GetRefund => vec![(
            "200",
            body(
                "Retrieve a billing refund",
                &["ETag"],
                "RefundResponseDTO",
                &["refund", "non_subscribable_refund"],
            ),
        )],
        Operation::UpdateRefund => {
            vec![("204", responses::empty("Ok with empty body", &["ETag"]))]
        }
        Operation::DeleteRefund => vec![("204", responses::empty("Ok with empty body", &[]))],
        Operation::RecordMovement => vec![
            created(&["Location"], "movement_created"),
            (
                "204",
                responses::empty("It had been recorded before, with the same content", &[]),
            ),
        ],
        Operation::GetMovement => vec![(
            "200",
            body(
                "The movement with its balance",
                &[],
                "MovementResponseDTO",
                &["movement"],
            ),
        )],
        Operation::VoidMovement => vec![("204", responses::empty("Voided", &[]))],
        Operation::ListRefunds | Operation::ListMovementRefunds => vec![(
            "200",
            body("A page of refunds", &[], "RefundListDTO", &["refund_list"]),
        )],
        Operation::GetRefundHistory => vec![(
            "200",
            body(
                "The changes of the refund",
                &[],
                "RefundHistoryDTO",
                &["refund_history"],
            ),
        )],
        Operation::GetJournal => vec![(
            "200",
            body("A page of the journal", &[], "JournalDTO", &["journal"]),
        )],
    }
}

/// What an operation answers with 400, by the names of the examples, which begin with the code.
fn bad_requests(operation: Operation) -> &'static [&'static str] {
    match operation {
        Operation::CreateRefund | Operation::CreateNonSubscribableRefund => &[
            "malformed_request",
            "invalid_request",
            "refund_deleted",
            "idempotency_conflict",
            "currency_mismatch",
            "tax_mismatch",
            "refund_before_movement",
            "refund_in_future",
            "refund_window_expired",
            "refund_count_exceeded",
            "over_refund",
        ],
        Operation::UpdateRefund => &[
            "malformed_request",
            "invalid_request",
            "invalid_request_if_match",
            "kind_mismatch",
            "immutable_field",
            "currency_mismatch",
            "tax_mismatch",
            "refund_before_movement",
            "refund_in_future",
            "refund_window_expired",
            "over_refund",
        ],
        Operation::DeleteRefund => &[
            "malformed_request_query",
            "invalid_request_path",
            "invalid_request_if_match",
        ],
        Operation::RecordMovement => &[
            "malformed_request",
            "invalid_request",
            "idempotency_conflict_movement",
            "currency_mismatch",
            "tax_mismatch",
        ],
        Operation::VoidMovement => &[
            "malformed_request_query",
            "invalid_request_path",
            "over_refund_void",
        ],
        Operation::GetRefund | Operation::GetMovement | Operation::GetRefundHistory => {
            &["malformed_request_query", "invalid_request_path"]
        }
        Operation::ListRefunds | Operation::ListMovementRefunds => &[
            "malformed_request_query",
            "invalid_request_query",
            "invalid_request_path",
        ],
        Operation::GetJournal => &["malformed_request_query", "invalid_request_path"],
    }
}

/// The same for 404.
fn missing(operation: Operation) -> &'static [&'static str] {
    match operation {
        Operation::GetRefund
        | Operation::UpdateRefund
        | Operation::DeleteRefund
        | Operation::GetRefundHistory => {
            &["movement_not_found", "refund_not_found", "path_not_found"]
        }
        Operation::CreateRefund
        | Operation::CreateNonSubscribableRefund
        | Operation::GetMovement
        | Operation::VoidMovement
        | Operation::ListMovementRefunds => &["movement_not_found", "path_not_found"],
        Operation::RecordMovement | Operation::ListRefunds | Operation::GetJournal => {
            &["path_not_found"]
        }
    }
}
