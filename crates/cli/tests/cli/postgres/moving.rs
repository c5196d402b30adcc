//! From a file to a server and back, with the same journal.

use serde_json::json;

use super::{new_place, new_url, shared, shown};
use crate::export::eventful;
use crate::harness::{MOVEMENT, Place, REFUND, movement, refund};

fn export(place: &Place) -> String {
    place.run(&["export"]).exits(0).stdout
}

/// A line that erases a refund's description.
fn erasure(movement: &str, external_id: &str) -> String {
    json!({"op": "erase_text", "org_id": "acme", "subscription_id": "sub",
        "movement_id": movement, "external_refund_unique_id": external_id})
    .to_string()
}

/// Rebuilds the export at another place.
fn restored(place: Place, export: &str) -> Place {
    let file = place.file("export.jsonl", export);
    let run = place.run_json(&["import", "--preserve", &file]).exits(0);
    let lines = export.lines().count();
    assert_eq!(run.json()["applied"], lines, "{run:?}");
    place
}

#[test]
fn a_ledger_moves_to_a_server_and_back_with_every_byte_of_its_journal() {
    let file = eventful();
    let moved = export(&file);
    let server = restored(new_place(), &moved);
    assert_eq!(export(&server), moved, "the server exports the same bytes");
    assert_eq!(server.root(), file.root());
    let back = restored(Place::new(), &export(&server));
    assert_eq!(export(&back), moved, "and so does a file made of them");
    assert_eq!(back.root(), file.root());
    let head = file.run(&["head"]).exits(0).stdout;
    for place in [&server, &back] {
        let head = place.file("head.json", &head);
        place.run(&["verify", "--head", &head]).exits(0);
        assert_eq!(place.refunds(), file.refunds(), "ids, dates and actors too");
    }
    // And the ledger goes on there.
    let again = server.import(&[&movement("m-1"), &refund("m-1", "r-1", "3")]);
    assert_eq!(again.json()["replayed"], 2, "{again:?}");
    assert_eq!(
        server.import(&[&refund("m-1", "new", "1")]).json()["applied"],
        1
    );
    server.root();
}

#[test]
fn from_server_to_server_nothing_is_lost() {
    let first = new_place();
    first.import(&[MOVEMENT, REFUND]).exits(0);
    let moved = export(&first);
    let second = restored(new_place(), &moved);
    assert_eq!(export(&second), moved);
    assert_eq!(second.root(), first.root());
}

#[test]
fn what_is_no_whole_export_leaves_nothing_on_the_server() {
    let file = eventful();
    let moved = export(&file);
    let lines: Vec<&str> = moved.lines().collect();
    let place = new_place();
    for (what, broken) in [
        ("without its movement", lines[1..].join("\n")),
        (
            "of another actor",
            moved.replacen("\"actor\":\"local\"", "\"actor\":\"ana\"", 1),
        ),
        ("no export", [MOVEMENT, REFUND].join("\n")),
        ("cut off", moved[..moved.len() - 20].to_owned()),
    ] {
        assert_ne!(broken, moved, "{what}");
        let file = place.file("export.jsonl", broken);
        let run = place.run(&["import", "--preserve", &file]).exits(2);
        assert!(
            run.stderr.contains("nothing was restored"),
            "{what}: {run:?}"
        );
        place.run(&["list"]).exits(2).tells("there is no ledger");
    }
}

/// Runs a statement on the schema of a URL, which it names as `SCHEMA`.
fn execute(url: &str, sql: &str) {
    let schema = url.rsplit('=').next().unwrap();
    shared().execute(&sql.replace("SCHEMA", schema)).unwrap();
}

#[test]
fn a_move_that_breaks_off_goes_on_when_it_is_repeated() {
    let file = Place::new();
    let mut lines: Vec<String> = (0..1_200)
        .flat_map(|n| {
            let id = format!("m-{n}");
            [movement(&id), refund(&id, &format!("r-{n}"), "1.50")]
        })
        .collect();
    // Its text is in none of the lines, and only the last one says why.
    lines.push(erasure("m-0", "r-0"));
    let whole = lines.len();
    let lines = file.file("lines.jsonl", lines.join("\n"));
    file.run(&["import", &lines]).exits(0);
    let moved = export(&file);

    let url = new_url();
    let server = Place::on_server(&url);
    server.import(&[]).exits(0);
    execute(
        &url,
        "CREATE FUNCTION SCHEMA.fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF NEW.position > 1500 THEN RAISE EXCEPTION 'there is no room'; END IF; \
         RETURN NEW; END $$; \
         CREATE TRIGGER fill BEFORE INSERT ON SCHEMA.journal \
         FOR EACH ROW EXECUTE FUNCTION SCHEMA.fill()",
    );
    let all = server.file("all.jsonl", &moved);
    let import = ["import", "--preserve", &all];
    for _ in 0..2 {
        let run = server.run(&import).exits(2);
        run.tells("broke off after 1000 lines; import the same again");
        run.tells("there is no room");
        run.tells(&shown(&url));
        assert_eq!(
            server.run(&["journal", "--after", "0"]).json_lines().len(),
            1_000,
            "batches are whole or not there"
        );
    }
    execute(&url, "DROP TRIGGER fill ON SCHEMA.journal");
    let counts = server.run_json(&import).exits(0).json();
    assert_eq!(
        (&counts["lines"], &counts["applied"], &counts["replayed"]),
        (&whole.into(), &(whole - 1_000).into(), &1_000.into()),
        "{counts}"
    );
    assert_eq!(export(&server), moved);
    assert_eq!(server.root(), file.root());
    let run = server.run(&import).exits(0);
    assert!(run.stdout.contains("2401 of which were there"), "{run:?}");
    assert_eq!(export(&server), moved, "once more changes nothing");
}

#[test]
fn a_ledger_that_holds_anything_else_is_left_alone() {
    let file = eventful();
    let moved = export(&file);
    let url = new_url();
    let server = restored(Place::on_server(&url), &moved);
    server.import(&[&refund("m-1", "later", "1")]).exits(0);
    let later = export(&server);
    let other = export(&Place::with_samples());
    for (what, lines) in [("older", &moved), ("other", &other)] {
        let lines = server.file("lines.jsonl", lines);
        let run = server.run(&["import", "--preserve", &lines]).exits(2);
        assert!(
            run.stderr.contains("holds other entries") && run.stderr.contains(&shown(&url)),
            "an {what} export: {run:?}"
        );
        assert_eq!(export(&server), later);
    }
    // What came later goes to another ledger that is at the same point.
    let follower = restored(new_place(), &moved);
    let lines = follower.file("lines.jsonl", &later);
    let run = follower
        .run_json(&["import", "--preserve", &lines])
        .exits(0);
    assert_eq!(run.json()["applied"], 1, "{run:?}");
    assert_eq!(export(&follower), later);
}
