//! G17: `kill -9` while 64 senders have 8 messages under way each.
//!
//! They come back as soon as the server says that it serves, resume from the cursor they had, and send
//! again whatever has no ack. Then all histories are read: each acked message must stand at the place
//! that its ack named, each message that was sent exactly once, and nothing between them.

use std::{cell::Cell, collections::HashMap, rc::Rc, time::Duration};

use anyhow::{Context, ensure};
use parlor_protocol::{ConversationId, MessagePage};

use crate::{
    contest::{KILL, KILL_LOSSES, Verdict},
    lab::Lab,
    payload::{TEXT_BYTES, number_in},
    report::{Series, Who},
    scenario::sends::{IN_FLIGHT, SENDERS},
    server::{Measured, Person},
    statistics::Spread,
    wire::{Clients, Fleet, Http, Parlor, Reborn, Returning, Unacked, keep_up, top_up},
};

const NAME: &str = "kill";
const NAME_OF_LOSSES: &str = "kill losses";
/// Messages on one page when all are read again: the most that are allowed.
const PAGE: u64 = 200;
/// What a first ack is measured against, in milliseconds.
const SECOND_MS: f64 = 1000.0;

/// What a kill has done.
#[derive(Debug, Default, Clone, Copy)]
struct Killed {
    /// From the start of the new process on.
    first_ack: Duration,
    acked: u64,
    repeated: u64,
    lost: u64,
    doubled: u64,
}

/// One sender with its conversation.
struct Sender {
    person: Person,
    talk: ConversationId,
    /// Messages sent before the kill, and which of them have no ack.
    sent: u64,
    unacked: Vec<u64>,
}

pub(crate) fn run(lab: &mut Lab) -> anyhow::Result<()> {
    let url = lab.database_url.clone();
    let server = Measured::fresh(&lab.machine, url.as_deref());
    let mut server = lab.runtime.block_on(server)?;
    lab.report.name_engine(&server.engine);
    let mut kills = Vec::with_capacity(lab.plan.rounds);
    lab.progress.begin(lab.plan.rounds);
    for _ in 0..lab.plan.rounds {
        lab.progress.next("Parlor");
        kills.push(kill(lab, &mut server)?);
    }
    say(lab, &kills)
}

fn say(lab: &mut Lab, kills: &[Killed]) -> anyhow::Result<()> {
    let sum = |figure: fn(&Killed) -> u64| kills.iter().map(figure).sum::<u64>();
    let acked = sum(|kill| kill.acked);
    let broken = (sum(|kill| kill.lost) + sum(|kill| kill.doubled)) as f64;
    let ms = kills
        .iter()
        .map(|kill| kill.first_ack.as_secs_f64() * 1000.0);
    let ms = Spread::of(ms.collect()).context("nothing was killed")?;
    let ratio = Spread {
        median: ms.median / SECOND_MS,
        least: ms.least / SECOND_MS,
        most: ms.most / SECOND_MS,
    };
    let losses = Spread {
        median: broken,
        least: broken,
        most: broken,
    };
    let who = Who {
        label: "Parlor",
        note: "",
        is_peer: false,
    };
    let rounds = kills.len();
    let first = Verdict::plain(ms.median, SECOND_MS, ratio, acked, rounds);
    lab.report.say(NAME, KILL, &who, Ok(first));
    let lost = Verdict::plain(broken, 1.0, losses, acked, rounds);
    lab.report.say(NAME_OF_LOSSES, KILL_LOSSES, &who, Ok(lost));
    lab.report.verified += acked;
    lab.report.add_series(Series {
        scenario: NAME.to_owned(),
        remark: format!(
            "{rounds} times kill -9: {acked} messages acked before it, {} lost, {} stored twice; {} had no ack and were sent again",
            sum(|kill| kill.lost),
            sum(|kill| kill.doubled),
            sum(|kill| kill.repeated),
        ),
        ..Series::default()
    });
    Ok(())
}

fn kill(lab: &Lab, server: &mut Measured) -> anyhow::Result<Killed> {
    let mut senders = lab.runtime.block_on(arrive(server))?;
    let clients = Clients::new(senders.iter().map(|sender| sender.person.token.clone()));
    let rooms = [1; SENDERS];
    let visit = Returning::new(server.host().to_owned(), clients.clone());
    drop(Fleet::open(server.address()?, Box::new(visit), &[SENDERS])?);

    let tokens = senders.iter().map(|sender| sender.person.token.clone());
    let talks = senders.iter().map(|sender| sender.talk);
    let protocol = Parlor::new(server.host().to_owned(), tokens.collect(), talks.collect());
    let mut fleet = Fleet::open(server.address()?, Box::new(protocol), &rooms)?;
    keep_up(&mut fleet, IN_FLIGHT, lab.plan.lasting)?;
    // What was just sent cannot be stored yet: the kill meets messages under way.
    top_up(&mut fleet, IN_FLIGHT)?;
    let started = server.restart(&lab.machine)?;
    fleet.take_last_words();
    for (sender, room) in senders.iter_mut().zip(fleet.rooms()) {
        sender.sent = room.sent;
        sender.unacked = room.unacked();
    }
    drop(fleet);

    // A window of more than 100 messages is a gap, and then anything is right.
    clients.each(|(_, client)| client.missed = None);
    let unacked = senders.iter().map(|sender| Unacked {
        conversation: sender.talk,
        numbers: sender.unacked.iter().copied().collect(),
    });
    let first_ack = Rc::new(Cell::new(None));
    let visit = Returning::new(server.host().to_owned(), clients.clone());
    let reborn = Reborn::new(visit, unacked.collect(), first_ack.clone());
    let fleet = Fleet::open(server.address()?, Box::new(reborn), &[SENDERS])?;
    let first_ack = first_ack.get().context("nothing was under way")?;
    drop(fleet);

    let mut killed = Killed {
        first_ack: first_ack.saturating_duration_since(started),
        ..Killed::default()
    };
    for sender in &senders {
        killed.add(read(server, sender)?);
    }
    Ok(killed)
}

/// New senders, each in a conversation of its own.
async fn arrive(server: &Measured) -> anyhow::Result<Vec<Sender>> {
    let mut senders = Vec::with_capacity(SENDERS);
    for person in server.people(SENDERS).await? {
        senders.push(Sender {
            talk: server.group(&person, &[]).await?,
            person,
            sent: 0,
            unacked: Vec::new(),
        });
    }
    Ok(senders)
}

/// Reads a sender's whole history and counts what is wrong with it.
fn read(server: &Measured, sender: &Sender) -> anyhow::Result<Killed> {
    let mut http = Http::connect(server.address()?, &sender.person.token)?;
    let mut after = 0;
    let mut places: HashMap<u64, Vec<u64>> = HashMap::new();
    loop {
        let path = format!(
            "/api/v1/conversations/{}/messages?after={after}&limit={PAGE}",
            sender.talk
        );
        let page: MessagePage = serde_json::from_slice(http.get(&path)?)?;
        for message in &page.items {
            let seq = message.seq.cast_unsigned();
            ensure!(seq == after + 1, "seq {seq} follows {after}");
            after = seq;
            let number = number_in(message.content.as_bytes(), TEXT_BYTES)?
                .context("a message without a number")?;
            ensure!(
                message.client_id == Some(number.to_string()),
                "message {number} is another: {message:?}"
            );
            places.entry(number).or_default().push(seq);
        }
        if !page.has_more {
            break;
        }
    }
    Ok(found(sender, &places))
}

/// What is wrong with a history, in which each message stands at these places.
fn found(sender: &Sender, places: &HashMap<u64, Vec<u64>>) -> Killed {
    let repeated = sender.unacked.len() as u64;
    let mut killed = Killed {
        acked: sender.sent - repeated,
        repeated,
        ..Killed::default()
    };
    for number in 1..=sender.sent {
        let at = places.get(&number).map_or(&[][..], Vec::as_slice);
        // What is sent again is acked too by now, so it is as bad where it is missing.
        if !at.contains(&number) {
            killed.lost += 1;
        }
        killed.doubled += at.len().saturating_sub(1) as u64;
    }
    killed
}

impl Killed {
    fn add(&mut self, other: Self) {
        self.acked += other.acked;
        self.repeated += other.repeated;
        self.lost += other.lost;
        self.doubled += other.doubled;
    }
}

#[cfg(test)]
mod tests {
    use parlor_protocol::UserId;

    use super::*;

    #[test]
    fn what_is_lost_and_what_is_double_is_counted() {
        let sender = Sender {
            person: Person {
                user_id: serde_json::from_str::<UserId>("\"ada\"").expect("an id"),
                token: String::new(),
            },
            talk: ConversationId(uuid::Uuid::nil()),
            sent: 4,
            unacked: vec![4],
        };
        let right: HashMap<u64, Vec<u64>> = (1..=4).map(|number| (number, vec![number])).collect();
        let killed = found(&sender, &right);
        assert_eq!((killed.acked, killed.repeated), (3, 1));
        assert_eq!((killed.lost, killed.doubled), (0, 0));
        let mut wrong = right;
        wrong.remove(&2);
        wrong.insert(3, vec![2]);
        wrong.insert(4, vec![4, 5]);
        let killed = found(&sender, &wrong);
        assert_eq!((killed.lost, killed.doubled), (2, 1));
    }
}
