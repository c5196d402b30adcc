//! Tables, behind a line with their map, read and reconciled.
#![no_main]

use libfuzzer_sys::fuzz_target;
use refund_reconcile::Source;

fuzz_target!(|statement: &[u8]| refund_fuzz::reconcile(Source::Csv, statement));
