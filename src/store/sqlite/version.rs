//! Which SQLite libraries are safe to keep a ledger with.

use crate::store::StoreError;

/// Refuses to run on a library that can damage a file.
pub(super) fn check_library() -> Result<(), StoreError> {
    if has_wal_reset_fix(rusqlite::version_number()) {
        return Ok(());
    }
    Err(StoreError::Unsupported {
        reason: format!(
            "SQLite {} can damage a file when its write-ahead log starts over; 3.51.3, 3.50.7, \
             3.44.6 or a later version of one of these is needed",
            rusqlite::version()
        ),
    })
}

/// Whether the library of this number (3.51.3 is 3051003) resets its write-ahead log without the
/// race that loses committed pages, mended in 2026 and carried back to two older branches.
fn has_wal_reset_fix(number: i32) -> bool {
    matches!(number, 3_044_006..=3_044_999 | 3_050_007..=3_050_999 | 3_051_003..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_libraries_with_the_fix_are_accepted() {
        for sound in [
            3_044_006, 3_044_007, 3_050_007, 3_051_003, 3_052_000, 3_053_000, 3_054_001,
        ] {
            assert!(has_wal_reset_fix(sound), "{sound} has the fix");
        }
        for broken in [
            3_007_000, 3_043_002, 3_044_005, 3_045_000, 3_049_002, 3_050_000, 3_050_006, 3_051_000,
            3_051_002, 0, -1,
        ] {
            assert!(!has_wal_reset_fix(broken), "{broken} lacks the fix");
        }
    }

    #[test]
    fn the_library_that_we_bundle_is_accepted() {
        assert_eq!(check_library(), Ok(()), "SQLite {}", rusqlite::version());
    }
}
