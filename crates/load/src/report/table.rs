//! The report as a table: for a terminal, and as Markdown for a document.

use crate::report::found::{Report, Row, Said};

const HEAD: [&str; 9] = [
    "goal", "who", "figure", "floor", "ratio", "spread", "wanted", "", "CPU µs",
];

/// For a terminal.
pub(crate) fn text(report: &Report) -> String {
    let rows: Vec<[String; 9]> = report.rows.iter().map(cells).collect();
    let widths: Vec<usize> = (0..HEAD.len())
        .map(|column| {
            let longest = rows.iter().map(|row| row[column].chars().count()).max();
            longest.unwrap_or(0).max(HEAD[column].chars().count())
        })
        .collect();
    let line = |cells: &[&str]| {
        let padded = cells.iter().zip(&widths).enumerate();
        let padded: Vec<String> = padded
            .map(|(column, (cell, width))| {
                if column < 2 {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            })
            .collect();
        padded.join("  ").trim_end().to_owned() + "\n"
    };
    let mut out = line(&HEAD);
    for row in &rows {
        out += &line(&row.each_ref().map(String::as_str));
    }
    out + "\n" + &remarks(report)
}

/// For a document.
pub(crate) fn markdown(report: &Report) -> String {
    let mut out = format!("| {} |\n|{}\n", HEAD.join(" | "), "---|".repeat(HEAD.len()));
    for row in &report.rows {
        out += &format!("| {} |\n", cells(row).join(" | "));
    }
    let remarks = remarks(report);
    let list: Vec<String> = remarks.lines().map(|line| format!("- {line}")).collect();
    out + "\n" + &list.join("\n") + "\n"
}

fn cells(row: &Row) -> [String; 9] {
    let goal = row
        .goal
        .map_or_else(|| row.scenario.clone(), |goal| goal.id.to_owned());
    let who = row.contender.clone();
    let nothing = String::new;
    match (&row.said, row.goal) {
        (Said::Found { verdict, is_met }, Some(goal)) => [
            format!("{goal} {}", row.scenario, goal = goal.id),
            who,
            format!("{} {}", short(verdict.figure), goal.unit),
            short(verdict.floor),
            format!("{:.2}", verdict.ratio.median),
            format!("{:.2}–{:.2}", verdict.ratio.least, verdict.ratio.most),
            is_met.map_or_else(nothing, |_| goal.wants()),
            is_met
                .map_or("", |met| if met { "met" } else { "missed" })
                .to_owned(),
            format!("{:.2}", verdict.server_us_per_unit),
        ],
        (Said::Refused { .. }, _) => {
            let said = "refused".to_owned();
            [
                goal,
                who,
                said,
                nothing(),
                nothing(),
                nothing(),
                nothing(),
                nothing(),
                nothing(),
            ]
        }
        _ => {
            let said = "left out".to_owned();
            [
                goal,
                who,
                said,
                nothing(),
                nothing(),
                nothing(),
                nothing(),
                nothing(),
                nothing(),
            ]
        }
    }
}

/// What the table has no room for: one line each.
fn remarks(report: &Report) -> String {
    let machine = &report.machine;
    let mut lines = vec![format!(
        "{} core{} of {}, {} GiB, Linux {}; {}; {}",
        machine.cores.len(),
        if machine.is_shared() {
            ", shared by server and generator"
        } else {
            "s"
        },
        machine.processor,
        machine.memory_bytes >> 30,
        machine.kernel,
        report.engine.as_deref().unwrap_or("no Parlor"),
        report.command,
    )];
    for row in &report.rows {
        let who = format!("{} {}", row.scenario, row.contender);
        match &row.said {
            Said::Found { verdict, .. } => lines.push(format!(
                "{who}: {} of {} rounds, {} units verified; server {:.0} % busy, generator {:.0} %, which could take {}/s{}{}",
                verdict.rounds_kept,
                verdict.rounds_kept + verdict.rounds_dropped,
                verdict.units,
                verdict.server_share * 100.0,
                verdict.generator_share * 100.0,
                short(verdict.generator_ceiling),
                if row.note.is_empty() { "" } else { "; " },
                row.note,
            )),
            Said::Refused { why } => lines.push(format!("{who}: refused: {why}")),
            Said::LeftOut { why } => lines.push(format!("{who}: left out: {why}")),
        }
    }
    lines.extend(
        report
            .series
            .iter()
            .map(|series| format!("{}: {}", series.scenario, series.remark)),
    );
    lines.join("\n") + "\n"
}

/// A figure with three digits that matter.
pub(crate) fn short(figure: f64) -> String {
    match figure.abs() {
        large if large >= 10e6 => format!("{:.1}M", figure / 1e6),
        large if large >= 1e6 => format!("{:.2}M", figure / 1e6),
        large if large >= 100e3 => format!("{:.0}k", figure / 1e3),
        large if large >= 10e3 => format!("{:.1}k", figure / 1e3),
        whole if whole >= 100.0 => format!("{figure:.0}"),
        some if some >= 10.0 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}
