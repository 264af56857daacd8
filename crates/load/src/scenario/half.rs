//! G8: how late deliveries are when a server has time. Messages are due at a rate, half of what the
//! server can do, and each counts from when it was due.

use std::time::Duration;

use crate::{
    contest::{Contender, Crowd, HALF, Sample, rounds},
    lab::Lab,
    scenario::fanout::frame_bytes,
    wire::{closed, paced},
};

const NAME: &str = "half";
const SHARE_OF_MAXIMUM: f64 = 0.5;
const PERCENTILE: f64 = 0.99;

pub(crate) fn run(lab: &mut Lab, members: usize) -> anyhow::Result<()> {
    let room = [members];
    let mut parlor = lab.parlor(&room)?;
    let bytes = frame_bytes(&mut parlor.fleet)?;
    let mut floor = lab.raw_fanout(members, bytes, 1)?;
    let peers = lab.peers(NAME, &room, |_| Ok(()));
    // Each has a rate of its own, and so a floor of its own.
    for mut crowd in std::iter::once(parlor).chain(peers) {
        lab.progress.say(&format!("{}: its maximum", crowd.label));
        let lasting = lab.plan.lasting;
        let (maximum, _) = crowd.measure(|fleet| closed(fleet, 0..1, 1, lasting))?;
        let messages_per_second = maximum.figure * SHARE_OF_MAXIMUM / members as f64;
        floor.fleet.tend()?;
        let mut floor = Paced {
            crowd: &mut floor,
            messages_per_second,
        };
        let mut paced = Paced {
            crowd: &mut crowd,
            messages_per_second,
        };
        let mut contenders: [&mut dyn Contender; 1] = [&mut paced];
        let rounds = rounds(lab.plan, &mut floor, &mut contenders, &lab.progress)?;
        lab.report.judge(NAME, HALF, &rounds, &contenders);
    }
    Ok(())
}

/// A crowd whose messages are due at a rate. The figure is a percentile of latencies, in milliseconds.
struct Paced<'a> {
    crowd: &'a mut Crowd,
    messages_per_second: f64,
}

impl Contender for Paced<'_> {
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
        let rate = self.messages_per_second;
        let (sample, taken) = self.crowd.measure(|fleet| paced(fleet, rate, lasting))?;
        let ms = |share| taken.latencies.at(share).unwrap_or_default().as_secs_f64() * 1000.0;
        Ok(Sample {
            figure: ms(PERCENTILE),
            steady: ms(0.5),
            tail: ms(PERCENTILE),
            ..sample
        })
    }

    fn tend(&mut self) -> anyhow::Result<()> {
        self.crowd.fleet.tend()
    }
}
