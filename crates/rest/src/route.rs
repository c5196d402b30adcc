//! From a method and a path to an operation and its ids.

use http::{HeaderMap, Method, Uri};
use refund_ledger::{
    Command, Id, Ledger, LedgerError, MovementKey, Operation as Change, RefundLookup, Resource,
    wire,
};

use crate::call::{Call, Query};
use crate::operation::Operation;
use crate::query::QueryString;
use crate::refusal::Refusal;
use crate::text::{both, decode, id};
use crate::{headers, query};

/// A request by its first line: what it asks for, and about what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    operation: Operation,
    /// The ids of the path in their order, `None` where one can't be decoded.
    ids: Vec<Option<String>>,
    query: Option<String>,
}

impl Route {
    /// Finds the operation. A path without ids in its last place goes before one with them.
    ///
    /// # Errors
    /// [`Refusal::PathNotFound`], [`Refusal::MethodNotAllowed`].
    pub fn of(method: &Method, uri: &Uri) -> Result<Self, Refusal> {
        let segments: Vec<&str> = uri.path().split('/').collect();
        let path = Operation::ALL
            .iter()
            .map(|operation| operation.path())
            .filter(|path| fits(path, &segments))
            .min_by_key(|path| path.matches('{').count())
            .ok_or(Refusal::PathNotFound)?;
        let here = || Operation::ALL.into_iter().filter(|o| o.path() == path);
        let wanted = if method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        let operation = here().find(|o| o.method() == *wanted).ok_or_else(|| {
            let methods: Vec<String> = here()
                .map(|operation| match operation.method() {
                    Method::GET => "GET, HEAD".into(),
                    other => other.to_string(),
                })
                .collect();
            Refusal::MethodNotAllowed {
                allow: methods.join(", "),
            }
        })?;
        let ids = path
            .split('/')
            .zip(&segments)
            .filter(|(name, _)| name.starts_with('{'))
            .map(|(_, segment)| decode(segment))
            .collect();
        Ok(Self {
            operation,
            ids,
            query: uri.query().map(Into::into),
        })
    }

    /// What it asks for.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    fn org(&self) -> Result<Id, LedgerError> {
        self.id("org_id", 0)
    }

    fn id(&self, field: &'static str, at: usize) -> Result<Id, LedgerError> {
        let text = self.ids.get(at).and_then(Option::as_deref);
        if let Some(dots @ ("." | "..")) = text {
            // Whoever follows a URL with such a segment, even an encoded one, takes it for a step.
            let message =
                format!("is `{dots}`, which is a step in a path and can't be an id there");
            return Err(LedgerError::invalid_field(field, "not_allowed", message));
        }
        id(field, text)
    }

    fn movement(&self) -> Result<MovementKey, LedgerError> {
        let rest = both(self.id("subscription_id", 1), self.id("movement_id", 2));
        let (org, (subscription, movement)) = both(self.org(), rest)?;
        MovementKey::new(org.as_str(), subscription.as_str(), movement.as_str())
    }

    /// The refund. What can't be a refund's id names a refund that does not exist.
    fn refund(&self) -> RefundLookup {
        let text = self.ids.get(3).and_then(Option::as_deref);
        text.and_then(|text| text.parse().ok())
            .map_or(RefundLookup::Nothing, RefundLookup::Id)
    }

    /// Asks whether the caller may do this here, before anything else of the request is judged. An
    /// org that can't be one is only for who may act in every org.
    ///
    /// # Errors
    /// `unauthorized`, `forbidden`.
    pub fn authorize(&self, ledger: &Ledger) -> Result<(), LedgerError> {
        let action = self.operation.action();
        match (self.movement(), self.org()) {
            (Ok(movement), _) => ledger.authorize(action, Resource::Movement(&movement)),
            (Err(_), Ok(org)) => ledger.authorize(action, Resource::Org(&org)),
            (Err(_), Err(_)) => ledger.authorize(action, Resource::Ledger),
        }
    }

    /// Reads the rest of the request.
    ///
    /// # Errors
    /// `malformed_request`; `invalid_request` that lists every field at fault, those of the path,
    /// the query and the headers with those of the body.
    pub fn parse(&self, headers: &HeaderMap, body: &[u8]) -> Result<Call, LedgerError> {
        let query = QueryString::parse(
            self.query.as_deref().unwrap_or_default(),
            self.operation.query_parameters(),
        )?;
        if self.operation.has_body() {
            headers::check_content(headers, body)?;
        }
        match self.operation {
            Operation::CreateRefund => self.change(wire::parse_refund_request(body).map(
                |request| Change::CreateRefund {
                    content: request.into(),
                    idempotency_key: None,
                },
            )),
            Operation::CreateNonSubscribableRefund => self.change(non_subscribable(headers, body)),
            Operation::UpdateRefund => self.change(
                both(
                    headers::expected_revision(headers),
                    wire::parse_update_request(body),
                )
                .map(|(expected_revision, content)| Change::UpdateRefund {
                    refund: self.refund(),
                    expected_revision,
                    content,
                }),
            ),
            Operation::DeleteRefund => self.change(headers::expected_revision(headers).map(
                |expected_revision| Change::DeleteRefund {
                    refund: self.refund(),
                    expected_revision,
                },
            )),
            Operation::RecordMovement => {
                self.change(wire::parse_movement_request(body).map(Change::RecordMovement))
            }
            Operation::VoidMovement => self.change(Ok(Change::VoidMovement)),
            Operation::GetMovement => self.movement().map(|key| Call::Query(Query::Movement(key))),
            Operation::GetRefund => self.movement().map(|movement| {
                Call::Query(Query::Refund {
                    movement,
                    refund: self.refund(),
                })
            }),
            Operation::GetRefundHistory => self.movement().map(|movement| {
                Call::Query(Query::History {
                    movement,
                    refund: self.refund(),
                })
            }),
            Operation::ListRefunds => {
                both(self.org(), query::refunds(&query)).map(|(org, mut refunds)| {
                    refunds.filter.org = Some(org);
                    Call::Query(Query::Refunds(refunds))
                })
            }
            Operation::ListMovementRefunds => both(self.movement(), query::refunds(&query))
                .map(|(movement, query)| Call::Query(Query::MovementRefunds { movement, query })),
            Operation::GetJournal => both(self.org(), query::journal(&query))
                .map(|(org, (after, limit))| Call::Query(Query::Journal { org, after, limit })),
        }
    }

    fn change(&self, change: Result<Change, LedgerError>) -> Result<Call, LedgerError> {
        let (movement, operation) = both(self.movement(), change)?;
        Ok(Call::Command(Command {
            movement,
            operation,
        }))
    }
}

fn non_subscribable(headers: &HeaderMap, body: &[u8]) -> Result<Change, LedgerError> {
    let request = wire::parse_non_subscribable_request(body)?;
    let idempotency_key = match request.external_refund_unique_id {
        Some(_) => None,
        None => headers::idempotency_key(headers)?,
    };
    Ok(Change::CreateRefund {
        content: request.into(),
        idempotency_key,
    })
}

/// Whether a path has this form.
fn fits(path: &str, segments: &[&str]) -> bool {
    let mut form = path.split('/');
    segments.iter().all(|segment| {
        form.next()
            .is_some_and(|part| part.starts_with('{') || part == *segment)
    }) && form.next().is_none()
}
