//! From a file to a server and back, with the same journal.

use super::{new_place, new_url, shown};
use crate::export::eventful;
use crate::harness::{MOVEMENT, Place, REFUND, movement, refund};

fn export(place: &Place) -> String {
    place.run(&["export"]).exits(0).stdout
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
        ("with a changed amount", moved.replacen("\"3\"", "\"2\"", 1)),
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

#[test]
fn a_move_that_broke_off_goes_on_and_another_ledger_is_left_alone() {
    let file = eventful();
    let moved = export(&file);
    let whole = moved.lines().count();
    let url = new_url();
    // What a move leaves behind that broke off after so many lines.
    let beginning: Vec<&str> = moved.lines().take(4).collect();
    let server = restored(Place::on_server(&url), &beginning.join("\n"));
    let all = server.file("all.jsonl", &moved);
    let run = server.run_json(&["import", "--preserve", &all]).exits(0);
    let counts = run.json();
    assert_eq!(counts["lines"], whole, "{counts}");
    assert_eq!(
        (&counts["applied"], &counts["replayed"]),
        (&(whole - 4).into(), &4.into())
    );
    assert_eq!(export(&server), moved);
    assert_eq!(server.root(), file.root());
    let run = server.run(&["import", "--preserve", &all]).exits(0);
    assert!(run.stdout.contains("were there from before"), "{run:?}");
    assert_eq!(export(&server), moved, "once more changes nothing");

    server.import(&[&refund("m-1", "later", "1")]).exits(0);
    let later = export(&server);
    for (what, lines) in [
        ("older", moved.as_str()),
        ("other", &export(&Place::with_samples())),
    ] {
        let lines = server.file("lines.jsonl", lines);
        let run = server.run(&["import", "--preserve", &lines]).exits(2);
        assert!(
            run.stderr.contains("holds other entries") && run.stderr.contains(&shown(&url)),
            "an {what} export: {run:?}"
        );
        assert_eq!(export(&server), later);
    }
}

#[test]
fn more_than_one_batch_moves() {
    let file = Place::new();
    let lines: Vec<String> = (0..1_200)
        .flat_map(|n| {
            let id = format!("m-{n}");
            [movement(&id), refund(&id, &format!("r-{n}"), "1.50")]
        })
        .collect();
    let lines = file.file("lines.jsonl", lines.join("\n"));
    file.run(&["import", &lines]).exits(0);
    let moved = export(&file);
    let server = restored(new_place(), &moved);
    assert_eq!(export(&server), moved);
    assert_eq!(server.root(), file.root());
}
