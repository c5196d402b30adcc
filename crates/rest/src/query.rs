//! Query strings: filters of lists, and where to continue.

use std::str::FromStr;

use refund_ledger::{
    JournalPosition, KindName, LIST_LIMIT_MAX, LedgerError, RefundFilter, RefundQuery, excerpt,
};

use crate::text::{at_field, both, decode, not_decodable};

/// The items of a page of the journal where no limit is given, as in lists of refunds.
const JOURNAL_LIMIT_DEFAULT: usize = 100;

/// The parameters of a query, each known and there once.
pub(crate) struct QueryString<'a>(Vec<(&'static str, &'a str)>);

impl<'a> QueryString<'a> {
    pub(crate) fn parse(
        text: &'a str,
        known: &'static [&'static str],
    ) -> Result<Self, LedgerError> {
        let mut parameters: Vec<(&'static str, &'a str)> = Vec::new();
        for part in text.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let name = decode(name).unwrap_or_else(|| name.into());
            let Some(name) = known.iter().find(|known| **known == name) else {
                return Err(malformed(unknown(&name, known)));
            };
            if parameters.iter().any(|(taken, _)| taken == name) {
                return Err(malformed(format!(
                    "the query parameter `{name}` is there twice"
                )));
            }
            parameters.push((name, value));
        }
        Ok(Self(parameters))
    }

    /// A value, read as what it must be; the fault is the parameter's.
    fn get<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, LedgerError>,
    ) -> Result<Option<T>, LedgerError> {
        let Some((_, value)) = self.0.iter().find(|(given, _)| *given == name) else {
            return Ok(None);
        };
        // In a query, a plus stands for a space.
        let text = decode(&value.replace('+', " ")).ok_or_else(|| not_decodable(name))?;
        at_field(name, read(&text)).map(Some)
    }

    fn value<T: FromStr<Err = LedgerError>>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, LedgerError> {
        self.get(name, str::parse)
    }

    fn flag(&self, name: &'static str) -> Result<Option<bool>, LedgerError> {
        self.get(name, |text| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(invalid("wrong_type", "must be `true` or `false`")),
        })
    }

    fn limit(&self) -> Result<Option<usize>, LedgerError> {
        self.get("limit", |text| {
            whole(text)
                .and_then(|limit| usize::try_from(limit).ok())
                .filter(|limit| (1..=LIST_LIMIT_MAX).contains(limit))
                .ok_or_else(|| {
                    let allowed = format!("must be a whole number from 1 to {LIST_LIMIT_MAX}");
                    invalid("out_of_range", &allowed)
                })
        })
    }
}

fn malformed(message: String) -> LedgerError {
    LedgerError::new(refund_ledger::ErrorCode::MalformedRequest, message)
}

fn invalid(code: &'static str, message: &str) -> LedgerError {
    // The field is named by who reads the value.
    LedgerError::invalid_field("", code, message)
}

fn unknown(name: &str, known: &[&str]) -> String {
    let name = excerpt(name);
    if known.is_empty() {
        return format!("the query parameter `{name}` is not known; none is here");
    }
    let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    format!(
        "the query parameter `{name}` is not known; known are {}",
        known.join(", ")
    )
}

/// Digits alone: no sign, no space.
fn whole(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// A list of refunds, without the scope that the path gives it.
pub(crate) fn refunds(query: &QueryString<'_>) -> Result<RefundQuery, LedgerError> {
    let kind = query.get("kind", |text| match text {
        "standard" => Ok(KindName::Standard),
        "non_subscribable" => Ok(KindName::NonSubscribable),
        _ => Err(invalid(
            "out_of_range",
            "must be `standard` or `non_subscribable`",
        )),
    });
    let scope = both(query.value("subscription_id"), query.value("movement_id"));
    let period = both(query.value("from"), query.value("to"));
    let ids = both(
        query.value("external_refund_unique_id"),
        query.value("external_invoice_id"),
    );
    let flags = both(query.flag("billable"), query.flag("include_deleted"));
    let page = both(query.limit(), query.value("cursor"));
    let filters = both(both(scope, period), both(ids, both(kind, flags)));
    let (filters, (limit, cursor)) = both(filters, page)?;
    let (((subscription, movement), (from, to)), ((external_id, invoice), (kind, flags))) = filters;
    let (billable, include_deleted) = flags;
    Ok(RefundQuery {
        filter: RefundFilter {
            org: None,
            subscription,
            movement,
            refund_id: None,
            from,
            to,
            external_id,
            invoice,
            kind,
            billable,
            include_deleted: include_deleted.unwrap_or(false),
        },
        limit,
        cursor,
    })
}

/// Where a page of the journal begins, and its limit.
pub(crate) fn journal(query: &QueryString<'_>) -> Result<(JournalPosition, usize), LedgerError> {
    let after = query.get("after", |text| {
        // Positions are signed in some stores.
        whole(text)
            .filter(|after| i64::try_from(*after).is_ok())
            .ok_or_else(|| {
                invalid(
                    "out_of_range",
                    "must be a position, such as the `next_after` of an earlier page",
                )
            })
    });
    let (after, limit) = both(after, query.limit())?;
    Ok((after.unwrap_or(0), limit.unwrap_or(JOURNAL_LIMIT_DEFAULT)))
}
