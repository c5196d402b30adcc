//! One command from flags: the flags become a row, the row a line, the line a command.

use refund_ledger::{Id, Ledger, LedgerError, Receipt, Refund, RefundFilter, RefundQuery, wire};
use refund_lines::row::{self, EXTERNAL_ID};
use serde::Serialize;

use crate::args::{
    Common, Create, Delete, EraseText, Kind, Naming, RecordMovement, Scope, Update, VoidMovement,
};
use crate::failure::Failure;
use crate::location;
use crate::output::{Exit, Output};

/// The cells of a row, under construction.
type Cells<'a> = Vec<(&'static str, &'a str)>;

/// What a change answers with.
#[derive(Serialize)]
struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u32>,
    replayed: bool,
}

/// Books a refund.
pub(crate) fn create(common: &Common, args: &Create, output: &mut Output) -> Result<Exit, Failure> {
    let ledger = location::open(common)?;
    let non_subscribable = args.kind == Kind::NonSubscribable;
    let op = if non_subscribable {
        "create_non_subscribable_refund"
    } else {
        "create_refund"
    };
    let mut cells = scope_cells(op, &args.scope);
    put(&mut cells, EXTERNAL_ID, args.external_id.as_ref());
    put(&mut cells, "idempotency_key", args.idempotency_key.as_ref());
    args.content.put(&mut cells, non_subscribable);
    execute(&ledger, &cells, "booked", output)
}

/// Replaces a refund's content.
pub(crate) fn update(common: &Common, args: &Update, output: &mut Output) -> Result<Exit, Failure> {
    let ledger = location::open(common)?;
    let named = Named::find(&ledger, &args.refund)?;
    let revision = args.expected_revision.map(|revision| revision.to_string());
    let mut cells = named.cells("update_refund", revision.as_deref());
    let non_subscribable = args.content.transaction_type.is_some();
    args.content.put(&mut cells, non_subscribable);
    execute(&ledger, &cells, "updated", output)
}

/// Deletes a refund.
pub(crate) fn delete(common: &Common, args: &Delete, output: &mut Output) -> Result<Exit, Failure> {
    let ledger = location::open(common)?;
    let named = Named::find(&ledger, &args.refund)?;
    let revision = args.expected_revision.map(|revision| revision.to_string());
    let cells = named.cells("delete_refund", revision.as_deref());
    execute(&ledger, &cells, "deleted", output)
}

/// Erases a description.
pub(crate) fn erase_text(
    common: &Common,
    args: &EraseText,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let ledger = location::open(common)?;
    let named = Named::find(&ledger, &args.refund)?;
    let revision = args.expected_revision.map(|revision| revision.to_string());
    let cells = named.cells("erase_text", revision.as_deref());
    execute(&ledger, &cells, "erased the description", output)
}

/// Records a movement.
pub(crate) fn record_movement(
    common: &Common,
    args: &RecordMovement,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let mut cells = scope_cells("record_movement", &args.scope);
    cells.push(("currency", &args.currency));
    cells.push(("occurred_at", &args.occurred_at));
    args.amount.put(&mut cells);
    cells.push(("description", &args.description));
    // What can't be a movement makes no ledger.
    let line = row::to_line(&cells);
    wire::parse_line(line.as_bytes())?;
    let ledger = location::open_or_create(common)?;
    execute(&ledger, &cells, "recorded the movement", output)
}

/// Takes a movement back.
pub(crate) fn void_movement(
    common: &Common,
    args: &VoidMovement,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let ledger = location::open(common)?;
    let cells = scope_cells("void_movement", &args.scope);
    execute(&ledger, &cells, "voided the movement", output)
}

fn execute(
    ledger: &Ledger,
    cells: &Cells<'_>,
    done: &str,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let line = row::to_line(cells);
    let receipt = ledger.execute(&wire::parse_line(line.as_bytes())?.command)?;
    let answer = Answer::from(receipt);
    output.answer(&answer, || answer.text(done))?;
    Ok(Exit::Done)
}

impl From<Receipt> for Answer {
    fn from(receipt: Receipt) -> Self {
        Self {
            id: receipt.refund_id.map(|id| id.to_string()),
            revision: receipt.revision,
            replayed: receipt.replayed,
        }
    }
}

impl Answer {
    fn text(&self, done: &str) -> String {
        let mut text = String::from(done);
        if let Some(id) = &self.id {
            text.push_str(" refund ");
            text.push_str(id);
        }
        if let Some(revision) = self.revision {
            text.push_str(", revision ");
            text.push_str(&revision.to_string());
        }
        if self.replayed {
            text.push_str(" (replayed: it had been done before, nothing was written)");
        }
        text
    }
}

/// The refund with this id, a deleted one too.
pub(crate) fn find(ledger: &Ledger, id: &str) -> Result<Refund, Failure> {
    let filter = RefundFilter {
        refund_id: Some(id.parse()?),
        ..RefundFilter::default()
    };
    find_one(ledger, filter)?.ok_or_else(|| no_such_refund().into())
}

fn find_one(ledger: &Ledger, filter: RefundFilter) -> Result<Option<Refund>, LedgerError> {
    let query = RefundQuery {
        filter: RefundFilter {
            include_deleted: true,
            ..filter
        },
        limit: Some(1),
        cursor: None,
    };
    Ok(ledger.list_refunds(&query)?.items.pop())
}

fn no_such_refund() -> LedgerError {
    LedgerError::new(
        refund_ledger::ErrorCode::RefundNotFound,
        "there is no such refund",
    )
}

/// A refund (or a movement alone) that a command names, with its full scope.
struct Named {
    org: String,
    subscription: String,
    movement: String,
    refund: Option<(&'static str, String)>,
}

impl Named {
    /// Completes what was given with what the ledger knows.
    fn find(ledger: &Ledger, naming: &Naming) -> Result<Self, Failure> {
        let refund = match (&naming.id, &naming.external_id) {
            (Some(id), _) => Some(("refund_id", id.clone())),
            (None, Some(external_id)) => Some((EXTERNAL_ID, external_id.clone())),
            (None, None) => None,
        };
        if let (Some(org), Some(subscription), Some(movement)) =
            (&naming.org, &naming.subscription, &naming.movement)
        {
            return Ok(Self {
                org: org.clone(),
                subscription: subscription.clone(),
                movement: movement.clone(),
                refund,
            });
        }
        let filter = match (&naming.id, &naming.external_id) {
            (Some(id), _) => RefundFilter {
                refund_id: Some(id.parse()?),
                ..RefundFilter::default()
            },
            (None, Some(external_id)) => RefundFilter {
                external_id: Some(Id::new(external_id)?),
                ..RefundFilter::default()
            },
            (None, None) => {
                return Err(Failure::Usage(
                    "nothing was named; give the refund's ID, or `--external-id` with `--org`"
                        .into(),
                ));
            }
        };
        let org = match &naming.org {
            Some(org) => Some(Id::new(org)?),
            None => None,
        };
        let found = find_one(ledger, RefundFilter { org, ..filter })?;
        let key = found.ok_or_else(no_such_refund)?.movement;
        Ok(Self {
            org: key.org_id().into(),
            subscription: key.subscription_id().into(),
            movement: key.movement_id().into(),
            refund,
        })
    }

    fn cells<'a>(&'a self, op: &'static str, expected_revision: Option<&'a str>) -> Cells<'a> {
        let mut cells: Cells<'a> = vec![
            ("op", op),
            ("org_id", &self.org),
            ("subscription_id", &self.subscription),
            ("movement_id", &self.movement),
        ];
        if let Some((column, name)) = &self.refund {
            cells.push((column, name));
        }
        cells.extend(expected_revision.map(|revision| ("expected_revision", revision)));
        cells
    }
}

fn scope_cells<'a>(op: &'static str, scope: &'a Scope) -> Cells<'a> {
    vec![
        ("op", op),
        ("org_id", &scope.org),
        ("subscription_id", &scope.subscription),
        ("movement_id", &scope.movement),
    ]
}

fn put<'a>(cells: &mut Cells<'a>, column: &'static str, text: Option<&'a String>) {
    cells.extend(text.map(|text| (column, text.as_str())));
}

impl crate::args::Amount {
    fn put<'a>(&'a self, cells: &mut Cells<'a>) {
        put(
            cells,
            "amount.value_with_taxes",
            self.value_with_taxes.as_ref(),
        );
        put(
            cells,
            "amount.value_without_taxes",
            self.value_without_taxes.as_ref(),
        );
        put(cells, "amount.tax.type", self.tax_type.as_ref());
        put(cells, "amount.tax.percentage", self.tax_percentage.as_ref());
    }
}

impl crate::args::Content {
    fn put<'a>(&'a self, cells: &mut Cells<'a>, non_subscribable: bool) {
        cells.push(("refund_datetime", &self.refund_datetime));
        put(cells, "period_start_datetime", self.period_start.as_ref());
        put(cells, "period_end_datetime", self.period_end.as_ref());
        self.amount.put(cells);
        put(cells, "amount.currency", self.currency.as_ref());
        put(cells, "external_invoice_id", self.invoice.as_ref());
        put(cells, "transaction_type_id", self.transaction_type.as_ref());
        let billable = if non_subscribable {
            "amount.billable"
        } else {
            "billable"
        };
        cells.push((billable, &self.billable));
        cells.push(("description", &self.description));
    }
}
