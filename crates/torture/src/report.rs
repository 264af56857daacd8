//! What a run was like, counted from its history.

use std::{collections::BTreeMap, fmt};

use parlor_testkit::history::{Call, Entry, Line, Violation};

/// Violations that are printed; the rest is counted.
const VIOLATIONS_MAX: usize = 20;

/// Attempts by what became of them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Counts {
    done: u64,
    refused: u64,
    unknown: u64,
}

/// What a run was like.
#[derive(Debug, Default)]
pub(crate) struct Report {
    calls: BTreeMap<&'static str, Counts>,
    faults: BTreeMap<String, u64>,
    connections: u64,
    resumed: u64,
    pages: u64,
    resets: u64,
    heard: u64,
    messages: u64,
    longest: BTreeMap<String, u64>,
    violations: Vec<Violation>,
}

fn name(call: &Call) -> &'static str {
    match call {
        Call::Send { .. } => "sends",
        Call::Edit { .. } => "edits",
        Call::Delete { .. } => "deletes",
        Call::React { .. } => "emoji",
        Call::SetMember { .. } => "members",
        Call::Read { .. } => "reads",
        Call::Look { .. } => "looks",
    }
}

impl Report {
    pub(crate) fn of(lines: &[Line], violations: Vec<Violation>) -> Self {
        let mut report = Self {
            violations,
            ..Self::default()
        };
        let mut called = BTreeMap::new();
        for line in lines {
            report.count(&line.entry, &mut called);
        }
        for name in called.values() {
            report.calls.entry(name).or_default().unknown += 1;
        }
        report
    }

    fn count(&mut self, entry: &Entry, called: &mut BTreeMap<u64, &'static str>) {
        match entry {
            Entry::Invoked {
                operation, call, ..
            } => {
                called.insert(*operation, name(call));
            }
            Entry::Done { operation, .. } => {
                if let Some(name) = called.remove(operation) {
                    self.calls.entry(name).or_default().done += 1;
                }
            }
            Entry::Refused { operation, .. } => {
                if let Some(name) = called.remove(operation) {
                    self.calls.entry(name).or_default().refused += 1;
                }
            }
            Entry::Connected { resumed, .. } => {
                self.connections += 1;
                self.resumed += u64::from(*resumed);
            }
            Entry::Synced { .. } => self.pages += 1,
            Entry::Reset { .. } => self.resets += 1,
            Entry::Heard { .. } => self.heard += 1,
            Entry::Stored { .. } => self.messages += 1,
            Entry::Fault { name, .. } => *self.faults.entry(name.clone()).or_default() += 1,
            Entry::Serving { after, took_ms } => {
                let longest = self.longest.entry(after.clone()).or_default();
                *longest = (*longest).max(*took_ms);
            }
            _ => {}
        }
    }

    /// How many rules were broken.
    pub(crate) fn violations(&self) -> usize {
        self.violations.len()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<30} {:>8} {:>8} {:>8}",
            "", "done", "refused", "unknown"
        )?;
        for (name, counts) in &self.calls {
            let Counts {
                done,
                refused,
                unknown,
            } = counts;
            writeln!(f, "{name:<30} {done:>8} {refused:>8} {unknown:>8}")?;
        }
        writeln!(f)?;
        for (name, count) in &self.faults {
            writeln!(f, "{name:<30} {count:>8}")?;
        }
        writeln!(f)?;
        for (what, count) in [
            ("sockets", self.connections),
            ("of them resumed", self.resumed),
            ("conversations synced", self.pages),
            ("devices that started over", self.resets),
            ("events heard", self.heard),
            ("messages read at the end", self.messages),
        ] {
            writeln!(f, "{what:<30} {count:>8}")?;
        }
        writeln!(f)?;
        for (after, ms) in &self.longest {
            let what = format!("ms to serve after {after}");
            writeln!(f, "{what:<45} {ms:>8} at most")?;
        }
        writeln!(f)?;
        for violation in self.violations.iter().take(VIOLATIONS_MAX) {
            writeln!(f, "{violation}")?;
        }
        if self.violations.len() > VIOLATIONS_MAX {
            writeln!(f, "… and {} more", self.violations.len() - VIOLATIONS_MAX)?;
        }
        write!(f, "{:<30} {:>8}", "violations", self.violations.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_never_answered_is_counted_as_unknown() {
        let id = "0190b2c8-0000-7000-8000-000000000001";
        let invoked = |operation: u64| {
            format!(
                r#"{{"at":{operation},"ms":0,"client":"ada","entry":"invoked","operation":{operation},"by":"ada","call":{{"call":"look","conversationId":"{id}"}}}}"#
            )
        };
        let text = [
            invoked(1),
            invoked(2),
            r#"{"at":3,"ms":0,"client":"ada","entry":"done","operation":1}"#.to_owned(),
            r#"{"at":4,"ms":0,"client":"site","entry":"serving","after":"kill -9","tookMs":7}"#
                .to_owned(),
        ];
        let lines: Vec<Line> = text
            .iter()
            .map(|line| serde_json::from_str(line).expect("a line"))
            .collect();
        let report = Report::of(&lines, Vec::new());
        let counts = Counts {
            done: 1,
            refused: 0,
            unknown: 1,
        };
        assert_eq!(report.calls["looks"], counts);
        assert_eq!(report.longest["kill -9"], 7);
        assert_eq!(report.violations(), 0);
    }
}
