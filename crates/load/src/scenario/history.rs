//! G10: what a long history costs those who read: opening a conversation, a page at any place of it, and
//! the list with what is unread; beside the same with 1,000 messages, on the same server.
//!
//! Each history has two readers: one who has read all of it opens it and turns its pages, one who has read
//! nothing looks at the list. Answers are checked wholly, outside of what is timed.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow, ensure};
use parlor_client::Api;
use parlor_protocol::{Conversation, ConversationId, MessagePage, Page};

use crate::{
    contest::{Contender, HISTORY, Plan, Sample, rounds},
    lab::Lab,
    machine::own_cpu,
    payload::{TEXT_BYTES, number_in},
    server::{Measured, Person},
    statistics::Latencies,
    wire::{Fleet, Http, Parlor},
};

/// Messages of the short history, of the long one, and of the long one in a run that is in a hurry.
const FEW: u64 = 1000;
const MANY: u64 = 1_000_000;
const MANY_QUICK: u64 = 100_000;
/// Messages on one page: what an app shows first.
const PAGE: u64 = 50;
/// Sends under way while a history is written.
const IN_FLIGHT: u64 = 512;
/// A stride through the pages that is prime to any count of them.
const STRIDE: u64 = 7919;
/// The three ways of reading share the time of a measurement.
const SHARE: f64 = 0.5;

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Open,
    Page,
    Unread,
}

pub(crate) fn run(lab: &mut Lab) -> anyhow::Result<()> {
    let many = lab.messages(MANY, MANY_QUICK).max(PAGE);
    lab.progress.say("Parlor: a short history and a long one");
    let url = lab.database_url.clone();
    let server = Measured::fresh(&lab.machine, url.as_deref());
    let server = lab.runtime.block_on(server)?;
    lab.report.name_engine(&server.engine);
    let mut short = History::write(lab, &server, FEW.min(many))?;
    let mut long = History::write(lab, &server, many)?;
    let plan = Plan {
        lasting: lab.plan.lasting.mul_f64(SHARE),
        ..lab.plan
    };
    for reading in [Reading::Open, Reading::Page, Reading::Unread] {
        let mut floor = Reader {
            history: &mut short,
            server: &server,
            reading,
        };
        let mut reader = Reader {
            history: &mut long,
            server: &server,
            reading,
        };
        let mut contenders: [&mut dyn Contender; 1] = [&mut reader];
        let rounds = rounds(plan, &mut floor, &mut contenders, &lab.progress)?;
        lab.report
            .judge(reading.name(), HISTORY, &rounds, &contenders);
    }
    Ok(())
}

impl Reading {
    fn name(self) -> &'static str {
        match self {
            Self::Open => "history open",
            Self::Page => "history page",
            Self::Unread => "history unread",
        }
    }
}

/// A conversation with messages, and those who read it.
struct History {
    note: String,
    talk: ConversationId,
    messages: u64,
    /// Who has read everything.
    reader: Person,
    /// Who has read nothing.
    newcomer: Person,
    /// Pages read so far.
    pages: u64,
}

impl History {
    fn write(lab: &Lab, server: &Measured, messages: u64) -> anyhow::Result<Self> {
        let people = lab.runtime.block_on(server.people(3))?;
        let talk = lab
            .runtime
            .block_on(server.group(&people[0], &people[1..]))?;
        let [writer, reader, newcomer] = <[Person; 3]>::try_from(people)
            .map_err(|people| anyhow!("{} people came", people.len()))?;
        fill(server, &writer, talk, messages)?;
        let api = Api::new(&server.url).with_token(&reader.token);
        lab.runtime
            .block_on(api.mark_read(talk, messages.cast_signed()))?;
        Ok(Self {
            note: format!("{messages} messages beside {FEW}"),
            talk,
            messages,
            reader,
            newcomer,
            pages: 0,
        })
    }

    /// Who reads like this.
    fn person(&self, reading: Reading) -> &Person {
        match reading {
            Reading::Open | Reading::Page => &self.reader,
            Reading::Unread => &self.newcomer,
        }
    }

    /// Reads once. How long the server took.
    fn read(&mut self, http: &mut Http, reading: Reading) -> anyhow::Result<Duration> {
        match reading {
            Reading::Open => self.open(http),
            Reading::Page => self.page(http),
            Reading::Unread => self.unread(http),
        }
    }

    /// The conversation and its newest messages, one after the other.
    fn open(&self, http: &mut Http) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        let path = format!("/api/v1/conversations/{}", self.talk);
        let found = http.get(&path)?;
        let mut took = begun.elapsed();
        let found: Conversation = serde_json::from_slice(found)?;
        ensure!(
            found.summary.last_seq == self.messages.cast_signed() && found.unread_count == 0,
            "another conversation: {found:?}"
        );
        let begun = Instant::now();
        let path = format!("{path}/messages?limit={PAGE}");
        let found = http.get(&path)?;
        took += begun.elapsed();
        check(found, self.messages - PAGE)?;
        Ok(took)
    }

    /// A page at the next place of a walk through all of them, in no order.
    fn page(&mut self, http: &mut Http) -> anyhow::Result<Duration> {
        self.pages += 1;
        let after = self.pages.wrapping_mul(STRIDE) % (self.messages - PAGE + 1);
        let path = format!(
            "/api/v1/conversations/{}/messages?after={after}&limit={PAGE}",
            self.talk
        );
        let begun = Instant::now();
        let found = http.get(&path)?;
        let took = begun.elapsed();
        check(found, after)?;
        Ok(took)
    }

    fn unread(&self, http: &mut Http) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        let found = http.get("/api/v1/conversations")?;
        let took = begun.elapsed();
        let found: Page<Conversation> = serde_json::from_slice(found)?;
        let unread = found.items.first().context("no conversation")?.unread_count;
        ensure!(
            unread == self.messages.cast_signed(),
            "{unread} of {} messages are unread",
            self.messages
        );
        Ok(took)
    }
}

/// Sends so many messages, one after the other.
fn fill(
    server: &Measured,
    writer: &Person,
    talk: ConversationId,
    messages: u64,
) -> anyhow::Result<()> {
    let address: SocketAddr = server.address()?;
    let host = server.host().to_owned();
    let protocol = Parlor::new(host, vec![writer.token.clone()], vec![talk]);
    let mut fleet = Fleet::open(address, Box::new(protocol), &[1])?;
    while fleet.rooms()[0].sent < messages {
        let writes = |fleet: &Fleet| {
            let room = &fleet.rooms()[0];
            room.sent < messages && room.unfinished() < IN_FLIGHT
        };
        while writes(&fleet) {
            fleet.send(0, Instant::now())?;
        }
        fleet.pump(None)?;
    }
    fleet.settle()
}

/// A page must hold the messages just after this one, each with its text.
fn check(page: &[u8], after: u64) -> anyhow::Result<()> {
    let mut page: MessagePage = serde_json::from_slice(page)?;
    page.items.sort_unstable_by_key(|message| message.seq);
    ensure!(
        page.items.len() as u64 == PAGE,
        "{} messages on a page",
        page.items.len()
    );
    for (message, seq) in page.items.iter().zip(after + 1..) {
        let number = number_in(message.content.as_bytes(), TEXT_BYTES)?;
        ensure!(
            message.seq == seq.cast_signed() && number == Some(seq),
            "in place of message {seq}: {message:?}"
        );
    }
    Ok(())
}

/// Someone who reads again and again. The figure is the 99th percentile in milliseconds.
struct Reader<'a> {
    history: &'a mut History,
    server: &'a Measured,
    reading: Reading,
}

impl Contender for Reader<'_> {
    fn label(&self) -> &'static str {
        "Parlor"
    }

    fn note(&self) -> &str {
        &self.history.note
    }

    fn is_peer(&self) -> bool {
        false
    }

    fn measure(&mut self, lasting: Duration) -> anyhow::Result<Sample> {
        let process = self.server.process()?;
        let token = &self.history.person(self.reading).token;
        // A new connection: the last one may have been closed while others were measured.
        let mut http = Http::connect(self.server.address()?, token)?;
        let (begun, cpu, own) = (Instant::now(), process.cpu()?, own_cpu());
        let mut latencies = Latencies::default();
        while begun.elapsed() < lasting {
            latencies.record(self.history.read(&mut http, self.reading)?);
        }
        let ms = |share| latencies.at(share).unwrap_or_default().as_secs_f64() * 1000.0;
        Ok(Sample {
            figure: ms(0.99),
            steady: ms(0.5),
            tail: ms(0.99),
            units: latencies.total(),
            took: begun.elapsed(),
            server_cpu: process.cpu()?.saturating_sub(cpu),
            own_cpu: own_cpu().saturating_sub(own),
        })
    }

    fn tend(&mut self) -> anyhow::Result<()> {
        Ok(())
    }
}
