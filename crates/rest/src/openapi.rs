//! The contract as an OpenAPI 3.1 document, made from the code: paths, methods and parameters are
//! those of [`Operation::ALL`], which routes requests too, and the examples of answers are answers
//! that were given.

mod desk;
mod examples;
mod fields;
mod links;
mod operations;
mod parameters;
mod replies;
mod requests;
mod responses;

use refund_ledger::wire::{BODY_BYTES_MAX, DEPTH_MAX};
use utoipa::openapi::info::{InfoBuilder, LicenseBuilder};
use utoipa::openapi::schema::{Components, ComponentsBuilder};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Info, OpenApi, OpenApiBuilder, PathItem, PathsBuilder, RefOr, ServerBuilder,
};

use crate::operation::Operation;

/// The name of the security scheme.
const BEARER: &str = "bearer";

/// The document. It is the same on every call.
///
/// ```
/// let document = refund_rest::openapi::document();
/// let path = "/v1/orgs/{orgId}/refunds";
/// let list = document.paths.get_path_item(path).and_then(|item| item.get.as_ref());
/// assert_eq!(list.and_then(|list| list.operation_id.as_deref()), Some("listRefunds"));
/// ```
pub fn document() -> OpenApi {
    let paths = Operation::ALL
        .into_iter()
        .fold(PathsBuilder::new(), |paths, operation| {
            let (method, described) = operations::describe(operation);
            paths.path(operation.path(), PathItem::new(method, described))
        });
    OpenApiBuilder::new()
        .info(info())
        .servers(Some([ServerBuilder::new()
            .url("/")
            .description(Some("The server that gave this document."))
            .build()]))
        .tags(Some(operations::TAGS.map(|(name, description)| {
            TagBuilder::new()
                .name(name)
                .description(Some(description))
                .build()
        })))
        .security(Some([SecurityRequirement::new::<_, [&str; 0], _>(
            BEARER,
            [],
        )]))
        .paths(paths)
        .components(Some(components()))
        .build()
}

/// The document as JSON with line breaks, as `openapi.json` beside this crate's sources holds it.
///
/// ```
/// let json = refund_rest::openapi::to_json();
/// assert!(json.starts_with("{\n  \"openapi\": \"3.1.0\""));
/// ```
pub fn to_json() -> String {
    // The document is made of strings, numbers and lists: there is nothing in it that JSON can't say.
    let mut json = document().to_pretty_json().unwrap_or_default();
    json.push('\n');
    json
}

fn info() -> Info {
    let license = env!("CARGO_PKG_LICENSE");
    let description = format!(
        "Refunds of billing movements. A movement is never refunded beyond its amount, and a refund \
         is never booked twice.\n\n\
         Money comes as JSON numbers or decimal strings in major units, such as `12.1`, without sign \
         or exponent, with at most 15 significant digits and no more decimals than the currency has. \
         It is never rounded. Answers hold numbers in their shortest exact form.\n\n\
         Instants are RFC 3339 date-times, kept in UTC to the nanosecond.\n\n\
         A request body is JSON in UTF-8 of at most {BODY_BYTES_MAX} bytes and {DEPTH_MAX} levels, \
         without repeated or unknown keys. `null` is the same as leaving a field out. A query \
         parameter that is not known, or is there twice, is refused.\n\n\
         Creating a refund again with the same external id and the same content answers 201 with the \
         first refund's id and the header `Idempotent-Replayed: true`, and books nothing: it is safe \
         to retry. After 502 and 504, do.\n\n\
         HEAD is answered wherever GET is. Another method is answered with 405 and the header \
         `Allow`.\n\n\
         The software that serves it is licensed under {license}, at your choice."
    );
    InfoBuilder::new()
        .title("Refunds")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(description))
        .license(Some(
            LicenseBuilder::new()
                .name(license)
                .identifier(Some(license))
                .build(),
        ))
        .build()
}

fn components() -> Components {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some(
            "A JSON Web Token, or a static token where the server knows one. It names who asks, in \
             which orgs they may act, and what they may do there.",
        ))
        .build();
    let mut components = ComponentsBuilder::new()
        .security_scheme(BEARER, SecurityScheme::Http(bearer))
        .schemas_from_iter(requests::schemas())
        .schemas_from_iter(replies::schemas())
        .responses_from_iter(responses::shared());
    for (name, header) in responses::headers() {
        components = components.header(name, header);
    }
    for (name, example) in examples::all() {
        components = components.example(name, RefOr::T(example));
    }
    components.build()
}
