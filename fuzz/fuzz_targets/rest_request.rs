//! Requests of the REST contract: each answer has the contract's form, whoever asks, and the ledger is sound
//! behind it. What only reads or is refused changes nothing, and what is sent again changes nothing more.
//!
//! The input is as HTTP/1.1 has it, without the version: `METHOD target`, headers, an empty line, a body.
#![no_main]

#[path = "../../crates/rest/tests/form/mod.rs"]
mod form;

use http::{HeaderName, HeaderValue, Method, Request};
use libfuzzer_sys::fuzz_target;
use refund_fuzz::{check, eventful_in_memory};
use refund_ledger::{Command, Id, Ledger, Operation};
use refund_rest::{Call, Caller, Grants, answer, parse};

/// The request, where a server could have read these bytes as one.
fn request(input: &[u8]) -> Option<Request<Vec<u8>>> {
    let head_ends = input.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = input.split_at(head_ends.unwrap_or(input.len()));
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = lines.next()?;
    let space = first.iter().position(|byte| *byte == b' ')?;
    let mut request = Request::builder()
        .method(Method::from_bytes(&first[..space]).ok()?)
        .uri(&first[space + 1..]);
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
        request = request.header(name, value);
    }
    request
        .body(body.get(2..).unwrap_or_default().to_vec())
        .ok()
}

fn caller(grants: Grants) -> Caller {
    Caller {
        subject: Id::new("ops").expect("an id"),
        grants,
    }
}

/// Asks, and gives the status of the answer.
fn ask(ledger: &Ledger, caller: Option<&Caller>, asked: &Request<Vec<u8>>) -> u16 {
    let response = answer(ledger, caller, asked);
    if let Some(complaint) = form::complaint(asked.method(), &response) {
        let body = String::from_utf8_lossy(response.body());
        panic!("{complaint}: {} {asked:?}\n{body}", response.status());
    }
    response.status().as_u16()
}

/// Whether the ledger can tell that the request was sent before. A create can leave out by what.
fn is_repeatable(asked: &Request<Vec<u8>>) -> bool {
    match parse(asked) {
        Ok(Call::Command(Command {
            operation:
                Operation::CreateRefund {
                    content,
                    idempotency_key,
                },
            ..
        })) => content.external_refund_unique_id.is_some() || idempotency_key.is_some(),
        _ => true,
    }
}

fuzz_target!(|input: &[u8]| {
    let Some(asked) = request(input) else {
        return;
    };
    let ledger = eventful_in_memory();
    let before = ledger.head();
    for caller in [None, Some(&caller(Grants::default()))] {
        let status = ask(&ledger, caller, &asked);
        assert!(
            status >= 400,
            "{status} for one who may do nothing: {asked:?}"
        );
    }
    assert_eq!(
        ledger.head(),
        before,
        "one who may do nothing changed the ledger"
    );

    let all = caller(Grants::all());
    let status = ask(&ledger, Some(&all), &asked);
    let after = ledger.head();
    let only_reads = matches!(*asked.method(), Method::GET | Method::HEAD);
    if only_reads || status >= 400 {
        assert_eq!(
            after, before,
            "{status}, and the ledger has changed: {asked:?}"
        );
    }
    ask(&ledger, Some(&all), &asked);
    if is_repeatable(&asked) {
        assert_eq!(
            ledger.head(),
            after,
            "sent again, it changed more: {asked:?}"
        );
    }
    check(&ledger);
});
