//! Rows read: what a table holds, as the value that it must be.

use std::error::Error;

use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

use crate::id::MovementKey;
use crate::movement::Movement;
use crate::refund::Refund;
use crate::store::columns::{Cells, Damaged, WrongType, of_refund};
use crate::text::Description;

pub(super) type Columns<'a> = crate::store::columns::Columns<'a, Row>;

/// A value as the server sends it.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A value and its type; `None` is NULL.
fn cell(row: &Row, at: usize) -> Result<Option<(&[u8], &Type)>, WrongType> {
    let column = row.columns().get(at).ok_or(WrongType)?;
    let value: Option<Raw<'_>> = row.try_get(at).map_err(|_| WrongType)?;
    Ok(value.map(|Raw(bytes)| (bytes, column.type_())))
}

impl Cells for Row {
    fn integer(&self, at: usize) -> Result<Option<i64>, WrongType> {
        let Some((bytes, of)) = cell(self, at)? else {
            return Ok(None);
        };
        let value = match *of {
            Type::INT8 => bytes.try_into().ok().map(i64::from_be_bytes),
            Type::INT4 => bytes.try_into().ok().map(i32::from_be_bytes).map(i64::from),
            Type::BOOL => bytes.first().map(|flag| i64::from(*flag)),
            _ => None,
        };
        value.map(Some).ok_or(WrongType)
    }

    fn text(&self, at: usize) -> Result<Option<&str>, WrongType> {
        match cell(self, at)? {
            None => Ok(None),
            Some((bytes, of)) if matches!(*of, Type::TEXT | Type::BYTEA) => {
                std::str::from_utf8(bytes).map(Some).map_err(|_| WrongType)
            }
            Some(_) => Err(WrongType),
        }
    }

    fn bytes(&self, at: usize) -> Result<Option<&[u8]>, WrongType> {
        match cell(self, at)? {
            None => Ok(None),
            Some((bytes, of)) if matches!(*of, Type::BYTEA | Type::UUID) => Ok(Some(bytes)),
            Some(_) => Err(WrongType),
        }
    }

    fn name(&self, at: usize) -> &str {
        self.columns().get(at).map_or("?", |column| column.name())
    }
}

/// The columns of a description: the sequence that the row names, then those of the entry found.
fn description(columns: &mut Columns<'_>) -> Result<Description, Damaged> {
    match columns.optional_integer()? {
        Some(_) => columns.description(),
        None => Err(Damaged(
            "the entry that brought the description is missing".into(),
        )),
    }
}

/// The key in a row that begins with one, as it is stored.
pub(super) fn parts(row: &Row) -> Result<[String; 3], Damaged> {
    let mut columns = Columns::new(row);
    Ok([
        columns.text()?.to_owned(),
        columns.text()?.to_owned(),
        columns.text()?.to_owned(),
    ])
}

/// The sequence in a row that begins with an ordinal and the record columns.
pub(super) fn sequence(row: &Row) -> Option<i64> {
    row.integer(2).ok().flatten()
}

/// Whether what a row that was locked says of other tables is as new as the row itself.
pub(super) fn is_current(row: &Row) -> bool {
    matches!(row.try_get("is_current"), Ok(true))
}

/// The movement columns.
pub(super) fn movement(columns: &mut Columns<'_>, key: MovementKey) -> Result<Movement, Damaged> {
    columns.movement(key, description)
}

/// The refund columns, its key among them.
pub(super) fn refund(columns: &mut Columns<'_>) -> Result<Refund, Damaged> {
    let id = columns.refund_id()?;
    let mut content = || {
        let key = columns.key()?;
        columns.refund(id, key, description)
    };
    content().map_err(|damaged| of_refund(id, damaged))
}
