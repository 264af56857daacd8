//! G13: everybody comes back and has missed 100 messages.
//!
//! Ten people share a conversation in which 100 messages were said while they were away. Each comes with
//! the cursor from before, and is back when it has read every one of them: the numbers, the texts and
//! their order are checked. The cursor stays, so the next time it has missed the same.
//!
//! The floor is a loop that accepts and writes as many bytes to everybody as Parlor does.

use std::time::Instant;

use crate::{
    adapter::{Visits, clients},
    contest::{Contender, Host, RESUME, judge_both_ends, rounds},
    lab::Lab,
    scenario::{
        reconnect,
        storm::{Figure, Storm},
    },
    server::Measured,
    town::Town,
    wire::{Clients, Fleet, Missed, Parlor, Returning},
};

const NAME: &str = "resume";
/// People who come back, and in a run that is in a hurry.
const CLIENTS: usize = 10_000;
const CLIENTS_QUICK: usize = 1000;
/// Messages that each of them has missed: the most that a page tells without a gap.
const MISSED: u64 = 100;
/// Messages of one writer under way.
const IN_FLIGHT: u64 = 16;

pub(crate) fn run(lab: &mut Lab) -> anyhow::Result<()> {
    let many = lab.clients(CLIENTS, CLIENTS_QUICK);
    lab.machine.ensure_descriptors(many)?;
    let (server, town) = lab.town(many, 1)?;
    let mut clients = clients(&town);
    let address = server.address()?;
    let host = server.host().to_owned();
    lab.progress.say("Parlor: cursors, and what is missed");
    let visit = Returning::new(host.clone(), clients.clone());
    drop(Fleet::open(address, Box::new(visit), &[many])?);
    write(&server, &town)?;
    expect(&clients, &town);
    clients.moves_on = false;
    let visits: Visits = Box::new(move || Box::new(Returning::new(host.clone(), clients.clone())));
    let fleet = Fleet::open(address, visits(), &[many])?;
    let bytes = fleet.received_bytes() as usize / many;
    let mut parlor = Storm {
        label: "Parlor".to_owned(),
        note: format!("{bytes} bytes to each"),
        is_peer: false,
        figure: Figure::MicrosecondsPerClient,
        clients: many,
        visits,
        address,
        fleet: Some(fleet),
        pair: None,
        host: Host::Parlor(server),
    };
    let mut floor = reconnect::floor(lab, many, bytes, Figure::MicrosecondsPerClient)?;
    for peer in lab.peers.clone() {
        let why = "its adapter asks for nothing that was missed";
        lab.report.leave_out(NAME, &peer.name, why);
    }
    let mut contenders: [&mut dyn Contender; 1] = [&mut parlor];
    let rounds = rounds(lab.plan, &mut floor, &mut contenders, &lab.progress)?;
    lab.report
        .judge_by(NAME, RESUME, &rounds, &contenders, judge_both_ends);
    Ok(())
}

/// Says 100 messages in each conversation.
fn write(server: &Measured, town: &Town) -> anyhow::Result<()> {
    let tokens = town.writers.iter().map(|writer| writer.token.clone());
    let talks = town.talks.iter().flatten().copied();
    let protocol = Parlor::new(server.host().to_owned(), tokens.collect(), talks.collect());
    let rooms = vec![1; town.writers.len()];
    let mut fleet = Fleet::open(server.address()?, Box::new(protocol), &rooms)?;
    while fleet.rooms().iter().any(|room| room.sent < MISSED) {
        for room in 0..rooms.len() {
            let writes = |fleet: &Fleet| {
                let room = &fleet.rooms()[room];
                room.sent < MISSED && room.unfinished() < IN_FLIGHT
            };
            while writes(&fleet) {
                fleet.send(room, Instant::now())?;
            }
        }
        fleet.pump(None)?;
    }
    fleet.settle()
}

/// From now on each must hear of them.
fn expect(clients: &Clients, town: &Town) {
    clients.each(|(person, client)| {
        let talk = town.talk_of(person);
        client.missed = talk.map(|talk| Missed::messages(talk, MISSED));
    });
}
