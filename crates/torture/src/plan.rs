//! What goes wrong and when: a schedule that the seed decides.
//!
//! All kinds are dealt from a deck, so that a short run has as many different ones as fit, and a long one each often.

use std::{fmt, time::Duration};

use parlor_testkit::{
    Random,
    proxy::{Cut, Door, End, Faults, Flow, Lane},
};

use crate::options::Engine;

/// How long everything works before the first fault.
const HEAD_START_MS: u64 = 2_000;
/// Shortest and longest time between the end of a fault and the next, in milliseconds.
const CALM_MS: (u64, u64) = (800, 3_000);

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The server is killed and started again.
    Kill,
    /// The server is stopped in its tracks.
    Pause(Duration),
    /// The server is told to stop, and started again.
    Restart,
    /// The network between clients and server.
    Network(&'static str, Faults, Duration),
    /// Every connection between clients and server is reset.
    CutAll,
    /// The network between server and database.
    DatabaseNetwork(&'static str, Faults, Duration),
    /// Every connection between server and database is reset.
    DatabaseCutAll,
    /// The database crashes and comes back.
    DatabaseCrash(Duration),
    /// Commits wait for a standby.
    StandbyMissing(Duration),
    /// The database has no connection left.
    Exhausted(Duration),
    /// Another process holds the file's write lock.
    Locked(Duration),
}

impl Fault {
    /// Its kind, for counting.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Kill => "kill -9",
            Self::Pause(_) => "server stopped in its tracks",
            Self::Restart => "restart",
            Self::Network(name, ..) | Self::DatabaseNetwork(name, ..) => name,
            Self::CutAll => "network cut",
            Self::DatabaseCutAll => "database: network cut",
            Self::DatabaseCrash(_) => "database: crash",
            Self::StandbyMissing(_) => "database: standby missing",
            Self::Exhausted(_) => "database: no connection left",
            Self::Locked(_) => "database: locked",
        }
    }

    /// How long it lasts; what the server needs to come back is not in it.
    pub(crate) fn lasts(&self) -> Duration {
        match self {
            Self::Kill | Self::Restart | Self::CutAll | Self::DatabaseCutAll => Duration::ZERO,
            Self::Pause(lasts)
            | Self::Network(_, _, lasts)
            | Self::DatabaseNetwork(_, _, lasts)
            | Self::DatabaseCrash(lasts)
            | Self::StandbyMissing(lasts)
            | Self::Exhausted(lasts)
            | Self::Locked(lasts) => *lasts,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lasts() {
            Duration::ZERO => f.write_str(self.name()),
            lasts => write!(f, "{} for {} ms", self.name(), lasts.as_millis()),
        }
    }
}

/// A fault and its moment, from the beginning of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) at: Duration,
    pub(crate) fault: Fault,
}

/// The schedule of a seed; nothing in it ends after the run.
pub(crate) fn plan(seed: u64, seconds: u64, engine: Engine, lockable: bool) -> Vec<Planned> {
    let mut random = Random::of(seed, "plan");
    let end = Duration::from_secs(seconds);
    let mut at = Duration::from_millis(HEAD_START_MS);
    let mut deck: Vec<Fault> = Vec::new();
    let mut planned = Vec::new();
    loop {
        if deck.is_empty() {
            deck = shuffled(&mut random, engine, lockable);
        }
        let fault = deck.pop().expect("a deck is never empty");
        if at + fault.lasts() > end {
            return planned;
        }
        planned.push(Planned { at, fault });
        let calm = random.between(CALM_MS.0, CALM_MS.1);
        at += fault.lasts() + Duration::from_millis(calm);
    }
}

/// Each kind once, in any order; kills twice.
fn shuffled(random: &mut Random, engine: Engine, lockable: bool) -> Vec<Fault> {
    let mut deck = vec![Fault::Kill, Fault::Kill, Fault::Restart, Fault::CutAll];
    deck.push(Fault::Pause(time(random, 2_000, 8_000)));
    let network = networks(random);
    deck.extend(network.map(|(name, faults, lasts)| Fault::Network(name, faults, lasts)));
    match engine {
        Engine::Sqlite => {
            if lockable {
                deck.push(Fault::Locked(time(random, 1_000, 8_000)));
            }
        }
        Engine::Postgres => {
            deck.push(Fault::DatabaseCutAll);
            deck.push(Fault::DatabaseCrash(time(random, 0, 2_000)));
            deck.push(Fault::StandbyMissing(time(random, 2_000, 6_000)));
            deck.push(Fault::Exhausted(time(random, 2_000, 5_000)));
            let network = database_networks(random);
            deck.extend(
                network.map(|(name, faults, lasts)| Fault::DatabaseNetwork(name, faults, lasts)),
            );
        }
    }
    for at in (1..deck.len()).rev() {
        deck.swap(at, random.between(0, at as u64) as usize);
    }
    deck
}

type Bad = (&'static str, Faults, Duration);

fn networks(random: &mut Random) -> [Bad; 9] {
    let slow = Lane {
        delay: time(random, 20, 300),
        jitter: time(random, 0, 200),
        ..Lane::default()
    };
    let ends = |random: &mut Random, how| Lane {
        end: Some(End {
            after_bytes: random.between(1, 20_000),
            how,
        }),
        ..Lane::default()
    };
    let lost = flow(Flow::Lost);
    let open = Lane::default();
    [
        ("network slow", both(slow, slow), time(random, 2_000, 6_000)),
        ("black hole", both(lost, lost), time(random, 1_000, 8_000)),
        ("one way up", both(open, lost), time(random, 1_000, 8_000)),
        ("one way down", both(lost, open), time(random, 1_000, 8_000)),
        (
            "network held",
            both(flow(Flow::Held), flow(Flow::Held)),
            time(random, 1_000, 6_000),
        ),
        (
            "half open",
            door(Door::HalfOpen),
            time(random, 1_000, 6_000),
        ),
        ("refused", door(Door::Refuse), time(random, 1_000, 4_000)),
        (
            "truncated",
            both(open, ends(random, Cut::Truncate)),
            time(random, 1_000, 4_000),
        ),
        (
            "reset at a byte",
            both(ends(random, Cut::Reset), ends(random, Cut::Reset)),
            time(random, 1_000, 4_000),
        ),
    ]
}

fn database_networks(random: &mut Random) -> [Bad; 3] {
    let slow = Lane {
        delay: time(random, 5, 50),
        jitter: time(random, 0, 50),
        ..Lane::default()
    };
    let lost = flow(Flow::Lost);
    [
        (
            "database: network slow",
            both(slow, slow),
            time(random, 2_000, 5_000),
        ),
        (
            "database: network held",
            both(flow(Flow::Held), flow(Flow::Held)),
            time(random, 1_000, 5_000),
        ),
        (
            "database: black hole",
            both(lost, lost),
            time(random, 1_000, 5_000),
        ),
    ]
}

fn time(random: &mut Random, from_ms: u64, to_ms: u64) -> Duration {
    Duration::from_millis(random.between(from_ms, to_ms))
}

fn flow(flow: Flow) -> Lane {
    Lane {
        flow,
        ..Lane::default()
    }
}

fn both(up: Lane, down: Lane) -> Faults {
    Faults {
        up,
        down,
        door: Door::Open,
    }
}

fn door(door: Door) -> Faults {
    Faults {
        door,
        ..Faults::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_repeats_its_schedule_and_another_has_another() {
        let plan_of = |seed| plan(seed, 60, Engine::Postgres, true);
        assert_eq!(plan_of(7), plan_of(7));
        assert_ne!(plan_of(7), plan_of(8));
    }

    #[test]
    fn a_long_run_has_every_kind_and_ends_in_time() {
        for (engine, kinds) in [(Engine::Sqlite, 14), (Engine::Postgres, 20)] {
            let planned = plan(7, 300, engine, true);
            let names: BTreeSet<_> = planned.iter().map(|it| it.fault.name()).collect();
            assert_eq!(names.len(), kinds, "{names:?}");
            for pair in planned.windows(2) {
                assert!(pair[0].at + pair[0].fault.lasts() < pair[1].at);
            }
            let last = planned.last().expect("many");
            assert!(last.at + last.fault.lasts() <= Duration::from_mins(5));
        }
    }
}
