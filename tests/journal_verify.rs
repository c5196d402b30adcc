//! Proof afterwards: a ledger that was tampered with never verifies, with or without a kept head.
#![allow(
    clippy::unwrap_used,
    clippy::unreachable,
    clippy::too_many_lines,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking, and their tables of cases are long"
)]

mod common;

use std::ops::ControlFlow;
use std::sync::Arc;

use common::{Book, accepted, charge, id, key, non_subscribable, plain, refused, standard, time};
use refund_ledger::store::{ReadSet, ScanRange, ScanRow, Snapshot, WriteBatch};
use refund_ledger::{
    Amount, Entry, EntryContent, EntryKind, Head, JournalPosition, JournalRecord, Ledger,
    ListAfter, Movement, Page, Refund, RefundDetails, RefundFilter, RefundId, RefundKind, Report,
    Store, StoreError, Text, Values, Verdict, entry_hash,
};

/// One row of a scan, to be changed at will.
#[derive(Clone)]
enum Row {
    Movement(Movement),
    Entry(JournalRecord),
    Refund(Refund, Option<RefundId>),
    Invalid(&'static str),
}

/// A store that holds exactly these rows.
struct Doctored {
    rows: Vec<Row>,
    position: JournalPosition,
    fails: Option<StoreError>,
}

impl Store for Doctored {
    fn load(&self, _: &ReadSet) -> Result<Snapshot, StoreError> {
        unreachable!("verify only scans")
    }
    fn commit(&self, _: &WriteBatch) -> Result<(), StoreError> {
        unreachable!("verify writes nothing")
    }
    fn list_refunds(
        &self,
        _: &RefundFilter,
        _: Option<ListAfter>,
        _: usize,
    ) -> Result<Page<Refund>, StoreError> {
        unreachable!("verify only scans")
    }
    fn journal(&self, _: JournalPosition, _: usize) -> Result<Vec<JournalRecord>, StoreError> {
        unreachable!("verify only scans")
    }
    fn scan(
        &self,
        _: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError> {
        for row in &self.rows {
            let _ = visit(match row {
                Row::Movement(movement) => ScanRow::Movement(movement),
                Row::Entry(record) => ScanRow::Entry(record),
                Row::Refund(refund, holder) => ScanRow::Refund {
                    refund,
                    holder: *holder,
                },
                Row::Invalid(reason) => ScanRow::Invalid {
                    movement: None,
                    reason,
                },
            });
        }
        self.fails.clone().map_or(Ok(self.position), Err)
    }
}

/// Two movements with refunds of every fate.
fn eventful() -> Book {
    let book = Book::new();
    let other = book.on(&key("acme", "sub-7", "mov-43"));
    accepted(book.create(&standard("r-1")));
    accepted(other.record(&charge()));
    accepted(book.create_other(&non_subscribable("r-2"), None));
    accepted(book.update("r-1", &plain("r-1", "20").text("description", "Second")));
    accepted(other.create(&plain("r-3", "30")));
    accepted(book.create(&plain("r-4", "40")));
    accepted(book.delete("r-4"));
    accepted(book.erase(Some("r-2")));
    book
}

fn rows(book: &Book) -> Doctored {
    let mut rows = Vec::new();
    let range = ScanRange {
        entries: true,
        refunds: true,
        ..ScanRange::default()
    };
    let position = book
        .ledger
        .store()
        .scan(&range, &mut |row| {
            rows.push(match row {
                ScanRow::Movement(movement) => Row::Movement(movement.clone()),
                ScanRow::Entry(record) => Row::Entry(record.clone()),
                ScanRow::Refund { refund, holder } => Row::Refund(refund.clone(), holder),
                ScanRow::Invalid { .. } => panic!("a sound store has no invalid rows"),
            });
            ControlFlow::Continue(())
        })
        .unwrap();
    Doctored {
        rows,
        position,
        fails: None,
    }
}

fn verify(book: &Book, doctored: Doctored, kept: Option<Head>) -> Report {
    Ledger::new(Arc::new(doctored), book.host.clone())
        .verify(kept)
        .unwrap()
}

impl Doctored {
    fn movement(&mut self, movement: &str) -> &mut Movement {
        self.rows
            .iter_mut()
            .find_map(|row| match row {
                Row::Movement(have) if have.key.movement_id() == movement => Some(have),
                _ => None,
            })
            .expect("the movement")
    }

    fn refund(&mut self, external_id: &str) -> &mut Refund {
        self.rows
            .iter_mut()
            .find_map(|row| match row {
                Row::Refund(refund, _)
                    if refund.details.external_id.as_ref().unwrap().id().as_str()
                        == external_id =>
                {
                    Some(refund)
                }
                _ => None,
            })
            .expect("the refund")
    }

    fn entry(&mut self, position: JournalPosition) -> &mut JournalRecord {
        self.rows
            .iter_mut()
            .find_map(|row| match row {
                Row::Entry(record) if record.position == position => Some(record),
                _ => None,
            })
            .expect("the entry")
    }

    fn retain(&mut self, keep: impl Fn(&Row) -> bool) {
        self.rows.retain(|row| keep(row));
    }
}

#[test]
fn what_was_not_touched_is_valid() {
    let book = eventful();
    let report = verify(&book, rows(&book), None);
    assert_eq!(report.verdict, Verdict::Valid, "{report:?}");
    assert_eq!((report.movements, report.entries), (2, 9));
    assert!(report.findings.is_empty());
}

#[test]
fn every_change_of_a_row_is_divergent_and_names_the_movement() {
    type Change = (&'static str, &'static str, fn(&mut Doctored));
    let changes: &[Change] = &[
        ("mov-42", "occurred_at", |d| {
            d.movement("mov-42").occurred_at = time("2022-02-01T00:00:01Z");
        }),
        ("mov-42", "amount", |d| {
            let other = d.refund("r-1").details.amount.clone();
            d.movement("mov-42").amount = other;
        }),
        ("mov-42", "description", |d| {
            let salted = d.movement("mov-42").description.salted.as_mut().unwrap();
            salted.text = Text::new("March").unwrap();
        }),
        ("mov-42", "description", |d| {
            d.movement("mov-42").description.salted = None;
        }),
        ("mov-42", "recorded_at", |d| {
            d.movement("mov-42").recorded_at = time("2022-02-01T00:00:01Z");
        }),
        ("mov-42", "voided", |d| d.movement("mov-42").voided = true),
        ("mov-42", "sums", |d| {
            d.movement("mov-42").refunded.values.with -= 1;
        }),
        ("mov-42", "sums", |d| {
            d.movement("mov-42").refunded.values.without += 1;
        }),
        ("mov-42", "sums", |d| {
            d.movement("mov-42").refunded.count += 1;
        }),
        ("mov-42", "chain", |d| {
            d.movement("mov-42").chain.length -= 1;
        }),
        ("mov-42", "chain", |d| {
            d.movement("mov-42").chain.hash.0[31] ^= 1;
        }),
        ("mov-42", "chain", |d| {
            d.movement("mov-42").chain.recorded_at = time("2023-01-01T00:00:00Z");
        }),
        ("mov-42", "amount", |d| {
            let other = d.refund("r-3").details.amount.clone();
            d.refund("r-1").details.amount = other;
        }),
        ("mov-42", "refund_datetime", |d| {
            d.refund("r-1").details.refund_datetime = time("2022-02-24T13:45:11Z");
        }),
        ("mov-42", "period", |d| {
            d.refund("r-1").details.period = refund_ledger::Period::default();
        }),
        ("mov-42", "billable", |d| {
            d.refund("r-1").details.billable ^= true;
        }),
        ("mov-42", "external_invoice_id", |d| {
            d.refund("r-1").details.external_invoice_id = Some(id("inv-8"));
        }),
        ("mov-42", "external id", |d| {
            d.refund("r-1").details.external_id = Some(refund_ledger::ExternalId::Given(id("r-9")));
        }),
        ("mov-42", "kind", |d| {
            d.refund("r-2").details.kind = refund_ledger::RefundKind::NonSubscribable {
                transaction_type_id: id("tt-9"),
            };
        }),
        ("mov-42", "description", |d| {
            d.refund("r-1").details.description.salted = None;
        }),
        ("mov-42", "description", |d| {
            d.refund("r-1").details.description.sequence = 2;
        }),
        ("mov-42", "revision", |d| d.refund("r-1").revision = 1),
        ("mov-42", "created_at", |d| {
            d.refund("r-1").created_at = time("2022-02-24T13:45:11Z");
        }),
        ("mov-42", "updated_at", |d| {
            d.refund("r-1").updated_at = time("2022-02-24T13:45:11Z");
        }),
        ("mov-42", "deleted", |d| d.refund("r-4").deleted = false),
        ("mov-43", "deleted", |d| d.refund("r-3").deleted = true),
        ("mov-43", "movement", |d| {
            let elsewhere = d.refund("r-1").movement.clone();
            d.refund("r-3").movement = elsewhere;
        }),
        ("mov-43", "row is missing", |d| {
            d.retain(|row| !matches!(row, Row::Refund(refund, _) if refund.movement.movement_id() == "mov-43"));
        }),
        ("mov-43", "does not find it", |d| {
            for row in &mut d.rows {
                if let Row::Refund(refund, holder) = row
                    && refund.movement.movement_id() == "mov-43"
                {
                    *holder = None;
                }
            }
        }),
        ("mov-43", "does not know it", |d| {
            let mut stray = d.refund("r-3").clone();
            stray.id = RefundId::from_bytes([7; 16]);
            stray.details.external_id = None;
            d.rows.push(Row::Refund(stray, None));
        }),
        ("mov-43", "the store listed it twice", |d| {
            let again = d.rows.last().cloned();
            assert!(matches!(again, Some(Row::Refund(..))));
            d.rows.extend(again);
        }),
    ];
    for (movement, says, change) in changes {
        let book = eventful();
        let mut doctored = rows(&book);
        change(&mut doctored);
        let report = verify(&book, doctored, None);
        println!("{movement}, {says}: {report:?}");
        assert_eq!(
            report.verdict,
            Verdict::Divergent,
            "{says} of {movement} was changed"
        );
        let found = report
            .findings
            .iter()
            .find(|finding| {
                finding
                    .movement
                    .as_ref()
                    .map(refund_ledger::MovementKey::movement_id)
                    == Some(*movement)
            })
            .unwrap_or_else(|| panic!("{movement} is not named"));
        assert!(
            found.message.contains(says),
            "says what differs (`{says}`): {}",
            found.message
        );
    }
}

#[test]
fn every_flipped_bit_of_an_entry_is_divergent_and_names_the_entry() {
    let book = eventful();
    let journal = book.ledger.journal(0, 100).unwrap();
    for record in &journal {
        let key = &record.entry.movement;
        for at in 0..record.entry.bytes.len() {
            let mut doctored = rows(&book);
            doctored.entry(record.position).entry.bytes[at] ^= 1 << (at % 8);
            let report = verify(&book, doctored, None);
            assert_eq!(
                report.verdict,
                Verdict::Divergent,
                "byte {at} of entry {} of {key} was changed",
                record.entry.sequence
            );
            let finding = &report.findings[0];
            assert_eq!(finding.movement.as_ref(), Some(key));
            // The next entry's link, or the row's, may be what shows it.
            let first_bad = finding.sequence.unwrap_or(u64::MAX);
            assert!(
                first_bad >= record.entry.sequence,
                "no entry before the changed one is blamed: {finding:?}"
            );
        }
    }
}

#[test]
fn a_changed_or_missing_text_is_divergent_unless_it_was_erased() {
    let book = eventful();
    // Position 1 brought `February`, position 2 the first text of r-1.
    for position in [1, 2] {
        let mut doctored = rows(&book);
        doctored.entry(position).entry.text = None;
        let report = verify(&book, doctored, None);
        assert_eq!(
            report.verdict,
            Verdict::Divergent,
            "a text is missing: {report:?}"
        );
        assert_eq!(report.findings[0].movement.as_ref(), Some(&book.movement));

        let mut doctored = rows(&book);
        let text = doctored.entry(position).entry.text.as_mut().unwrap();
        text.text = Text::new("Something else").unwrap();
        let report = verify(&book, doctored, None);
        assert_eq!(
            report.verdict,
            Verdict::Divergent,
            "a text is another: {report:?}"
        );

        let mut doctored = rows(&book);
        let text = doctored.entry(position).entry.text.as_mut().unwrap();
        text.salt.0[0] ^= 1;
        let report = verify(&book, doctored, None);
        assert_eq!(
            report.verdict,
            Verdict::Divergent,
            "a salt is another: {report:?}"
        );
    }
}

#[test]
fn a_text_that_should_be_erased_and_is_not_is_divergent() {
    let book = eventful();
    let before = book.with(|ledger| ledger);
    let text = rows(&before).entry(2).entry.text.clone().unwrap();
    accepted(book.erase(Some("r-1")));
    book.verifies();
    let mut doctored = rows(&book);
    doctored.entry(2).entry.text = Some(text);
    let report = verify(&book, doctored, None);
    assert_eq!(report.verdict, Verdict::Divergent, "{report:?}");
}

#[test]
fn a_missing_or_moved_entry_is_divergent() {
    let book = eventful();
    let journal = book.ledger.journal(0, 100).unwrap();
    for record in &journal {
        let mut doctored = rows(&book);
        doctored.retain(|row| !matches!(row, Row::Entry(have) if have.position == record.position));
        let report = verify(&book, doctored, None);
        assert_eq!(
            report.verdict,
            Verdict::Divergent,
            "without position {}: {report:?}",
            record.position
        );
        assert_eq!(
            report.findings[0].movement.as_ref(),
            Some(&record.entry.movement)
        );
    }
    // Two neighbours of one chain change places.
    let mut doctored = rows(&book);
    let places: Vec<usize> = (0..doctored.rows.len())
        .filter(|at| matches!(&doctored.rows[*at], Row::Entry(_)))
        .collect();
    doctored.rows.swap(places[1], places[2]);
    assert_eq!(verify(&book, doctored, None).verdict, Verdict::Divergent);
}

#[test]
fn a_movement_without_any_entry_is_divergent() {
    let book = eventful();
    let mut doctored = rows(&book);
    doctored.retain(|row| {
        !matches!(row, Row::Entry(have) if have.entry.movement.movement_id() == "mov-43")
            && !matches!(row, Row::Refund(have, _) if have.movement.movement_id() == "mov-43")
    });
    assert_eq!(verify(&book, doctored, None).verdict, Verdict::Divergent);
}

#[test]
fn a_movement_that_is_there_twice_or_in_the_wrong_place_is_divergent() {
    let book = eventful();
    let second = rows(&book)
        .rows
        .iter()
        .rposition(|row| matches!(row, Row::Movement(_)));
    let second = second.unwrap();

    let mut twice = rows(&book);
    let again = twice.rows[second..].to_vec();
    twice.rows.extend(again);
    let mut misplaced = rows(&book);
    misplaced.rows.rotate_left(second);
    for (doctored, movement) in [(twice, "mov-43"), (misplaced, "mov-42")] {
        let report = verify(&book, doctored, None);
        assert_eq!(report.verdict, Verdict::Divergent);
        let finding = &report.findings[0];
        let named = finding
            .movement
            .as_ref()
            .map(refund_ledger::MovementKey::movement_id);
        assert_eq!(named, Some(movement));
        assert_eq!(finding.message, "it is there twice, or in the wrong place");
    }
}

#[test]
fn of_very_many_findings_the_first_are_listed_and_the_others_counted() {
    let book = eventful();
    let head = book.ledger.head().unwrap();
    let mut doctored = rows(&book);
    let invalid = std::iter::repeat_n(Row::Invalid("planted"), Report::FINDINGS_MAX + 7);
    doctored.rows.extend(invalid);
    doctored.position = 1;
    let report = verify(&book, doctored, Some(head));
    assert_eq!(report.verdict, Verdict::Divergent);
    let last: Vec<&str> = report.findings[Report::FINDINGS_MAX..]
        .iter()
        .map(|finding| finding.message.as_str())
        .collect();
    assert_eq!(last[0], "7 more findings are not listed");
    assert!(last[1].starts_with("the journal was cut off"), "{last:?}");
    assert_eq!(last.len(), 2);
}

/// Rewrites a movement's chain from its entries on, with hashes that fit, and its rows with it:
/// what somebody with the code and the file could do.
fn forge(doctored: &mut Doctored, movement: &str, change: impl Fn(&mut Entry)) {
    let mut previous = refund_ledger::Hash::ZERO;
    let mut length = 0;
    for row in &mut doctored.rows {
        if let Row::Entry(record) = row
            && record.entry.movement.movement_id() == movement
        {
            let mut entry = Entry::decode(&record.entry.bytes).unwrap();
            entry.previous = previous;
            change(&mut entry);
            record.entry.bytes = entry.encode();
            previous = entry_hash(&record.entry.bytes);
            length += 1;
        }
    }
    let row = doctored.movement(movement);
    row.chain.hash = previous;
    row.chain.length = length;
}

#[test]
fn a_chain_that_breaks_the_caps_is_divergent_though_its_hashes_fit() {
    let book = eventful();
    let mut doctored = rows(&book);
    forge(&mut doctored, "mov-43", |entry| {
        if let EntryContent::Refund(refund) = &mut entry.content {
            let amount = &refund.details.amount;
            refund.details.amount = Amount::from_stored(
                amount.currency(),
                Values {
                    with: 12_101,
                    without: 100,
                },
                None,
            )
            .unwrap();
        }
    });
    let report = verify(&book, doctored, None);
    assert_eq!(report.verdict, Verdict::Divergent);
    assert!(
        report.findings[0]
            .message
            .contains("pass the movement's amount"),
        "{report:?}"
    );
}

#[test]
fn entries_that_cannot_follow_each_other_are_divergent_though_their_hashes_fit() {
    for kind in [
        EntryKind::MovementRecorded,
        EntryKind::MovementVoided,
        EntryKind::RefundUpdated,
        EntryKind::RefundDeleted,
        EntryKind::TextErased,
    ] {
        let book = eventful();
        let mut doctored = rows(&book);
        forge(&mut doctored, "mov-43", |entry| {
            if entry.kind == EntryKind::RefundCreated {
                entry.kind = kind;
            }
        });
        let report = verify(&book, doctored, None);
        assert_eq!(
            report.verdict,
            Verdict::Divergent,
            "{kind} in place of a create"
        );
    }
}

#[test]
fn a_refund_is_not_created_twice_nor_a_movement_voided_over_refunds_though_the_hashes_fit() {
    let book = eventful();
    let mut twice = rows(&book);
    forge(&mut twice, "mov-42", |entry| {
        if entry.kind == EntryKind::RefundUpdated {
            entry.kind = EntryKind::RefundCreated;
        }
    });
    let report = verify(&book, twice, None);
    assert!(report.findings[0].message.contains("can't follow"));

    let mut voided = rows(&book);
    let first = voided.rows.iter().find_map(|row| match row {
        Row::Entry(record) if record.entry.movement.movement_id() == "mov-42" => {
            Some(Entry::decode(&record.entry.bytes).unwrap())
        }
        _ => None,
    });
    let first = first.unwrap();
    forge(&mut voided, "mov-42", |entry| {
        if entry.kind == EntryKind::RefundDeleted {
            entry.kind = EntryKind::MovementVoided;
            entry.content = first.content.clone();
        }
    });
    let report = verify(&book, voided, None);
    assert!(report.findings[0].message.contains("can't follow"));
}

#[test]
fn what_a_refund_keeps_for_ever_is_kept_though_the_hashes_fit() {
    let told = |movement: &str, change: &dyn Fn(EntryKind, &mut RefundDetails)| {
        let book = eventful();
        let mut doctored = rows(&book);
        forge(&mut doctored, movement, |entry| {
            if let EntryContent::Refund(refund) = &mut entry.content {
                change(entry.kind, &mut refund.details);
            }
        });
        let report = verify(&book, doctored, None);
        assert_eq!(report.verdict, Verdict::Divergent);
        report.findings[0].message.clone()
    };
    let message = told("mov-42", &|kind, details| {
        if kind == EntryKind::RefundUpdated {
            details.kind = RefundKind::NonSubscribable {
                transaction_type_id: id("goods"),
            };
        }
    });
    assert!(message.contains("keeps for ever"), "its kind: {message}");
    let message = told("mov-42", &|kind, details| {
        if kind == EntryKind::RefundUpdated {
            details.external_id = None;
        }
    });
    assert!(
        message.contains("keeps for ever"),
        "its external id: {message}"
    );
    let message = told("mov-43", &|_, details| {
        details.amount = Amount::from_stored(
            "USD".parse().unwrap(),
            details.amount.values(),
            details.amount.tax().cloned(),
        )
        .unwrap();
    });
    assert!(message.contains("another currency"), "{message}");
}

#[test]
fn a_rewritten_actor_is_shown_by_a_kept_head_only() {
    let book = eventful();
    let kept = book.ledger.head().unwrap();
    accepted(book.create(&plain("r-5", "1")));
    let forged = || {
        let mut doctored = rows(&book);
        forge(&mut doctored, "mov-43", |entry| {
            entry.actor = id("somebody");
        });
        doctored
    };
    assert_eq!(
        verify(&book, forged(), None).verdict,
        Verdict::Valid,
        "a chain that was rebuilt as a whole is sound in itself"
    );
    let report = verify(&book, forged(), Some(kept));
    assert_eq!(report.verdict, Verdict::Divergent);
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.message.contains("rewritten")),
        "{report:?}"
    );
}

#[test]
fn a_kept_head_stays_good_while_the_ledger_grows() {
    let book = Book::empty();
    let mut heads = vec![book.ledger.head().unwrap()];
    accepted(book.record(&charge()));
    heads.push(book.ledger.head().unwrap());
    for n in 0..5 {
        let other = book.on(&key("acme", "sub-7", &format!("mov-{n}")));
        accepted(other.record(&charge()));
        heads.push(book.ledger.head().unwrap());
        accepted(other.create(&standard(&format!("r-{n}"))));
        heads.push(book.ledger.head().unwrap());
        accepted(book.create(&plain(&format!("p-{n}"), "1")));
        accepted(other.erase(Some(&format!("r-{n}"))));
        heads.push(book.ledger.head().unwrap());
    }
    for head in &heads {
        let report = book.ledger.verify(Some(*head)).unwrap();
        assert!(report.is_valid(), "against {}: {report:?}", head.to_json());
        assert_eq!(Head::from_json(&head.to_json()).unwrap(), *head);
    }
    for pair in heads.windows(2) {
        assert!(pair[0].position < pair[1].position);
        assert_ne!(pair[0].root, pair[1].root, "another journal, another root");
    }
    assert_eq!(heads.last().unwrap().entries, book.entries() as u64);
    assert_eq!(heads.last().unwrap().movements, 6);
}

#[test]
fn what_was_cut_off_is_shown_by_a_kept_head_only() {
    let book = eventful();
    let kept = book.ledger.head().unwrap();
    // The ledger as it was before its last two changes: whole in itself.
    let earlier = {
        let book = Book::new();
        let other = book.on(&key("acme", "sub-7", "mov-43"));
        accepted(book.create(&standard("r-1")));
        accepted(other.record(&charge()));
        book
    };
    assert!(earlier.ledger.verify(None).unwrap().is_valid());
    let report = earlier.ledger.verify(Some(kept)).unwrap();
    assert_eq!(report.verdict, Verdict::Divergent);
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.message.contains("cut off")),
        "{report:?}"
    );
    // A whole movement that is gone.
    let mut doctored = rows(&book);
    doctored.retain(|row| match row {
        Row::Movement(movement) => movement.key.movement_id() != "mov-43",
        Row::Entry(record) => record.entry.movement.movement_id() != "mov-43",
        Row::Refund(refund, _) => refund.movement.movement_id() != "mov-43",
        Row::Invalid(_) => true,
    });
    let report = verify(&book, doctored, Some(kept));
    assert_eq!(report.verdict, Verdict::Divergent, "{report:?}");
}

#[test]
fn a_head_of_another_ledger_is_divergent() {
    let (one, two) = (eventful(), Book::new());
    for _ in 0..4 {
        accepted(two.void());
        accepted(two.record(&charge()));
    }
    let head = one.ledger.head().unwrap();
    assert!(!two.ledger.verify(Some(head)).unwrap().is_valid());
    for change in [
        |head: &mut Head| head.entries += 1,
        |head: &mut Head| head.movements -= 1,
        |head: &mut Head| head.position -= 1,
        |head: &mut Head| head.position += 1,
        |head: &mut Head| head.root.0[0] ^= 1,
    ] {
        let mut other = head;
        change(&mut other);
        let report = one.ledger.verify(Some(other)).unwrap();
        assert_eq!(report.verdict, Verdict::Divergent, "{}", other.to_json());
    }
}

#[test]
fn what_cannot_be_read_is_never_valid() {
    let book = eventful();
    for failure in [
        StoreError::Corrupted {
            reason: "a page is torn".into(),
        },
        StoreError::Failed {
            reason: "input/output error".into(),
        },
    ] {
        let mut doctored = rows(&book);
        doctored.fails = Some(failure);
        let report = verify(&book, doctored, None);
        assert_eq!(report.verdict, Verdict::Incomplete, "{report:?}");
        assert_eq!(report.findings.len(), 1, "says what could not be read");
    }
    // Wherever it breaks off: what was not read is not missing.
    for read in 0..rows(&book).rows.len() {
        let doctored = || {
            let mut doctored = rows(&book);
            doctored.rows.truncate(read);
            doctored.fails = Some(StoreError::Failed {
                reason: "input/output error".into(),
            });
            doctored
        };
        let report = verify(&book, doctored(), None);
        assert_eq!(report.verdict, Verdict::Incomplete, "{read}: {report:?}");
        let ledger = Ledger::new(Arc::new(doctored()), book.host.clone());
        refused(ledger.head(), "internal");
    }
    // What is bad outweighs what could not be read.
    let mut doctored = rows(&book);
    doctored.entry(1).entry.bytes[0] ^= 1;
    doctored.fails = Some(StoreError::Failed {
        reason: "input/output error".into(),
    });
    assert_eq!(verify(&book, doctored, None).verdict, Verdict::Divergent);
    let mut doctored = rows(&book);
    doctored.rows.push(Row::Invalid("a row that is none"));
    assert_eq!(verify(&book, doctored, None).verdict, Verdict::Divergent);
    for failure in [
        StoreError::Busy,
        StoreError::Unavailable {
            reason: "gone".into(),
        },
    ] {
        let mut doctored = rows(&book);
        let code = if failure == StoreError::Busy {
            "timeout"
        } else {
            "store_unavailable"
        };
        doctored.fails = Some(failure);
        let ledger = Ledger::new(Arc::new(doctored), book.host.clone());
        refused(ledger.verify(None), code);
    }
}

#[test]
fn there_is_no_head_of_a_ledger_that_does_not_verify() {
    let book = eventful();
    let mut doctored = rows(&book);
    doctored.entry(1).entry.bytes[40] ^= 1;
    let ledger = Ledger::new(Arc::new(doctored), book.host.clone());
    refused(ledger.head(), "store_corrupted");
}
