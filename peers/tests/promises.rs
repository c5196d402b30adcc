//! What both sides promise where they differ, so that `docs/peers.md` says what is so.

use postgres_cluster::Cluster;
use refund_peers::{Cala, Cap, MOVEMENT_IN_CENTS, Ours, refund_line};

/// A refund of so many cents, in place of what they usually have.
fn refund_of(cents: i64, refund: usize) -> String {
    let value = format!("{}.{:02}", cents / 100, cents % 100);
    refund_line(0, refund)
        .replace(
            "\"value_with_taxes\":12.1,",
            &format!("\"value_with_taxes\":{value},"),
        )
        .replace(
            "\"value_without_taxes\":10,\"tax\":{\"type\":\"IVA\",\"percentage\":21}",
            &format!("\"value_without_taxes\":{value}"),
        )
}

#[test]
fn a_refund_that_comes_again_is_refused_by_cala_and_answered_again_by_ours() {
    let cluster = Cluster::start().unwrap();
    let cala = Cala::new(
        &cluster.create_database("cala").unwrap(),
        1,
        4,
        Cap::Control,
    );
    let ours = Ours::new(&cluster.create_database("ours").unwrap(), 1, 4);
    let line = refund_line(0, 1);

    cala.refund(cala.posting(&line)).unwrap();
    let again = cala.refund(cala.posting(&line)).unwrap_err();
    assert!(again.contains("external id"), "what it says: {again}");

    let request = Ours::request(&line);
    assert!(!ours.execute(&request).unwrap(), "the first time it is new");
    assert!(ours.execute(&request).unwrap(), "then it is a replay");
    let other = Ours::request(&refund_of(100, 1));
    assert!(
        ours.execute(&other).is_err(),
        "another content is a conflict"
    );
}

#[test]
fn cala_refunds_beyond_the_amount_unless_a_control_is_attached() {
    let cluster = Cluster::start().unwrap();
    let beyond = refund_of(MOVEMENT_IN_CENTS + 1, 1);
    let open = Cala::new(&cluster.create_database("open").unwrap(), 1, 4, Cap::None);
    open.refund(open.posting(&beyond)).unwrap();
    assert_eq!(open.left(0), -1, "nothing has kept it from that");

    let capped = Cala::new(
        &cluster.create_database("capped").unwrap(),
        1,
        4,
        Cap::Control,
    );
    let refused = capped.refund(capped.posting(&beyond)).unwrap_err();
    assert!(
        refused.to_lowercase().contains("limit"),
        "what it says: {refused}"
    );
    assert_eq!(capped.left(0), MOVEMENT_IN_CENTS);

    let ours = Ours::new(&cluster.create_database("ours").unwrap(), 1, 4);
    assert!(ours.execute(&Ours::request(&beyond)).is_err());
}
