//! Bodies of requests: never more than the limit in memory, never for longer than a client may take.

use std::time::Duration;

use axum::body::Body;
use http::HeaderMap;
use http::header::EXPECT;
use http_body_util::BodyExt as _;
use refund_ledger::wire::BODY_BYTES_MAX;
use refund_ledger::{ErrorCode, LedgerError};
use tokio::time::{Instant, timeout_at};

/// How much of a body that nobody wants is taken in and thrown away, so that its sender gets to read
/// the answer: a connection that is closed on unread data is reset.
const UNWANTED_BYTES_MAX: usize = 16 * 1_024 * 1_024;

/// How long that may take, in all and between two pieces.
const UNWANTED_TIME: Duration = Duration::from_secs(5);
const UNWANTED_PAUSE: Duration = Duration::from_millis(500);

/// Reads a body up to the limit.
pub(super) async fn read(body: &mut Body, time: Duration) -> Result<Vec<u8>, LedgerError> {
    let deadline = deadline_in(time);
    let mut bytes = Vec::new();
    loop {
        let frame = timeout_at(deadline, body.frame()).await.map_err(|_| {
            malformed(format!(
                "the body did not come within {} s",
                time.as_secs_f32()
            ))
        })?;
        match frame {
            None => return Ok(bytes),
            Some(Err(_)) => {
                return Err(malformed(
                    "the body ends too early, or is not well formed".into(),
                ));
            }
            Some(Ok(frame)) => {
                let Some(data) = frame.data_ref() else {
                    continue;
                };
                if bytes.len().saturating_add(data.len()) > BODY_BYTES_MAX {
                    return Err(malformed(format!(
                        "the request has more than the {BODY_BYTES_MAX} bytes that are allowed"
                    )));
                }
                bytes.extend_from_slice(data);
            }
        }
    }
}

/// Takes in what is left of a body, within bounds. A client that waits to be asked for it is not.
pub(super) async fn discard(body: &mut Body, headers: &HeaderMap) {
    if headers.contains_key(EXPECT) {
        return;
    }
    let deadline = deadline_in(UNWANTED_TIME);
    let mut taken: usize = 0;
    while let Ok(Some(Ok(frame))) =
        timeout_at(deadline.min(deadline_in(UNWANTED_PAUSE)), body.frame()).await
    {
        taken = taken.saturating_add(frame.data_ref().map_or(0, axum::body::Bytes::len));
        if taken > UNWANTED_BYTES_MAX {
            return;
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "a server measures how long clients take"
)]
fn deadline_in(time: Duration) -> Instant {
    Instant::now() + time
}

fn malformed(message: String) -> LedgerError {
    LedgerError::new(ErrorCode::MalformedRequest, message)
}
