//! G4: how long a lone sender waits for an ack, one message under way. The floor writes one page, syncs
//! it and answers: whatever a server adds to a disk and a round trip shows.

use std::time::Duration;

use crate::{
    contest::{Contender, Crowd, Host, LONE, LONE_TAIL, Sample, rounds},
    lab::Lab,
    raw,
    scenario::fanout::frame_bytes,
    wire::{Fleet, Raw, acknowledged},
};

const NAME: &str = "lone";
const NAME_OF_TAIL: &str = "lone p99";

pub(crate) fn run(lab: &mut Lab) -> anyhow::Result<()> {
    let room = [1];
    let mut parlor = lab.parlor(&room)?;
    let bytes = frame_bytes(&mut parlor.fleet)?;
    let mut floor = Lone {
        crowd: floor(lab, bytes)?,
    };
    let peers = lab.peers(NAME, &room, |peer| {
        peer.persists.then_some(()).ok_or("it stores nothing")
    });
    let crowds = std::iter::once(parlor).chain(peers);
    let mut all: Vec<Lone> = crowds.map(|crowd| Lone { crowd }).collect();
    let mut contenders: Vec<&mut dyn Contender> = all
        .iter_mut()
        .map(|lone| lone as &mut dyn Contender)
        .collect();
    let rounds = rounds(lab.plan, &mut floor, &mut contenders, &lab.progress)?;
    lab.report.judge(NAME, LONE, &rounds, &contenders);
    let tails = rounds.tails();
    lab.report
        .judge(NAME_OF_TAIL, LONE_TAIL, &tails, &contenders);
    Ok(())
}

fn floor(lab: &Lab, bytes: usize) -> anyhow::Result<Crowd> {
    let arguments = format!("disk --bytes {bytes}");
    let floor = raw::start_with_folder(&lab.machine, &arguments, None)?;
    let fleet = Fleet::open(floor.address, Box::new(Raw), &[1])?;
    Ok(Crowd {
        label: "floor".to_owned(),
        note: String::new(),
        fleet,
        host: Host::Floor(floor),
    })
}

/// A crowd of one.
struct Lone {
    crowd: Crowd,
}

impl Contender for Lone {
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
        let load = |fleet: &mut _| acknowledged(fleet, 1, lasting);
        let (sample, taken) = self.crowd.measure(load)?;
        // The floor's answer is its only frame.
        let latencies = match self.crowd.host {
            Host::Floor(_) => taken.latencies,
            _ => taken.ack_latencies,
        };
        let ms = |share| latencies.at(share).unwrap_or_default().as_secs_f64() * 1000.0;
        Ok(Sample {
            figure: ms(0.5),
            steady: ms(0.5),
            tail: ms(0.99),
            ..sample
        })
    }

    fn tend(&mut self) -> anyhow::Result<()> {
        self.crowd.fleet.tend()
    }
}
