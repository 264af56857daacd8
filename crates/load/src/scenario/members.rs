//! G9: what a delivery costs the server, in groups of ten members to ten thousand.
//!
//! A message has a price of its own, whoever hears it: it is parsed, stored and acknowledged. A group
//! of one shows that price; it is taken off before it is divided by the members.

use std::time::Duration;

use anyhow::Context;

use crate::{
    contest::{Crowd, MEMBERS, Plan, Sample, Verdict},
    lab::Lab,
    report::{Line, Series, Who},
    statistics::{Spread, log_slope},
    wire::closed,
};

const NAME: &str = "members";
/// Members of the groups; the first group shows what a message costs by itself.
const SIZES: [usize; 5] = [1, 10, 100, 1000, 10_000];

pub(crate) fn run(lab: &mut Lab) -> anyhow::Result<()> {
    let sizes = affordable(lab);
    let mut crowd = lab.parlor(&sizes)?;
    let samples = measure(lab.plan, &mut crowd, &sizes, lab)?;
    let middle = |place: usize| {
        let costs = samples[place].iter().map(Sample::server_us_per_unit);
        Spread::of(costs.collect()).map_or(f64::NAN, |spread| spread.median)
    };
    let message_us = middle(0);
    let costs: Vec<(f64, f64)> = (1..sizes.len())
        .map(|place| {
            let members = sizes[place] as f64;
            (
                members,
                (middle(place) * members - message_us) / (members - 1.0),
            )
        })
        .collect();
    let whole: Vec<(f64, f64)> = (1..sizes.len())
        .map(|place| (sizes[place] as f64, middle(place)))
        .collect();
    let spread = Spread::of(costs.iter().map(|(_, cost)| *cost).collect())
        .context("no group was measured")?;
    let apart = (spread.most / spread.median - 1.0).max(1.0 - spread.least / spread.median);
    let all: Vec<Sample> = samples.concat();
    let of = |figure: fn(&Sample) -> f64| {
        Spread::of(all.iter().map(figure).collect()).map_or(f64::NAN, |spread| spread.median)
    };
    let verdict = Verdict {
        figure: spread.median,
        floor: spread.median,
        ratio: Spread {
            median: apart,
            least: spread.least / spread.median,
            most: spread.most / spread.median,
        },
        server_us_per_unit: spread.median,
        floor_us_per_unit: spread.median,
        server_share: of(Sample::server_share),
        generator_share: of(Sample::own_share),
        floor_server_share: of(Sample::server_share),
        floor_generator_share: of(Sample::own_share),
        generator_ceiling: of(Sample::ceiling),
        units: all.iter().map(|sample| sample.units).sum(),
        rounds_kept: lab.plan.rounds,
        rounds_dropped: 0,
    };
    let slope = log_slope(&costs).map_or_else(|| "none".to_owned(), |slope| format!("{slope:+.3}"));
    let listed: Vec<String> = costs
        .iter()
        .zip(&whole)
        .map(|((members, cost), (_, whole))| format!("{members:.0}: {cost:.2} ({whole:.2})"))
        .collect();
    lab.report.add_series(Series {
        scenario: NAME.to_owned(),
        title: "What a delivery costs the server".to_owned(),
        x: "members".to_owned(),
        y: "CPU µs".to_owned(),
        lines: vec![
            Line { label: "a delivery".to_owned(), points: costs },
            Line { label: "with its share of the message".to_owned(), points: whole },
        ],
        remark: format!(
            "a message costs {message_us:.0} µs by itself; µs a delivery (with the message) by members: {}; log-log slope {slope}",
            listed.join(", ")
        ),
    });
    let who = Who {
        label: &crowd.label,
        note: "",
        is_peer: false,
    };
    lab.report.verified += verdict.units;
    lab.report.say(NAME, MEMBERS, &who, Ok(verdict));
    Ok(())
}

/// The sizes for which there are descriptors.
fn affordable(lab: &Lab) -> Vec<usize> {
    let mut sizes = SIZES.to_vec();
    while sizes.len() > 2 && lab.machine.ensure_descriptors(sizes.iter().sum()).is_err() {
        sizes.pop();
    }
    sizes
}

/// Samples of each size, taken in turn.
fn measure(
    plan: Plan,
    crowd: &mut Crowd,
    sizes: &[usize],
    lab: &Lab,
) -> anyhow::Result<Vec<Vec<Sample>>> {
    let mut samples = vec![Vec::with_capacity(plan.rounds); sizes.len()];
    lab.progress.begin(sizes.len() * (plan.rounds + 1));
    for round in 0..=plan.rounds {
        for (room, size) in sizes.iter().enumerate() {
            lab.progress.next(&format!("{size} members"));
            let lasting = if round == 0 {
                Duration::ZERO
            } else {
                plan.lasting
            };
            let (sample, taken) =
                crowd.measure(|fleet| closed(fleet, room..room + 1, 1, lasting))?;
            // The first round of all warms up.
            if round > 0 && taken.messages > 0 {
                samples[room].push(sample);
            }
        }
    }
    Ok(samples)
}
