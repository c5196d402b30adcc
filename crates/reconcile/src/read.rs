//! The readers, one for each form of statement.
//!
//! | source | reader |
//! |---|---|
//! | `stripe` | [`stripe`] for reports and the dashboard's history, [`stripe_json`] for the API's lists |
//! | `adyen` | [`adyen`] |
//! | `paypal` | [`paypal`] |
//! | `camt053` | [`camt053`] |
//! | `csv` | [`mapped`] |

use std::io::{self, Read};

use crate::line::{Item, Source};
use crate::options::ReadOptions;
use crate::text::Opened;

pub mod adyen;
pub mod camt053;
pub mod mapped;
pub mod paypal;
pub mod stripe;
pub mod stripe_json;

/// Takes what a reader finds.
pub(crate) type Visit<'v> = &'v mut dyn FnMut(Item<'_>);

/// What makes a whole statement useless.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// The stream fails.
    #[error("the statement can't be read: {0}")]
    Io(#[from] io::Error),
    /// Nothing is in it.
    #[error("the statement is empty")]
    Empty,
    /// It is not text.
    #[error("the statement is no text: {seen}")]
    Binary {
        /// What it seems to be.
        seen: String,
    },
    /// None of its first lines is a row of a table.
    #[error("no line at the beginning of the statement can be read as a row of CSV")]
    NoTable,
    /// It is another form of statement than the source's.
    #[error("this is not {expected}: {seen}")]
    WrongFormat {
        /// What the source's statements are.
        expected: &'static str,
        /// What was found, and what to do about it.
        seen: String,
    },
    /// A column is missing.
    #[error("the statement has no column `{name}`; it has {seen}")]
    MissingColumn {
        /// The column's name.
        name: String,
        /// The columns that are there.
        seen: String,
    },
    /// Two columns have one name, so that it's open which is meant.
    #[error("the statement has two columns `{name}`; one of them must be renamed or left out")]
    RepeatedColumn {
        /// The columns' name.
        name: String,
    },
    /// The format leaves something open that the options don't say.
    #[error("{reason}")]
    Undeclared {
        /// What it is, and how to say it.
        reason: String,
    },
    /// None of its lines can be read, as where all its dates are ambiguous.
    #[error("no line of the statement can be read; the first is line {line}: {reason}")]
    NoReadableLine {
        /// The first.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The XML brings a document type declaration.
    #[error(
        "line {line}: the XML has a document type declaration (DTD), which no statement needs; such files are refused"
    )]
    Dtd {
        /// Where.
        line: u64,
    },
    /// The XML refers to an entity that XML does not define itself.
    #[error("line {line}: the XML refers to the entity `{name}`; such files are refused")]
    Entity {
        /// Where.
        line: u64,
        /// Its name.
        name: String,
    },
}

/// Reads a statement, and hands over each of its lines as soon as it is read.
///
/// The order of lines changes nothing but their numbers and the order in which they come.
///
/// # Errors
/// What makes the whole file useless; what was handed over before does not count then. What only
/// concerns one line is an [`Item::Unreadable`], unless it concerns all of them.
pub fn read_statement(
    input: impl Read,
    options: &ReadOptions,
    visit: &mut dyn FnMut(Item<'_>),
) -> Result<(), StatementError> {
    let mut first_unreadable = None;
    let mut is_any_readable = false;
    read_items(input, options, &mut |item| {
        match &item {
            Item::Unreadable { line, reason } if first_unreadable.is_none() => {
                first_unreadable = Some((*line, reason.clone()));
            }
            Item::Unreadable { .. } => {}
            Item::Refund(_) | Item::Ignored(_) => is_any_readable = true,
        }
        visit(item);
    })?;
    match first_unreadable {
        Some((line, reason)) if !is_any_readable => {
            Err(StatementError::NoReadableLine { line, reason })
        }
        _ => Ok(()),
    }
}

fn read_items(
    input: impl Read,
    options: &ReadOptions,
    visit: Visit<'_>,
) -> Result<(), StatementError> {
    let map = options.map();
    let opened = Opened::new(input, map.encoding)?;
    match options.source() {
        Source::Stripe if stripe_json::is_json(&opened) => stripe_json::read(opened, map, visit),
        Source::Stripe => stripe::read(opened, map, visit),
        Source::Adyen => adyen::read(opened, map, visit),
        Source::PayPal => paypal::read(opened, map, visit),
        Source::Camt053 => camt053::read(opened, map, visit),
        Source::Csv => mapped::read(opened, map, visit),
    }
}
