//! G11: what a group's members are sent while all of them come online within a second.
//!
//! A server that tells everybody of everybody sends N² words. There is no presence event yet; what is
//! counted is all that the server sends from the first handshake until it has been silent for a while,
//! and so it will hold what presence costs when there is one.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

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
/// Members of the groups.
const SIZES: [usize; 3] = [100, 300, 1000];
/// All come within this time, and it is listened for this long afterwards: longer than a tick of news.
const COMING_MAX: Duration = Duration::from_secs(1);
const LISTENING: Duration = Duration::from_millis(1500);

pub(crate) fn run(lab: &mut Lab) -> anyhow::Result<()> {
    lab.machine.ensure_descriptors(SIZES[SIZES.len() - 1])?;
    let url = lab.database_url.clone();
    let server = Measured::fresh(&lab.machine, url.as_deref());
    let server = lab.runtime.block_on(server)?;
    lab.report.name_engine(&server.engine);
    let mut points = Vec::with_capacity(SIZES.len());
    lab.progress.begin(SIZES.len());
    for members in SIZES {
        lab.progress.next(&format!("{members} members"));
        let bytes = come_online(lab, &server, members)?;
        points.push((members as f64, bytes as f64));
    }
    let slope = log_slope(&points).context("one size has no slope")?;
    let each: Vec<String> = points
        .iter()
        .map(|(members, bytes)| format!("{members}: {:.0}", bytes / members))
        .collect();
    lab.report.add_series(Series {
        scenario: NAME.to_owned(),
        title: "What a group is sent while it comes online".to_owned(),
        x: "members".to_owned(),
        y: "bytes".to_owned(),
        lines: vec![Line {
            label: "all together".to_owned(),
            points,
        }],
        remark: format!("bytes to each of so many members: {}", each.join(", ")),
    });
    let who = Who {
        label: "Parlor",
        note: "handshakes and the state at the start; no presence event exists yet",
        is_peer: false,
    };
    let ratio = Spread {
        median: slope,
        least: slope,
        most: slope,
    };
    let people = SIZES.iter().sum::<usize>() as u64;
    let verdict = Verdict::plain(slope, 1.0, ratio, people, 1);
    lab.report.say(NAME, PRESENCE, &who, Ok(verdict));
    Ok(())
}

/// What the members of a new group are sent, in bytes.
fn come_online(lab: &Lab, server: &Measured, members: usize) -> anyhow::Result<u64> {
    let protocol = lab.runtime.block_on(adapter::parlor(server, &[members]))?;
    let begun = Instant::now();
    let mut fleet = Fleet::open(server.address()?, Box::new(protocol), &[members])?;
    let took = begun.elapsed();
    ensure!(
        took <= COMING_MAX,
        "{members} members took {took:?} to come"
    );
    fleet.rest(LISTENING)?;
    Ok(fleet.received_bytes())
}
