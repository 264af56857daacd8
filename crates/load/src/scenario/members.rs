//! G9: what a delivery costs the server, in groups of ten members to ten thousand.
//!
//! A message has a price of its own, whoever hears it: it is parsed, stored and acknowledged, and
//! somebody wakes up for it. So what counts is what each further delivery costs between one size of
//! group and the next; the price of the message is in both and falls out.
//!
//! The raw loop is swept beside it: what the kernel keeps of ten thousand sockets does not fit into the
//! caches that hold a thousand, and no server can change that. The verdict is on the price of a
//! delivery beside the raw one of the same size; both are in the remark.

use anyhow::Context;

use crate::{
    contest::{Crowd, MEMBERS, Plan, Sample, Verdict},
    lab::Lab,
    report::{Line, Series, Who},
    scenario::fanout::frame_bytes,
    statistics::{Spread, log_slope},
    wire::closed,
};

const NAME: &str = "members";
/// Members of the groups.
const SIZES: [usize; 4] = [10, 100, 1000, 10_000];
/// A first round of everybody that is not counted, as a share of the others.
const WARM_UP_SHARE: f64 = 0.3;

pub(crate) fn run(lab: &mut Lab) -> anyhow::Result<()> {
    let sizes = affordable(lab);
    let mut crowd = lab.parlor(&sizes)?;
    let bytes = frame_bytes(&mut crowd.fleet)?;
    let raw_sizes = raw_sizes(lab, &sizes);
    let floors = raw_sizes.iter().map(|size| lab.raw_fanout(*size, bytes, 1));
    let mut floors = floors.collect::<anyhow::Result<Vec<_>>>()?;
    let [samples, raw] = measure(lab.plan, &mut crowd, &mut floors, &sizes, lab)?;
    let whole = middles(&sizes, &samples);
    let costs = further_deliveries(&whole);
    let raw_costs = further_deliveries(&middles(&raw_sizes, &raw));
    let (first, first_whole) = whole[0];
    let message_us = (first_whole - costs[0].1) * first;
    let verdict = verdict(&costs, &raw_costs, &samples.concat(), lab.plan)?;
    let slope = log_slope(&costs).map_or_else(|| "none".to_owned(), |slope| format!("{slope:+.3}"));
    let listed = |points: &[(f64, f64)]| {
        let points = points.iter();
        let points: Vec<String> = points
            .map(|(size, us)| format!("{size:.0}: {us:.2}"))
            .collect();
        points.join(", ")
    };
    let left_out = match SIZES.get(sizes.len()) {
        Some(size) => format!("; {size} members and more are left out: too few descriptors"),
        None => String::new(),
    };
    let remark = format!(
        "a message costs {message_us:.0} µs by itself; each further delivery up to so many members, in µs: {}; of the raw loop: {}; log-log slope {slope}; all of it by its deliveries: {}{left_out}",
        listed(&costs),
        listed(&raw_costs),
        listed(&whole),
    );
    lab.report.add_series(Series {
        scenario: NAME.to_owned(),
        title: "What a delivery costs the server".to_owned(),
        x: "members".to_owned(),
        y: "CPU µs".to_owned(),
        lines: vec![
            Line {
                label: "each further delivery".to_owned(),
                points: costs,
            },
            Line {
                label: "of the raw loop".to_owned(),
                points: raw_costs,
            },
            Line {
                label: "with the message itself".to_owned(),
                points: whole,
            },
        ],
        remark,
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

/// What a delivery costs with its share of the message, for each size.
fn middles(sizes: &[usize], samples: &[Vec<Sample>]) -> Vec<(f64, f64)> {
    let middle = |samples: &Vec<Sample>| {
        let costs = samples.iter().map(Sample::server_us_per_unit);
        Spread::of(costs.collect()).map_or(f64::NAN, |spread| spread.median)
    };
    let sizes = sizes.iter().map(|size| *size as f64);
    sizes.zip(samples.iter().map(middle)).collect()
}

/// How far the price beside the raw one is from its own middle, over all sizes.
fn verdict(
    costs: &[(f64, f64)],
    raw: &[(f64, f64)],
    samples: &[Sample],
    plan: Plan,
) -> anyhow::Result<Verdict> {
    let middle_of = |costs: &[(f64, f64)]| {
        Spread::of(costs.iter().map(|(_, cost)| *cost).collect()).context("no group was measured")
    };
    let (figure, floor) = (middle_of(costs)?.median, middle_of(raw)?.median);
    let beside = costs.iter().zip(raw);
    let beside = beside.map(|((_, cost), (_, raw))| cost / raw);
    let spread = Spread::of(beside.collect()).context("no group was measured")?;
    let (least, most) = (spread.least / spread.median, spread.most / spread.median);
    let middle = |figure: fn(&Sample) -> f64| {
        Spread::of(samples.iter().map(figure).collect()).map_or(f64::NAN, |spread| spread.median)
    };
    Ok(Verdict {
        figure,
        floor,
        ratio: Spread {
            median: (most - 1.0).max(1.0 - least),
            least,
            most,
        },
        server_us_per_unit: figure,
        floor_us_per_unit: floor,
        server_share: middle(Sample::server_share),
        generator_share: middle(Sample::own_share),
        floor_server_share: middle(Sample::server_share),
        floor_generator_share: middle(Sample::own_share),
        generator_ceiling: middle(Sample::ceiling),
        units: samples.iter().map(|sample| sample.units).sum(),
        rounds_kept: plan.rounds,
        rounds_dropped: 0,
    })
}

/// What each further delivery costs between a size and the next, from what a delivery costs with its
/// share of the message.
fn further_deliveries(whole: &[(f64, f64)]) -> Vec<(f64, f64)> {
    whole
        .windows(2)
        .map(|pair| {
            let ((few, few_us), (many, many_us)) = (pair[0], pair[1]);
            (many, (many * many_us - few * few_us) / (many - few))
        })
        .collect()
}

/// The sizes for which there are descriptors.
fn affordable(lab: &Lab) -> Vec<usize> {
    let mut sizes = SIZES.to_vec();
    while sizes.len() > 2 && lab.machine.ensure_descriptors(sizes.iter().sum()).is_err() {
        sizes.pop();
    }
    sizes
}

/// The raw loop for each size, with fewer members where there are no descriptors for all.
fn raw_sizes(lab: &Lab, sizes: &[usize]) -> Vec<usize> {
    let mut left = lab.machine.sockets_beside(sizes.iter().sum());
    let each = sizes.iter().map(|size| {
        let size = (*size).min(left);
        left -= size;
        size
    });
    each.collect()
}

/// Samples of each size, taken in turn: those of the server, and those of its raw loops.
fn measure(
    plan: Plan,
    crowd: &mut Crowd,
    floors: &mut [Crowd],
    sizes: &[usize],
    lab: &Lab,
) -> anyhow::Result<[Vec<Vec<Sample>>; 2]> {
    let mut samples = vec![Vec::with_capacity(plan.rounds); sizes.len()];
    let mut raw = samples.clone();
    lab.progress.begin(2 * sizes.len() * (plan.rounds + 1));
    for round in 0..=plan.rounds {
        let lasting = if round == 0 {
            plan.lasting.mul_f64(WARM_UP_SHARE)
        } else {
            plan.lasting
        };
        for (room, size) in sizes.iter().enumerate() {
            let take = |crowd: &mut Crowd, room: usize, into: &mut Vec<Sample>| {
                lab.progress
                    .next(&format!("{}: {size} members", crowd.label));
                let (sample, taken) =
                    crowd.measure(|fleet| closed(fleet, room..room + 1, 1, lasting))?;
                if round > 0 && taken.messages > 0 {
                    into.push(sample);
                }
                anyhow::Ok(())
            };
            take(&mut floors[room], 0, &mut raw[room])?;
            take(crowd, room, &mut samples[room])?;
        }
        // Nobody may be thought dead while others are measured.
        crowd.fleet.tend()?;
    }
    Ok([samples, raw])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_of_a_message_falls_out() {
        let whole = [10.0, 100.0, 1000.0].map(|size| (size, (290.0 + 5.0 * size) / size));
        for (_, cost) in further_deliveries(&whole) {
            assert!((cost - 5.0).abs() < 1e-9, "{cost}");
        }
    }
}
