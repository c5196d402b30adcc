//! Rows written: values as arrays, one per column.

use std::error::Error;

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::amount::{Amount, Tax};
use crate::id::{Id, MovementKey, RefundId};
use crate::journal::JournalEntry;
use crate::movement::Movement;
use crate::refund::{ExternalId, Refund};
use crate::time::Timestamp;

/// The parameters of a statement.
pub(super) type Parameters<'p> = Vec<&'p (dyn ToSql + Sync)>;

/// A refund's id as the server has it.
#[derive(Debug)]
pub(super) struct Uuid(pub(super) RefundId);

impl ToSql for Uuid {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::UUID
    }

    to_sql_checked!();
}

/// A count or position as the server stores integers. None comes near 2^63.
pub(super) fn stored(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Nanoseconds within a second, and ten thousandths of a percentage: both are far below 2^31.
fn small(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// Keys of movements.
#[derive(Debug, Default)]
pub(super) struct Keys<'v> {
    orgs: Vec<&'v str>,
    subscriptions: Vec<&'v str>,
    movements: Vec<&'v str>,
}

impl<'v> Keys<'v> {
    pub(super) fn add(&mut self, key: &'v MovementKey) {
        self.orgs.push(key.org_id());
        self.subscriptions.push(key.subscription_id());
        self.movements.push(key.movement_id());
    }

    pub(super) fn parameters(&self) -> Parameters<'_> {
        vec![&self.orgs, &self.subscriptions, &self.movements]
    }
}

impl<'v> FromIterator<&'v MovementKey> for Keys<'v> {
    fn from_iter<I: IntoIterator<Item = &'v MovementKey>>(keys: I) -> Self {
        let mut this = Self::default();
        keys.into_iter().for_each(|key| this.add(key));
        this
    }
}

#[derive(Debug, Default)]
struct Timestamps {
    seconds: Vec<i64>,
    nanos: Vec<i32>,
}

impl Timestamps {
    fn add(&mut self, at: Timestamp) {
        self.seconds.push(at.unix_seconds());
        self.nanos.push(small(at.subsec_nanos()));
    }

    fn add_to<'p>(&'p self, parameters: &mut Parameters<'p>) {
        parameters.push(&self.seconds);
        parameters.push(&self.nanos);
    }
}

#[derive(Debug, Default)]
struct OptionalTimestamps {
    seconds: Vec<Option<i64>>,
    nanos: Vec<Option<i32>>,
}

impl OptionalTimestamps {
    fn add(&mut self, at: Option<Timestamp>) {
        self.seconds.push(at.map(Timestamp::unix_seconds));
        self.nanos.push(at.map(|at| small(at.subsec_nanos())));
    }

    fn add_to<'p>(&'p self, parameters: &mut Parameters<'p>) {
        parameters.push(&self.seconds);
        parameters.push(&self.nanos);
    }
}

#[derive(Debug, Default)]
struct Amounts<'v> {
    currencies: Vec<&'v str>,
    with: Vec<i64>,
    without: Vec<i64>,
    tax_types: Vec<Option<&'v [u8]>>,
    tax_ten_thousandths: Vec<Option<i32>>,
}

impl<'v> Amounts<'v> {
    fn add(&mut self, amount: &'v Amount) {
        let tax = amount.tax();
        self.currencies.push(amount.currency_code());
        self.with.push(amount.values().with);
        self.without.push(amount.values().without);
        self.tax_types
            .push(tax.map(|tax| tax.tax_type().as_bytes()));
        self.tax_ten_thousandths.push(
            tax.map(Tax::percentage)
                .map(|of| small(of.ten_thousandths())),
        );
    }

    fn add_to<'p>(&'p self, parameters: &mut Parameters<'p>) {
        parameters.push(&self.currencies);
        parameters.push(&self.with);
        parameters.push(&self.without);
        parameters.push(&self.tax_types);
        parameters.push(&self.tax_ten_thousandths);
    }
}

/// What every change of a movement or of its refunds moves.
#[derive(Debug, Default)]
pub(super) struct Sums<'v> {
    keys: Keys<'v>,
    refunded_with: Vec<i64>,
    refunded_without: Vec<i64>,
    refunded_count: Vec<i64>,
    chain_length: Vec<i64>,
    chain_hash: Vec<&'v [u8]>,
    chain_recorded_at: Timestamps,
}

impl<'v> Sums<'v> {
    pub(super) fn add(&mut self, movement: &'v Movement) {
        self.keys.add(&movement.key);
        self.refunded_with.push(movement.refunded.values.with);
        self.refunded_without.push(movement.refunded.values.without);
        self.refunded_count.push(movement.refunded.count.into());
        self.chain_length.push(stored(movement.chain.length));
        self.chain_hash.push(&movement.chain.hash.0);
        self.chain_recorded_at.add(movement.chain.recorded_at);
    }

    pub(super) fn count(&self) -> usize {
        self.chain_length.len()
    }

    pub(super) fn parameters(&self) -> Parameters<'_> {
        let mut parameters = self.keys.parameters();
        parameters.push(&self.refunded_with);
        parameters.push(&self.refunded_without);
        parameters.push(&self.refunded_count);
        parameters.push(&self.chain_length);
        parameters.push(&self.chain_hash);
        self.chain_recorded_at.add_to(&mut parameters);
        parameters
    }
}

/// Whole movements.
#[derive(Debug, Default)]
pub(super) struct Movements<'v> {
    sums: Sums<'v>,
    occurred_at: Timestamps,
    amounts: Amounts<'v>,
    description_sequences: Vec<i64>,
    recorded_at: Timestamps,
    voided: Vec<bool>,
}

impl<'v> Movements<'v> {
    pub(super) fn add(&mut self, movement: &'v Movement) {
        self.sums.add(movement);
        self.occurred_at.add(movement.occurred_at);
        self.amounts.add(&movement.amount);
        self.description_sequences
            .push(stored(movement.description.sequence));
        self.recorded_at.add(movement.recorded_at);
        self.voided.push(movement.voided);
    }

    pub(super) fn count(&self) -> usize {
        self.voided.len()
    }

    pub(super) fn parameters(&self) -> Parameters<'_> {
        let mut parameters = self.sums.parameters();
        self.occurred_at.add_to(&mut parameters);
        self.amounts.add_to(&mut parameters);
        parameters.push(&self.description_sequences);
        self.recorded_at.add_to(&mut parameters);
        parameters.push(&self.voided);
        parameters
    }
}

/// What of refunds an update may replace, behind what names them.
#[derive(Debug, Default)]
pub(super) struct Refunds<'v> {
    orgs: Vec<&'v str>,
    ids: Vec<Uuid>,
    transaction_type_ids: Vec<Option<&'v str>>,
    refund_datetimes: Timestamps,
    period_starts: OptionalTimestamps,
    period_ends: OptionalTimestamps,
    amounts: Amounts<'v>,
    billable: Vec<bool>,
    external_invoice_ids: Vec<Option<&'v str>>,
    description_sequences: Vec<i64>,
    revisions: Vec<i64>,
    created_at: Timestamps,
    updated_at: Timestamps,
    deleted: Vec<bool>,
}

impl<'v> Refunds<'v> {
    pub(super) fn add(&mut self, refund: &'v Refund) {
        let details = &refund.details;
        self.orgs.push(refund.movement.org_id());
        self.ids.push(Uuid(refund.id));
        self.transaction_type_ids
            .push(details.kind.transaction_type_id().map(Id::as_str));
        self.refund_datetimes.add(details.refund_datetime);
        self.period_starts.add(details.period.start());
        self.period_ends.add(details.period.end());
        self.amounts.add(&details.amount);
        self.billable.push(details.billable);
        self.external_invoice_ids
            .push(details.external_invoice_id.as_ref().map(Id::as_str));
        self.description_sequences
            .push(stored(details.description.sequence));
        self.revisions.push(refund.revision.into());
        self.created_at.add(refund.created_at);
        self.updated_at.add(refund.updated_at);
        self.deleted.push(refund.deleted);
    }

    pub(super) fn count(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn parameters(&self) -> Parameters<'_> {
        let mut parameters: Parameters<'_> =
            vec![&self.orgs, &self.ids, &self.transaction_type_ids];
        self.refund_datetimes.add_to(&mut parameters);
        self.period_starts.add_to(&mut parameters);
        self.period_ends.add_to(&mut parameters);
        self.amounts.add_to(&mut parameters);
        parameters.push(&self.billable);
        parameters.push(&self.external_invoice_ids);
        parameters.push(&self.description_sequences);
        parameters.push(&self.revisions);
        self.created_at.add_to(&mut parameters);
        self.updated_at.add_to(&mut parameters);
        parameters.push(&self.deleted);
        parameters
    }
}

/// New refunds, with what they keep for ever.
#[derive(Debug, Default)]
pub(super) struct NewRefunds<'v> {
    content: Refunds<'v>,
    subscriptions: Vec<&'v str>,
    movements: Vec<&'v str>,
    external_ids: Vec<Option<&'v str>>,
    external_ids_are_keys: Vec<Option<bool>>,
}

impl<'v> NewRefunds<'v> {
    pub(super) fn add(&mut self, refund: &'v Refund) {
        let external_id = refund.details.external_id.as_ref();
        self.content.add(refund);
        self.subscriptions.push(refund.movement.subscription_id());
        self.movements.push(refund.movement.movement_id());
        self.external_ids
            .push(external_id.map(|external_id| external_id.id().as_str()));
        self.external_ids_are_keys
            .push(external_id.map(|id| matches!(id, ExternalId::IdempotencyKey(_))));
    }

    pub(super) fn count(&self) -> usize {
        self.content.count()
    }

    pub(super) fn parameters(&self) -> Parameters<'_> {
        let mut parameters = self.content.parameters();
        parameters.push(&self.subscriptions);
        parameters.push(&self.movements);
        parameters.push(&self.external_ids);
        parameters.push(&self.external_ids_are_keys);
        parameters
    }
}

/// Journal entries.
#[derive(Debug, Default)]
pub(super) struct Entries<'v> {
    keys: Keys<'v>,
    sequences: Vec<i64>,
    bytes: Vec<&'v [u8]>,
    salts: Vec<Option<&'v [u8]>>,
    texts: Vec<Option<&'v [u8]>>,
}

impl<'v> Entries<'v> {
    /// One more, with its text or without.
    pub(super) fn add(&mut self, entry: &'v JournalEntry, with_text: bool) {
        let text = entry.text.as_ref().filter(|_| with_text);
        self.keys.add(&entry.movement);
        self.sequences.push(stored(entry.sequence));
        self.bytes.push(&entry.bytes);
        self.salts.push(text.map(|text| &text.salt.0[..]));
        self.texts
            .push(text.map(|text| text.text.as_str().as_bytes()));
    }

    pub(super) fn count(&self) -> usize {
        self.sequences.len()
    }

    pub(super) fn parameters(&self) -> Parameters<'_> {
        let mut parameters = self.keys.parameters();
        parameters.push(&self.sequences);
        parameters.push(&self.bytes);
        parameters.push(&self.salts);
        parameters.push(&self.texts);
        parameters
    }
}
