//! What the rounds allow to say, and when nothing.

use serde::Serialize;

use crate::{
    contest::{contender::Sample, rounds::Rounds},
    statistics::Spread,
};

/// Fewer rounds than these say nothing.
pub(crate) const ROUNDS_MIN: usize = 3;
/// From here on the generator has no time left.
const GENERATOR_BUSY: f64 = 0.95;
/// Below this a server waits for something: for the generator, if that is busy.
const SERVER_BUSY: f64 = 0.90;

/// Why a scenario has no figure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(
        "floors disagree: {kept} rounds are steady, {ROUNDS_MIN} are needed; in the others they are {apart} apart"
    )]
    FloorsDisagree { kept: usize, apart: String },
    #[error(
        "the generator is the bottleneck of {of}: its core is {generator} % busy, the server's {server} %"
    )]
    GeneratorBusy {
        of: &'static str,
        generator: u32,
        server: u32,
    },
}

/// What is said of a contender.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Verdict {
    /// Its figure, in the middle of the rounds.
    pub(crate) figure: f64,
    /// The floor's, in the middle of the rounds.
    pub(crate) floor: f64,
    /// Figure to floor of the same round.
    pub(crate) ratio: Spread,
    /// What its server spends on one unit of work, in microseconds.
    pub(crate) server_us_per_unit: f64,
    /// What the floor spends on one.
    pub(crate) floor_us_per_unit: f64,
    pub(crate) server_share: f64,
    pub(crate) generator_share: f64,
    pub(crate) floor_server_share: f64,
    pub(crate) floor_generator_share: f64,
    /// Units a second that the generator could have taken.
    pub(crate) generator_ceiling: f64,
    /// Units of work in the rounds that were kept, each verified.
    pub(crate) units: u64,
    pub(crate) rounds_kept: usize,
    pub(crate) rounds_dropped: usize,
}

impl Refusal {
    /// So many rounds are steady; in the others the floors are such shares apart.
    pub(crate) fn floors_disagree(kept: usize, apart: impl Iterator<Item = f64>) -> Self {
        let apart: Vec<String> = apart
            .map(|share| format!("{:.0} %", share * 100.0))
            .collect();
        Self::FloorsDisagree {
            kept,
            apart: apart.join(", "),
        }
    }
}

impl Verdict {
    /// Of a figure that no load was kept up for: there is nobody's core to speak of.
    pub(crate) fn plain(figure: f64, floor: f64, ratio: Spread, units: u64, rounds: usize) -> Self {
        Self {
            figure,
            floor,
            ratio,
            server_us_per_unit: f64::NAN,
            floor_us_per_unit: f64::NAN,
            server_share: f64::NAN,
            generator_share: f64::NAN,
            floor_server_share: f64::NAN,
            floor_generator_share: f64::NAN,
            generator_ceiling: f64::NAN,
            units,
            rounds_kept: rounds,
            rounds_dropped: 0,
        }
    }
}

/// Judges the contender at this place.
pub(crate) fn judge(rounds: &Rounds, place: usize) -> Result<Verdict, Refusal> {
    judged(rounds, place, true)
}

/// The same where the floor is a matter of both ends, whichever of them is busier: connections.
pub(crate) fn judge_both_ends(rounds: &Rounds, place: usize) -> Result<Verdict, Refusal> {
    judged(rounds, place, false)
}

fn judged(rounds: &Rounds, place: usize, floor_is_server: bool) -> Result<Verdict, Refusal> {
    let kept = rounds.kept.len();
    let disagree = Refusal::floors_disagree(kept, rounds.dropped.iter().copied());
    if kept < ROUNDS_MIN {
        return Err(disagree);
    }
    let own: Vec<Sample> = rounds
        .kept
        .iter()
        .map(|round| round.others[place])
        .collect();
    let floors: Vec<Sample> = rounds.kept.iter().flat_map(|round| round.floors).collect();
    if floor_is_server {
        not_bound_by_generator("the floor", &floors)?;
    }
    not_bound_by_generator("the server", &own)?;
    let ratios = rounds
        .kept
        .iter()
        .map(|round| round.others[place].figure / round.floor());
    let Some(ratio) = Spread::of(ratios.collect()) else {
        return Err(disagree);
    };
    Ok(Verdict {
        figure: middle(&own, |sample| sample.figure),
        floor: middle(&floors, |sample| sample.figure),
        ratio,
        server_us_per_unit: middle(&own, Sample::server_us_per_unit),
        floor_us_per_unit: middle(&floors, Sample::server_us_per_unit),
        server_share: middle(&own, Sample::server_share),
        generator_share: middle(&own, Sample::own_share),
        floor_server_share: middle(&floors, Sample::server_share),
        floor_generator_share: middle(&floors, Sample::own_share),
        generator_ceiling: middle(&own, Sample::ceiling),
        units: own.iter().map(|sample| sample.units).sum(),
        rounds_kept: kept,
        rounds_dropped: rounds.dropped.len(),
    })
}

fn not_bound_by_generator(of: &'static str, samples: &[Sample]) -> Result<(), Refusal> {
    let generator = middle(samples, Sample::own_share);
    let server = middle(samples, Sample::server_share);
    if generator >= GENERATOR_BUSY && server < SERVER_BUSY {
        return Err(Refusal::GeneratorBusy {
            of,
            generator: (generator * 100.0) as u32,
            server: (server * 100.0) as u32,
        });
    }
    Ok(())
}

fn middle(samples: &[Sample], of: impl Fn(&Sample) -> f64) -> f64 {
    Spread::of(samples.iter().map(of).collect()).map_or(f64::NAN, |spread| spread.median)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::contest::rounds::Round;

    fn sample(figure: f64, server_ms: u64, own_ms: u64) -> Sample {
        Sample {
            figure,
            steady: figure,
            tail: figure,
            units: 1000,
            took: Duration::from_secs(1),
            server_cpu: Duration::from_millis(server_ms),
            own_cpu: Duration::from_millis(own_ms),
        }
    }

    fn round(before: f64, figure: f64, after: f64) -> Round {
        Round {
            floors: [sample(before, 990, 500), sample(after, 990, 500)],
            others: vec![sample(figure, 950, 400)],
        }
    }

    fn rounds(all: impl IntoIterator<Item = Round>) -> Rounds {
        let mut rounds = Rounds::default();
        all.into_iter().for_each(|round| rounds.add(round));
        rounds
    }

    #[test]
    fn the_ratio_is_the_middle_of_steady_rounds() {
        let rounds = rounds([
            round(100.0, 90.0, 100.0),
            round(200.0, 160.0, 200.0),
            round(100.0, 70.0, 100.0),
            round(100.0, 10.0, 300.0),
        ]);
        let verdict = judge(&rounds, 0).expect("steady");
        assert!((verdict.ratio.median - 0.8).abs() < 1e-9);
        assert!((verdict.ratio.least - 0.7).abs() < 1e-9);
        assert_eq!((verdict.rounds_kept, verdict.rounds_dropped), (3, 1));
        assert!((verdict.server_us_per_unit - 950.0).abs() < 1e-9);
        assert!((verdict.generator_ceiling - 2500.0).abs() < 1e-9);
    }

    #[test]
    fn floors_that_disagree_leave_nothing_to_say() {
        let wild = (0..2).map(|_| round(100.0, 90.0, 120.0));
        let steady = (0..2).map(|_| round(100.0, 90.0, 105.0));
        let refusal = judge(&rounds(wild.chain(steady)), 0).expect_err("refused");
        assert_eq!(
            refusal.to_string(),
            "floors disagree: 2 rounds are steady, 3 are needed; in the others they are 17 %, 17 % apart"
        );
    }

    #[test]
    fn a_generator_without_time_measures_itself() {
        let busy = |server_ms| {
            let mut round = round(100.0, 90.0, 100.0);
            round.others[0] = sample(90.0, server_ms, 960);
            round
        };
        let refused = judge(&rounds([busy(800), busy(800), busy(800)]), 0);
        let said = refused.expect_err("refused").to_string();
        assert!(
            said.starts_with("the generator is the bottleneck"),
            "{said}"
        );
        // Both busy: the server was at its limit too.
        assert!(judge(&rounds([busy(960), busy(960), busy(960)]), 0).is_ok());
    }

    #[test]
    fn a_floor_that_waits_for_the_generator_is_no_floor() {
        let mut slow = round(100.0, 90.0, 100.0);
        slow.floors = [sample(100.0, 500, 990); 2];
        let refused = judge(&rounds([slow.clone(), slow.clone(), slow]), 0);
        assert!(matches!(
            refused,
            Err(Refusal::GeneratorBusy {
                of: "the floor",
                ..
            })
        ));
    }
}
