//! What a client of the contract does, and who is let in.

use super::running::{EXAMPLE, MOVEMENT_PATH, Running, charge, log_of, refund, token};
use crate::harness::Place;

#[test]
fn the_contracts_example_goes_through_its_life() {
    let place = Place::new();
    let token = token(&place, "acme", &["read", "write"]);
    let server = Running::start(&place, &[]);
    let client = server.client(Some(&token));
    client.put(MOVEMENT_PATH, &charge(121)).is(201);
    client.put(MOVEMENT_PATH, &charge(121)).is(204);

    let refunds = format!("{MOVEMENT_PATH}/refund");
    let created = client.post(&refunds, EXAMPLE).is(201);
    let location = created.header("location").to_owned();
    let id = created.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(location, format!("{refunds}/{id}"));
    assert_eq!(
        created.json().as_object().unwrap().len(),
        1,
        "nothing but the id"
    );
    let again = client.post(&refunds, EXAMPLE).is(201);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.json()["id"], id.as_str());

    let read = client.get(&location).is(200);
    assert_eq!(read.header("etag"), "\"1\"");
    assert_eq!(read.header("content-type"), "application/json");
    assert_eq!(read.json()["amount"]["value_with_taxes"], 12.1);
    client
        .put(&location, &EXAMPLE.replace("Two", "Three"))
        .is(204);
    let read = client.get(&location).is(200);
    assert_eq!(read.header("etag"), "\"2\"");
    assert_eq!(read.json()["description"], "Three days without service");
    assert_eq!(client.send("DELETE", &location, None).is(204).body, "");
    client.get(&location).refused(404, "refund_not_found");

    let history = client.get(&format!("{location}/history")).is(200).json();
    assert_eq!(history["items"].as_array().unwrap().len(), 3);
    assert_eq!(history["items"][0]["actor"], "ops", "the token's subject");
    server.terminate();
    assert_eq!(server.wait(), Some(0), "{}", log_of(&place));
    place.root();
}

#[test]
fn tokens_open_what_they_were_made_for_and_nothing_else() {
    let place = Place::new();
    let reader = token(&place, "acme", &["read"]);
    let booker = token(&place, "acme", &["create_refund"]);
    let everywhere = token(&place, "*", &["read", "write"]);
    let server = Running::start(&place, &[]);
    let as_ = |token: &str| server.client(Some(token));
    as_(&everywhere).put(MOVEMENT_PATH, &charge(121)).is(201);
    as_(&reader).get(MOVEMENT_PATH).is(200);
    as_(&reader)
        .put(MOVEMENT_PATH, &charge(121))
        .refused(403, "forbidden");
    let refunds = format!("{MOVEMENT_PATH}/refund");
    as_(&reader)
        .post(&refunds, EXAMPLE)
        .refused(403, "forbidden");
    as_(&booker).post(&refunds, EXAMPLE).is(201);
    as_(&booker).get(&refunds).refused(403, "forbidden");
    for org in ["globex", "nobody", "acme%20", "ACME"] {
        let path = MOVEMENT_PATH.replace("acme", org);
        as_(&reader).get(&path).refused(403, "forbidden");
    }

    for bad in [
        "",
        "x",
        "rl_0000",
        &reader[..reader.len() - 1],
        &format!("{reader}0"),
        &reader.to_uppercase(),
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJvcHMiLCJvcmdzIjpbIioiXSwiYWN0aW9ucyI6WyJyZWFkIl19.",
    ] {
        let answer = as_(bad).get(MOVEMENT_PATH).refused(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let stranger = server.client(None);
    stranger.get(MOVEMENT_PATH).refused(401, "unauthorized");
    // Before the body is read, and whatever it is.
    stranger.post(&refunds, "{").refused(401, "unauthorized");
    as_(&reader).post(&refunds, "{").refused(403, "forbidden");
    // What is nobody's secret.
    stranger.get("/healthz").is(200);
    let document = stranger.get("/openapi.json").is(200).json();
    assert_eq!(document["openapi"], "3.1.0");
    stranger.get("/v1").refused(404, "path_not_found");

    let log = log_of(&place);
    for secret in [&reader, &booker, &everywhere] {
        assert!(!log.contains(secret.as_str()), "no token in the log");
        let file = place.read("auth.toml");
        assert!(!file.contains(secret.as_str()), "nor in the file");
    }
}

#[test]
fn a_token_made_while_the_server_runs_is_known_soon_and_a_removed_one_is_not() {
    let place = Place::new();
    let first = token(&place, "acme", &["read", "write"]);
    let server = Running::start(&place, &[]);
    let before = place.read("auth.toml");
    let second = token(&place, "acme", &["read", "write"]);
    let path = MOVEMENT_PATH;
    server.client(Some(&first)).put(path, &charge(121)).is(201);
    super::running::eventually("the new token is known", || {
        server.client(Some(&second)).get(path).status == 200
    });
    std::fs::write(place.path("auth.toml"), before).unwrap();
    super::running::eventually("the removed token is not", || {
        server.client(Some(&second)).get(path).status == 401
    });
    server.client(Some(&first)).get(path).is(200);
}

#[test]
fn lists_and_the_journal_are_paged() {
    let place = Place::new();
    let server = Running::start(&place, &[]);
    let client = server.client(None);
    client.put(MOVEMENT_PATH, &charge(121)).is(201);
    for n in 0..7 {
        let body = refund(&format!("r-{n}"), "1");
        client
            .post(&format!("{MOVEMENT_PATH}/refund"), &body)
            .is(201);
    }
    let mut seen = Vec::new();
    let mut path = "/v1/orgs/acme/refunds?limit=3".to_owned();
    loop {
        let page = client.get(&path).is(200).json();
        for item in page["items"].as_array().unwrap() {
            seen.push(
                item["external_refund_unique_id"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
            );
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/orgs/acme/refunds?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    seen.sort();
    assert_eq!(seen.len(), 7);
    seen.dedup();
    assert_eq!(seen.len(), 7, "each once");

    let mut after = 0;
    let mut entries = 0;
    loop {
        let path = format!("/v1/orgs/acme/journal?limit=3&after={after}");
        let page = client.get(&path).is(200).json();
        entries += page["items"].as_array().unwrap().len();
        if page["next_after"] == after {
            break;
        }
        after = page["next_after"].as_u64().unwrap();
    }
    assert_eq!(entries, 8);
}
