//! G3: durable acknowledged sends. 64 senders with 8 messages under way, each in a conversation of its
//! own that one socket listens to: socket in, on disk, an ack and one delivery. Every ack is checked
//! for its place, every delivery for its place and its bytes.
//!
//! The floor commits the same rows, 128 at a time, and does nothing else: it knows all of them
//! beforehand and answers nobody. On PostgreSQL it writes into the same tables; what the database
//! itself spends is counted for neither.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use crate::{
    contest::{Contender, Crowd, Goal, SENDS, SENDS_POSTGRES, Sample, rounds},
    lab::Lab,
    raw::{
        self, Floor,
        commits::{Answer, Question},
    },
    wire::acknowledged,
};

const NAME: &str = "sends";
/// Senders at once, each in a conversation of its own.
pub(crate) const SENDERS: usize = 64;
/// Messages of one sender under way.
pub(crate) const IN_FLIGHT: u64 = 8;
/// Rows that the floor commits at once.
const BATCH: usize = 128;

pub(crate) fn run(lab: &mut Lab) -> anyhow::Result<()> {
    let rooms = [1; SENDERS];
    let parlor = lab.parlor(&rooms)?;
    let mut floor = Commits::start(lab)?;
    let peers = lab.peers(NAME, &rooms, |peer| {
        peer.persists.then_some(()).ok_or("it stores nothing")
    });
    let crowds = std::iter::once(parlor).chain(peers);
    let mut all: Vec<Senders> = crowds.map(|crowd| Senders { crowd }).collect();
    let mut contenders: Vec<&mut dyn Contender> = all
        .iter_mut()
        .map(|senders| senders as &mut dyn Contender)
        .collect();
    let rounds = rounds(lab.plan, &mut floor, &mut contenders, &lab.progress)?;
    lab.report.judge(NAME, goal(lab), &rounds, &contenders);
    Ok(())
}

fn goal(lab: &Lab) -> Goal {
    match lab.database_url {
        Some(_) => SENDS_POSTGRES,
        None => SENDS,
    }
}

/// A crowd of senders.
struct Senders {
    crowd: Crowd,
}

impl Contender for Senders {
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
        // A room has one listener: messages, deliveries and acks are as many.
        let load = |fleet: &mut _| acknowledged(fleet, IN_FLIGHT, lasting);
        Ok(self.crowd.measure(load)?.0)
    }

    fn tend(&mut self) -> anyhow::Result<()> {
        self.crowd.fleet.tend()
    }
}

/// The floor: a process that commits when it is asked to.
struct Commits {
    floor: Floor,
    socket: TcpStream,
}

impl Commits {
    fn start(lab: &Lab) -> anyhow::Result<Self> {
        lab.progress.say("floor: its database");
        let arguments = format!("commits --conversations {SENDERS} --batch {BATCH}");
        let url = lab.database_url.as_deref();
        let floor = raw::start_with_folder(&lab.machine, &arguments, url)?;
        let socket = TcpStream::connect(floor.address)?;
        Ok(Self { floor, socket })
    }
}

impl Contender for Commits {
    fn label(&self) -> &'static str {
        "floor"
    }

    fn note(&self) -> &'static str {
        ""
    }

    fn is_peer(&self) -> bool {
        false
    }

    fn measure(&mut self, lasting: Duration) -> anyhow::Result<Sample> {
        let before = self.floor.process.cpu()?;
        let question: Question = (lasting.as_millis() as u64).max(1).to_be_bytes();
        self.socket.write_all(&question)?;
        let mut answer = Answer::default();
        self.socket.read_exact(&mut answer)?;
        let ([rows, nanos], _) = answer.as_chunks::<8>() else {
            anyhow::bail!("half an answer");
        };
        let rows = u64::from_be_bytes(*rows);
        let took = Duration::from_nanos(u64::from_be_bytes(*nanos)).max(Duration::from_nanos(1));
        let rate = rows as f64 / took.as_secs_f64();
        Ok(Sample {
            figure: rate,
            steady: rate,
            tail: rate,
            units: rows,
            took,
            server_cpu: self.floor.process.cpu()?.saturating_sub(before),
            own_cpu: Duration::ZERO,
        })
    }

    fn tend(&mut self) -> anyhow::Result<()> {
        Ok(())
    }
}
