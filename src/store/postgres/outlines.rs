//! Refunds in outline, page by page along the index of an org's lists.

use std::ops::ControlFlow;

use super::bind::Uuid;
use super::errors::Fault;
use super::rows::Columns;
use super::session::Link;
use super::statements::NEXT_OUTLINES;
use crate::id::{Id, RefundId};
use crate::store::RefundOutline;
use crate::time::Timestamp;

/// How many are held at once.
const PAGE: i64 = 4_096;

/// Where a page begins: with this refund or the first behind it.
pub(super) struct Start {
    seconds: i64,
    nanos: i64,
    id: RefundId,
}

impl Start {
    pub(super) fn at(from: Option<Timestamp>) -> Self {
        Self {
            seconds: from.map_or(i64::MIN, Timestamp::unix_seconds),
            nanos: from.map_or(0, |from| from.subsec_nanos().into()),
            id: RefundId::from_bytes([0; 16]),
        }
    }

    fn behind(refund: &RefundOutline<'_>) -> Self {
        let at = refund.refund_datetime;
        let nanos = i64::from(at.subsec_nanos());
        let next = u128::from_be_bytes(*refund.id.as_bytes()).checked_add(1);
        Self {
            seconds: at.unix_seconds(),
            nanos: nanos.saturating_add(i64::from(next.is_none())),
            id: RefundId::from_bytes(next.unwrap_or_default().to_be_bytes()),
        }
    }
}

/// Visits one page; answers where the next one begins, unless this was the last or the visitor broke
/// off.
pub(super) async fn page(
    link: &Link,
    org: &Id,
    start: &Start,
    to: Option<Timestamp>,
    visit: &mut dyn FnMut(RefundOutline<'_>) -> ControlFlow<()>,
) -> Result<Option<Start>, Fault> {
    let end = to.map_or(i64::MAX, Timestamp::unix_seconds);
    let end_nanos = to.map_or(0_i64, |to| to.subsec_nanos().into());
    let statement = link.prepare(NEXT_OUTLINES).await?;
    let rows = link
        .client()
        .query(
            &statement,
            &[
                &org.as_str(),
                &start.seconds,
                &start.nanos,
                &Uuid(start.id),
                &end,
                &end_nanos,
                &PAGE,
            ],
        )
        .await?;
    let mut next = None;
    for row in &rows {
        let refund = Columns::new(row).outline()?;
        next = Some(Start::behind(&refund));
        if visit(refund).is_break() {
            return Ok(None);
        }
    }
    let is_last = i64::try_from(rows.len()).is_ok_and(|count| count < PAGE);
    Ok(next.filter(|_| !is_last))
}
