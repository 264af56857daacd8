//! Everything that is wrong with a history that has come to rest.

mod hearing;
mod members;
mod outcomes;
mod receipts;
mod replicas;
mod sends;
mod shown;

use std::fmt;

use super::{
    entry::{Entry, Line},
    facts::Facts,
};

/// What a [`Entry::Serving`] says of a server that was killed.
pub const KILLED: &str = "kill -9";
/// Longest time from the start of a server that was killed until it serves again, in milliseconds.
pub const SERVING_MAX_MS: u64 = 5_000;

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which rule of `docs/PROTOCOL.md`: `R1` to `R22`; `refusals` for its last section;
    /// `serving` for the time after a kill.
    pub rule: &'static str,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

/// Where checks put what they find.
#[derive(Debug, Default)]
struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, rule: &'static str, what: String) {
        self.0.push(Violation { rule, what });
    }

    /// Adds unless this holds; the words are made only when needed.
    fn unless(&mut self, holds: bool, rule: &'static str, what: impl FnOnce() -> String) {
        if !holds {
            self.add(rule, what());
        }
    }
}

/// Everything that is wrong with a history that has come to rest; lines in the order of `at`.
pub fn check(lines: &[Line]) -> Vec<Violation> {
    let facts = Facts::of(lines);
    let mut found = Found::default();
    sends::check(&facts, &mut found);
    outcomes::check(&facts, &mut found);
    members::check(&facts, &mut found);
    hearing::check(&facts, &mut found);
    receipts::check(&facts, &mut found);
    shown::check(&facts, &mut found);
    replicas::check(&facts, &mut found);
    serving(lines, &mut found);
    found.0
}

fn serving(lines: &[Line], found: &mut Found) {
    for line in lines {
        if let Entry::Serving { after, took_ms } = &line.entry {
            let in_time = after != KILLED || *took_ms <= SERVING_MAX_MS;
            found.unless(in_time, "serving", || {
                format!("after {after} the server took {took_ms} ms to serve again")
            });
        }
    }
}
