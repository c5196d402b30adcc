//! Files that change while the server runs.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use refund_ledger::Hash;
use tracing::Level;

use super::log::logged;
use super::signer::Signer;
use super::{Place, Unauthenticated, ana, answer, good, jwt_table};
use crate::auth::Authenticator;

/// A file that knows these tokens.
fn tokens(tokens: &[&str]) -> String {
    let tables = tokens.iter().map(|token| {
        format!(
            "[[token]]\nsubject = '{token}'\norgs = ['*']\nactions = ['read']\nsha256 = '{}'\n",
            Hash::of(&[token.as_bytes()])
        )
    });
    tables.collect::<Vec<String>>().concat()
}

fn pause(time: Duration) {
    #[allow(clippy::disallowed_methods, reason = "the time is what is tested")]
    thread::sleep(time);
}

#[track_caller]
fn knows(authenticator: &Authenticator, token: &str) {
    let caller = answer(authenticator, token).unwrap();
    assert_eq!(caller.subject.as_str(), token);
}

#[track_caller]
fn knows_no(authenticator: &Authenticator, token: &str) {
    assert_eq!(
        answer(authenticator, token),
        Err(Unauthenticated::UnknownToken),
        "{token} should not get in"
    );
}

#[test]
fn a_token_that_was_taken_out_is_refused_and_a_new_one_gets_in() {
    let place = Place::new();
    place.write("auth.toml", tokens(&["a", "b"]));
    let authenticator = place.load();
    knows(&authenticator, "a");
    knows_no(&authenticator, "c");
    // Of the same length, and likely within the same tick of the file's clock.
    place.write("auth.toml", tokens(&["c", "b"]));
    knows_no(&authenticator, "a");
    knows(&authenticator, "b");
    knows(&authenticator, "c");
}

#[test]
fn the_last_token_can_be_taken_out_too() {
    for rest in ["", "# nobody\n", "token = []\n"] {
        let place = Place::new();
        place.write("auth.toml", tokens(&["a"]));
        let authenticator = place.load();
        place.write("auth.toml", rest);
        let log = logged(|| knows_no(&authenticator, "a"));
        assert!(
            log.iter()
                .any(|(level, text)| *level == Level::WARN && text.contains("lets nobody in")),
            "{log:?}"
        );
        place.write("auth.toml", tokens(&["a"]));
        knows(&authenticator, "a");
    }
}

#[test]
fn a_key_that_was_replaced_counts_too() {
    let (old, new) = (Signer::p256(), Signer::p384());
    let (place, authenticator) = Place::with_key_of(&old);
    assert_eq!(answer(&authenticator, &good(&old)), Ok(ana()));
    place.write("key", new.public());
    assert_eq!(answer(&authenticator, &good(&new)), Ok(ana()));
    assert_eq!(
        answer(&authenticator, &good(&old)),
        Err(Unauthenticated::WrongAlgorithm)
    );
}

#[test]
fn a_file_that_can_not_be_used_changes_nothing_until_it_can() {
    let place = Place::new();
    place.write("auth.toml", tokens(&["a"]));
    let authenticator = place.load();
    let broken = [
        "[[token",
        "[[token]]\n",
        "[jwt]\nkey = 'missing'\nissuer = 'i'\naudience = 'a'\n",
    ];
    for broken in broken {
        place.write("auth.toml", broken);
        let log = logged(|| {
            knows(&authenticator, "a");
            knows(&authenticator, "a");
            knows_no(&authenticator, "b");
        });
        assert!(
            matches!(&log[..], [(Level::ERROR, text)] if text.contains("stays as it was: `")),
            "it is told once: {log:?}"
        );
    }
    fs::remove_file(place.path("auth.toml")).unwrap();
    let log = logged(|| knows(&authenticator, "a"));
    assert!(matches!(&log[..], [(Level::ERROR, _)]), "{log:?}");
    place.write("auth.toml", tokens(&["b"]));
    knows(&authenticator, "b");
    knows_no(&authenticator, "a");
}

#[test]
fn a_key_that_comes_after_the_table_that_names_it_is_found() {
    let signer = Signer::p256();
    let place = Place::new();
    place.write("auth.toml", tokens(&["a"]));
    let authenticator = place.load();
    place.write("auth.toml", jwt_table("key = 'late.pem'"));
    knows(&authenticator, "a");
    place.write("late.pem", signer.public());
    assert_eq!(answer(&authenticator, &good(&signer)), Ok(ana()));
    knows_no(&authenticator, "a");
}

#[test]
fn the_files_are_not_looked_at_with_every_request() {
    let place = Place::new();
    place.write("auth.toml", tokens(&["a"]));
    let path = place.path("auth.toml");
    let authenticator = Authenticator::load_and_look_every(Duration::from_hours(1), &path).unwrap();
    place.write("auth.toml", tokens(&["b"]));
    knows(&authenticator, "a");
    knows_no(&authenticator, "b");

    let authenticator = place.load();
    let looked_at = || authenticator.watch.lock().unwrap().looked_at;
    let before = looked_at();
    pause(Duration::from_millis(2));
    knows(&authenticator, "b");
    assert!(looked_at() > before, "it counts from the last look on");
}

#[test]
fn a_change_counts_about_a_second_later() {
    let place = Place::new();
    place.write("auth.toml", tokens(&["a"]));
    let authenticator = Authenticator::load(&place.path("auth.toml")).unwrap();
    place.write("auth.toml", tokens(&["b"]));
    pause(Duration::from_millis(1_100));
    knows_no(&authenticator, "a");
    knows(&authenticator, "b");
}

#[test]
fn who_stays_in_the_file_gets_in_throughout() {
    let place = Place::new();
    place.write("auth.toml", tokens(&["a", "b"]));
    let authenticator = place.load();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    knows(&authenticator, "b");
                }
            });
        }
        for round in 0..200 {
            let other = if round % 2 == 0 { "c" } else { "a" };
            place.write("new.toml", tokens(&[other, "b"]));
            fs::rename(place.path("new.toml"), place.path("auth.toml")).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    knows(&authenticator, "a");
}
