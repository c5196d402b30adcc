//! The first use: `cargo run --example quickstart [FILE]` keeps a ledger in a SQLite file.
#![allow(clippy::print_stdout, reason = "an example shows what happens")]
#![allow(clippy::disallowed_methods, reason = "a program reads its arguments")]

use refund_ledger::{
    AmountRequest, Id, Ledger, LedgerError, MovementKey, MovementRequest, Period, RefundRequest,
    Text, minor_to_decimal,
};

fn main() -> Result<(), LedgerError> {
    let path = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "refunds.db".into());
    let ledger = Ledger::open(&path)?;

    // A charge of 100.00 EUR, and 30.00 of it given back.
    let movement = MovementKey::new("acme", "sub-7", "mov-42")?;
    let charge = MovementRequest {
        currency: "EUR".parse()?,
        occurred_at: "2022-02-01T00:00:00Z".parse()?,
        amount: AmountRequest::new(Some("100".parse()?), None)?,
        description: Text::new("February")?,
    };
    let refund = RefundRequest {
        refund_datetime: "2022-02-24T13:45:10Z".parse()?,
        period: Period::default(),
        amount: AmountRequest::new(Some("30".parse()?), None)?,
        external_invoice_id: None,
        external_refund_unique_id: Id::new("ticket-1")?,
        billable: false,
        description: Text::new("Two days without service")?,
    };
    let recorded = ledger.record_movement(&movement, &charge)?;
    println!("movement {movement}: {}", said(recorded.replayed));
    let created = ledger.create_refund(&movement, &refund)?;
    println!("refund {}: {}", created.id, said(created.replayed));

    // The same request again books nothing; one that passes the movement's amount is refused.
    let again = ledger.create_refund(&movement, &refund)?;
    println!("refund {}: {}", again.id, said(again.replayed));
    let too_much = ledger.create_refund(
        &movement,
        &RefundRequest {
            amount: AmountRequest::new(Some("70.01".parse()?), None)?,
            external_refund_unique_id: Id::new("ticket-2")?,
            ..refund
        },
    );
    if let Err(error) = too_much {
        println!("refused with `{}`: {error}", error.code());
    }

    let balance = ledger.balance(&movement)?;
    let left = minor_to_decimal(balance.refundable.with.into(), balance.currency);
    println!("refundable: {left} {}", balance.currency);
    println!("{path} is {}", ledger.verify(None)?.verdict.as_str());
    Ok(())
}

fn said(replayed: bool) -> &'static str {
    if replayed { "already booked" } else { "booked" }
}
