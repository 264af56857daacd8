//! Counts from what test runners print: nextest, cargo test, vitest.
//!
//! Pure functions over text. Each adds up every summary that it finds, because one command may run several suites;
//! `None` means that there was no summary at all, as when the code did not compile.

use std::ops::AddAssign;

/// How many tests or checks ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) skipped: u32,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl Counts {
    /// The last line of `cargo xtask test`, for people and for machines.
    pub(crate) fn line(self) -> String {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        match skipped {
            0 => format!("{passed} passed, {failed} failed"),
            _ => format!("{passed} passed, {failed} failed, {skipped} skipped"),
        }
    }

    /// One finding, such as `3 exec failed` or `2 todo`.
    fn add(&mut self, finding: &str) {
        let Some((number, how)) = finding.trim().split_once(' ') else {
            return;
        };
        let Ok(number) = number.parse::<u32>() else {
            return;
        };
        match how.trim() {
            "passed" => self.passed += number,
            "failed" | "exec failed" | "timed out" => self.failed += number,
            "skipped" | "ignored" | "todo" => self.skipped += number,
            _ => {}
        }
    }
}

/// nextest: `Summary [   1.2s] 9 tests run: 7 passed (1 slow, 2 flaky), 1 failed, 1 timed out, 2 skipped`
pub(crate) fn nextest(text: &str) -> Option<Counts> {
    summed(text, |line| {
        let (_, findings) = line.strip_prefix("Summary [")?.split_once("run: ")?;
        Some(
            findings
                .split(',')
                .fold(Counts::default(), |mut counts, finding| {
                    counts.add(finding);
                    counts
                }),
        )
    })
}

/// cargo test: `test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s`
pub(crate) fn cargo_test(text: &str) -> Option<Counts> {
    summed(text, |line| {
        let (_, findings) = line.strip_prefix("test result: ")?.split_once(". ")?;
        Some(
            findings
                .split(';')
                .fold(Counts::default(), |mut counts, finding| {
                    counts.add(finding);
                    counts
                }),
        )
    })
}

/// vitest: `Tests  3 failed | 45 passed | 1 skipped (49)`
pub(crate) fn vitest(text: &str) -> Option<Counts> {
    summed(text, |line| {
        let findings = line.strip_prefix("Tests ")?;
        Some(
            findings
                .split('|')
                .fold(Counts::default(), |mut counts, finding| {
                    counts.add(finding);
                    counts
                }),
        )
    })
}

/// Adds up the lines that `read` understands; colours and what stands in parentheses are taken out before.
fn summed(text: &str, read: impl Fn(&str) -> Option<Counts>) -> Option<Counts> {
    let mut found = None;
    for line in text.lines() {
        if let Some(counts) = read(plain(line).trim()) {
            *found.get_or_insert_default() += counts;
        }
    }
    found
}

/// A line without escape sequences (`ESC [ … letter`) and without what stands in parentheses.
fn plain(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut characters = line.chars();
    let mut depth = 0_u32;
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => {
                characters.next();
                characters.by_ref().find(char::is_ascii_alphabetic);
            }
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(character),
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: u32, failed: u32, skipped: u32) -> Counts {
        Counts {
            passed,
            failed,
            skipped,
        }
    }

    #[test]
    fn nextest_in_all_its_forms() {
        for (line, expected) in [
            (
                "     Summary [   0.012s] 3 tests run: 3 passed, 0 skipped",
                counts(3, 0, 0),
            ),
            (
                "     Summary [   5.303s] 123 tests run: 120 passed (1 slow), 3 failed, 2 skipped",
                counts(120, 3, 2),
            ),
            (
                "     Summary [  60.1s] 9 tests run: 5 passed (1 slow, 2 flaky, 1 leaky), 1 failed, \
                 1 exec failed, 2 timed out, 4 skipped",
                counts(5, 4, 4),
            ),
            (
                "     Summary [   0.5s] 3/10 tests run: 2 passed (1 leaky), 1 failed, 0 skipped",
                counts(2, 1, 0),
            ),
            (
                "     Summary [   0.1s] 1 test run: 1 passed, 7 skipped",
                counts(1, 0, 7),
            ),
            (
                "\u{1b}[31;1m     Summary\u{1b}[0m [   0.1s] \u{1b}[1m2\u{1b}[0m tests run: \u{1b}[1m1\u{1b}[0m \
                 \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m1\u{1b}[0m \u{1b}[31;1mfailed\u{1b}[0m, 0 skipped",
                counts(1, 1, 0),
            ),
        ] {
            assert_eq!(nextest(line), Some(expected), "{line}");
        }
        assert_eq!(nextest("error: could not compile `parlor`"), None);
    }

    #[test]
    fn cargo_test_adds_up_its_binaries() {
        let text = "\
test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s
   Doc-tests parlor_core
test result: FAILED. 7 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s
";
        assert_eq!(cargo_test(text), Some(counts(12, 2, 1)));
        assert_eq!(cargo_test("running 0 tests"), None);
    }

    #[test]
    fn vitest_counts_tests_and_not_files() {
        let text = " Test Files  1 failed | 6 passed (7)\n      Tests  3 failed | 45 passed | 1 skipped (49)\n";
        assert_eq!(vitest(text), Some(counts(45, 3, 1)));
        let coloured = "\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m\u{1b}[32m12 passed\u{1b}[39m\u{1b}[22m\
                        \u{1b}[90m (12)\u{1b}[39m\n      Tests  2 passed | 1 todo (3)";
        assert_eq!(vitest(coloured), Some(counts(14, 0, 1)));
        assert_eq!(vitest(" Test Files  7 passed (7)"), None);
    }

    #[test]
    fn the_last_line_names_skips_only_when_there_are_some() {
        assert_eq!(counts(12, 0, 0).line(), "12 passed, 0 failed");
        assert_eq!(counts(12, 1, 3).line(), "12 passed, 1 failed, 3 skipped");
    }
}
