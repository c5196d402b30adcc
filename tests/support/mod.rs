//! What the tests of stores share: a host without surprises, short requests, a ledger that has a bit of
//! everything.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "helpers of tests, of which each test file uses some"
)]

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use refund_ledger::store::{ScanRange, ScanRow, Store};
use refund_ledger::{
    AmountRequest, Created, Host, Id, Ledger, LedgerError, Minted, MovementKey, MovementRequest,
    NonSubscribableRefundRequest, Period, RefundId, RefundLookup, RefundRequest, Report, Salt, Tax,
    Text, Timestamp,
};

/// A host whose clock ticks a second per call and whose ids and salts are counted.
#[derive(Debug)]
pub struct CountingHost(AtomicU64);

impl CountingHost {
    /// A host of its own number, so that two hosts mint different ids.
    pub fn new(number: u64) -> Self {
        Self(AtomicU64::new(number << 32))
    }

    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

impl Host for CountingHost {
    fn now(&self) -> Timestamp {
        let seconds = i64::try_from(self.next() & 0xffff_ffff).unwrap();
        Timestamp::from_unix(1_700_000_000 + seconds, 123_456_789).unwrap()
    }

    fn mint(&self, now: Timestamp) -> Result<Minted, LedgerError> {
        let count = self.next();
        let mut random = [0_u8; 10];
        random[..8].copy_from_slice(&count.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        let mut salt = [7_u8; 16];
        salt[..8].copy_from_slice(&count.to_be_bytes());
        Ok(Minted {
            refund_id: RefundId::from_millis_and_random(
                u64::try_from(now.unix_millis()).unwrap(),
                &random,
            ),
            salt: Salt(salt),
        })
    }
}

pub fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

pub fn key(movement: &str) -> MovementKey {
    MovementKey::new("acme", "sub-7", movement).unwrap()
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn iva() -> Tax {
    Tax::new("IVA", "21".parse().unwrap()).unwrap()
}

/// A movement of 121.00 EUR, 100.00 without taxes.
pub fn movement(description: &str) -> MovementRequest {
    MovementRequest {
        currency: "EUR".parse().unwrap(),
        occurred_at: at("2022-02-01T00:00:00Z"),
        amount: amount("121"),
        description: Text::new(description).unwrap(),
    }
}

pub fn amount(with_taxes: &str) -> AmountRequest {
    AmountRequest::new(Some(with_taxes.parse().unwrap()), None)
        .unwrap()
        .with_tax(iva())
}

pub fn refund(external_id: &str, with_taxes: &str, description: &str) -> RefundRequest {
    RefundRequest {
        refund_datetime: at("2022-02-24T13:45:10.5Z"),
        period: Period::new(
            Some(at("2022-01-31T23:00:00Z")),
            Some(at("2022-02-28T22:59:59.999999999Z")),
        )
        .unwrap(),
        amount: amount(with_taxes),
        external_invoice_id: Some(id("inv-9")),
        external_refund_unique_id: id(external_id),
        billable: false,
        description: Text::new(description).unwrap(),
    }
}

pub fn product_refund(with_taxes: &str, description: &str) -> NonSubscribableRefundRequest {
    NonSubscribableRefundRequest {
        refund_datetime: at("2022-03-01T08:00:00Z"),
        period: Period::default(),
        amount: amount(with_taxes),
        billable: true,
        external_invoice_id: None,
        external_refund_unique_id: None,
        transaction_type_id: id("gift-card"),
        description: Text::new(description).unwrap(),
    }
}

pub fn fill(ledger: &Ledger) {
    let (first, second) = (key("mov-42"), key("mov-43"));
    ledger
        .record_movement(&first, &movement("February"))
        .unwrap();
    ledger.record_movement(&second, &movement("March")).unwrap();
    ledger
        .create_refund(&first, &refund("ext-1", "12.1", "Two days without service"))
        .unwrap();
    ledger
        .create_refund(&first, &refund("ext-2", "24.2", "A whole week"))
        .unwrap();
    ledger
        .update_refund(
            &first,
            RefundLookup::ExternalId(id("ext-2")),
            refund("ext-2", "36.3", "A week and a half"),
            None,
        )
        .unwrap();
    ledger
        .create_refund(&first, &refund("ext-3", "1.21", "A mistake"))
        .unwrap();
    ledger
        .delete_refund(&first, RefundLookup::ExternalId(id("ext-3")), None)
        .unwrap();
    ledger
        .create_non_subscribable_refund(
            &second,
            &product_refund("6.05", "A broken lamp"),
            Some(id("key-1")),
        )
        .unwrap();
    ledger
        .create_non_subscribable_refund(&second, &product_refund("6.05", "A lost lamp"), None)
        .unwrap();
    ledger
        .create_refund(&second, &refund("ext-4", "3", "Told in private"))
        .unwrap();
    ledger
        .erase_text(&second, Some(RefundLookup::ExternalId(id("ext-4"))))
        .unwrap();
    let elsewhere = MovementKey::new("globex", "sub-1", "mov-1").unwrap();
    ledger
        .record_movement(&elsewhere, &movement("April"))
        .unwrap();
    ledger
        .create_refund(&elsewhere, &refund("ext-1", "121", "All of it"))
        .unwrap();
    let voided = MovementKey::new("globex", "sub-1", "mov-2").unwrap();
    ledger
        .record_movement(&voided, &movement("Mistyped"))
        .unwrap();
    ledger.void_movement(&voided).unwrap();
}

pub fn create(ledger: &Ledger, movement: &MovementKey, external_id: &str) -> Created {
    ledger
        .create_refund(movement, &refund(external_id, "12.1", "Two days"))
        .unwrap()
}

/// The verification, with what it found in the message of a failure.
pub fn verify(ledger: &Ledger) -> Report {
    ledger.verify(None).unwrap()
}

pub fn assert_valid(ledger: &Ledger) {
    let report = verify(ledger);
    assert!(
        report.is_valid(),
        "the ledger should verify: {:#?}",
        report.findings
    );
}

/// Everything that a scan visits, as text.
pub fn content(store: &dyn Store) -> Vec<String> {
    let range = ScanRange {
        entries: true,
        refunds: true,
        ..ScanRange::default()
    };
    let mut rows = Vec::new();
    store
        .scan(&range, &mut |row: ScanRow<'_>| {
            rows.push(format!("{row:?}"));
            ControlFlow::Continue(())
        })
        .unwrap();
    rows
}
