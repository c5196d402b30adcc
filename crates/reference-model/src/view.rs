//! What a ledger holds, as lines: of the model as it should be, of a ledger as it is read.

use std::collections::BTreeMap;

use refund_ledger::{
    ErrorCode, ExternalId, Id, Ledger, LedgerError, Refund, RefundFilter, RefundId, Values,
};

use crate::dice::KEYS;
use crate::mismatch::Mismatch;
use crate::model::Model;
use crate::render::{moment, movement_key};

/// What the model holds, with refunds in the order of their dates and ids.
pub(crate) fn expected(model: &Model, ids: &BTreeMap<u64, RefundId>) -> Vec<String> {
    let mut lines = vec![format!("{} entries", model.entries)];
    for key in KEYS {
        let movement = model.movements.get(&key);
        lines.push(match movement.filter(|movement| !movement.voided) {
            None => format!("{key:?}: none"),
            Some(movement) => format!(
                "{key:?}: {} of {:?} at {} left {:?} count {} text {:?}",
                movement.currency,
                movement.amount,
                moment(movement.occurred_at),
                model.left(key),
                model.live(key).count(),
                movement.text
            ),
        });
    }
    let mut refunds: Vec<_> = model.refunds.iter().collect();
    refunds.sort_by_key(|(number, refund)| (refund.now().datetime, ids.get(number)));
    for (number, refund) in refunds {
        let content = refund.now();
        lines.push(format!(
            "refund {number} {:?} {} {:?} {:?} {} {:?} {:?} {:?} {:?} {} {} revision {} {} from {} to {}",
            refund.key,
            moment(content.datetime),
            content.period.0.map(moment),
            content.period.1.map(moment),
            content.currency,
            content.amount,
            content.transaction_type,
            content.invoice,
            content.text,
            content.billable,
            match refund.external_id {
                None => String::new(),
                Some((id, false)) => id.to_owned(),
                Some((id, true)) => format!("{id} as key"),
            },
            refund.revision(),
            content.deleted,
            moment(refund.created_at),
            moment(refund.updated_at)
        ));
    }
    lines
}

/// What a ledger holds, where it has so many entries.
pub(crate) fn observed(
    ledger: &Ledger,
    entries: usize,
    numbers: &BTreeMap<RefundId, u64>,
) -> Result<Vec<String>, Mismatch> {
    let mut lines = vec![format!("{entries} entries")];
    for names in KEYS {
        let key = movement_key(names)?;
        lines.push(match ledger.movement(&key) {
            Err(error) if error.code() == ErrorCode::MovementNotFound => {
                format!("{names:?}: none")
            }
            Err(error) => return Err(error.into()),
            Ok(movement) => {
                let balance = ledger.balance(&key)?;
                format!(
                    "{names:?}: {} of {:?} at {} left {:?} count {} text {:?}",
                    balance.currency,
                    pair(balance.amount),
                    movement.occurred_at,
                    pair(balance.refundable),
                    balance.count,
                    movement.description.text()
                )
            }
        });
    }
    let all = RefundFilter {
        include_deleted: true,
        ..RefundFilter::default()
    };
    for refund in ledger.refunds(all) {
        let refund = refund?;
        let number = numbers.get(&refund.id);
        let number = number.ok_or_else(|| Mismatch::new("there is a refund that nobody made"))?;
        lines.push(refund_line(*number, &refund));
    }
    Ok(lines)
}

fn refund_line(number: u64, refund: &Refund) -> String {
    let details = &refund.details;
    let key = (
        refund.movement.org_id(),
        refund.movement.subscription_id(),
        refund.movement.movement_id(),
    );
    format!(
        "refund {number} {key:?} {} {:?} {:?} {} {:?} {:?} {:?} {:?} {} {} revision {} {} from {} to {}",
        details.refund_datetime,
        details.period.start(),
        details.period.end(),
        details.amount.currency(),
        pair(details.amount.values()),
        details.kind.transaction_type_id().map(Id::as_str),
        details.external_invoice_id.as_ref().map(Id::as_str),
        details.description.text(),
        details.billable,
        match &details.external_id {
            None => String::new(),
            Some(ExternalId::Given(id)) => id.to_string(),
            Some(ExternalId::IdempotencyKey(id)) => format!("{id} as key"),
        },
        refund.revision,
        refund.deleted,
        refund.created_at,
        refund.updated_at
    )
}

fn pair(values: Values) -> (i64, i64) {
    (values.with, values.without)
}

impl From<LedgerError> for Mismatch {
    fn from(error: LedgerError) -> Self {
        Self::new(format!("{error:?}"))
    }
}
