//! The responses of every status, and their headers.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::Example;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::{Header, Object, Ref, RefOr, Response};

use super::fields::{any_text, keyword, mark, pattern, word};

const JSON: &str = "application/json";
const CACHE_CONTROL: &str = "Cache-Control";
const X_REQUEST_ID: &str = "X-Request-Id";

/// The name of each header of a response, with the header.
pub(super) fn headers() -> Vec<(&'static str, Header)> {
    vec![
        (
            "Allow",
            always(any_text("The methods that the path has (RFC 9110).")),
        ),
        (
            CACHE_CONTROL,
            always(word("No answer may be kept by a cache.", ["no-store"])),
        ),
        (
            "ETag",
            always(pattern(
                "The revision of the refund, in quotes: what `If-Match` takes.",
                "^\"[1-9][0-9]*\"$",
            )),
        ),
        (
            "Idempotent-Replayed",
            sometimes(mark(
                "The refund had been created before, and nothing was booked.",
            )),
        ),
        (
            "Location",
            always(any_text("The path of what was created.")),
        ),
        (
            "WWW-Authenticate",
            always(pattern("How to say who asks (RFC 6750).", "^Bearer")),
        ),
        (
            X_REQUEST_ID,
            sometimes(any_text(
                "The name of the request in the server's log. A server sets it on every answer.",
            )),
        ),
    ]
}

/// A header that is there in every response that names it.
fn always(schema: Object) -> Header {
    header(schema)
        .extensions(Some(keyword("required", true)))
        .build()
}

fn sometimes(schema: Object) -> Header {
    header(schema).build()
}

fn header(mut schema: Object) -> HeaderBuilder {
    let description = schema.description.take();
    HeaderBuilder::new()
        .description(description)
        .schema(Some(RefOr::from(schema)))
}

/// A response with these headers besides those that all have.
pub(super) fn empty(description: &str, headers: &[&str]) -> ResponseBuilder {
    headers
        .iter()
        .chain(&[CACHE_CONTROL, X_REQUEST_ID])
        .fold(ResponseBuilder::new(), |response, name| {
            response.header_ref(*name, Ref::new(format!("#/components/headers/{name}")))
        })
        .description(description)
}

/// The same with a body, of which these are examples.
pub(super) fn with_body(
    description: &str,
    headers: &[&str],
    schema: &str,
    examples: &[&str],
) -> ResponseBuilder {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(schema)))
        .examples_from_iter(examples.iter().map(|name| (*name, example(name))))
        .build();
    empty(description, headers).content(JSON, content)
}

/// Where an example of this name is.
pub(super) fn example(name: &str) -> RefOr<Example> {
    RefOr::Ref(Ref::new(format!("#/components/examples/{name}")))
}

/// A refusal, in the words of the contract.
pub(super) fn refusal(description: &str, examples: &[&str]) -> ResponseBuilder {
    with_body(description, &[], "GenericResponseDTO", examples)
}

/// The status and the name of each response that every operation has.
pub(super) const SHARED: [(&str, &str); 5] = [
    ("401", "Unauthorized"),
    ("403", "Forbidden"),
    ("500", "InternalServerError"),
    ("502", "BadGateway"),
    ("504", "GatewayTimeout"),
];

/// The responses that operations share, and the one to a method that a path does not have, which is
/// no operation's.
pub(super) fn shared() -> Vec<(&'static str, Response)> {
    let refusal = |description, examples: &[&str]| refusal(description, examples).build();
    vec![
        (
            "Unauthorized",
            with_body(
                "The user is not authorized",
                &["WWW-Authenticate"],
                "GenericResponseDTO",
                &["unauthorized"],
            )
            .build(),
        ),
        (
            "Forbidden",
            refusal(
                "The user does not have permission to access that resource",
                &["forbidden"],
            ),
        ),
        (
            "MethodNotAllowed",
            with_body(
                "The path does not have this method; the header says which it has",
                &["Allow"],
                "GenericResponseDTO",
                &["method_not_allowed"],
            )
            .build(),
        ),
        (
            "InternalServerError",
            refusal(
                "The request failed to be processed by the server",
                &["internal", "store_corrupted"],
            ),
        ),
        (
            "BadGateway",
            refusal(
                "A third party connection is not responding. The request may be repeated",
                &["store_unavailable"],
            ),
        ),
        (
            "GatewayTimeout",
            refusal("The request timed out. It may be repeated", &["timeout"]),
        ),
    ]
}
