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
    contest::{Contender, Host, LIVE, RECONNECT, Verdict, judge_both_ends, rounds},
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
    if let Some(verdict) = parlor.pair.as_ref().and_then(|talk| live(&talk.waits)) {
        let who = Who {
            label: &parlor.label,
            note: "two people who stayed, 200 messages a second",
            is_peer: false,
        };
        lab.report.say(NAME_OF_LIVE, LIVE, &who, Ok(verdict));
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

/// What the pair waited in the storms, beside what it waited before them.
fn live(waits: &[(Latencies, Latencies)]) -> Option<Verdict> {
    // The first is that of the warm-up.
    let waits = waits.get(1..)?;
    let ms = |latencies: &Latencies| Some(latencies.at(PERCENTILE)?.as_secs_f64() * 1000.0);
    let (mut before, mut during) = (Latencies::default(), Latencies::default());
    let mut ratios = Vec::new();
    for (calm, storm) in waits {
        ratios.push(ms(storm)? / ms(calm)?);
        before.merge(calm);
        during.merge(storm);
    }
    let spread = Spread::of(ratios)?;
    let (figure, floor) = (ms(&during)?, ms(&before)?);
    // One round has few messages: the middle is that of all of them together.
    let ratio = Spread {
        median: figure / floor,
        ..spread
    };
    Some(Verdict::plain(
        figure,
        floor,
        ratio,
        during.total(),
        waits.len(),
    ))
}
