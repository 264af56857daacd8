//! G5 and G7: what a connection costs that does nothing, its user in 20 conversations.
//!
//! Memory is a slope: between some connections and three times as many, in a process that is new for
//! each measurement. What the first ones cost everyone falls out, and so does what signing up has left.
//! What a database keeps in memory of its own pages is no matter of connections and has a bound: it is
//! filled before, by a few people of each circle who come and go until it grows no more.
//!
//! Parlor and the floor run with small pages: an allocator that asks for huge ones makes memory grow in
//! steps of two MiB, which is more than the floor needs for two thousand connections.
//!
//! Processor time is counted from when all are connected until the server has pinged each of them once
//! and all pings are answered: a heartbeat is 25 s, spread by a fifth, so that takes half a minute. It is
//! counted in nanoseconds by the scheduler; the ticks of a process would be as long as all of it.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use parlor_protocol::limits::{HEARTBEAT_JITTER_PERCENT, HEARTBEAT_MS};

use crate::{
    adapter::{self, clients},
    contest::{Contender, IDLE, IDLE_CPU, Sample, Verdict, rounds},
    lab::Lab,
    machine::{Machine, own_cpu},
    peer::Peer,
    process::{Running, spent},
    raw,
    report::Who,
    server::Measured,
    statistics::Spread,
    town::CIRCLE,
    wire::{Clients, Fleet, Greeted, Returning},
};

const NAME: &str = "idle";
const NAME_OF_CPU: &str = "idle cpu";
/// Conversations of each user.
pub(crate) const CONVERSATIONS: usize = 20;
/// Connections at the larger of the two sizes, and of a run that is in a hurry.
const CLIENTS: usize = 9000;
const CLIENTS_QUICK: usize = 3000;
/// The larger size is so many times the smaller one.
const GROWTH: usize = 3;
/// People who come and go at once while a server's caches fill.
const WARMING_AT_ONCE: usize = 50;
/// Caches are full when so many passes in a row add no more than this, in bytes; passes at most.
const WARMING_QUIET: usize = 3;
const WARMING_BYTES: u64 = 256 * 1024;
const WARMING_PASSES_MAX: usize = 60;
/// Small pages, by the allocator's own setting.
const SMALL_PAGES: [(&str, &str); 1] = [("MIMALLOC_ALLOW_THP", "0")];
/// How long a server may tidy up before it is weighed.
const TIDYING: Duration = Duration::from_millis(200);

pub(crate) fn run(lab: &mut Lab) -> anyhow::Result<()> {
    let many = lab.clients(CLIENTS, CLIENTS_QUICK).max(GROWTH);
    lab.machine.ensure_descriptors(many)?;
    let mut parlor = OwnParlor::new(lab, many)?;
    let mut floor = Echo {
        machine: lab.machine.clone(),
        many,
    };
    let mut peers = peers(lab, many);
    let mut contenders: Vec<&mut dyn Contender> = vec![&mut parlor];
    contenders.extend(peers.iter_mut().map(|peer| peer as &mut dyn Contender));
    let rounds = rounds(lab.plan, &mut floor, &mut contenders, &lab.progress)?;
    lab.report.judge(NAME, IDLE, &rounds, &contenders);
    drop(contenders);
    lab.progress.say("Parlor: a heartbeat of everybody");
    let verdict = parlor.heartbeat()?;
    let who = Who {
        label: &parlor.label,
        note: "processor time of half a minute: noisy with few connections",
        is_peer: false,
    };
    lab.report.say(NAME_OF_CPU, IDLE_CPU, &who, Ok(verdict));
    Ok(())
}

/// Connects everybody and weighs the server at both sizes. The figure is KiB a connection.
fn weigh(
    process: &Running,
    many: usize,
    open: impl FnOnce(usize) -> anyhow::Result<Fleet>,
) -> anyhow::Result<(Sample, Fleet)> {
    let few = many / GROWTH;
    let (begun, cpu, own) = (Instant::now(), process.cpu()?, own_cpu());
    let mut fleet = open(few)?;
    let before = settled_bytes(process, &mut fleet)?;
    fleet.add(0, many - few)?;
    let after = settled_bytes(process, &mut fleet)?;
    let kib = (after as f64 - before as f64) / (many - few) as f64 / 1024.0;
    ensure!(kib > 0.0, "{many} connections weigh no more than {few}");
    let sample = Sample {
        figure: kib,
        steady: kib,
        tail: kib,
        units: many as u64,
        took: begun.elapsed(),
        server_cpu: process.cpu()?.saturating_sub(cpu),
        own_cpu: own_cpu().saturating_sub(own),
    };
    Ok((sample, fleet))
}

fn settled_bytes(process: &Running, fleet: &mut Fleet) -> anyhow::Result<u64> {
    fleet.rest(TIDYING)?;
    process.until_idle()?;
    process.resident_bytes()
}

/// The floor: a task for each connection, and nothing else.
struct Echo {
    machine: Machine,
    many: usize,
}

impl Contender for Echo {
    fn label(&self) -> &'static str {
        "floor"
    }

    fn note(&self) -> &'static str {
        ""
    }

    fn is_peer(&self) -> bool {
        false
    }

    fn measure(&mut self, _lasting: Duration) -> anyhow::Result<Sample> {
        let floor = raw::start_with(&self.machine, "echo", &SMALL_PAGES)?;
        let open = |few| Fleet::open(floor.address, Box::new(Greeted::ByEcho), &[few]);
        Ok(weigh(&floor.process, self.many, open)?.0)
    }

    fn tend(&mut self) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Parlor with a town, started anew for each measurement.
struct OwnParlor {
    label: String,
    machine: Machine,
    // Connections end before their server.
    fleet: Option<Fleet>,
    server: Measured,
    clients: Clients,
    many: usize,
}

impl OwnParlor {
    fn new(lab: &mut Lab, many: usize) -> anyhow::Result<Self> {
        let (mut server, town) = lab.town(many, CONVERSATIONS)?;
        server.surround_with(&SMALL_PAGES);
        Ok(Self {
            label: "Parlor".to_owned(),
            machine: lab.machine.clone(),
            fleet: None,
            clients: clients(&town),
            server,
            many,
        })
    }

    fn connect(&mut self) -> anyhow::Result<Sample> {
        self.fleet = None;
        self.server.restart(&self.machine)?;
        // Nobody resumes: a cursor would be one more thing to read.
        self.clients.each(|(_, client)| client.cursor = None);
        self.warm()?;
        let address = self.server.address()?;
        let visit = Returning::new(self.server.host().to_owned(), self.clients.clone());
        let open = |few| Fleet::open(address, Box::new(visit), &[few]);
        let (sample, fleet) = weigh(self.server.process()?, self.many, open)?;
        self.fleet = Some(fleet);
        Ok(sample)
    }

    /// Fills the caches of the server's database: each pass is by others, and so at other places.
    fn warm(&self) -> anyhow::Result<()> {
        let process = self.server.process()?;
        let mut before = process.resident_bytes()?;
        let mut quiet = 0;
        for pass in 0..WARMING_PASSES_MAX {
            self.visit_by_some(pass % CIRCLE)?;
            let after = process.resident_bytes()?;
            quiet = if after <= before + WARMING_BYTES {
                quiet + 1
            } else {
                0
            };
            if quiet == WARMING_QUIET {
                break;
            }
            before = after;
        }
        Ok(())
    }

    /// One person of each circle comes and goes.
    fn visit_by_some(&self, seat: usize) -> anyhow::Result<()> {
        let mut tokens = Vec::new();
        self.clients.each(|(person, client)| {
            if person % CIRCLE == seat {
                tokens.push(client.token.clone());
            }
        });
        for some in tokens.chunks(WARMING_AT_ONCE) {
            let clients = Clients::new(some.iter().cloned());
            let visit = Returning::new(self.server.host().to_owned(), clients);
            let address = self.server.address()?;
            drop(Fleet::open(address, Box::new(visit), &[some.len()])?);
        }
        Ok(())
    }

    /// What a heartbeat of everybody costs, as µs a second of each connection.
    fn heartbeat(&mut self) -> anyhow::Result<Verdict> {
        self.connect()?;
        let process = self.server.process()?;
        let fleet = self.fleet.as_mut().context("nobody is connected")?;
        let heartbeat = Duration::from_millis(HEARTBEAT_MS);
        let longest = heartbeat.mul_f64(1.1 + HEARTBEAT_JITTER_PERCENT as f64 / 100.0);
        let (begun, cpu, pings) = (Instant::now(), process.thread_cpu()?, self.clients.pings());
        while self.clients.pings() - pings < self.many as u64 {
            ensure!(
                begun.elapsed() < longest,
                "{} of {} connections were pinged within {longest:?}",
                self.clients.pings() - pings,
                self.many
            );
            fleet.rest(TIDYING)?;
        }
        let spent = spent(&cpu, &process.thread_cpu()?);
        let us = spent.as_secs_f64() * 1e6 / self.many as f64 / heartbeat.as_secs_f64();
        let ratio = Spread {
            median: us,
            least: us,
            most: us,
        };
        Ok(Verdict::plain(us, 1.0, ratio, self.many as u64, 1))
    }
}

impl Contender for OwnParlor {
    fn label(&self) -> &str {
        &self.label
    }

    fn note(&self) -> &'static str {
        ""
    }

    fn is_peer(&self) -> bool {
        false
    }

    fn measure(&mut self, _lasting: Duration) -> anyhow::Result<Sample> {
        let sample = self.connect();
        self.fleet = None;
        sample
    }

    fn tend(&mut self) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Somebody else's server, started anew for each measurement.
struct OtherServer {
    peer: Peer,
    note: String,
    machine: Machine,
    many: usize,
}

fn peers(lab: &mut Lab, many: usize) -> Vec<OtherServer> {
    let mut peers = Vec::new();
    for peer in lab.peers.clone() {
        match takes_part(&peer) {
            Ok(()) => peers.push(OtherServer {
                note: peer.note(),
                peer,
                machine: lab.machine.clone(),
                many,
            }),
            Err(why) => lab.report.leave_out(NAME, &peer.name, why),
        }
    }
    peers
}

fn takes_part(peer: &Peer) -> Result<(), &'static str> {
    match peer.protocol.as_str() {
        "xmpp" => Err("it lets some 600 people a second into a room: 20 rooms each take minutes"),
        "parlor" => Err("its people would be lost with each measurement"),
        _ => Ok(()),
    }
}

impl Contender for OtherServer {
    fn label(&self) -> &str {
        &self.peer.name
    }

    fn note(&self) -> &str {
        &self.note
    }

    fn is_peer(&self) -> bool {
        true
    }

    fn measure(&mut self, _lasting: Duration) -> anyhow::Result<Sample> {
        let adapter = adapter::named(&self.peer.protocol)?;
        let server = self.peer.start(&self.machine, &adapter.environment())?;
        let visits = adapter.visits(server.address, self.many, CONVERSATIONS)?;
        let open = |few| Fleet::open(server.address, visits(), &[few]);
        Ok(weigh(&server.process, self.many, open)?.0)
    }

    fn tend(&mut self) -> anyhow::Result<()> {
        Ok(())
    }
}
