//! Pass 4: what might belong together.

use refund_ledger::{Currency, Timestamp};

use super::Matching;
use crate::parts::Row;
use crate::report::Proposal;

impl Matching<'_> {
    /// Lines and refunds of one amount, in time, where neither has another to go with. One of both may
    /// lie outside of the period, as may what makes it open which belongs to which.
    pub(crate) fn proposals(&self) -> Vec<Proposal> {
        let lines = by_place(self.unclaimed_lines());
        let refunds = by_place(self.unclaimed_refunds());
        let mut proposals = Vec::new();
        for (place, at) in &lines {
            if let Some(refund_at) = self.only(&refunds, *place)
                && let (Some(line), Some(refund)) = (self.line(*at), self.refund(refund_at))
                && self.only(&lines, (place.0, refund.date)) == Some(*at)
                && self.concerns(&[*at], &[refund_at])
            {
                proposals.push(Proposal {
                    line: line.own.number,
                    key: self.lines.key(line).map(Into::into),
                    refund_id: refund.own.id,
                    currency: line.currency,
                    minor: line.minor,
                });
            }
        }
        proposals
            .sort_by(|one, other| (&one.key, one.refund_id).cmp(&(&other.key, other.refund_id)));
        proposals
    }

    /// The only one that fits, where there is exactly one.
    fn only(&self, sorted: &[(Place, u32)], place: Place) -> Option<u32> {
        let (amount, date) = place;
        let is_before = |(other, other_date): Place| {
            other < amount
                || other == amount && other_date < date && !self.period().allows(other_date, date)
        };
        let start = sorted.partition_point(|(other, _)| is_before(*other));
        let fits = |((other, other_date), _): &(Place, u32)| {
            *other == amount && self.period().allows(*other_date, date)
        };
        match sorted.get(start..)? {
            [first, second, ..] if fits(second) => {
                debug_assert!(fits(first), "those that fit stand together");
                None
            }
            [first, ..] if fits(first) => Some(first.1),
            _ => None,
        }
    }
}

/// Amount, then date.
type Place = ((Currency, i64), Timestamp);

/// These rows, by amount and date.
fn by_place<'a, T: 'a>(rows: impl Iterator<Item = (u32, &'a Row<T>)>) -> Vec<(Place, u32)> {
    let mut sorted: Vec<_> = rows
        .map(|(at, row)| (((row.currency, row.minor), row.date), at))
        .collect();
    sorted.sort_unstable();
    sorted
}
