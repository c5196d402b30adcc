//! Both sides do the same, so that what is measured is the same work.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't be set up should fail loudly"
)]

use std::collections::{BTreeMap, BTreeSet};

use refund_bench::{
    ByHand, Contender, Folder, Input, Ours, PAGE, REFUNDS_PER_MOVEMENT, batches, get_each, import,
    list_each, pages, singles, verify, write_lines,
};

/// More than three pages of the org's list.
const REFUNDS: usize = 400;

/// The refunds of all movements by external id, with their amounts.
type Content = BTreeMap<String, (i64, i64)>;

fn content<C: Contender>(contender: &mut C, movements: usize) -> Content {
    (0..movements)
        .flat_map(|movement| contender.refunds_of(&C::key(movement)))
        .map(|refund| {
            let (external_id, with, without) = C::content(&refund);
            (external_id, (with, without))
        })
        .collect()
}

fn expected(refunds: usize) -> Content {
    (0..refunds)
        .map(|n| (format!("refund-{n}"), (1_210, 1_000)))
        .collect()
}

/// Half of the refunds alone, half in batches.
fn booked<C: Contender>(mut contender: C, input: &Input) -> Content {
    contender.serve_lists();
    input.record(&mut contender);
    let requests = input.refunds::<C>(0..REFUNDS);
    let (first, second) = requests.split_at(REFUNDS / 2);
    singles(&mut contender, first);
    batches(&mut contender, second, 8);
    verify(&mut contender);
    content(&mut contender, input.movements())
}

#[test]
fn the_same_refunds_are_on_both_sides_after_the_same_requests() {
    let folder = Folder::new(None);
    for (at, input) in [Input::in_a_row(REFUNDS), Input::scattered(60)]
        .iter()
        .enumerate()
    {
        let file = |name: &str| folder.file(&format!("{name}-{at}.db"));
        assert_eq!(
            booked(ByHand::open(&file("hand")), input),
            expected(REFUNDS)
        );
        assert_eq!(
            booked(Ours::open(&file("ledger")), input),
            expected(REFUNDS)
        );
        assert_eq!(booked(ByHand::in_memory(), input), expected(REFUNDS));
        assert_eq!(booked(Ours::in_memory(), input), expected(REFUNDS));
    }
}

#[test]
fn the_same_refunds_are_on_both_sides_after_an_import() {
    fn imported<C: Contender>(folder: &Folder, name: &str) -> Content {
        import::<C>(&folder.file(name), &folder.file("lines.jsonl"));
        assert!(folder.bytes(name) > 0, "it is in the file");
        content(&mut C::open(&folder.file(name)), 200)
    }
    let folder = Folder::new(None);
    // Two thousand lines and some, so that the last transaction is a short one.
    write_lines(&folder.file("lines.jsonl"), 2_000);
    assert_eq!(imported::<ByHand>(&folder, "hand.db"), expected(2_000));
    assert_eq!(imported::<Ours>(&folder, "ledger.db"), expected(2_000));
}

#[test]
fn both_sides_list_the_same_pages() {
    /// How long the pages are, and what is on them: the order of refunds of one instant is each side's own.
    fn listed<C: Contender>(mut contender: C) -> (Vec<usize>, BTreeSet<String>) {
        contender.serve_lists();
        Input::fill(&mut contender, 0..REFUNDS);
        let (mut lengths, mut listed) = (Vec::new(), BTreeSet::new());
        let mut after = None;
        loop {
            let (refunds, next) = contender.page(after);
            lengths.push(refunds.len());
            listed.extend(refunds.iter().map(|refund| C::content(refund).0));
            after = next;
            if after.is_none() {
                return (lengths, listed);
            }
        }
    }
    let by_hand = listed(ByHand::in_memory());
    let (lengths, on_them) = &by_hand;
    assert_eq!(lengths[..3], [PAGE; 3], "full pages before the last one");
    assert_eq!(
        on_them.len(),
        lengths.iter().sum::<usize>(),
        "none is there twice"
    );
    assert_eq!(listed(Ours::in_memory()), by_hand);
}

#[test]
fn both_sides_read_what_is_timed() {
    fn read<C: Contender>(mut contender: C) {
        contender.serve_lists();
        Input::fill(&mut contender, 0..REFUNDS);
        let keys: Vec<_> = (0..40).map(C::key).collect();
        list_each(&mut contender, &keys, REFUNDS_PER_MOVEMENT);
        pages(&mut contender, 9);
        let refunds: Vec<_> = keys
            .into_iter()
            .map(|key| {
                let refunds = contender.refunds_of(&key);
                let id = C::id(refunds.last().unwrap());
                (key, id)
            })
            .collect();
        get_each(&mut contender, &refunds);
        let (key, id) = refunds.first().unwrap();
        let refund = contender.refund(key, *id);
        assert_eq!(C::content(&refund), ("refund-9".to_owned(), 1_210, 1_000));
    }
    read(ByHand::in_memory());
    read(Ours::in_memory());
}

#[test]
fn more_than_was_charged_is_refused_on_both_sides() {
    /// All of the first movement.
    const ALL: &str = r#"{"op":"create_refund","org_id":"acme","subscription_id":"sub-0","movement_id":"mov-0","body":{"refund_datetime":"2022-02-01T13:45:10Z","amount":{"value_with_taxes":1210000,"value_without_taxes":1000000,"tax":{"type":"IVA","percentage":21}},"external_refund_unique_id":"all","billable":false,"description":"Closed"}}"#;

    fn refused<C: Contender>(mut contender: C) {
        let input = Input::scattered(1);
        input.record(&mut contender);
        contender.execute(&C::request(ALL)).unwrap();
        let more = input.refunds::<C>(0..1);
        assert!(contender.execute(&more[0]).is_err(), "nothing is left");
        assert!(contender.execute_all(&more).is_err(), "nor in a batch");
        let left = content(&mut contender, 1);
        assert_eq!(left.len(), 1, "what was refused has left nothing");
        verify(&mut contender);
    }
    refused(ByHand::in_memory());
    refused(Ours::in_memory());
}

#[test]
fn what_fails_is_not_measured_as_done() {
    fn again<C: Contender>(mut contender: C) {
        let input = Input::scattered(10);
        input.record(&mut contender);
        let requests = input.refunds::<C>(0..20);
        batches(&mut contender, &requests, 20);
        let again = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            singles(&mut contender, &requests);
        }));
        assert!(again.is_err(), "a repeated refund is no new one");
    }
    again(ByHand::in_memory());
    again(Ours::in_memory());
}
