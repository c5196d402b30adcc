//! Every store of ours passes the whole conformance suite: a named test per case and store.
#![cfg(feature = "conformance")]

use refund_ledger::store::conformance::Shared;
use refund_ledger::store::memory::MemoryStore;

refund_ledger::conformance_tests!(memory, || Shared::new(MemoryStore::new()));
