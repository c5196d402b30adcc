//! The planted bugs: a store of any kind, one of whose questions forgets the org.

use std::ops::ControlFlow;
use std::sync::Arc;

use refund_ledger::store::{
    Loaded, LoadedRefund, ReadSet, RefundOutline, ScanRange, ScanRow, Snapshot, WriteBatch,
};
use refund_ledger::{
    Id, JournalPosition, JournalRecord, ListAfter, Page, Refund, RefundFilter, RefundLookup, Store,
    StoreError, Timestamp,
};

use super::ORGS;

/// Which question forgets the org.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leak {
    List,
    /// The ledger looks once more at whose refund it is: only who asks the store can tell.
    LoadById,
    LoadByExternalId,
    Scan,
    Outlines,
}

impl Leak {
    pub(super) const ALL: [(Self, &'static str); 5] = [
        (Self::List, "one missing org in a WHERE"),
        (Self::LoadById, "a load by refund id without its org"),
        (
            Self::LoadByExternalId,
            "a load by external id without its org",
        ),
        (Self::Scan, "a scan without its org"),
        (Self::Outlines, "outlines without their org"),
    ];

    fn is_of(self, lookup: &RefundLookup) -> bool {
        match lookup {
            RefundLookup::Id(_) => self == Self::LoadById,
            RefundLookup::ExternalId(_) => self == Self::LoadByExternalId,
            RefundLookup::Nothing => false,
        }
    }
}

/// A store that leaks.
pub(super) struct Leaky {
    pub(super) store: Arc<dyn Store>,
    pub(super) leak: Leak,
}

impl Leaky {
    /// The refund of whichever org has it.
    fn find(
        &self,
        lookup: &RefundLookup,
        revisions: &[u32],
    ) -> Result<Option<LoadedRefund>, StoreError> {
        for org in all_orgs() {
            let mut wanted = ReadSet::default();
            wanted.want_refund(org.clone(), lookup.clone(), None);
            for revision in revisions {
                wanted.want_refund(org.clone(), lookup.clone(), Some(*revision));
            }
            if let Loaded::Present(found) = self.store.load(&wanted)?.refund(&org, lookup) {
                return Ok(Some(found.clone()));
            }
        }
        Ok(None)
    }
}

fn all_orgs() -> impl Iterator<Item = Id> {
    ORGS.iter().filter_map(|org| Id::new(org).ok())
}

impl Store for Leaky {
    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        let mut snapshot = self.store.load(wanted)?;
        for (org, lookup, revisions) in wanted.refunds() {
            if self.leak.is_of(lookup) && snapshot.refund(org, lookup) == Loaded::Absent {
                let found = self.find(lookup, revisions)?;
                snapshot.put_refund(org.clone(), lookup.clone(), found);
            }
        }
        Ok(snapshot)
    }

    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        self.store.commit(batch)
    }

    fn list_refunds(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, StoreError> {
        let mut filter = filter.clone();
        if self.leak == Leak::List {
            filter.org = None;
        }
        self.store.list_refunds(&filter, after, limit)
    }

    fn journal(
        &self,
        after: JournalPosition,
        limit: usize,
    ) -> Result<Vec<JournalRecord>, StoreError> {
        self.store.journal(after, limit)
    }

    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError> {
        let mut range = *range;
        if self.leak == Leak::Scan {
            range.org = None;
        }
        self.store.scan(&range, visit)
    }

    fn refund_outlines(
        &self,
        org: &Id,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
        visit: &mut dyn FnMut(RefundOutline<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        if self.leak != Leak::Outlines {
            return self.store.refund_outlines(org, from, to, visit);
        }
        for org in all_orgs() {
            self.store.refund_outlines(&org, from, to, visit)?;
        }
        Ok(())
    }

    fn scrub(&self) -> Result<(), StoreError> {
        self.store.scrub()
    }
}
