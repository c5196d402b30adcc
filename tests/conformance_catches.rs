//! The conformance suite catches what it is there for: stores, each with one planted bug, against
//! the case that must fail for it. A suite that passes everything would prove nothing.
#![cfg(feature = "conformance")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests may fail loudly"
)]

use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::time::Duration;

use refund_ledger::store::conformance::wrappers::WithoutTransact;
use refund_ledger::store::conformance::{CASES, Shared};
use refund_ledger::store::memory::MemoryStore;
use refund_ledger::store::{
    Loaded, LoadedRefund, Precondition, ReadSet, RefundWrite, ScanRange, ScanRow, Snapshot, Store,
    StoreError, WriteBatch,
};
use refund_ledger::{
    Description, ExternalId, Id, JournalPosition, JournalRecord, ListAfter, Movement, Page, Refund,
    RefundFilter, RefundLookup, SaltedText, Text, TextOwner, Timestamp,
};

/// The bugs that a store may have, one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    None,
    // In `commit`.
    IgnoresPreconditions,
    IgnoresExternalIds,
    IgnoresTheLastPrecondition,
    IgnoresVersionsAboveZero,
    InsertsWhatIsToBeReplaced,
    AppliesHalfABatch,
    AcknowledgesWithoutWriting,
    AnswersOkToAConflict,
    AnswersConflictThoughItCommitted,
    ChecksThenWritesWithoutALock,
    ComparesExternalIdsWithoutCase,
    // In what it keeps.
    LosesNanoseconds,
    CutsTextsAtNul,
    TrimsTexts,
    TakesKeysForExternalIds,
    LosesTheTax,
    // In erasing.
    ForgetsErasuresInTheJournal,
    ErasesLaterTextsToo,
    ErasesTheWholeMovement,
    // In `load`.
    LeavesOutWhatIsAbsent,
    LooksUpAcrossOrgs,
    ForgetsPastRevisions,
    LoadsInTwoViews,
    // In `list_refunds`.
    ListsInAnotherOrder,
    RepeatsTheLastOfAPage,
    NeverSaysMore,
    AlwaysSaysMoreOfAFullPage,
    IgnoresAFilter,
    ListsDeletedOnes,
    IncludesTheUpperEnd,
    // In `journal`.
    SkipsAnEntryPerPage,
    OrdersTheJournalByMovement,
    IgnoresTheLimit,
    // In `scan`.
    ScansWithoutCase,
    ScansByLength,
    GoesOnAfterTheBreak,
    DoesNotFillTheHolder,
    BeginsAtTheKey,
    TakesAPrefixForAnOrg,
    VisitsRefundsFirst,
    AnswersThePositionOfTheRange,
    ScansInTwoViews,
    // In `transact`.
    DecidesOnAnOldSnapshot,
    RetriesForEver,
    StaysLockedAfterAPanic,
    // In `with_time_limit`.
    BeginsAnewUnderATimeLimit,
}

/// The memory store with a bug.
struct Broken {
    inner: MemoryStore,
    bug: Bug,
    seen: Mutex<Option<Snapshot>>,
    lock: Mutex<()>,
}

impl Broken {
    fn new(bug: Bug) -> Self {
        Self {
            inner: MemoryStore::new(),
            bug,
            seen: Mutex::new(None),
            lock: Mutex::new(()),
        }
    }

    fn change_text(&self, text: &mut SaltedText) {
        let words = text.text.as_str();
        let changed = match self.bug {
            Bug::CutsTextsAtNul => words.split('\0').next().unwrap_or_default(),
            Bug::TrimsTexts => words.trim(),
            _ => return,
        };
        if let Ok(changed) = Text::new(changed) {
            text.text = changed;
        }
    }

    fn change_description(&self, description: &mut Description) {
        if let Some(salted) = &mut description.salted {
            self.change_text(salted);
        }
    }

    fn change_instant(&self, instant: &mut Timestamp) {
        if self.bug == Bug::LosesNanoseconds {
            let micros = instant.subsec_nanos() / 1_000 * 1_000;
            *instant = Timestamp::from_unix(instant.unix_seconds(), micros).expect("in range");
        }
    }

    fn change_movement(&self, movement: &mut Movement) {
        self.change_instant(&mut movement.occurred_at);
        self.change_description(&mut movement.description);
    }

    fn change_refund(&self, refund: &mut Refund) {
        let details = &mut refund.details;
        self.change_instant(&mut details.refund_datetime);
        self.change_description(&mut details.description);
        if self.bug == Bug::LosesTheTax {
            let (currency, values) = (details.amount.currency(), details.amount.values());
            details.amount =
                refund_ledger::Amount::from_stored(currency, values, None).expect("valid");
        }
        if let (Bug::TakesKeysForExternalIds, Some(ExternalId::IdempotencyKey(id))) =
            (self.bug, &details.external_id)
        {
            details.external_id = Some(ExternalId::Given(id.clone()));
        }
    }

    /// The batch as the bug has it.
    fn change_batch(&self, batch: &WriteBatch) -> WriteBatch {
        let mut batch = batch.clone();
        match self.bug {
            Bug::IgnoresPreconditions | Bug::ChecksThenWritesWithoutALock => {
                batch.preconditions.clear();
            }
            Bug::IgnoresExternalIds => batch
                .preconditions
                .retain(|it| !matches!(it, Precondition::ExternalIdFree { .. })),
            Bug::IgnoresTheLastPrecondition => {
                batch.preconditions.pop();
            }
            Bug::IgnoresVersionsAboveZero => batch
                .preconditions
                .retain(|it| !matches!(it, Precondition::MovementAt { version: 1.., .. })),
            Bug::InsertsWhatIsToBeReplaced => {
                for write in &mut batch.refunds {
                    let refund = write.refund().clone();
                    let mut known = ReadSet::default();
                    known.want_refund(refund.movement.org(), refund.id.into(), None);
                    let found = self.inner.load(&known).expect("the memory store loads");
                    if found.refund(&refund.movement.org(), &refund.id.into()) == Loaded::Absent {
                        *write = RefundWrite::Insert(refund);
                    }
                }
            }
            Bug::ForgetsErasuresInTheJournal => batch.erasures.clear(),
            Bug::ErasesLaterTextsToo => {
                for erasure in &mut batch.erasures {
                    erasure.through_sequence = u64::MAX;
                }
            }
            Bug::ErasesTheWholeMovement => {
                for mut erasure in batch.erasures.clone() {
                    erasure.owner = TextOwner::Movement;
                    batch.erasures.push(erasure);
                }
            }
            Bug::OrdersTheJournalByMovement => batch.entries.sort_by_key(|it| it.movement.clone()),
            _ => {}
        }
        for movement in &mut batch.movements {
            self.change_movement(movement);
        }
        for write in &mut batch.refunds {
            let (RefundWrite::Insert(refund) | RefundWrite::Replace(refund)) = write;
            self.change_refund(refund);
        }
        for text in batch
            .entries
            .iter_mut()
            .filter_map(|entry| entry.text.as_mut())
        {
            self.change_text(text);
        }
        batch
    }

    /// Whether an external id that the batch wants is taken, but for its case.
    fn is_taken_but_for_case(&self, batch: &WriteBatch) -> Result<bool, StoreError> {
        let all = RefundFilter {
            include_deleted: true,
            ..RefundFilter::default()
        };
        let taken = self.inner.list_refunds(&all, None, usize::MAX)?.items;
        Ok(batch.preconditions.iter().any(|it| match it {
            Precondition::ExternalIdFree { external_id, .. } => taken.iter().any(|refund| {
                refund.details.external_id.as_ref().is_some_and(|held| {
                    held.id()
                        .as_str()
                        .eq_ignore_ascii_case(external_id.as_str())
                })
            }),
            Precondition::MovementAt { .. } => false,
        }))
    }

    /// Whether every precondition holds right now; somebody may come in between.
    fn holds(&self, batch: &WriteBatch) -> bool {
        let only_checks = WriteBatch {
            preconditions: batch.preconditions.clone(),
            ..WriteBatch::default()
        };
        self.inner.commit(&only_checks).is_ok()
    }

    /// Leaves others time to come in between.
    fn dawdle(&self, bug: Bug) {
        if self.bug == bug {
            #[allow(clippy::disallowed_methods, reason = "a bug that only shows in a race")]
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    fn orgs(&self) -> Vec<Id> {
        let mut orgs = Vec::new();
        let everything = ScanRange::default();
        let scanned = self.inner.scan(&everything, &mut |row| {
            if let ScanRow::Movement(movement) = row {
                orgs.push(movement.key.org());
            }
            ControlFlow::Continue(())
        });
        scanned.expect("the memory store scans");
        orgs.dedup();
        orgs
    }

    fn find(&self, org: &Id, lookup: &RefundLookup, revisions: &[u32]) -> Option<LoadedRefund> {
        let mut wanted = ReadSet::default();
        wanted.want_refund(org.clone(), lookup.clone(), None);
        for revision in revisions {
            wanted.want_refund(org.clone(), lookup.clone(), Some(*revision));
        }
        let snapshot = self.inner.load(&wanted).expect("the memory store loads");
        match snapshot.refund(org, lookup) {
            Loaded::Present(found) => Some(found.clone()),
            Loaded::Absent | Loaded::NotLoaded => None,
        }
    }

    /// As the memory store's `load`, piece by piece, with the bug.
    fn load_in_pieces(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        let mut snapshot = Snapshot::default();
        for key in wanted.movements() {
            let mut one = ReadSet::default();
            one.want_movement(key.clone());
            let found = match self.inner.load(&one)?.movement(key) {
                Loaded::Present(found) => Some(found.clone()),
                Loaded::Absent | Loaded::NotLoaded => None,
            };
            if found.is_some() || self.bug != Bug::LeavesOutWhatIsAbsent {
                snapshot.put_movement(key.clone(), found);
            }
            self.dawdle(Bug::LoadsInTwoViews);
        }
        for (org, lookup, revisions) in wanted.refunds() {
            let mut found = self.find(org, lookup, revisions);
            if self.bug == Bug::LooksUpAcrossOrgs && found.is_none() {
                found = self
                    .orgs()
                    .iter()
                    .find_map(|org| self.find(org, lookup, revisions));
            }
            if let (Bug::ForgetsPastRevisions, Some(found)) = (self.bug, &mut found) {
                found.past.clear();
            }
            if found.is_some() || self.bug != Bug::LeavesOutWhatIsAbsent {
                snapshot.put_refund(org.clone(), lookup.clone(), found);
            }
        }
        Ok(snapshot)
    }
}

/// What a scan visits of one movement.
struct Group {
    movement: Movement,
    entries: Vec<JournalRecord>,
    refunds: Vec<(Refund, Option<refund_ledger::RefundId>)>,
}

impl Broken {
    fn groups(&self, only: Option<&refund_ledger::MovementKey>) -> Vec<Group> {
        let range = ScanRange {
            only,
            entries: true,
            refunds: true,
            ..ScanRange::default()
        };
        let mut groups: Vec<Group> = Vec::new();
        let scanned = self.inner.scan(&range, &mut |row| {
            match (row, groups.last_mut()) {
                (ScanRow::Movement(movement), _) => groups.push(Group {
                    movement: movement.clone(),
                    entries: Vec::new(),
                    refunds: Vec::new(),
                }),
                (ScanRow::Entry(record), Some(group)) => group.entries.push(record.clone()),
                (ScanRow::Refund { refund, holder }, Some(group)) => {
                    group.refunds.push((refund.clone(), holder));
                }
                _ => {}
            }
            ControlFlow::Continue(())
        });
        scanned.expect("the memory store scans");
        groups
    }

    /// Whether the scan goes on.
    fn visit_group(
        &self,
        group: &Group,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut rows = Vec::new();
        if range.entries {
            rows.extend(group.entries.iter().map(ScanRow::Entry));
        }
        let entries = rows.len();
        if range.refunds {
            rows.extend(
                group
                    .refunds
                    .iter()
                    .map(|(refund, holder)| ScanRow::Refund {
                        refund,
                        holder: holder.filter(|_| self.bug != Bug::DoesNotFillTheHolder),
                    }),
            );
        }
        if self.bug == Bug::VisitsRefundsFirst {
            rows.rotate_left(entries);
        }
        for row in std::iter::once(ScanRow::Movement(&group.movement)).chain(rows) {
            if visit(row).is_break() && self.bug != Bug::GoesOnAfterTheBreak {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    fn is_in_range(&self, range: &ScanRange<'_>, key: &refund_ledger::MovementKey) -> bool {
        match self.bug {
            Bug::BeginsAtTheKey => {
                let from_the_start = ScanRange {
                    after: None,
                    ..*range
                };
                from_the_start.includes(key) && range.after.is_none_or(|after| key >= after)
            }
            Bug::TakesAPrefixForAnOrg => {
                let of_any_org = ScanRange {
                    org: None,
                    ..*range
                };
                of_any_org.includes(key)
                    && range
                        .org
                        .is_none_or(|org| key.org_id().starts_with(org.as_str()))
            }
            _ => range.includes(key),
        }
    }
}

impl Store for Broken {
    fn load(&self, wanted: &ReadSet) -> Result<Snapshot, StoreError> {
        match self.bug {
            Bug::LeavesOutWhatIsAbsent
            | Bug::LooksUpAcrossOrgs
            | Bug::ForgetsPastRevisions
            | Bug::LoadsInTwoViews => self.load_in_pieces(wanted),
            _ => self.inner.load(wanted),
        }
    }

    fn commit(&self, batch: &WriteBatch) -> Result<(), StoreError> {
        let changed = self.change_batch(batch);
        self.dawdle(Bug::IgnoresPreconditions);
        match self.bug {
            Bug::AcknowledgesWithoutWriting => Ok(()),
            Bug::AppliesHalfABatch => match self.inner.commit(&changed) {
                Err(StoreError::Conflict) => {
                    let half = WriteBatch {
                        preconditions: Vec::new(),
                        movements: Vec::new(),
                        entries: Vec::new(),
                        erasures: Vec::new(),
                        refunds: changed.refunds,
                    };
                    self.inner.commit(&half)?;
                    Err(StoreError::Conflict)
                }
                answer => answer,
            },
            Bug::AnswersOkToAConflict => match self.inner.commit(&changed) {
                Err(StoreError::Conflict) => Ok(()),
                answer => answer,
            },
            Bug::AnswersConflictThoughItCommitted => {
                self.inner.commit(&changed)?;
                if changed.refunds.len() == 1 {
                    Err(StoreError::Conflict)
                } else {
                    Ok(())
                }
            }
            Bug::ChecksThenWritesWithoutALock => {
                if !self.holds(batch) {
                    return Err(StoreError::Conflict);
                }
                self.dawdle(self.bug);
                self.inner.commit(&changed)
            }
            Bug::ComparesExternalIdsWithoutCase if self.is_taken_but_for_case(batch)? => {
                Err(StoreError::Conflict)
            }
            _ => self.inner.commit(&changed),
        }
    }

    fn list_refunds(
        &self,
        filter: &RefundFilter,
        after: Option<ListAfter>,
        limit: usize,
    ) -> Result<Page<Refund>, StoreError> {
        let mut filter = filter.clone();
        let mut after = after;
        match self.bug {
            Bug::RepeatsTheLastOfAPage => {
                if let Some(place) = &mut after {
                    place.id = refund_ledger::RefundId::from_bytes([0; 16]);
                }
            }
            Bug::IgnoresAFilter => filter.billable = None,
            Bug::ListsDeletedOnes => filter.include_deleted = true,
            Bug::IncludesTheUpperEnd => {
                filter.to = filter.to.and_then(|to| {
                    Timestamp::from_unix(to.unix_seconds(), to.subsec_nanos() + 1).ok()
                });
            }
            _ => {}
        }
        let mut page = self.inner.list_refunds(&filter, after, limit)?;
        match self.bug {
            Bug::ListsInAnotherOrder => page.items.sort_by_key(|refund| refund.id),
            Bug::NeverSaysMore => page.more = false,
            Bug::AlwaysSaysMoreOfAFullPage => page.more = page.items.len() == limit,
            _ => {}
        }
        Ok(page)
    }

    fn journal(
        &self,
        after: JournalPosition,
        limit: usize,
    ) -> Result<Vec<JournalRecord>, StoreError> {
        match self.bug {
            Bug::SkipsAnEntryPerPage if after > 0 => {
                self.inner.journal(after.saturating_add(1), limit)
            }
            Bug::IgnoresTheLimit => self.inner.journal(after, limit.max(4)),
            _ => self.inner.journal(after, limit),
        }
    }

    fn scan(
        &self,
        range: &ScanRange<'_>,
        visit: &mut dyn FnMut(ScanRow<'_>) -> ControlFlow<()>,
    ) -> Result<JournalPosition, StoreError> {
        let mut position = self.inner.scan(
            &ScanRange {
                only: None,
                ..ScanRange::default()
            },
            &mut |_| ControlFlow::Continue(()),
        )?;
        let mut groups = self.groups(None);
        match self.bug {
            Bug::ScansWithoutCase => {
                groups.sort_by_key(|it| it.movement.key.to_string().to_lowercase());
            }
            Bug::ScansByLength => groups.sort_by_key(|it| it.movement.key.sort_key().len()),
            Bug::None | Bug::ScansInTwoViews => {}
            // One view, whatever happens meanwhile.
            _ => {
                position = position.max(
                    groups
                        .iter()
                        .flat_map(|it| &it.entries)
                        .map(|it| it.position)
                        .max()
                        .unwrap_or(0),
                );
            }
        }
        groups.retain(|group| self.is_in_range(range, &group.movement.key));
        if self.bug == Bug::None {
            return self.inner.scan(range, visit);
        }
        if self.bug == Bug::AnswersThePositionOfTheRange {
            let entries = groups.iter().flat_map(|it| &it.entries);
            position = entries.map(|it| it.position).max().unwrap_or(0);
        }
        for group in &groups {
            self.dawdle(Bug::ScansInTwoViews);
            let late = self.groups(Some(&group.movement.key));
            let group = match late.first() {
                Some(late) if self.bug == Bug::ScansInTwoViews => late,
                _ => group,
            };
            if self.visit_group(group, range, visit).is_break() {
                break;
            }
        }
        Ok(position)
    }

    fn transact(
        &self,
        wanted: &ReadSet,
        decide: &mut dyn FnMut(Snapshot) -> WriteBatch,
    ) -> Result<(), StoreError> {
        match self.bug {
            Bug::None => self.inner.transact(wanted, decide),
            Bug::DecidesOnAnOldSnapshot => {
                let snapshot = {
                    let mut seen = self.seen.lock().expect("nobody panics with it");
                    seen.get_or_insert(self.inner.load(wanted)?).clone()
                };
                self.inner.commit(&decide(snapshot))
            }
            Bug::RetriesForEver => {
                // Well, for long: this test must end.
                for _ in 0..5_000 {
                    let batch = decide(self.inner.load(wanted)?);
                    match self.inner.commit(&batch) {
                        Err(StoreError::Conflict) => {}
                        answer => return answer,
                    }
                }
                Err(StoreError::Conflict)
            }
            Bug::StaysLockedAfterAPanic => {
                let _guard = self.lock.lock().map_err(|_| StoreError::Failed {
                    reason: "poisoned".into(),
                })?;
                self.inner.transact(wanted, decide)
            }
            _ => WithoutTransact::new(self).transact(wanted, decide),
        }
    }

    fn with_time_limit(&self, limit: std::time::Duration) -> Option<std::sync::Arc<dyn Store>> {
        match self.bug {
            Bug::BeginsAnewUnderATimeLimit => Some(std::sync::Arc::new(MemoryStore::new())),
            _ => self.inner.with_time_limit(limit),
        }
    }
}

/// Each bug, and a case that must fail for it.
const CAUGHT: &[(Bug, &str)] = &[
    (
        Bug::IgnoresPreconditions,
        "commit::conflicts_on_another_version_of_a_movement",
    ),
    (
        Bug::IgnoresPreconditions,
        "transact::loses_nothing_of_two_racing_handles",
    ),
    (
        Bug::IgnoresPreconditions,
        "hostile::decides_anew_when_others_were_faster",
    ),
    (
        Bug::IgnoresPreconditions,
        "hostile::loses_nothing_without_transact",
    ),
    (
        Bug::IgnoresExternalIds,
        "commit::conflicts_on_an_external_id_that_is_taken",
    ),
    (
        Bug::IgnoresTheLastPrecondition,
        "commit::applies_all_of_a_batch_or_nothing",
    ),
    (
        Bug::IgnoresVersionsAboveZero,
        "commit::conflicts_on_a_version_of_a_missing_movement",
    ),
    (
        Bug::InsertsWhatIsToBeReplaced,
        "commit::conflicts_on_a_refund_to_replace_that_is_missing",
    ),
    (
        Bug::AppliesHalfABatch,
        "commit::applies_all_of_a_batch_or_nothing",
    ),
    (
        Bug::AcknowledgesWithoutWriting,
        "commit::is_seen_by_other_handles",
    ),
    (
        Bug::AcknowledgesWithoutWriting,
        "hostile::books_once_after_conflicts_on_commit",
    ),
    (
        Bug::AcknowledgesWithoutWriting,
        "hostile::writes_all_or_nothing_whichever_call_fails",
    ),
    (
        Bug::AcknowledgesWithoutWriting,
        "hostile::books_once_where_the_outcome_is_unknown",
    ),
    (
        Bug::AnswersOkToAConflict,
        "commit::lets_one_of_two_racing_batches_win",
    ),
    (
        Bug::AnswersOkToAConflict,
        "hostile::decides_anew_when_others_were_faster",
    ),
    (
        Bug::AnswersConflictThoughItCommitted,
        "hostile::books_once_after_conflicts_on_commit",
    ),
    (
        Bug::AnswersConflictThoughItCommitted,
        "hostile::books_once_where_the_outcome_is_unknown",
    ),
    (
        Bug::ChecksThenWritesWithoutALock,
        "commit::lets_one_of_two_racing_batches_win",
    ),
    (
        Bug::ChecksThenWritesWithoutALock,
        "transact::loses_nothing_of_two_racing_handles",
    ),
    (
        Bug::ComparesExternalIdsWithoutCase,
        "load::compares_ids_byte_for_byte",
    ),
    (Bug::LosesNanoseconds, "limits::takes_every_instant"),
    (Bug::CutsTextsAtNul, "limits::takes_any_text"),
    (Bug::TrimsTexts, "limits::takes_any_text"),
    (
        Bug::TakesKeysForExternalIds,
        "load::finds_a_refund_by_each_sort_of_external_id",
    ),
    (
        Bug::TakesKeysForExternalIds,
        "list::does_not_take_an_idempotency_key_for_an_external_id",
    ),
    (Bug::LosesTheTax, "load::gives_back_every_field_of_a_refund"),
    (
        Bug::ForgetsErasuresInTheJournal,
        "erasure::blanks_all_texts_of_a_refund_and_no_others",
    ),
    (
        Bug::ForgetsErasuresInTheJournal,
        "golden::gives_the_pinned_bytes_hashes_and_head",
    ),
    (
        Bug::ErasesLaterTextsToo,
        "erasure::spares_texts_that_come_later",
    ),
    (
        Bug::ErasesTheWholeMovement,
        "erasure::blanks_all_texts_of_a_refund_and_no_others",
    ),
    (
        Bug::LeavesOutWhatIsAbsent,
        "load::tells_what_is_absent_from_what_was_not_asked_for",
    ),
    (
        Bug::LooksUpAcrossOrgs,
        "load::keeps_look_ups_within_their_org",
    ),
    (
        Bug::ForgetsPastRevisions,
        "load::gives_the_past_revisions_that_were_asked_for",
    ),
    (
        Bug::ForgetsPastRevisions,
        "ledger::replays_a_create_whatever_happened_since",
    ),
    (
        Bug::LoadsInTwoViews,
        "load::gives_one_consistent_view_while_others_write",
    ),
    (Bug::ListsInAnotherOrder, "list::is_ordered_by_date_then_id"),
    (
        Bug::RepeatsTheLastOfAPage,
        "list::pages_without_a_gap_or_a_repetition",
    ),
    (Bug::NeverSaysMore, "list::tells_whether_there_are_more"),
    (
        Bug::AlwaysSaysMoreOfAFullPage,
        "list::tells_whether_there_are_more",
    ),
    (Bug::IgnoresAFilter, "list::obeys_every_filter"),
    (Bug::ListsDeletedOnes, "list::obeys_every_filter"),
    (Bug::IncludesTheUpperEnd, "list::obeys_every_filter"),
    (
        Bug::SkipsAnEntryPerPage,
        "journal::pages_without_a_gap_or_a_repetition",
    ),
    (
        Bug::SkipsAnEntryPerPage,
        "journal::never_misses_an_entry_while_others_write",
    ),
    (
        Bug::OrdersTheJournalByMovement,
        "journal::keeps_the_order_of_batches",
    ),
    (
        Bug::IgnoresTheLimit,
        "journal::pages_without_a_gap_or_a_repetition",
    ),
    (
        Bug::ScansWithoutCase,
        "scan::visits_movements_in_order_of_key_bytes",
    ),
    (
        Bug::ScansByLength,
        "scan::visits_movements_in_order_of_key_bytes",
    ),
    (
        Bug::GoesOnAfterTheBreak,
        "scan::stops_where_the_visitor_breaks_off",
    ),
    (
        Bug::DoesNotFillTheHolder,
        "scan::tells_who_holds_each_external_id",
    ),
    (Bug::BeginsAtTheKey, "scan::begins_behind_a_key"),
    (Bug::TakesAPrefixForAnOrg, "scan::stays_within_an_org"),
    (
        Bug::VisitsRefundsFirst,
        "scan::visits_row_then_entries_then_refunds",
    ),
    (
        Bug::AnswersThePositionOfTheRange,
        "scan::visits_only_what_the_range_asks_for",
    ),
    (
        Bug::ScansInTwoViews,
        "scan::gives_one_consistent_view_while_others_write",
    ),
    (
        Bug::DecidesOnAnOldSnapshot,
        "transact::decides_on_the_current_state",
    ),
    (
        Bug::RetriesForEver,
        "transact::gives_up_on_a_batch_that_always_conflicts",
    ),
    (
        Bug::StaysLockedAfterAPanic,
        "transact::survives_a_decision_that_panics",
    ),
    (
        Bug::BeginsAnewUnderATimeLimit,
        "ledger::is_the_same_under_a_time_limit",
    ),
];

#[test]
fn every_planted_bug_fails_the_case_that_is_there_for_it() {
    let mut missed = Vec::new();
    for (bug, name) in CAUGHT {
        let case = CASES
            .iter()
            .find(|case| format!("{case:?}") == *name)
            .unwrap_or_else(|| panic!("the suite has no case `{name}`"));
        let fixture = Shared::new(Broken::new(*bug));
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| case.run(&fixture)));
        match outcome {
            Ok(Ok(())) => missed.push(format!("{bug:?} passes `{name}`")),
            Ok(Err(_)) => {}
            Err(_) => missed.push(format!(
                "{bug:?} makes `{name}` panic; it should say what failed"
            )),
        }
    }
    assert!(
        missed.is_empty(),
        "the suite misses bugs:\n{}",
        missed.join("\n")
    );
}

// Without a bug the store that the bugs are planted in passes: it is the bugs that are caught.
refund_ledger::conformance_tests!(without_a_bug, || Shared::new(Broken::new(Bug::None)));
