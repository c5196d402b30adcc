// What the examples in the documentation share. They include this file in hidden lines, so that
// each shows its own subject alone. It is part of no crate.

use setup::{charge, create_command, goods_request, ledger, request};

mod setup {
    use refund_ledger::{
        AmountRequest, Command, Id, Ledger, LedgerError, MovementKey, MovementRequest,
        NonSubscribableRefundRequest, Operation, Period, RefundRequest, Tax, Text,
    };

    /// A ledger in memory with one movement, recorded from `charge()`.
    pub fn ledger() -> Result<(Ledger, MovementKey), LedgerError> {
        let ledger = Ledger::in_memory();
        let movement = MovementKey::new("acme", "sub-7", "mov-42")?;
        ledger.record_movement(&movement, &charge()?)?;
        Ok((ledger, movement))
    }

    /// 121 EUR, 100 without taxes.
    pub fn charge() -> Result<MovementRequest, LedgerError> {
        Ok(MovementRequest {
            currency: "EUR".parse()?,
            occurred_at: "2022-02-01T00:00:00Z".parse()?,
            amount: AmountRequest::new(Some("121".parse()?), Some("100".parse()?))?
                .with_tax(iva()?),
            description: Text::new("February")?,
        })
    }

    /// A refund of this value with taxes.
    pub fn request(external_id: &str, value: &str) -> Result<RefundRequest, LedgerError> {
        Ok(RefundRequest {
            refund_datetime: "2022-02-24T13:45:10Z".parse()?,
            period: Period::default(),
            amount: AmountRequest::new(Some(value.parse()?), None)?.with_tax(iva()?),
            external_invoice_id: Some(Id::new("inv-9")?),
            external_refund_unique_id: Id::new(external_id)?,
            billable: false,
            description: Text::new("Two days without service")?,
        })
    }

    /// A refund of goods, of this value with taxes, without an external id.
    pub fn goods_request(value: &str) -> Result<NonSubscribableRefundRequest, LedgerError> {
        Ok(NonSubscribableRefundRequest {
            refund_datetime: "2022-02-25T09:00:00Z".parse()?,
            period: Period::default(),
            amount: AmountRequest::new(Some(value.parse()?), None)?.with_tax(iva()?),
            billable: true,
            external_invoice_id: None,
            external_refund_unique_id: None,
            transaction_type_id: Id::new("goods")?,
            description: Text::new("A broken cable")?,
        })
    }

    /// `request` as a command.
    pub fn create_command(
        movement: &MovementKey,
        external_id: &str,
        value: &str,
    ) -> Result<Command, LedgerError> {
        Ok(Command {
            movement: movement.clone(),
            operation: Operation::CreateRefund {
                content: request(external_id, value)?.into(),
                idempotency_key: None,
            },
        })
    }

    fn iva() -> Result<Tax, LedgerError> {
        Tax::new("IVA", "21".parse()?)
    }
}
