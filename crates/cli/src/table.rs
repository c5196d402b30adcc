//! Tables for people, and the values in them.

use comfy_table::{Cell, CellAlignment, Table, presets};
use refund_ledger::{
    Amount, Currency, ExternalId, Id, Movement, MovementKey, Refund, minor_to_decimal,
};

use crate::visible::visible;

/// A table under construction. Whatever goes in is made harmless to a terminal.
pub(crate) struct TextTable(Table);

/// A cell's text; numbers stand at the right.
pub(crate) enum Field {
    Text(String),
    Number(String),
}

impl TextTable {
    pub(crate) fn new(header: &[&str]) -> Self {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header(header);
        Self(table)
    }

    pub(crate) fn row(&mut self, fields: Vec<Field>) {
        self.0.add_row(fields.into_iter().map(|field| match field {
            Field::Text(text) => Cell::new(visible(&text)),
            Field::Number(text) => Cell::new(visible(&text)).set_alignment(CellAlignment::Right),
        }));
    }

    /// The table without trailing white space.
    pub(crate) fn text(&self) -> String {
        self.0.trim_fmt()
    }
}

/// Minor units with all the decimals of the currency, such as `12.10 EUR`.
pub(crate) fn money(minor: i128, currency: Currency) -> String {
    let decimals = usize::from(currency.exponent());
    let mut text = minor_to_decimal(minor, currency);
    let have = text
        .split_once('.')
        .map_or(0, |(_, decimals)| decimals.len());
    if have == 0 && decimals > 0 {
        text.push('.');
    }
    for _ in have..decimals {
        text.push('0');
    }
    format!("{text} {currency}")
}

/// An amount's value with taxes.
pub(crate) fn with_taxes(amount: &Amount) -> String {
    money(amount.values().with.into(), amount.currency())
}

/// One refund, a line per field.
pub(crate) fn refund(refund: &Refund) -> String {
    let details = &refund.details;
    let mut table = TextTable::new(&["field", "value"]);
    let mut row = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            table.row(vec![Field::Text(name.to_owned()), Field::Text(value)]);
        }
    };
    let (currency, values) = (details.amount.currency(), details.amount.values());
    row("id", Some(refund.id.to_string()));
    row("movement", Some(refund.movement.to_string()));
    row("kind", Some(details.kind.name().to_string()));
    row("refunded at", Some(details.refund_datetime.to_string()));
    row(
        "period start",
        details.period.start().map(|t| t.to_string()),
    );
    row("period end", details.period.end().map(|t| t.to_string()));
    row("with taxes", Some(money(values.with.into(), currency)));
    row(
        "without taxes",
        Some(money(values.without.into(), currency)),
    );
    row(
        "tax",
        details
            .amount
            .tax()
            .map(|tax| format!("{} {} %", tax.tax_type(), tax.percentage())),
    );
    row("billable", Some(details.billable.to_string()));
    row(
        "invoice",
        details
            .external_invoice_id
            .as_ref()
            .map(ToString::to_string),
    );
    row("external id", external_id(refund).map(ToString::to_string));
    row(
        "transaction type",
        details.kind.transaction_type_id().map(ToString::to_string),
    );
    row(
        "description",
        Some(details.description.text().unwrap_or("(erased)").to_owned()),
    );
    row("revision", Some(refund.revision.to_string()));
    row("created at", Some(refund.created_at.to_string()));
    row("updated at", Some(refund.updated_at.to_string()));
    row("deleted", refund.deleted.then(|| "yes".to_owned()));
    table.text()
}

/// The external id, where the caller gave one.
pub(crate) fn external_id(refund: &Refund) -> Option<&Id> {
    match &refund.details.external_id {
        Some(ExternalId::Given(id)) => Some(id),
        Some(ExternalId::IdempotencyKey(_)) | None => None,
    }
}

/// Refunds as a table.
pub(crate) fn refunds<'a>(refunds: impl IntoIterator<Item = &'a Refund>) -> String {
    let mut table = TextTable::new(&[
        "id",
        "refunded at",
        "movement",
        "kind",
        "with taxes",
        "external id",
        "rev",
        "description",
    ]);
    for refund in refunds {
        let details = &refund.details;
        let mut description = details.description.text().unwrap_or("(erased)").to_owned();
        if refund.deleted {
            description.insert_str(0, "(deleted) ");
        }
        table.row(vec![
            Field::Text(refund.id.to_string()),
            Field::Text(details.refund_datetime.to_string()),
            Field::Text(refund.movement.to_string()),
            Field::Text(details.kind.name().to_string()),
            Field::Number(with_taxes(&details.amount)),
            Field::Text(
                external_id(refund)
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            ),
            Field::Number(refund.revision.to_string()),
            Field::Text(description),
        ]);
    }
    table.text()
}

/// Movements as a table.
pub(crate) fn movements<'a>(movements: impl IntoIterator<Item = &'a Movement>) -> String {
    let mut table = TextTable::new(&[
        "org",
        "subscription",
        "movement",
        "charged at",
        "with taxes",
        "refundable",
        "refunds",
        "description",
    ]);
    for movement in movements {
        let key: &MovementKey = &movement.key;
        let refundable = movement.refundable().unwrap_or_default();
        table.row(vec![
            Field::Text(key.org_id().to_owned()),
            Field::Text(key.subscription_id().to_owned()),
            Field::Text(key.movement_id().to_owned()),
            Field::Text(movement.occurred_at.to_string()),
            Field::Number(with_taxes(&movement.amount)),
            Field::Number(money(refundable.with.into(), movement.amount.currency())),
            Field::Number(movement.refunded.count.to_string()),
            Field::Text(movement.description.text().unwrap_or("(erased)").to_owned()),
        ]);
    }
    table.text()
}

#[cfg(test)]
mod tests {
    use super::money;

    #[test]
    fn money_has_the_decimals_of_its_currency() {
        let cases = [
            (1_210, "EUR", "12.10 EUR"),
            (5, "JPY", "5 JPY"),
            (1_500, "BHD", "1.500 BHD"),
            (0, "EUR", "0.00 EUR"),
        ];
        for (minor, currency, expected) in cases {
            assert_eq!(money(minor, currency.parse().unwrap()), expected);
        }
    }
}
