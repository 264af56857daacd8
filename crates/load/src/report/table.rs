//! The report as a table: for a terminal, and as Markdown for a document.

use crate::report::found::{Report, Row, Said};

pub(crate) const HEAD: [&str; 9] = [
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
        out += &["| ", &cells(row).join(" | "), " |\n"].concat();
    }
    let remarks = remarks(report);
    let list: Vec<String> = remarks.lines().map(|line| format!("- {line}")).collect();
    out + "\n" + &list.join("\n") + "\n"
}

/// A row, cell by cell as in the head.
pub(crate) fn cells(row: &Row) -> [String; 9] {
    let mut cells: [String; 9] = Default::default();
    cells[0] = match row.goal {
        Some(goal) => format!("{} {}", goal.id, row.scenario),
        None => row.scenario.clone(),
    };
    cells[1].clone_from(&row.contender);
    match (&row.said, row.goal) {
        (Said::Found { verdict, is_met }, Some(goal)) => {
            cells[2] = format!("{} {}", short(verdict.figure), goal.unit);
            cells[3] = short(verdict.floor);
            cells[4] = format!("{:.2}", verdict.ratio.median);
            cells[5] = format!("{:.2}–{:.2}", verdict.ratio.least, verdict.ratio.most);
            if let Some(met) = is_met {
                cells[6] = goal.wants();
                let is_met = if *met { "met" } else { "missed" };
                is_met.clone_into(&mut cells[7]);
            }
            if !verdict.server_us_per_unit.is_nan() {
                cells[8] = format!("{:.2}", verdict.server_us_per_unit);
            }
        }
        (Said::Refused { .. }, _) => "refused".clone_into(&mut cells[2]),
        _ => "left out".clone_into(&mut cells[2]),
    }
    cells
}

/// What the table has no room for: one line each.
pub(crate) fn remarks(report: &Report) -> String {
    let mut lines = vec![surroundings(report)];
    lines.extend(report.rows.iter().map(remark));
    let series = report.series.iter();
    lines.extend(series.map(|series| format!("{}: {}", series.scenario, series.remark)));
    lines.join("\n") + "\n"
}

fn surroundings(report: &Report) -> String {
    let machine = &report.machine;
    let cores = match machine.cores.len() {
        1 => "1 core, shared by server and generator,".to_owned(),
        cores => format!("{cores} cores"),
    };
    format!(
        "{cores} of {}, {} GiB, Linux {}; {}; {}",
        machine.processor,
        machine.memory_bytes >> 30,
        machine.kernel,
        report.engine.as_deref().unwrap_or("no Parlor"),
        report.command,
    )
}

fn remark(row: &Row) -> String {
    let who = format!("{} {}", row.scenario, row.contender);
    let verdict = match &row.said {
        Said::Found { verdict, .. } => verdict,
        Said::Refused { why } => return format!("{who}: refused: {why}"),
        Said::LeftOut { why } => return format!("{who}: left out: {why}"),
    };
    if verdict.server_share.is_nan() {
        let own = format!("{} units verified", verdict.units);
        let note = [own.as_str(), &row.note];
        let parts = note.iter().copied().filter(|part| !part.is_empty());
        return format!("{who}: {}", parts.collect::<Vec<_>>().join("; "));
    }
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let own = format!(
        "{} of {} rounds, {} units verified; server {} busy, generator {}, which could take {}/s",
        verdict.rounds_kept,
        verdict.rounds_kept + verdict.rounds_dropped,
        verdict.units,
        percent(verdict.server_share),
        percent(verdict.generator_share),
        short(verdict.generator_ceiling),
    );
    let floor = format!(
        "floor {:.2} µs each, {} busy, generator {}",
        verdict.floor_us_per_unit,
        percent(verdict.floor_server_share),
        percent(verdict.floor_generator_share),
    );
    let note = [row.note.as_str()];
    let note = note.iter().copied().filter(|note| !note.is_empty());
    let parts: Vec<&str> = [own.as_str(), &floor].into_iter().chain(note).collect();
    format!("{who}: {}", parts.join("; "))
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
