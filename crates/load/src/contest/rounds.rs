//! Rounds: floor, everybody in turn, floor. A machine that was disturbed shows it in its floors.

use std::time::Duration;

use anyhow::Context;

use crate::{
    contest::contender::{Contender, Sample},
    progress::Progress,
};

/// How far apart the two floors of a round may be, as a share of the higher one.
pub(crate) const FLOORS_APART_MAX: f64 = 0.10;
/// A first measurement of everybody that is not counted, as a share of the others: caches, buffers
/// and allocators are then as they will be.
const WARM_UP_SHARE: f64 = 0.3;

/// How often and how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    /// Of each measurement.
    pub(crate) lasting: Duration,
}

/// One round.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    pub(crate) floors: [Sample; 2],
    /// The contenders, in their order.
    pub(crate) others: Vec<Sample>,
}

impl Round {
    /// What the contenders stand beside: the middle of the floor before and after them.
    pub(crate) fn floor(&self) -> f64 {
        f64::midpoint(self.floors[0].figure, self.floors[1].figure)
    }

    /// How far apart its floors are, as a share of the higher one.
    fn apart(&self) -> f64 {
        let [before, after] = self.floors.map(|floor| floor.steady);
        (before - after).abs() / before.max(after)
    }
}

/// All rounds of a scenario.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rounds {
    pub(crate) kept: Vec<Round>,
    /// How far apart the floors were of those that were thrown away, as a share of the higher one.
    pub(crate) dropped: Vec<f64>,
    /// Units of work that the contenders did in all of them.
    pub(crate) units: u64,
}

impl Rounds {
    pub(crate) fn add(&mut self, round: Round) {
        self.units += round.others.iter().map(|sample| sample.units).sum::<u64>();
        let apart = round.apart();
        if apart <= FLOORS_APART_MAX {
            self.kept.push(round);
        } else {
            self.dropped.push(apart);
        }
    }

    /// The same rounds, judged by their tails.
    pub(crate) fn tails(&self) -> Self {
        let tail = |sample: &Sample| Sample {
            figure: sample.tail,
            ..*sample
        };
        let kept = self.kept.iter().map(|round| Round {
            floors: [tail(&round.floors[0]), tail(&round.floors[1])],
            others: round.others.iter().map(tail).collect(),
        });
        Self {
            kept: kept.collect(),
            // Counted once.
            units: 0,
            ..self.clone()
        }
    }
}

/// Measures everybody in rounds.
pub(crate) fn rounds(
    plan: Plan,
    floor: &mut dyn Contender,
    others: &mut [&mut (dyn Contender + '_)],
    progress: &Progress,
) -> anyhow::Result<Rounds> {
    let warm_up = plan.lasting.mul_f64(WARM_UP_SHARE);
    progress.begin(plan.rounds * (others.len() + 2) + others.len() + 1);
    measure(floor, warm_up, progress)?;
    for other in others.iter_mut() {
        measure(*other, warm_up, progress)?;
    }
    let mut rounds = Rounds::default();
    for _ in 0..plan.rounds {
        let before = measure(floor, plan.lasting, progress)?;
        let mut samples = Vec::with_capacity(others.len());
        for place in 0..others.len() {
            samples.push(measure(others[place], plan.lasting, progress)?);
            for other in others.iter_mut() {
                other.tend().with_context(|| other.label().to_owned())?;
            }
        }
        let after = measure(floor, plan.lasting, progress)?;
        rounds.add(Round {
            floors: [before, after],
            others: samples,
        });
    }
    Ok(rounds)
}

fn measure(
    contender: &mut dyn Contender,
    lasting: Duration,
    progress: &Progress,
) -> anyhow::Result<Sample> {
    progress.next(contender.label());
    contender
        .measure(lasting)
        .with_context(|| contender.label().to_owned())
}
