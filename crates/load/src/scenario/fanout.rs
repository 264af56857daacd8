//! Fan-out: one member of a large group sends, everybody receives.

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::{
    contest::{BACKLOG, Contender, Crowd, FANOUT, Goal, Sample, rounds},
    lab::Lab,
    wire::{Fleet, closed},
};

/// Messages under way in a backlog.
const BACKLOG_IN_FLIGHT: u64 = 64;
/// Messages that the floor of a backlog writes in one call.
const BACKLOG_BATCH: usize = 8;

/// G1: the next message is sent when everybody has the last one, so each is flushed by itself.
pub(crate) fn alone(lab: &mut Lab, members: usize) -> anyhow::Result<()> {
    run(lab, "fanout", FANOUT, members, 1, 1)
}

/// G2: whoever writes once for all that waits is faster here.
pub(crate) fn backlog(lab: &mut Lab, members: usize) -> anyhow::Result<()> {
    let in_flight = BACKLOG_IN_FLIGHT;
    run(lab, "backlog", BACKLOG, members, in_flight, BACKLOG_BATCH)
}

fn run(
    lab: &mut Lab,
    scenario: &str,
    goal: Goal,
    members: usize,
    in_flight: u64,
    batch: usize,
) -> anyhow::Result<()> {
    let room = [members];
    let mut parlor = lab.parlor(&room)?;
    let bytes = frame_bytes(&mut parlor.fleet)?;
    let floor = lab.raw_fanout(members, bytes, batch)?;
    let crowds = std::iter::once(parlor).chain(lab.peers(scenario, &room, |_| Ok(())));
    let mut floor = Closed {
        crowd: floor,
        in_flight,
    };
    let mut all: Vec<Closed> = crowds.map(|crowd| Closed { crowd, in_flight }).collect();
    let mut contenders: Vec<&mut dyn Contender> = all
        .iter_mut()
        .map(|closed| closed as &mut dyn Contender)
        .collect();
    let rounds = rounds(lab.plan, &mut floor, &mut contenders, &lab.progress)?;
    lab.report.judge(scenario, goal, &rounds, &contenders);
    Ok(())
}

/// How long a frame is that a server makes of a message: the floor writes as many bytes.
pub(crate) fn frame_bytes(fleet: &mut Fleet) -> anyhow::Result<usize> {
    fleet.send(0, Instant::now())?;
    fleet.settle()?;
    fleet.frame_bytes(0).context("no message has arrived")
}

/// A crowd with some messages always under way.
struct Closed {
    crowd: Crowd,
    in_flight: u64,
}

impl Contender for Closed {
    fn label(&self) -> &str {
        &self.crowd.label
    }

    fn note(&self) -> &str {
        &self.crowd.note
    }

    fn is_peer(&self) -> bool {
        self.crowd.is_peer()
    }

    fn measure(&mut self, lasting: Duration) -> anyhow::Result<Sample> {
        let in_flight = self.in_flight;
        let (sample, _) = self
            .crowd
            .measure(|fleet| closed(fleet, 0..1, in_flight, lasting))?;
        Ok(sample)
    }

    fn tend(&mut self) -> anyhow::Result<()> {
        self.crowd.fleet.tend()
    }
}
