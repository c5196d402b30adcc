//! Counting tests in what the test runners print.

use std::ops::AddAssign;

/// How many tests ran, and how they ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that passed.
    pub(crate) passed: usize,
    /// Tests that failed.
    pub(crate) failed: usize,
    /// Tests that did not run because they are marked so.
    pub(crate) ignored: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

impl Tally {
    /// Reads a line with which a test runner closes.
    ///
    /// Cargo has one for each file of tests, such as
    /// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out`. Node has one for
    /// each count, such as `ℹ pass 3`. Any other line gives `None`.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        Self::of_cargo(line).or_else(|| Self::of_node(line))
    }

    fn of_cargo(line: &str) -> Option<Self> {
        let result = line.trim().strip_prefix("test result: ")?;
        let count = |word: &str| {
            let before = result
                .split(';')
                .find_map(|part| part.trim().strip_suffix(word))?;
            before.split_whitespace().next_back()?.parse().ok()
        };
        Some(Self {
            passed: count(" passed")?,
            failed: count(" failed")?,
            ignored: count(" ignored")?,
        })
    }

    fn of_node(line: &str) -> Option<Self> {
        let (word, count) = line.strip_prefix("ℹ ")?.split_once(' ')?;
        let count = count.parse().ok()?;
        let mut tally = Self::default();
        match word {
            "pass" => tally.passed = count,
            "fail" | "cancelled" => tally.failed = count,
            "skipped" | "todo" => tally.ignored = count,
            _ => return None,
        }
        Some(tally)
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn a_closing_line_gives_its_counts() {
        let line = "test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(
            Tally::parse(line),
            Some(Tally {
                passed: 12,
                failed: 0,
                ignored: 3
            })
        );
    }

    #[test]
    fn a_failed_file_gives_its_counts_too() {
        let line = "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(
            Tally::parse(line),
            Some(Tally {
                passed: 1,
                failed: 2,
                ignored: 0
            })
        );
    }

    #[test]
    fn the_closing_lines_of_node_give_a_count_each() {
        let mut tests = Tally::default();
        for line in [
            "ℹ tests 15",
            "ℹ suites 2",
            "ℹ pass 9",
            "ℹ fail 2",
            "ℹ cancelled 1",
            "ℹ skipped 1",
            "ℹ todo 2",
            "ℹ duration_ms 42.5",
        ] {
            tests += Tally::parse(line).unwrap_or_default();
        }
        assert_eq!(
            tests,
            Tally {
                passed: 9,
                failed: 3,
                ignored: 3
            }
        );
    }

    #[test]
    fn other_lines_give_nothing() {
        for line in [
            "",
            "ℹ tests 3",
            "ℹ pass",
            "ℹ pass on",
            "pass 3",
            "running 3 tests",
            "test money::round ... ok",
            "test result: unknown",
            "12 passed; 0 failed",
        ] {
            assert_eq!(Tally::parse(line), None, "`{line}` closes no file of tests");
        }
    }
}
