//! G12 and G14: everybody who was live comes back at once.
//!
//! A client is back when it is authorised and has read what it has missed; here that is nothing. It comes
//! with its token and its cursor in the handshake. As many are on their way at once as a server's
//! queue holds, so the server always has somebody to let in.
//!
//! The floor is a loop that accepts and says two bytes. There the connecting side is the busier one, so
//! it is what both ends of the machine can do together.
//!
//! Meanwhile two people who have stayed talk. What they wait counts from when each message was due, while
//! everybody leaves, the server takes notice, and everybody comes.

use crate::{
    adapter::{self, Visits, clients},
    contest::{
        Contender, FLOORS_APART_MAX, Host, LIVE, RECONNECT, ROUNDS_MIN, Refusal, Verdict,
        judge_both_ends, rounds,
    },
    lab::Lab,
    peer::Peer,
    raw,
    report::Who,
    scenario::{
        idle::CONVERSATIONS,
        pair::Pair,
        storm::{Figure, Storm, Talk},
    },
    statistics::{Latencies, Spread},
    wire::{Greeted, Returning},
};

const NAME: &str = "reconnect";
const NAME_OF_LIVE: &str = "reconnect live";
/// People who come back, and in a run that is in a hurry.
const CLIENTS: usize = 10_000;
const CLIENTS_QUICK: usize = 2000;
const PERCENTILE: f64 = 0.99;

pub(crate) fn run(lab: &mut Lab) -> anyhow::Result<()> {
    let many = lab.clients(CLIENTS, CLIENTS_QUICK);
    lab.machine.ensure_descriptors(many)?;
    let mut parlor = parlor(lab, many, 1)?;
    parlor.pair = Some(pair(lab, &parlor)?);
    let mut in_many = Storm {
        label: format!("Parlor, {CONVERSATIONS} conversations each"),
        is_peer: true,
        ..self::parlor(lab, many, CONVERSATIONS)?
    };
    let mut floor = floor(lab, many, 0, Figure::ClientsPerSecond)?;
    let mut peers = peers(lab, many);
    let mut contenders: Vec<&mut dyn Contender> = vec![&mut parlor, &mut in_many];
    contenders.extend(peers.iter_mut().map(|storm| storm as &mut dyn Contender));
    let rounds = rounds(lab.plan, &mut floor, &mut contenders, &lab.progress)?;
    lab.report
        .judge_by(NAME, RECONNECT, &rounds, &contenders, judge_both_ends);
    drop(contenders);
    if let Some(talk) = &parlor.pair {
        let who = Who {
            label: &parlor.label,
            note: "two people who stayed, 200 messages a second",
            is_peer: false,
        };
        lab.report.say(NAME_OF_LIVE, LIVE, &who, live(&talk.waits));
    }
    Ok(())
}

/// A Parlor with people in so many conversations each, who have been there once.
fn parlor(lab: &mut Lab, many: usize, conversations: usize) -> anyhow::Result<Storm> {
    let (server, town) = lab.town(many, conversations)?;
    let (host, clients) = (server.host().to_owned(), clients(&town));
    let visits: Visits = Box::new(move || Box::new(Returning::new(host.clone(), clients.clone())));
    Ok(Storm {
        label: "Parlor".to_owned(),
        note: String::new(),
        is_peer: false,
        figure: Figure::ClientsPerSecond,
        clients: many,
        visits,
        address: server.address()?,
        fleet: None,
        pair: None,
        host: Host::Parlor(server),
    })
}

/// Two people on the same server who stay.
fn pair(lab: &Lab, storm: &Storm) -> anyhow::Result<Talk> {
    let Host::Parlor(server) = &storm.host else {
        anyhow::bail!("nobody else's people stay");
    };
    let protocol = lab.runtime.block_on(adapter::parlor(server, &[2]))?;
    Ok(Talk::new(Pair::connect(storm.address, protocol)?))
}

/// The raw accept loop, which says so many bytes to everybody.
pub(crate) fn floor(lab: &Lab, many: usize, bytes: usize, figure: Figure) -> anyhow::Result<Storm> {
    let arguments = format!("accept --clients {many} --bytes {bytes}");
    let floor = raw::start(&lab.machine, &arguments)?;
    Ok(Storm {
        label: "floor".to_owned(),
        note: String::new(),
        is_peer: false,
        figure,
        clients: many,
        visits: Box::new(|| Box::new(Greeted::ByServer)),
        address: floor.address,
        fleet: None,
        pair: None,
        host: Host::Floor(floor),
    })
}

/// Other people's servers: connect, authenticate, join one room.
fn peers(lab: &mut Lab, many: usize) -> Vec<Storm> {
    let mut storms = Vec::new();
    for peer in lab.peers.clone() {
        lab.progress.say(&format!("{}: connections", peer.name));
        match other(lab, &peer, many) {
            Ok(storm) => storms.push(storm),
            Err(error) => lab
                .report
                .leave_out(NAME, &peer.name, &format!("{error:#}")),
        }
    }
    storms
}

fn other(lab: &Lab, peer: &Peer, many: usize) -> anyhow::Result<Storm> {
    let adapter = adapter::named(&peer.protocol)?;
    let server = peer.start(&lab.machine, &adapter.environment())?;
    let mut storm = Storm {
        label: peer.name.clone(),
        note: peer.note(),
        is_peer: true,
        figure: Figure::ClientsPerSecond,
        clients: many,
        visits: adapter.visits(server.address, many, 1)?,
        address: server.address,
        fleet: None,
        pair: None,
        host: Host::Peer(server),
    };
    // Who cannot take everybody shows it now.
    storm.first_visit()?;
    Ok(storm)
}

/// What the pair waited in the storms, beside what it waited before them. Rounds whose calm was not like
/// that of the others say nothing.
fn live(waits: &[(Latencies, Latencies)]) -> Result<Verdict, Refusal> {
    // The first is that of the warm-up.
    let waits = waits.get(1..).unwrap_or_default();
    let ms = |latencies: &Latencies, share| {
        let at = latencies.at(share).unwrap_or_default();
        at.as_secs_f64() * 1000.0
    };
    let calms: Vec<f64> = waits.iter().map(|(calm, _)| ms(calm, 0.5)).collect();
    let usual = Spread::of(calms.clone()).map_or(0.0, |spread| spread.median);
    let apart = |calm: &f64| (calm - usual).abs() / usual.max(*calm);
    let steady: Vec<_> = waits
        .iter()
        .zip(&calms)
        .filter(|(_, calm)| apart(calm) <= FLOORS_APART_MAX)
        .map(|(waits, _)| waits)
        .collect();
    let wild = calms
        .iter()
        .map(apart)
        .filter(|apart| *apart > FLOORS_APART_MAX);
    let (mut before, mut during) = (Latencies::default(), Latencies::default());
    let mut ratios = Vec::new();
    for (calm, storm) in &steady {
        ratios.push(ms(storm, PERCENTILE) / ms(calm, PERCENTILE));
        before.merge(calm);
        during.merge(storm);
    }
    let disagree = Refusal::floors_disagree(steady.len(), wild);
    let spread = Spread::of(ratios).filter(|_| steady.len() >= ROUNDS_MIN);
    let spread = spread.ok_or(disagree)?;
    let (figure, floor) = (ms(&during, PERCENTILE), ms(&before, PERCENTILE));
    // One round has few messages: the middle is that of all of them together.
    let ratio = Spread {
        median: figure / floor,
        ..spread
    };
    Ok(Verdict::plain(
        figure,
        floor,
        ratio,
        during.total(),
        steady.len(),
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn waits(calm_ms: u64, storm_ms: u64) -> (Latencies, Latencies) {
        let of = |ms| {
            let mut latencies = Latencies::default();
            latencies.record(Duration::from_millis(ms));
            latencies
        };
        (of(calm_ms), of(storm_ms))
    }

    #[test]
    fn a_calm_unlike_the_others_says_nothing() {
        let warm_up = waits(50, 50);
        let rounds =
            [(10, 20), (10, 20), (30, 300), (10, 20)].map(|(calm, storm)| waits(calm, storm));
        let all: Vec<_> = std::iter::once(warm_up).chain(rounds).collect();
        let verdict = live(&all).expect("three are steady");
        assert_eq!(verdict.rounds_kept, 3);
        assert!((verdict.ratio.median - 2.0).abs() < 0.1, "{verdict:?}");
        assert!(live(&all[..4]).is_err(), "two are steady");
    }
}
