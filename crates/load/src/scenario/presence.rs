//! G11: what people are sent while all of them come online within a second.
//!
//! A server that tells everybody of everybody sends N² words. Parlor tells tick by tick, and in no group of more than
//! 200 of anybody who was not asked for. So there are two ways to be many, and the
//! worse slope counts: more and more groups of one size, and one group that is larger and larger beyond that
//! bound. Up to it the words of one group do grow with its square; that is measured too, and stands in
//! the plot. What is counted is all that the server sends from the first handshake until it has been silent
//! for a while.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use parlor_protocol::limits::BIG_ROOM_MEMBERS;

use crate::{
    adapter,
    contest::{PRESENCE, Verdict},
    lab::Lab,
    report::{Line, Series, Who},
    server::Measured,
    statistics::{Spread, log_slope},
    wire::Fleet,
};

const NAME: &str = "presence";
/// Groups of how many members each, and how many groups.
const ROOM: usize = 100;
const ROOMS: [usize; 3] = [1, 3, 10];
/// Members of one group in which each hears of each.
const SMALL: [usize; 3] = [50, 100, BIG_ROOM_MEMBERS];
/// Members of one group that is big.
const BIG: [usize; 3] = [300, 600, 1000];
/// All come within this time, and it is listened for this long afterwards: longer than a tick of news.
const COMING_MAX: Duration = Duration::from_secs(1);
const LISTENING: Duration = Duration::from_millis(1500);

pub(crate) fn run(lab: &mut Lab) -> anyhow::Result<()> {
    lab.machine.ensure_descriptors(BIG[BIG.len() - 1])?;
    let url = lab.database_url.clone();
    let server = Measured::fresh(&lab.machine, url.as_deref());
    let server = lab.runtime.block_on(server)?;
    lab.report.name_engine(&server.engine);
    lab.progress.begin(ROOMS.len() + SMALL.len() + BIG.len());
    let in_rooms = ROOMS.map(|rooms| vec![ROOM; rooms]);
    let lines = [
        measure(lab, &server, "groups of 100", &in_rooms)?,
        measure(lab, &server, "one small group", &SMALL.map(|n| vec![n]))?,
        measure(lab, &server, "one big group", &BIG.map(|n| vec![n]))?,
    ];
    let slopes: Vec<f64> = lines
        .iter()
        .map(|line| log_slope(&line.points).context("one size has no slope"))
        .collect::<anyhow::Result<_>>()?;
    let people = lines.iter().flat_map(|line| &line.points);
    let people = people.map(|(people, _)| *people as u64).sum();
    let ratio = Spread {
        median: slopes[0].max(slopes[2]),
        least: slopes[0].min(slopes[2]),
        most: slopes[0].max(slopes[2]),
    };
    let each: Vec<String> = lines.iter().zip(&slopes).map(described).collect();
    lab.report.add_series(Series {
        scenario: NAME.to_owned(),
        title: "What people are sent while they come online".to_owned(),
        x: "people".to_owned(),
        y: "bytes".to_owned(),
        lines: lines.into(),
        remark: format!("bytes to each of so many people: {}", each.join("; ")),
    });
    let who = Who {
        label: "Parlor",
        note: "the worse of two slopes: more groups of 100, a larger big group",
        is_peer: false,
    };
    let verdict = Verdict::plain(ratio.median, 1.0, ratio, people, 1);
    lab.report.say(NAME, PRESENCE, &who, Ok(verdict));
    Ok(())
}

fn described((line, slope): (&Line, &f64)) -> String {
    let each = line.points.iter();
    let each: Vec<String> = each
        .map(|(people, bytes)| format!("{people}: {:.0}", bytes / people))
        .collect();
    format!("{} {} (slope {slope:.2})", line.label, each.join(", "))
}

fn measure(
    lab: &mut Lab,
    server: &Measured,
    label: &str,
    sizes: &[Vec<usize>],
) -> anyhow::Result<Line> {
    let mut points = Vec::with_capacity(sizes.len());
    for rooms in sizes {
        let people: usize = rooms.iter().sum();
        lab.progress.next(&format!("{label}: {people} people"));
        let bytes = come_online(lab, server, rooms)?;
        points.push((people as f64, bytes as f64));
    }
    Ok(Line {
        label: label.to_owned(),
        points,
    })
}

/// What the members of new groups are sent, in bytes.
fn come_online(lab: &Lab, server: &Measured, rooms: &[usize]) -> anyhow::Result<u64> {
    let protocol = lab.runtime.block_on(adapter::parlor(server, rooms))?;
    let begun = Instant::now();
    let mut fleet = Fleet::open(server.address()?, Box::new(protocol), rooms)?;
    let took = begun.elapsed();
    ensure!(
        took <= COMING_MAX,
        "{} people took {took:?} to come",
        rooms.iter().sum::<usize>()
    );
    fleet.rest(LISTENING)?;
    Ok(fleet.received_bytes())
}
