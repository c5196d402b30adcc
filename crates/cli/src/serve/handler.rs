//! A request, from its head to its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use refund_ledger::{Id, LedgerError};
use refund_rest::{Call, Refusal, Reply, Route, openapi, render};

use super::body;
use super::door::Door;
use super::in_progress::{Begun, EndUnlessBegun, InProgress};
use super::work::Work;
use crate::visible::visible;

/// How much of a path is logged: whoever is not known could fill the disk.
const PATH_CHARACTERS_MAX: usize = 1_024;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What all requests share.
pub(super) struct Server {
    pub(super) door: Door,
    pub(super) work: Work,
    pub(super) client_timeout: Duration,
    pub(super) in_progress: InProgress,
}

/// The paths of the server: its own two, and those of the contract.
pub(super) fn router(server: Arc<Server>) -> Router {
    let document = Bytes::from(openapi::to_json());
    let document = move || std::future::ready(json(StatusCode::OK, document.clone()));
    Router::new()
        .route("/openapi.json", get(document))
        .route("/healthz", get(health))
        .method_not_allowed_fallback(|| {
            let refusal = Refusal::MethodNotAllowed {
                allow: "GET, HEAD".into(),
            };
            std::future::ready(refusal.render().map(Body::from))
        })
        .fallback(answer)
        .with_state(server)
}

fn json(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

async fn health(State(server): State<Arc<Server>>) -> Response<Body> {
    match server.work.check().await {
        Ok(()) => json(StatusCode::OK, r#"{"status":"ok"}"#),
        Err(error) => {
            tracing::error!(error = %in_full(&error), "the store does not answer");
            json(
                StatusCode::SERVICE_UNAVAILABLE,
                r#"{"status":"unavailable"}"#,
            )
        }
    }
}

async fn answer(State(server): State<Arc<Server>>, request: Request<Body>) -> Response<Body> {
    let counted = server.in_progress.begin();
    let begun = Begun::default();
    let task = {
        let begun = begun.clone();
        tokio::spawn(async move {
            let response = server.answer(request, &begun).await;
            drop(counted);
            response
        })
    };
    let _client = EndUnlessBegun {
        task: task.abort_handle(),
        begun,
    };
    task.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request broke off");
        let refusal = Refusal::from(LedgerError::new(
            refund_ledger::ErrorCode::Internal,
            "the request broke off",
        ));
        refusal.render().map(Body::from)
    })
}

impl Server {
    #[allow(
        clippy::disallowed_methods,
        reason = "a server logs how long requests took"
    )]
    async fn answer(&self, request: Request<Body>, begun: &Begun) -> Response<Body> {
        let start = Instant::now();
        let (head, mut body) = request.into_parts();
        let mut story = Story::default();
        let outcome = self.carry_out(&head, &mut body, &mut story, begun).await;
        let (mut response, code) = match outcome {
            Ok((call, outcome)) => {
                let code = outcome.as_ref().err().map(|error| error.code().as_str());
                story.failure = outcome.as_ref().err().and_then(failure);
                (render(&call, &outcome), code)
            }
            Err(refusal) => {
                body::discard(&mut body, &head.headers).await;
                let code = refusal.code();
                (refusal.render(), Some(code))
            }
        };
        if story.body_is_unread {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        let request_id = request_id(&head);
        story.tell(&head, &response, code, start.elapsed(), &request_id);
        response.headers_mut().insert(REQUEST_ID, request_id);
        response.map(Body::from)
    }

    /// The steps that `refund-rest` lays down, in their order.
    async fn carry_out(
        &self,
        head: &Parts,
        body: &mut Body,
        story: &mut Story,
        begun: &Begun,
    ) -> Result<(Arc<Call>, Result<Reply, LedgerError>), Refusal> {
        let route = Route::of(&head.method, &head.uri)?;
        story.operation = Some(route.operation().id());
        let caller = self.door.caller(&head.headers).map_err(|turned_away| {
            story.failure = turned_away.reason.map(|reason| reason.to_string());
            turned_away.error
        })?;
        let ledger = caller.on(self.work.ledger());
        story.actor = Some(caller.subject);
        route.authorize(&ledger)?;
        story.body_is_unread = true;
        let bytes = body::read(body, self.client_timeout).await?;
        story.body_is_unread = false;
        let call = Arc::new(route.parse(&head.headers, &bytes)?);
        // Many may wait below; what they were made from is not needed any more.
        drop(bytes);
        let outcome = self.work.perform(Arc::clone(&call), ledger, begun).await;
        Ok((call, outcome))
    }
}

/// What the log tells of a request.
#[derive(Default)]
struct Story {
    operation: Option<&'static str>,
    actor: Option<Id>,
    failure: Option<String>,
    body_is_unread: bool,
}

impl Story {
    fn tell(
        &self,
        head: &Parts,
        response: &Response<Vec<u8>>,
        code: Option<&'static str>,
        time: Duration,
        request_id: &HeaderValue,
    ) {
        let status = response.status().as_u16();
        let path: String = head.uri.path().chars().take(PATH_CHARACTERS_MAX).collect();
        let path = visible(&path);
        let actor = self.actor.as_ref().map(|actor| visible(actor.as_str()));
        let request_id = request_id.to_str().unwrap_or_default();
        let time_us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    request_id,
                    method = %head.method,
                    path,
                    operation = self.operation,
                    actor,
                    status,
                    code,
                    failure = self.failure,
                    time_us,
                    "request"
                )
            };
        }
        if response.status().is_server_error() {
            line!(error);
        } else {
            line!(info);
        }
    }
}

/// What failed inside, for the log.
fn failure(error: &LedgerError) -> Option<String> {
    (error.code().http_status() >= 500).then(|| in_full(error))
}

fn in_full(error: &LedgerError) -> String {
    visible(&match error.store_error() {
        Some(store) => format!("{error}: {store}"),
        None => error.to_string(),
    })
}

/// The name under which client and log speak of the request: the client's, if it has a plain one.
fn request_id(head: &Parts) -> HeaderValue {
    const BYTES_MAX: usize = 128;
    let is_plain = |value: &&HeaderValue| {
        (1..=BYTES_MAX).contains(&value.len())
            && value
                .as_bytes()
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte))
    };
    match head.headers.get(REQUEST_ID).filter(is_plain) {
        Some(given) => given.clone(),
        None => next_request_id(),
    }
}

/// The start of the process in microseconds, and a count: what is needed to find a line in a log.
#[allow(
    clippy::disallowed_methods,
    reason = "a server numbers its requests by its start"
)]
fn next_request_id() -> HeaderValue {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    static START_US: std::sync::LazyLock<u128> = std::sync::LazyLock::new(|| {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default()
            .as_micros()
    });
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    HeaderValue::from_str(&format!("{:x}-{count:x}", *START_US))
        .unwrap_or(HeaderValue::from_static("-"))
}
