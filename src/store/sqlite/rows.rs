//! Rows read: what a table holds, as the value that it must be.

use std::sync::Arc;

use rusqlite::Row;

use super::errors::Fault;
use crate::id::{MovementKey, RefundId};
use crate::movement::Movement;
use crate::refund::Refund;
use crate::store::columns::{Cells, Damaged, WrongType, of_refund};
use crate::text::Description;

pub(super) type Columns<'a> = crate::store::columns::Columns<'a, Row<'a>>;

impl Cells for Row<'_> {
    fn integer(&self, at: usize) -> Result<Option<i64>, WrongType> {
        let value = self.get_ref(at).map_err(|_| WrongType)?;
        value.as_i64_or_null().map_err(|_| WrongType)
    }

    fn text(&self, at: usize) -> Result<Option<&str>, WrongType> {
        let value = self.get_ref(at).map_err(|_| WrongType)?;
        value.as_str_or_null().map_err(|_| WrongType)
    }

    fn bytes(&self, at: usize) -> Result<Option<&[u8]>, WrongType> {
        let value = self.get_ref(at).map_err(|_| WrongType)?;
        value.as_blob_or_null().map_err(|_| WrongType)
    }

    fn name(&self, at: usize) -> &str {
        self.as_ref().column_name(at).unwrap_or("?")
    }
}

/// A movement with what only the tables know of it.
#[derive(Debug)]
pub(super) struct MovementRow {
    pub(super) number: i64,
    pub(super) org: i64,
    pub(super) text_position: i64,
    /// Where its chain ends.
    pub(super) chain_position: i64,
    pub(super) movement: Arc<Movement>,
}

/// A refund with what only the tables know of it.
#[derive(Debug)]
pub(super) struct RefundRow {
    pub(super) org: i64,
    pub(super) movement: i64,
    pub(super) text_position: i64,
    pub(super) refund: Refund,
}

/// The columns of a description, which the journal entry of this movement must have brought.
fn description(columns: &mut Columns<'_>, movement: i64) -> Result<Description, Damaged> {
    match columns.optional_integer()? {
        Some(of) if of == movement => columns.description(),
        None => Err(Damaged(
            "the entry that brought the description is missing".into(),
        )),
        Some(_) => Err(Damaged("the description is another movement's".into())),
    }
}

/// The movement columns, unless an outer join found no movement.
pub(super) fn optional_movement(
    columns: &mut Columns<'_>,
    key: MovementKey,
) -> Result<Option<MovementRow>, Fault> {
    let Some(number) = columns.optional_integer()? else {
        return Ok(None);
    };
    Ok(Some(MovementRow {
        number,
        org: columns.integer()?,
        text_position: columns.integer()?,
        chain_position: columns.integer()?,
        movement: Arc::new(columns.movement(key, |columns| description(columns, number))?),
    }))
}

/// The movement columns.
pub(super) fn movement(columns: &mut Columns<'_>, key: MovementKey) -> Result<MovementRow, Fault> {
    optional_movement(columns, key)?
        .ok_or_else(|| Fault::Damaged("column `number` holds what can't be there".into()))
}

/// The refund columns.
pub(super) fn refund(columns: &mut Columns<'_>, key: MovementKey) -> Result<RefundRow, Fault> {
    let id = columns.refund_id()?;
    Ok(content(columns, id, key).map_err(|fault| of_refund(id, fault))?)
}

fn content(
    columns: &mut Columns<'_>,
    id: RefundId,
    key: MovementKey,
) -> Result<RefundRow, Damaged> {
    let org = columns.integer()?;
    let movement = columns.integer()?;
    Ok(RefundRow {
        org,
        movement,
        text_position: columns.integer()?,
        refund: columns.refund(id, key, |columns| description(columns, movement))?,
    })
}
