//! One server: what it answers, and how it ends.

use postgres_cluster::Cluster;

fn quick() -> Cluster {
    Cluster::builder().fsync(false).start().unwrap()
}

#[test]
fn a_server_starts_and_answers() {
    let cluster = Cluster::start().unwrap();
    assert_eq!(cluster.query("SELECT 1").unwrap(), "1");
    assert_eq!(cluster.query("SHOW fsync").unwrap(), "on");
}

#[test]
fn a_killed_server_recovers_what_was_committed() {
    let cluster = quick();
    cluster
        .execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
        .unwrap();
    cluster.kill().unwrap();
    assert!(
        cluster.query("SELECT 1").is_err(),
        "a killed server answers nothing"
    );
    cluster.restart().unwrap();
    assert_eq!(cluster.query("SELECT n FROM kept").unwrap(), "7");
}
