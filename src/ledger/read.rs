//! The ledger's reading side.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::{Balance, Ledger, Revision};
use crate::access::{Action, Resource};
use crate::error::LedgerError;
use crate::head::Head;
use crate::id::{Id, MovementKey};
use crate::journal::{Entry, JournalPosition, JournalRecord, RefundRevisions};
use crate::movement::Movement;
use crate::query::{
    CurrencyTotals, Cursor, LIST_LIMIT_MAX, ListAfter, Page, RefundFilter, RefundQuery,
};
use crate::refund::Refund;
use crate::store::{Loaded, LoadedRefund, ReadSet, RefundLookup, ScanRange, ScanRow, StoreError};
use crate::verify::{Report, Verifier};

/// A page of refunds with the cursor that continues it: what [`Ledger::list_refunds`] answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundPage {
    /// The refunds, ordered by `refund_datetime`, then id.
    pub items: Vec<Refund>,
    /// Where the next page begins; `None` at the end.
    pub next_cursor: Option<Cursor>,
}

/// A part of an org's journal: what [`Ledger::org_journal`] answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalPage {
    /// The org's entries in commit order, each as it was recorded and as it reads.
    pub items: Vec<(JournalRecord, Entry)>,
    /// Where to continue. Once it is the position that was asked for, the reader has seen all.
    pub next_after: JournalPosition,
}

/// How many entries of all orgs a page of one org's journal looks through at most.
const ORG_JOURNAL_SCAN_MAX: usize = 20 * LIST_LIMIT_MAX;

impl Ledger {
    /// A movement with the sums of its refunds.
    ///
    /// # Errors
    /// `movement_not_found` where it is unknown or voided.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{ErrorCode, MovementKey};
    /// let (ledger, movement) = ledger()?;
    /// let found = ledger.movement(&movement)?;
    /// assert_eq!(found.amount.value_with_taxes(), "121");
    ///
    /// let unknown = MovementKey::new("acme", "sub-7", "mov-43")?;
    /// let refused = ledger.movement(&unknown).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::MovementNotFound);
    /// # Ok(()) }
    /// ```
    pub fn movement(&self, movement: &MovementKey) -> Result<Movement, LedgerError> {
        self.authorize(Action::Read, Resource::Movement(movement))?;
        let mut wanted = ReadSet::default();
        wanted.want_movement(movement.clone());
        match self.store.load(&wanted)?.movement(movement) {
            Loaded::Present(found) if !found.voided => Ok(found.clone()),
            Loaded::Present(_) | Loaded::Absent => Err(LedgerError::movement_not_found()),
            Loaded::NotLoaded => Err(LedgerError::not_loaded()),
        }
    }

    /// What was charged by a movement, what was given back, and what is left: in minor units, with
    /// and without taxes.
    ///
    /// # Errors
    /// `movement_not_found` where it is unknown or voided.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{ErrorCode, MovementKey};
    /// let (ledger, movement) = ledger()?;
    /// ledger.create_refund(&movement, &request("r-1", "12.1")?)?;
    /// let balance = ledger.balance(&movement)?;
    /// assert_eq!(balance.refundable.with, 10_890); // cents
    /// assert_eq!(balance.refundable.without, 9_000);
    ///
    /// let elsewhere = MovementKey::new("acme", "sub-8", "mov-42")?;
    /// let refused = ledger.balance(&elsewhere).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::MovementNotFound);
    /// # Ok(()) }
    /// ```
    pub fn balance(&self, movement: &MovementKey) -> Result<Balance, LedgerError> {
        self.movement(movement)
            .map(|movement| Balance::of(&movement))
    }

    /// A refund of a movement: the contract's GET. [`crate::wire::RefundBody`] is its JSON form.
    ///
    /// # Errors
    /// `movement_not_found`; `refund_not_found` where it is unknown, deleted or another
    /// movement's.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{ErrorCode, Id, RefundLookup};
    /// let (ledger, movement) = ledger()?;
    /// let created = ledger.create_refund(&movement, &request("r-1", "12.1")?)?;
    /// let refund = ledger.refund(&movement, &RefundLookup::Id(created.id))?;
    /// assert_eq!(refund.details.amount.value_without_taxes(), "10");
    /// assert_eq!(refund.revision, 1);
    ///
    /// let unknown = RefundLookup::ExternalId(Id::new("r-2")?);
    /// let refused = ledger.refund(&movement, &unknown).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::RefundNotFound);
    /// # Ok(()) }
    /// ```
    pub fn refund(
        &self,
        movement: &MovementKey,
        refund: impl Into<RefundLookup>,
    ) -> Result<Refund, LedgerError> {
        let refund = self.load_refund(movement, &refund.into())?.refund;
        if refund.deleted {
            return Err(LedgerError::refund_not_found());
        }
        Ok(refund)
    }

    fn load_refund(
        &self,
        movement: &MovementKey,
        lookup: &RefundLookup,
    ) -> Result<LoadedRefund, LedgerError> {
        self.authorize(Action::Read, Resource::Movement(movement))?;
        let mut wanted = ReadSet::default();
        wanted.want_movement(movement.clone());
        wanted.want_refund(movement.org(), lookup.clone(), None);
        let snapshot = self.store.load(&wanted)?;
        if snapshot.movement(movement) == Loaded::Absent {
            return Err(LedgerError::movement_not_found());
        }
        match snapshot.refund(&movement.org(), lookup) {
            Loaded::Present(loaded) if loaded.refund.movement == *movement => Ok(loaded.clone()),
            Loaded::Present(_) | Loaded::Absent => Err(LedgerError::refund_not_found()),
            Loaded::NotLoaded => Err(LedgerError::not_loaded()),
        }
    }

    /// Every revision of a refund, deleted or not, the first one first.
    ///
    /// # Errors
    /// `movement_not_found`; `refund_not_found` where it is unknown or another movement's.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{EntryKind, ErrorCode, Id, RefundLookup};
    /// let (ledger, movement) = ledger()?;
    /// let refund = RefundLookup::Id(ledger.create_refund(&movement, &request("r-1", "12.1")?)?.id);
    /// ledger.delete_refund(&movement, refund.clone(), None)?;
    /// let history = ledger.history(&movement, &refund)?;
    /// assert_eq!(history[0].kind, EntryKind::RefundCreated);
    /// assert_eq!((history[1].kind, history[1].refund.revision), (EntryKind::RefundDeleted, 2));
    ///
    /// let unknown = RefundLookup::ExternalId(Id::new("r-2")?);
    /// let refused = ledger.history(&movement, &unknown).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::RefundNotFound);
    /// # Ok(()) }
    /// ```
    pub fn history(
        &self,
        movement: &MovementKey,
        refund: impl Into<RefundLookup>,
    ) -> Result<Vec<Revision>, LedgerError> {
        let refund = self.load_refund(movement, &refund.into())?.refund;
        let mut revisions = RefundRevisions::new(refund.id);
        let mut outcome: Result<(), StoreError> = Ok(());
        let range = ScanRange {
            only: Some(movement),
            entries: true,
            ..ScanRange::default()
        };
        self.store.scan(&range, &mut |row| {
            if let ScanRow::Entry(record) = row {
                outcome = revisions.add(&record.entry);
            }
            if outcome.is_ok() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        outcome?;
        Ok(revisions
            .finish()
            .into_iter()
            .map(|(entry, refund)| Revision {
                kind: entry.kind,
                actor: entry.actor,
                recorded_at: entry.recorded_at,
                refund,
            })
            .collect())
    }

    /// A page of refunds, ordered by `refund_datetime`, then id.
    ///
    /// # Errors
    /// `invalid_request` for a limit out of range or a cursor of other filters.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{ErrorCode, RefundQuery};
    /// let (ledger, movement) = ledger()?;
    /// ledger.create_refund(&movement, &request("r-1", "12.1")?)?;
    /// ledger.create_refund(&movement, &request("r-2", "12.1")?)?;
    /// let mut query = RefundQuery { limit: Some(1), ..RefundQuery::default() };
    /// query.cursor = ledger.list_refunds(&query)?.next_cursor;
    /// assert_eq!(ledger.list_refunds(&query)?.items.len(), 1); // the second page
    ///
    /// query.filter.include_deleted = true; // the cursor is of other filters
    /// let refused = ledger.list_refunds(&query).unwrap_err();
    /// assert_eq!(refused.code(), ErrorCode::InvalidRequest);
    /// # Ok(()) }
    /// ```
    pub fn list_refunds(&self, query: &RefundQuery) -> Result<RefundPage, LedgerError> {
        // Who may not list is told so, whatever else is wrong with the query.
        self.authorize_list(&query.filter)?;
        let limit = query.limit()?;
        let after = match &query.cursor {
            None => None,
            Some(cursor) => Some(cursor.after(&query.filter)?),
        };
        let page = self.store.list_refunds(&query.filter, after, limit)?;
        let next_cursor = page
            .items
            .last()
            .filter(|_| page.more)
            .map(|last| Cursor::new(&query.filter, last.into()));
        Ok(RefundPage {
            items: page.items,
            next_cursor,
        })
    }

    fn authorize_list(&self, filter: &RefundFilter) -> Result<(), LedgerError> {
        let resource = filter.org.as_ref().map_or(Resource::Ledger, Resource::Org);
        self.authorize(Action::List, resource)
    }

    fn list_page(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, LedgerError> {
        self.authorize_list(filter)?;
        Ok(self.store.list_refunds(filter, after, limit)?)
    }

    /// Every refund that matches, ordered by `refund_datetime`, then id. It is read page by page,
    /// in constant memory, so refunds that are booked meanwhile may appear. It ends behind the
    /// first error.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{KindName, RefundFilter};
    /// let (ledger, movement) = ledger()?;
    /// ledger.create_refund(&movement, &request("r-1", "12.1")?)?;
    /// ledger.create_non_subscribable_refund(&movement, &goods_request("5")?, None)?;
    /// let kind = Some(KindName::NonSubscribable);
    /// let goods = RefundFilter { kind, ..RefundFilter::default() };
    /// for refund in ledger.refunds(goods) {
    ///     assert_eq!(refund?.details.amount.value_with_taxes(), "5");
    /// }
    /// # Ok(()) }
    /// ```
    pub fn refunds(
        &self,
        filter: RefundFilter,
    ) -> impl Iterator<Item = Result<Refund, LedgerError>> + '_ {
        let mut after = None;
        let mut done = false;
        let pages = std::iter::from_fn(move || {
            if done {
                return None;
            }
            match self.list_page(&filter, after, LIST_LIMIT_MAX) {
                Ok(page) => {
                    after = page.items.last().map(ListAfter::from);
                    done = !page.more;
                    Some(page.items.into_iter().map(Ok).collect::<Vec<_>>())
                }
                Err(error) => {
                    done = true;
                    Some(vec![Err(error)])
                }
            }
        });
        pages.flatten()
    }

    /// What the refunds that match add up to, per currency, in order of currency, in minor units.
    /// They are read page by page: a refund whose date others change meanwhile may count twice, or
    /// not at all.
    ///
    /// # Errors
    /// What the store could not do.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{Id, RefundFilter};
    /// let (ledger, movement) = ledger()?;
    /// ledger.create_refund(&movement, &request("r-1", "12.1")?)?;
    /// ledger.create_refund(&movement, &request("r-2", "24.2")?)?;
    /// let acme = RefundFilter { org: Some(Id::new("acme")?), ..RefundFilter::default() };
    /// let totals = ledger.totals(acme)?;
    /// assert_eq!(totals[0].currency.code(), "EUR");
    /// assert_eq!((totals[0].count, totals[0].with_minor), (2, 3_630));
    /// # Ok(()) }
    /// ```
    pub fn totals(&self, filter: RefundFilter) -> Result<Vec<CurrencyTotals>, LedgerError> {
        let mut totals = BTreeMap::new();
        for refund in self.refunds(filter) {
            let amount = refund?.details.amount;
            let currency = amount.currency();
            let sum = totals.entry(currency).or_insert(CurrencyTotals {
                currency,
                count: 0,
                with_minor: 0,
                without_minor: 0,
            });
            // 2^64 refunds of 2^63 minor units fit.
            sum.count = sum.count.saturating_add(1);
            sum.with_minor = sum.with_minor.saturating_add(amount.values().with.into());
            sum.without_minor = sum
                .without_minor
                .saturating_add(amount.values().without.into());
        }
        Ok(totals.into_values().collect())
    }

    /// Movements in key order behind a key, at most `limit`, which is 1 or more; voided ones are
    /// left out. To go on, pass the last key as `after`.
    ///
    /// # Errors
    /// What the store could not do.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{Id, MovementKey};
    /// let (ledger, _) = ledger()?;
    /// ledger.record_movement(&MovementKey::new("acme", "sub-7", "mov-43")?, &charge()?)?;
    /// let acme = Id::new("acme")?;
    /// let first = ledger.movements(Some(&acme), None, 1)?;
    /// assert_eq!(first[0].key.movement_id(), "mov-42");
    /// let rest = ledger.movements(Some(&acme), Some(&first[0].key), 500)?;
    /// assert_eq!(rest[0].key.movement_id(), "mov-43");
    /// # Ok(()) }
    /// ```
    pub fn movements(
        &self,
        org: Option<&Id>,
        after: Option<&MovementKey>,
        limit: usize,
    ) -> Result<Vec<Movement>, LedgerError> {
        self.authorize(Action::List, org.map_or(Resource::Ledger, Resource::Org))?;
        let mut found = Vec::new();
        let mut damage = None;
        let range = ScanRange {
            org,
            after,
            ..ScanRange::default()
        };
        self.store.scan(&range, &mut |row| {
            if found.len() >= limit {
                return ControlFlow::Break(());
            }
            match row {
                ScanRow::Movement(movement) if !movement.voided => found.push(movement.clone()),
                ScanRow::Invalid { reason, .. } => {
                    damage = Some(StoreError::Corrupted {
                        reason: reason.into(),
                    });
                }
                _ => {}
            }
            if found.len() < limit && damage.is_none() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        match damage {
            Some(damage) => Err(damage.into()),
            None => Ok(found),
        }
    }

    /// The journal behind a position, in commit order, at most `limit` entries. A reader that
    /// continues from the last position that it got never misses an entry. Begin at 0.
    ///
    /// # Errors
    /// What the store could not do.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// let (ledger, movement) = ledger()?;
    /// let seen = ledger.journal(0, 500)?;
    /// let last = seen.last().map_or(0, |record| record.position);
    /// ledger.create_refund(&movement, &request("r-1", "12.1")?)?;
    /// let new = ledger.journal(last, 500)?;
    /// assert_eq!((seen.len(), new.len()), (1, 1));
    /// assert_eq!(new[0].decode()?.kind.as_str(), "refund_created");
    /// # Ok(()) }
    /// ```
    pub fn journal(
        &self,
        after: JournalPosition,
        limit: usize,
    ) -> Result<Vec<JournalRecord>, LedgerError> {
        self.authorize(Action::Audit, Resource::Ledger)?;
        Ok(self.store.journal(after, limit)?)
    }

    /// The journal of one org behind a position, in commit order, at most `limit` entries. Positions
    /// are those of the whole ledger, so where other orgs wrote much a page may hold few entries, or
    /// none, and yet have to be continued. Begin at 0, and continue from
    /// [`next_after`](JournalPage::next_after) until it stays as it is.
    ///
    /// # Errors
    /// What the store could not do.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{Id, MovementKey};
    /// let (ledger, _) = ledger()?;
    /// ledger.record_movement(&MovementKey::new("globex", "sub-1", "mov-1")?, &charge()?)?;
    /// let page = ledger.org_journal(&Id::new("globex")?, 0, 500)?;
    /// assert_eq!(page.items.len(), 1);
    /// assert_eq!(page.items[0].1.movement.movement_id(), "mov-1");
    /// let end = ledger.org_journal(&Id::new("globex")?, page.next_after, 500)?;
    /// assert_eq!(end.next_after, page.next_after); // nothing new
    /// # Ok(()) }
    /// ```
    pub fn org_journal(
        &self,
        org: &Id,
        after: JournalPosition,
        limit: usize,
    ) -> Result<JournalPage, LedgerError> {
        self.authorize(Action::Audit, Resource::Org(org))?;
        let mut page = JournalPage {
            items: Vec::new(),
            next_after: after,
        };
        let mut looked_through: usize = 0;
        while page.items.len() < limit && looked_through < ORG_JOURNAL_SCAN_MAX {
            let records = self.store.journal(page.next_after, LIST_LIMIT_MAX)?;
            looked_through = looked_through.saturating_add(records.len());
            let is_last = records.len() < LIST_LIMIT_MAX;
            for record in records {
                if page.items.len() == limit {
                    return Ok(page);
                }
                page.next_after = record.position;
                if record.entry.movement.org_id() == org.as_str() {
                    let entry = record.decode()?;
                    page.items.push((record, entry));
                }
            }
            if is_last {
                break;
            }
        }
        Ok(page)
    }

    /// Recomputes every chain, rebuilds what the tables must hold, and compares; with a head that
    /// was kept from before, also shows whether anything up to it was cut off or rewritten.
    ///
    /// The rules of the [`Policy`](crate::Policy) play no part in it.
    ///
    /// # Errors
    /// `timeout` or `store_unavailable`. Whatever else can't be read makes the report incomplete.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// use refund_ledger::{Ledger, Verdict};
    /// let (ledger, movement) = ledger()?;
    /// let kept = ledger.head()?;
    /// ledger.create_refund(&movement, &request("r-1", "12.1")?)?;
    /// assert!(ledger.verify(Some(kept))?.is_valid()); // it has only grown
    ///
    /// let emptied = Ledger::in_memory();
    /// let report = emptied.verify(Some(kept))?;
    /// assert_eq!(report.verdict, Verdict::Divergent);
    /// assert!(report.findings[0].message.starts_with("the journal was cut off"));
    /// # Ok(()) }
    /// ```
    pub fn verify(&self, kept: Option<Head>) -> Result<Report, LedgerError> {
        self.authorize(Action::Audit, Resource::Ledger)?;
        let mut verifier = Verifier::new(kept);
        match self.visit_all(&mut verifier) {
            Ok(position) => Ok(verifier.finish(position, None)),
            Err(error @ (StoreError::Corrupted { .. } | StoreError::Failed { .. })) => {
                Ok(verifier.finish(0, Some(&error.into())))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn visit_all(&self, verifier: &mut Verifier) -> Result<JournalPosition, StoreError> {
        let range = ScanRange {
            entries: true,
            refunds: true,
            ..ScanRange::default()
        };
        self.store.scan(&range, &mut |row| {
            verifier.visit(row);
            ControlFlow::Continue(())
        })
    }

    /// A short value that commits to the whole journal as it is now. Keep it apart from the
    /// ledger, and later [verify](Ledger::verify) against it. It is computed by a verification.
    ///
    /// # Errors
    /// `store_corrupted` where the ledger does not verify; `timeout`, `store_unavailable` or
    /// `internal` where it can't be read.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/doc/setup.rs"));
    /// # fn main() -> Result<(), refund_ledger::LedgerError> {
    /// let (ledger, movement) = ledger()?;
    /// let before = ledger.head()?;
    /// assert_eq!((before.movements, before.entries), (1, 1));
    /// ledger.create_refund(&movement, &request("r-1", "12.1")?)?;
    /// assert_ne!(ledger.head()?.root, before.root);
    /// # Ok(()) }
    /// ```
    pub fn head(&self) -> Result<Head, LedgerError> {
        self.authorize(Action::Audit, Resource::Ledger)?;
        let mut verifier = Verifier::new(None);
        let position = self.visit_all(&mut verifier)?;
        let report = verifier.finish(position, None);
        match report.findings.first() {
            None => Ok(report.head),
            Some(finding) => Err(StoreError::Corrupted {
                reason: finding.message.clone(),
            }
            .into()),
        }
    }
}
