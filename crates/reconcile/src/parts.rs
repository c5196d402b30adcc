//! The rows of one side, in parts.
//!
//! Millions of keys of two sides, in two orders, are looked for among each other. In one large table
//! each search would wait several times for memory that lies far away. So each row goes with its
//! texts to one of many parts, by the hash of what it is looked for by. Rows that belong together are
//! in the parts of one number of both sides, and a part is small enough to lie close together.

use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;
use refund_ledger::{Currency, RefundId, Timestamp};

use crate::reconciliation::ReconcileError;
use crate::texts::{TextId, Texts};

/// How many parts there are.
const PARTS: usize = 256;

/// A line or a refund: what is its own, and what both have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<T> {
    pub(crate) own: T,
    pub(crate) minor: i64,
    pub(crate) date: Timestamp,
    pub(crate) currency: Currency,
    /// A line's key, and a refund's external id.
    key: Option<TextId>,
    invoice: Option<TextId>,
}

/// What only a line has: where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) number: u64,
}

/// What only a refund has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refund {
    pub(crate) id: RefundId,
    pub(crate) deleted: bool,
}

impl<T> Row<T> {
    /// A row whose texts come when it is added.
    pub(crate) fn new(own: T, minor: i64, date: Timestamp, currency: Currency) -> Self {
        Self {
            own,
            minor,
            date,
            currency,
            key: None,
            invoice: None,
        }
    }
}

/// Rows with their texts.
#[derive(Debug)]
pub(crate) struct Part<T> {
    rows: Vec<Row<T>>,
    texts: Texts,
}

impl<T> Default for Part<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            texts: Texts::default(),
        }
    }
}

impl<T: Copy> Part<T> {
    /// Takes a row with these texts.
    ///
    /// # Errors
    /// Where there are too many, or too many bytes of texts.
    pub(crate) fn add(
        &mut self,
        row: Row<T>,
        key: Option<&str>,
        invoice: Option<&str>,
    ) -> Result<(), ReconcileError> {
        let mut add = |text: Option<&str>| {
            let id = text.map(|text| self.texts.add(text).ok_or(ReconcileError::TooMany));
            id.transpose()
        };
        let (key, invoice) = (add(key)?, add(invoice)?);
        u32::try_from(self.rows.len()).map_err(|_| ReconcileError::TooMany)?;
        self.rows.push(Row {
            key,
            invoice,
            ..row
        });
        Ok(())
    }

    pub(crate) fn rows(&self) -> &[Row<T>] {
        &self.rows
    }

    pub(crate) fn row(&self, at: u32) -> Option<&Row<T>> {
        self.rows.get(usize::try_from(at).ok()?)
    }

    pub(crate) fn key(&self, row: &Row<T>) -> Option<&str> {
        row.key.map(|id| self.texts.get(id))
    }

    pub(crate) fn invoice(&self, row: &Row<T>) -> Option<&str> {
        row.invoice.map(|id| self.texts.get(id))
    }
}

/// All rows of one side.
#[derive(Debug)]
pub(crate) struct Parts<T> {
    parts: Vec<Part<T>>,
    hasher: DefaultHashBuilder,
}

impl<T: Copy> Parts<T> {
    /// What is compared must have the same hasher on both sides.
    pub(crate) fn new(hasher: DefaultHashBuilder) -> Self {
        let mut parts = Vec::new();
        parts.resize_with(PARTS, Part::default);
        Self { parts, hasher }
    }

    /// The hasher of these, for others.
    pub(crate) fn hasher(&self) -> DefaultHashBuilder {
        self.hasher.clone()
    }

    /// Takes a row with these texts, to be looked for `by` one of them.
    ///
    /// # Errors
    /// Where there are too many, or too many bytes of texts.
    pub(crate) fn add(
        &mut self,
        by: Option<&str>,
        row: Row<T>,
        key: Option<&str>,
        invoice: Option<&str>,
    ) -> Result<(), ReconcileError> {
        // What looks for texts within a part uses the first and the last bits of hashes.
        let [_, _, part, ..] = self.hasher.hash_one(by.unwrap_or_default()).to_be_bytes();
        let part = self.parts.get_mut(usize::from(part));
        let part = part.ok_or(ReconcileError::TooMany)?;
        part.add(row, key, invoice)
    }
}

impl<T> IntoIterator for Parts<T> {
    type Item = Part<T>;
    type IntoIter = std::vec::IntoIter<Part<T>>;

    /// The parts in their order. Each is given back as soon as it was gone through.
    fn into_iter(self) -> Self::IntoIter {
        self.parts.into_iter()
    }
}
