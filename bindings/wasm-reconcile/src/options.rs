//! How a statement is reconciled, and how its report is titled.

use refund_ledger::{Id, LedgerError, Timestamp};
use refund_reconcile::{
    ColumnMap, OptionsError, Period, ReadOptions, ReconcileOptions, Source, instant_or_day,
};
use serde::Deserialize;

/// The options of a reconciliation. JavaScript has checked their types.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    source: String,
    map: Option<String>,
    org_id: Option<String>,
    from: Option<String>,
    to: Option<String>,
    tolerance_minor: Option<u64>,
    window_days: Option<u32>,
    propose: Option<bool>,
}

impl Options {
    pub(crate) fn read(&self) -> Result<ReadOptions, LedgerError> {
        let source = self.source.parse::<Source>();
        let source = source.map_err(|error| at("source", "not_allowed", &error))?;
        let map = self.map.as_deref().unwrap_or_default();
        let map = if map.is_empty() {
            Ok(ColumnMap::default())
        } else {
            map.parse()
        };
        map.and_then(|map| ReadOptions::new(source, map))
            .map_err(|error| at("map", "invalid_format", &error))
    }

    pub(crate) fn reconcile(&self) -> Result<ReconcileOptions, LedgerError> {
        let (from, to) = (
            instant("from", self.from.as_deref())?,
            instant("to", self.to.as_deref())?,
        );
        if let (Some(from), Some(to)) = (from, to)
            && from >= to
        {
            return Err(LedgerError::invalid_field(
                "to",
                "out_of_range",
                format!("is {to}, and `from` is {from}; the period must begin before it ends"),
            ));
        }
        let default = ReconcileOptions::default();
        Ok(ReconcileOptions {
            period: Period {
                from,
                to,
                window_days: self.window_days.unwrap_or(default.period.window_days),
            },
            tolerance_minor: self.tolerance_minor.unwrap_or(default.tolerance_minor),
            propose: self.propose.unwrap_or(default.propose),
        })
    }

    pub(crate) fn org(&self) -> Result<Option<Id>, LedgerError> {
        let org = self.org_id.as_deref().map(Id::new).transpose();
        org.map_err(|error| match error.details() {
            [detail] => LedgerError::invalid_field("org_id", detail.code, detail.message.clone()),
            _ => error,
        })
    }
}

fn instant(name: &'static str, text: Option<&str>) -> Result<Option<Timestamp>, LedgerError> {
    let Some(text) = text else { return Ok(None) };
    let instant = instant_or_day(text).map_err(|error| {
        LedgerError::invalid_field(name, "invalid_format", format!("is `{text}`; {error}"))
    });
    instant.map(Some)
}

/// The message names what it is about itself.
fn at(field: &'static str, code: &'static str, error: &OptionsError) -> LedgerError {
    LedgerError::invalid_field(field, code, format!("is wrong: {error}"))
}

/// What a page says beside what was found.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AboutText {
    pub(crate) title: Option<String>,
    pub(crate) statement: Option<String>,
    pub(crate) ledger: Option<String>,
}
