//! Commands as flat rows of named texts, as CSV files and flags give them. A row becomes a line of
//! JSON, so that the one parser of lines judges everything.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The columns that stand beside `op`, not in the body.
const ENVELOPE: [&str; 7] = [
    "op",
    "org_id",
    "subscription_id",
    "movement_id",
    "refund_id",
    "expected_revision",
    "idempotency_key",
];

/// The columns that stand in the body, with dots for nesting.
const BODY: [&str; 15] = [
    "refund_datetime",
    "period_start_datetime",
    "period_end_datetime",
    "amount.value_with_taxes",
    "amount.value_without_taxes",
    "amount.tax.type",
    "amount.tax.percentage",
    "amount.currency",
    "amount.billable",
    "external_invoice_id",
    "transaction_type_id",
    "billable",
    "currency",
    "occurred_at",
    "description",
];

/// The body's in a create; elsewhere it names the refund, unless `refund_id` does.
pub const EXTERNAL_ID: &str = "external_refund_unique_id";

/// The name of a column, if there is such a column.
pub fn column(name: &str) -> Option<&'static str> {
    ENVELOPE
        .into_iter()
        .chain(BODY)
        .chain([EXTERNAL_ID])
        .find(|column| *column == name)
}

/// A row as a line of JSON. Empty cells are left out.
pub fn to_line(cells: &[(&'static str, &str)]) -> String {
    let given = |name| {
        cells
            .iter()
            .find(|(column, text)| *column == name && !text.is_empty())
            .map(|(_, text)| *text)
    };
    let external_id_in_body = match given("op") {
        Some("create_refund" | "create_non_subscribable_refund") => true,
        Some("update_refund") => given("refund_id").is_some(),
        _ => false,
    };
    let values = cells.iter().filter(|(_, text)| !text.is_empty());
    let values = values.map(|(column, text)| {
        let in_body = match *column {
            EXTERNAL_ID => external_id_in_body,
            other => BODY.contains(&other),
        };
        let place = if in_body { "body." } else { "" };
        (format!("{place}{column}"), value(column, text))
    });
    Value::Object(nested(values)).to_string()
}

/// Texts stay texts, amounts too (the parser takes decimal strings); only truth values and
/// revisions have types of their own, and what is neither is left for the parser to refuse.
fn value(column: &str, text: &str) -> Value {
    match column {
        // Spreadsheets write them in capitals.
        "billable" | "amount.billable" if text.eq_ignore_ascii_case("true") => Value::Bool(true),
        "billable" | "amount.billable" if text.eq_ignore_ascii_case("false") => Value::Bool(false),
        "expected_revision" => text
            .parse::<u32>()
            .map_or_else(|_| text.into(), Value::from),
        _ => text.into(),
    }
}

/// Values by their paths, as objects in objects.
fn nested(values: impl IntoIterator<Item = (String, Value)>) -> Map<String, Value> {
    let mut object = Map::new();
    let mut inner: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
    for (path, value) in values {
        match path.split_once('.') {
            None => {
                object.insert(path, value);
            }
            Some((first, rest)) => {
                inner
                    .entry(first.to_owned())
                    .or_default()
                    .push((rest.to_owned(), value));
            }
        }
    }
    for (name, values) in inner {
        object.insert(name, Value::Object(nested(values)));
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(cells: &[(&'static str, &str)]) -> Value {
        serde_json::from_str(&to_line(cells)).unwrap()
    }

    #[test]
    fn dots_nest_and_empty_cells_are_left_out() {
        let line = line(&[
            ("op", "create_refund"),
            ("amount.value_with_taxes", "12.10"),
            ("amount.tax.type", "IVA"),
            ("amount.tax.percentage", "21"),
            ("billable", "FALSE"),
            ("description", ""),
            ("external_refund_unique_id", "r-1"),
        ]);
        assert_eq!(
            line,
            serde_json::json!({"op": "create_refund", "body": {
                "amount": {"value_with_taxes": "12.10", "tax": {"type": "IVA", "percentage": "21"}},
                "billable": false,
                "external_refund_unique_id": "r-1",
            }})
        );
    }

    #[test]
    fn the_external_id_names_the_refund_unless_its_id_does() {
        for op in ["update_refund", "delete_refund", "erase_text"] {
            let line = line(&[
                ("op", op),
                ("refund_id", ""),
                ("external_refund_unique_id", "r-1"),
                ("expected_revision", "2"),
            ]);
            assert_eq!(
                line,
                serde_json::json!({"op": op, "external_refund_unique_id": "r-1", "expected_revision": 2})
            );
        }
        let line = line(&[
            ("op", "update_refund"),
            ("refund_id", "x"),
            ("external_refund_unique_id", "r-1"),
        ]);
        assert_eq!(line["body"]["external_refund_unique_id"], "r-1");
    }
}
