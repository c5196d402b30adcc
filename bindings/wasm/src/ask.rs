//! What JavaScript asks of a ledger, read from JSON and answered as JSON.

use http::Request;
use refund_ledger::wire;
use refund_ledger::{
    Atomicity, Batch, Command, ErrorCode, JournalPosition, JournalRecord, Ledger, LedgerError,
    MovementKey, Receipt, Repeats,
};
use refund_rest::{Call, Caller, Query, Reply, answer_and_tell};
use serde::Serialize;

use crate::json::{Fault, Fields, FromJson};
use crate::reply::{self, ErrorReply, ReceiptReply, ResultReply};

/// How many lines a page of an export has: each may need a look at its movement's chain.
const EXPORT_LINES_MAX: usize = 100;

/// A question or a change.
#[derive(Debug)]
pub(crate) enum Ask {
    Execute(Command),
    ExecuteAll(Lines),
    Query(Call),
    Balance(MovementKey),
    Journal(wire::JournalQuery),
    /// Export lines from behind this position.
    Export(JournalPosition),
    Rest(RestRequest),
}

/// Commands, of which some could not be read.
#[derive(Debug)]
pub(crate) struct Lines {
    commands: Vec<Command>,
    /// Which lines are not among the commands, and why.
    unreadable: Vec<(usize, LedgerError)>,
    batch: Batch,
}

/// A request to the REST contract by a caller whom the shell has recognised.
#[derive(Debug)]
pub(crate) struct RestRequest {
    request: Request<Vec<u8>>,
    caller: Option<Caller>,
}

impl RestRequest {
    pub(crate) fn new(request: Request<Vec<u8>>, caller: Option<Caller>) -> Self {
        Self { request, caller }
    }
}

/// How a batch is carried out: what stands in the first line of its text.
struct BatchOptions(Batch);

impl FromJson for BatchOptions {
    fn from_json(json: &str) -> Result<Self, Fault> {
        let fields = Fields::of(json)?.only(&["atomicity", "repeats"])?;
        let name = |field| fields.get::<Option<String>>(field);
        Ok(Self(Batch {
            atomicity: match name("atomicity")?.as_deref() {
                None | Some("all") => Atomicity::All,
                Some("per_item") => Atomicity::PerItem,
                Some(_) => return Err("`atomicity` must be `all` or `per_item`".into()),
            },
            repeats: match name("repeats")?.as_deref() {
                None | Some("as_requests") => Repeats::AsRequests,
                Some("as_file") => Repeats::AsFile,
                Some(_) => return Err("`repeats` must be `as_requests` or `as_file`".into()),
            },
        }))
    }
}

impl Lines {
    /// Reads the options, then a command from each further line.
    ///
    /// # Errors
    /// The first command that can't be read, where one refusal stops all.
    fn read(text: &str) -> Result<Self, LedgerError> {
        let mut lines = text.split('\n');
        let BatchOptions(batch) = reply::read_options(lines.next().unwrap_or_default())?;
        let mut commands = Vec::new();
        let mut unreadable = Vec::new();
        for (at, line) in lines.enumerate() {
            match wire::parse_line(line.as_bytes()) {
                Ok(line) => commands.push(line.command),
                Err(error) if batch.atomicity == Atomicity::PerItem => unreadable.push((at, error)),
                Err(error) => return Err(error.within(&format!("commands[{at}]"))),
            }
        }
        Ok(Self {
            commands,
            unreadable,
            batch,
        })
    }

    fn perform(&self, ledger: &Ledger) -> Result<String, LedgerError> {
        let mut results = ledger.execute_all(&self.commands, self.batch)?;
        for (at, error) in &self.unreadable {
            results.insert(*at, Err(error.clone()));
        }
        let replies: Vec<ResultReply<'_>> = results.iter().map(ResultReply::from).collect();
        reply::json(&replies)
    }
}

#[derive(Serialize)]
struct ExportReply {
    lines: Vec<String>,
    /// `null` where there are no more.
    next_after: Option<JournalPosition>,
}

impl Ask {
    /// Reads a question of this kind.
    pub(crate) fn read(kind: &str, text: &str) -> Result<Self, LedgerError> {
        let bytes = text.as_bytes();
        Ok(match kind {
            "execute" => Self::Execute(wire::parse_line(bytes)?.command),
            "execute_all" => Self::ExecuteAll(Lines::read(text)?),
            "movement" => Self::Query(Call::Query(Query::Movement(wire::parse_movement_key(
                bytes,
            )?))),
            "balance" => Self::Balance(wire::parse_movement_key(bytes)?),
            "refund" => {
                let (movement, refund) = wire::parse_refund_reference(bytes)?;
                Self::Query(Call::Query(Query::Refund { movement, refund }))
            }
            "history" => {
                let (movement, refund) = wire::parse_refund_reference(bytes)?;
                Self::Query(Call::Query(Query::History { movement, refund }))
            }
            "refunds" => Self::Query(Call::Query(Query::Refunds(wire::parse_refund_query(
                bytes,
            )?))),
            "journal" => Self::Journal(wire::parse_journal_query(bytes)?),
            "export" => Self::Export(wire::parse_journal_query(bytes)?.after),
            _ => {
                return Err(LedgerError::new(
                    ErrorCode::Internal,
                    "there is no such question",
                ));
            }
        })
    }

    /// Answers it on a ledger.
    pub(crate) fn perform(&self, ledger: &Ledger) -> Result<String, LedgerError> {
        match self {
            Self::Execute(command) => ledger
                .execute(command)
                .and_then(|receipt: Receipt| reply::json(&ReceiptReply::from(receipt))),
            Self::ExecuteAll(lines) => lines.perform(ledger),
            Self::Query(call) => body(&call.perform(ledger)?),
            Self::Balance(movement) => {
                reply::json(&wire::BalanceBody::from(&ledger.balance(movement)?))
            }
            Self::Journal(query) => body(&journal(ledger, query)?),
            Self::Export(after) => export(ledger, *after),
            Self::Rest(rest) => {
                let (response, error) =
                    answer_and_tell(ledger, rest.caller.as_ref(), &rest.request);
                reply::response(response, error.as_ref())
            }
        }
    }
}

/// The body that the REST contract has for it.
fn body(reply: &Reply) -> Result<String, LedgerError> {
    reply::text(reply.to_json().unwrap_or_default())
}

fn journal(ledger: &Ledger, query: &wire::JournalQuery) -> Result<Reply, LedgerError> {
    let page = if let Some(org) = &query.org {
        ledger.org_journal(org, query.after, query.limit)?
    } else {
        let records = ledger.journal(query.after, query.limit)?;
        let next_after = last_of(&records, query.after);
        let decoded = records
            .into_iter()
            .map(|record| record.decode().map(|entry| (record, entry)));
        refund_ledger::JournalPage {
            items: decoded.collect::<Result<_, _>>()?,
            next_after,
        }
    };
    Ok(Reply::Journal(page))
}

fn export(ledger: &Ledger, after: JournalPosition) -> Result<String, LedgerError> {
    let records = ledger.journal(after, EXPORT_LINES_MAX)?;
    let next_after = (records.len() == EXPORT_LINES_MAX).then(|| last_of(&records, after));
    let lines = records.iter().map(|record| ledger.export_line(record));
    reply::json(&ExportReply {
        lines: lines.collect::<Result<_, _>>()?,
        next_after,
    })
}

fn last_of(records: &[JournalRecord], after: JournalPosition) -> JournalPosition {
    records.last().map_or(after, |record| record.position)
}

/// The error of a question, for JavaScript.
pub(crate) fn thrown(error: &LedgerError) -> String {
    reply::json(&ErrorReply::from(error)).unwrap_or_default()
}
