//! G15: fan-out while some readers do not read at all, beside the same without them.

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use crate::{
    contest::{Contender, Crowd, Host, STALLED, Sample, rounds},
    lab::Lab,
    report::Series,
    scenario::fanout::frame_bytes,
    wire::{Fleet, closed},
};

const NAME: &str = "stalled";
/// One reader in so many has stalled.
const ONE_IN: usize = 100;
/// When memory is weighed it is one in so many: of fewer nothing could be told from noise.
const WEIGHED_ONE_IN: usize = 10;
/// Sent to each stalled reader before anything is measured, in bytes: more than what the kernel holds
/// for it, so that the rest waits in the server.
const FILL_BYTES: usize = 300 * 1024;
/// Messages under way meanwhile.
const FILL_IN_FLIGHT: u64 = 64;

pub(crate) fn run(lab: &mut Lab, members: usize) -> anyhow::Result<()> {
    let mut parlor = lab.parlor(&[members])?;
    let fill = FILL_BYTES.div_ceil(frame_bytes(&mut parlor.fleet)?) as u64;
    let crowd = RefCell::new(parlor);
    let mut healthy = Reading {
        crowd: &crowd,
        deaf: 0,
        fill,
    };
    let mut stalled = Reading {
        crowd: &crowd,
        deaf: members.div_ceil(ONE_IN),
        fill,
    };
    let mut contenders: [&mut dyn Contender; 1] = [&mut stalled];
    let rounds = rounds(lab.plan, &mut healthy, &mut contenders, &lab.progress)?;
    lab.report.judge(NAME, STALLED, &rounds, &contenders);
    lab.progress.say("weighing what stalled readers cost");
    let deaf = members.div_ceil(WEIGHED_ONE_IN);
    let bytes = weigh(&mut crowd.borrow_mut(), deaf, fill)?;
    lab.report.add_series(Series {
        scenario: NAME.to_owned(),
        remark: format!(
            "the server's memory grew by {:.0} KiB for each of {deaf} stalled readers that were sent {} KiB (wanted: at most 64; less than nothing means that it gave back what the load before had taken); what the kernel holds for them is not in it",
            bytes / 1024.0,
            FILL_BYTES / 1024
        ),
        ..Series::default()
    });
    Ok(())
}

/// Memory that each stalled reader costs beyond its connection, in bytes.
fn weigh(crowd: &mut Crowd, deaf: usize, fill: u64) -> anyhow::Result<f64> {
    // The same load without them first, so that what it leaves behind is not taken for theirs.
    send(&mut crowd.fleet, fill)?;
    crowd.fleet.add_deaf(0, deaf)?;
    let before = crowd.process()?.resident_bytes()?;
    send(&mut crowd.fleet, fill)?;
    let after = crowd.process()?.resident_bytes()?;
    crowd.fleet.drop_deaf();
    Ok((after as f64 - before as f64) / deaf as f64)
}

/// Sends so many messages, however long it takes.
fn send(fleet: &mut Fleet, messages: u64) -> anyhow::Result<()> {
    let last = fleet.rooms()[0].sent + messages;
    while fleet.rooms()[0].sent < last {
        while fleet.rooms()[0].under_way() < FILL_IN_FLIGHT && fleet.rooms()[0].sent < last {
            fleet.send(0, Instant::now())?;
        }
        fleet.pump(None)?;
    }
    fleet.settle()
}

/// A group with, or without, members who do not read.
struct Reading<'a> {
    crowd: &'a RefCell<Crowd>,
    deaf: usize,
    /// Messages that fill what the kernel holds for one reader.
    fill: u64,
}

impl Contender for Reading<'_> {
    fn label(&self) -> &str {
        if self.deaf == 0 { "without" } else { "Parlor" }
    }

    fn note(&self) -> &'static str {
        ""
    }

    fn is_peer(&self) -> bool {
        matches!(self.crowd.borrow().host, Host::Peer(_))
    }

    fn measure(&mut self, lasting: Duration) -> anyhow::Result<Sample> {
        let mut crowd = self.crowd.borrow_mut();
        if self.deaf > 0 {
            crowd.fleet.add_deaf(0, self.deaf)?;
            send(&mut crowd.fleet, self.fill)?;
        }
        let (sample, _) = crowd.measure(|fleet| closed(fleet, 0..1, 1, lasting))?;
        crowd.fleet.drop_deaf();
        Ok(sample)
    }

    fn tend(&mut self) -> anyhow::Result<()> {
        self.crowd.borrow_mut().fleet.tend()
    }
}
