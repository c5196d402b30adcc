//! Rows written: values bound to a statement in the order of its columns.

use rusqlite::CachedStatement;
use rusqlite::types::ToSql;

use super::errors::Fault;
use crate::amount::{Amount, Tax};
use crate::id::Id;
use crate::movement::Movement;
use crate::refund::Refund;
use crate::time::Timestamp;

/// Binds the parameters of a statement one after the other.
pub(super) struct Binder<'a, 'c> {
    statement: &'a mut CachedStatement<'c>,
    at: usize,
}

impl<'a, 'c> Binder<'a, 'c> {
    pub(super) fn new(statement: &'a mut CachedStatement<'c>) -> Self {
        Self { statement, at: 0 }
    }

    pub(super) fn add(&mut self, value: impl ToSql) -> Result<(), Fault> {
        self.at = self.at.saturating_add(1);
        Ok(self.statement.raw_bind_parameter(self.at, value)?)
    }

    pub(super) fn timestamp(&mut self, instant: Timestamp) -> Result<(), Fault> {
        self.add(instant.unix_seconds())?;
        self.add(instant.subsec_nanos())
    }

    fn optional_timestamp(&mut self, instant: Option<Timestamp>) -> Result<(), Fault> {
        self.add(instant.map(Timestamp::unix_seconds))?;
        self.add(instant.map(Timestamp::subsec_nanos))
    }

    fn amount(&mut self, amount: &Amount) -> Result<(), Fault> {
        let tax = amount.tax();
        self.add(amount.currency().code())?;
        self.add(amount.values().with)?;
        self.add(amount.values().without)?;
        self.add(tax.map(Tax::tax_type))?;
        self.add(tax.map(|tax| tax.percentage().ten_thousandths()))
    }

    /// What a movement is, but for its ids.
    pub(super) fn movement_content(
        &mut self,
        movement: &Movement,
        text_position: i64,
    ) -> Result<(), Fault> {
        self.timestamp(movement.occurred_at)?;
        self.amount(&movement.amount)?;
        self.add(text_position)?;
        self.timestamp(movement.recorded_at)?;
        self.add(movement.voided)
    }

    /// What every change of a movement or of its refunds moves.
    pub(super) fn movement_sums(
        &mut self,
        movement: &Movement,
        chain_position: i64,
    ) -> Result<(), Fault> {
        self.add(movement.refunded.values.with)?;
        self.add(movement.refunded.values.without)?;
        self.add(movement.refunded.count)?;
        self.add(stored(movement.chain.length))?;
        self.add(chain_position)?;
        self.add(&movement.chain.hash.0[..])?;
        self.timestamp(movement.chain.recorded_at)
    }

    /// What a refund is, but for its id and what it keeps for ever.
    pub(super) fn refund_content(
        &mut self,
        refund: &Refund,
        text_position: i64,
    ) -> Result<(), Fault> {
        let details = &refund.details;
        self.add(details.kind.transaction_type_id().map(Id::as_str))?;
        self.timestamp(details.refund_datetime)?;
        self.optional_timestamp(details.period.start())?;
        self.optional_timestamp(details.period.end())?;
        self.amount(&details.amount)?;
        self.add(details.billable)?;
        self.add(details.external_invoice_id.as_ref().map(Id::as_str))?;
        self.add(text_position)?;
        self.add(refund.revision)?;
        self.timestamp(refund.created_at)?;
        self.timestamp(refund.updated_at)?;
        self.add(refund.deleted)
    }

    pub(super) fn execute(self) -> Result<usize, Fault> {
        Ok(self.statement.raw_execute()?)
    }
}

/// A count or position as SQLite stores integers. None comes near 2^63.
pub(super) fn stored(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
