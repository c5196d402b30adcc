//! The document as a whole: its text, its operations, the contract's fields and statuses.

use std::collections::BTreeSet;

use refund_rest::{Operation, openapi};
use serde_json::Value;

use crate::support::{described, document, members, resolved, schema, texts};

#[test]
fn the_file_is_what_the_code_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let actual = openapi::to_json();
    #[allow(
        clippy::disallowed_methods,
        reason = "a test is told by the environment to write"
    )]
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    if update {
        std::fs::write(path, actual).expect("the golden file can be written");
        return;
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    let differs = expected
        .lines()
        .zip(actual.lines())
        .position(|(expected, actual)| expected != actual)
        .unwrap_or_else(|| expected.lines().count().min(actual.lines().count()));
    assert!(
        expected == actual,
        "openapi.json differs from line {} on.\n  expected: {}\n  actual:   {}\n\
         If that is meant, run `UPDATE_GOLDEN=1 cargo test -p refund-rest --test openapi`, read the \
         diff line by line, and say in CHANGELOG.md what users will notice.",
        differs + 1,
        expected.lines().nth(differs).unwrap_or("(the file ends)"),
        actual.lines().nth(differs).unwrap_or("(the text ends)"),
    );
}

#[test]
fn the_frame() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let scheme = &document["components"]["securitySchemes"]["bearer"];
    for (name, value) in [
        ("type", "http"),
        ("scheme", "bearer"),
        ("bearerFormat", "JWT"),
    ] {
        assert_eq!(scheme[name], value, "`{name}` of the security scheme");
    }
    assert_eq!(document["security"].to_string(), r#"[{"bearer":[]}]"#);
    for (path, item) in members(&document["paths"]) {
        for (method, operation) in members(item) {
            assert!(
                operation.get("security").is_none(),
                "{method} {path} should be as protected as the rest"
            );
        }
    }
}

#[test]
fn every_operation_is_there_and_no_other() {
    let mut known = BTreeSet::new();
    for operation in Operation::ALL {
        let described = described(operation);
        assert_eq!(described["operationId"], operation.id());
        for text in ["summary", "description"] {
            let text = described[text].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{} should be explained", operation.id());
        }
        let tag = described["tags"][0].as_str().unwrap();
        let tags = document()["tags"].as_array().unwrap();
        assert!(tags.iter().any(|known| known["name"] == tag), "tag `{tag}`");
        assert_eq!(
            described.get("requestBody").is_some(),
            operation.has_body(),
            "the body of {}",
            operation.id()
        );
        known.insert(operation.id());
    }
    let written: BTreeSet<&str> = members(&document()["paths"])
        .flat_map(|(_, item)| members(item))
        .map(|(_, operation)| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(written, known);
}

#[test]
fn every_parameter_is_declared_and_explained() {
    for operation in Operation::ALL {
        let mut declared = [("path", vec![]), ("query", vec![]), ("header", vec![])];
        for parameter in described(operation)["parameters"].as_array().unwrap() {
            let name = parameter["name"].as_str().unwrap();
            let text = parameter["description"].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "`{name}` should be explained");
            assert!(parameter["schema"]["type"].is_string(), "type of `{name}`");
            let place = parameter["in"].as_str().unwrap();
            assert_eq!(parameter["required"], place == "path", "`{name}`");
            let slot = declared.iter_mut().find(|(known, _)| *known == place);
            slot.unwrap_or_else(|| panic!("`{name}` is in `{place}`"))
                .1
                .push(name);
        }
        let [(_, ids), (_, query), (_, headers)] = declared;
        let in_path: Vec<&str> = operation
            .path()
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        assert_eq!(ids, in_path, "ids of {}", operation.id());
        assert_eq!(
            query,
            operation.query_parameters(),
            "query of {}",
            operation.id()
        );
        let expected: &[&str] = match operation {
            Operation::UpdateRefund | Operation::DeleteRefund => &["If-Match"],
            Operation::CreateNonSubscribableRefund => &["Idempotency-Key"],
            _ => &[],
        };
        assert_eq!(headers, expected, "headers of {}", operation.id());
    }
}

/// The tables of the contract.
#[test]
fn fields_and_required_flags_are_those_of_the_contract() {
    let standard = [
        ("refund_datetime", true),
        ("period_start_datetime", false),
        ("period_end_datetime", false),
        ("amount", true),
        ("external_invoice_id", false),
        ("external_refund_unique_id", true),
        ("billable", true),
        ("description", true),
    ];
    let other = [
        ("refund_datetime", true),
        ("period_start_datetime", false),
        ("period_end_datetime", false),
        ("amount", true),
        ("external_invoice_id", false),
        ("external_refund_unique_id", false),
        ("transaction_type_id", true),
        ("description", true),
    ];
    for (name, fields, amount) in [
        ("RefundRequestDTO", standard, "AmountRequestDTO"),
        (
            "RefundNonSubscribableProductsRequestDTO",
            other,
            "BillableAmountRequestDTO",
        ),
    ] {
        let schema = schema(name);
        let required = texts(&schema["required"]);
        let written: Vec<(&str, bool)> = members(&schema["properties"])
            .map(|(field, _)| (field, required.contains(&field)))
            .collect();
        let sorted = |mut fields: Vec<(&'static str, bool)>| {
            fields.sort_unstable();
            fields
        };
        assert_eq!(sorted(written), sorted(fields.to_vec()), "{name}");
        let reference = format!("#/components/schemas/{amount}");
        assert_eq!(schema["properties"]["amount"]["$ref"], reference, "{name}");
    }
}

#[test]
fn statuses_are_those_of_the_contract() {
    let shared = ["400", "401", "403", "404", "500", "502", "504"];
    let success = |operation| -> &[&str] {
        match operation {
            Operation::CreateRefund | Operation::CreateNonSubscribableRefund => &["201"],
            Operation::RecordMovement => &["201", "204"],
            Operation::UpdateRefund | Operation::DeleteRefund => &["204", "412"],
            Operation::VoidMovement => &["204"],
            _ => &["200"],
        }
    };
    for operation in Operation::ALL {
        let expected: BTreeSet<&str> = shared.iter().chain(success(operation)).copied().collect();
        let written: BTreeSet<&str> = members(&described(operation)["responses"])
            .map(|(status, _)| status)
            .collect();
        assert_eq!(written, expected, "{}", operation.id());
        for (status, response) in members(&described(operation)["responses"]) {
            let has_body = resolved(response).get("content").is_some();
            assert_eq!(has_body, status != "204", "{status} of {}", operation.id());
        }
    }
    let refusal = "#/components/schemas/GenericResponseDTO";
    for operation in Operation::ALL {
        for (status, response) in members(&described(operation)["responses"]) {
            if !status.starts_with('2') {
                let schema = &resolved(response)["content"]["application/json"]["schema"];
                assert_eq!(schema["$ref"], refusal, "{status} of {}", operation.id());
            }
        }
    }
}

/// Whatever is not named is refused in requests, and is in no answer.
#[test]
fn every_object_says_all_its_fields() {
    for (name, schema) in members(&document()["components"]["schemas"]) {
        let is_object = schema["type"] == "object";
        let is_closed = schema["additionalProperties"] == Value::Bool(false);
        assert_eq!(is_object, is_closed, "`{name}`");
        assert!(schema["description"].is_string(), "`{name}` is explained");
        for (field, schema) in members(&schema["properties"]) {
            let explained = schema.get("$ref").is_some() || schema["description"].is_string();
            assert!(explained, "`{field}` of `{name}` should be explained");
        }
        assert!(
            jsonschema::draft202012::meta::is_valid(schema),
            "`{name}` should be a schema of JSON Schema 2020-12"
        );
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    fn walk(value: &'static Value, found: &mut BTreeSet<&'static str>) {
        match value {
            Value::Object(_) => {
                if let Some(reference) = value.get("$ref") {
                    resolved(value);
                    found.insert(reference.as_str().unwrap());
                }
                members(value).for_each(|(_, value)| walk(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    walk(document(), &mut found);
    // No operation has a method that its path does not have; who sends one gets this.
    found.insert("#/components/responses/MethodNotAllowed");
    for (group, components) in members(&document()["components"]) {
        for (name, _) in members(components).filter(|_| group != "securitySchemes") {
            let reference = format!("#/components/{group}/{name}");
            assert!(found.contains(&*reference), "`{reference}` is used nowhere");
        }
    }
}

#[test]
fn links_lead_to_operations_and_give_them_their_ids() {
    let mut links = 0;
    for operation in Operation::ALL {
        for (_, response) in members(&described(operation)["responses"]) {
            for (name, link) in members(&resolved(response)["links"]) {
                links += 1;
                assert_eq!(link["operationId"], name);
                let target = Operation::ALL.into_iter().find(|o| o.id() == name).unwrap();
                for (parameter, value) in members(&link["parameters"]) {
                    assert!(
                        target.path().contains(&format!("{{{parameter}}}")),
                        "{name}"
                    );
                    let value = value.as_str().unwrap();
                    if let Some(from) = value.strip_prefix("$request.path.") {
                        assert!(operation.path().contains(&format!("{{{from}}}")), "{name}");
                    } else {
                        assert_eq!(value, "$response.body#/id", "{name}");
                    }
                }
                assert_eq!(
                    members(&link["parameters"]).count(),
                    target.path().matches('{').count(),
                    "every id of {name}"
                );
            }
        }
    }
    assert!(links > 0, "there are links");
}
