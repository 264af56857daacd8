//! The report as one page that needs nothing else: a table and plots, light or dark like its reader.

use std::fmt::Write;

use crate::report::{
    found::Report,
    plot::{escaped, lines, ratios},
    table::{HEAD, cells, remarks},
};

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5d6b7a; --paper: #fbfbf9; --rule: #dfe3e8;
  --own: #2f6fde; --peer: #aab4c0; --met: #1a7f4b; --missed: #b3372f; --second: #c77d1a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #98a5b4; --paper: #14181d;
  --rule: #2c343d; --own: #6d9df0; --peer: #56616e; --met: #55c08a; --missed: #ea7a72; --second: #e0a553; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 68rem; margin: 2.5rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.7rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .5rem; }
p, li { color: var(--soft); } code { font-size: .9em; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { padding: .4rem .6rem; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap;
  font-variant-numeric: tabular-nums; }
th { color: var(--soft); font-weight: 500; }
td:nth-child(-n+2), th:nth-child(-n+2) { text-align: left; }
.met { color: var(--met); } .missed { color: var(--missed); }
svg { width: 100%; height: auto; font: 13px system-ui, sans-serif; }
svg text { fill: var(--ink); } svg .name { text-anchor: end; } svg .small { font-size: 11.5px; fill: var(--soft); }
svg .own { fill: var(--own); } svg .peer { fill: var(--peer); } svg .spread { stroke: var(--ink); stroke-width: 1.5; }
svg .floor { stroke: var(--soft); stroke-dasharray: 3 3; } svg .goal { stroke: var(--met); stroke-width: 1.5; }
svg .grid { stroke: var(--rule); } svg polyline { fill: none; stroke-width: 2; }
svg .line0 { stroke: var(--own); } svg .dot0 { fill: var(--own); }
svg .line1 { stroke: var(--second); } svg .dot1 { fill: var(--second); }
";

/// The whole page.
pub(crate) fn html(report: &Report) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Parlor, measured</title><style>{STYLE}</style></head><body>\n\
         <h1>Parlor, measured</h1>\n<p>Version {}. <code>{}</code>: {} rounds of {} s each.</p>\n",
        escaped(report.version),
        escaped(&report.command),
        report.rounds,
        report.seconds,
    );
    page += &table(report);
    let mut scenarios: Vec<&str> = Vec::new();
    for row in &report.rows {
        if !scenarios.contains(&row.scenario.as_str()) {
            scenarios.push(&row.scenario);
        }
    }
    for scenario in scenarios {
        page += &section(report, scenario);
    }
    page += "<h2>In words</h2>\n<ul>\n";
    for line in remarks(report).lines() {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "<li>{}</li>", escaped(line));
    }
    page + "</ul>\n</body></html>\n"
}

fn table(report: &Report) -> String {
    let head = HEAD.join("</th><th>");
    let mut table =
        format!("<div class=\"wide\"><table><thead><tr><th>{head}</th></tr></thead><tbody>\n");
    for row in &report.rows {
        let cells: String = cells(row)
            .iter()
            .map(|cell| match cell.as_str() {
                "met" | "missed" => format!("<td class=\"{cell}\">{cell}</td>"),
                _ => format!("<td>{}</td>", escaped(cell)),
            })
            .collect();
        let _ = writeln!(table, "<tr>{cells}</tr>");
    }
    table + "</tbody></table></div>\n"
}

fn section(report: &Report, scenario: &str) -> String {
    let goal = report
        .rows
        .iter()
        .find(|row| row.scenario == scenario)
        .and_then(|row| row.goal);
    let title = goal.map_or_else(
        || escaped(scenario),
        |goal| escaped(&format!("{} · {} ÷ {}", goal.id, goal.what, goal.floor)),
    );
    let mut section = format!("<h2>{title}</h2>\n");
    section.extend(ratios(report, scenario));
    let series = report.series.iter().filter(|one| one.scenario == scenario);
    section.extend(series.filter_map(lines));
    section + "\n"
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        contest::{FANOUT, Plan, Verdict},
        machine::Machine,
        report::{Line, Report, Series, Who},
        statistics::Spread,
    };

    #[test]
    fn a_page_holds_all_that_was_found_and_nothing_that_breaks_it() {
        let plan = Plan {
            rounds: 5,
            lasting: Duration::from_secs(1),
        };
        let mut report = Report::new(Machine::look().expect("a machine"), plan);
        let ratio = Spread {
            median: 0.9,
            least: 0.8,
            most: 1.1,
        };
        let verdict = Verdict {
            figure: 123_456.0,
            floor: 150_000.0,
            ratio,
            server_us_per_unit: 5.0,
            floor_us_per_unit: 4.0,
            server_share: 0.9,
            generator_share: 0.5,
            floor_server_share: 0.9,
            floor_generator_share: 0.5,
            generator_ceiling: 2e6,
            units: 10,
            rounds_kept: 5,
            rounds_dropped: 0,
        };
        let who = Who {
            label: "<b>&",
            note: "",
            is_peer: true,
        };
        report.say("fanout", FANOUT, &who, Ok(verdict));
        report.leave_out("fanout", "somebody", "no adapter");
        report.add_series(Series {
            scenario: "fanout".into(),
            lines: vec![Line {
                label: "a line".into(),
                points: vec![(10.0, 1.0), (100.0, 2.0)],
            }],
            ..Series::default()
        });
        let page = html(&report);
        for part in [
            "&lt;b&gt;&amp;",
            "123k",
            "polyline",
            "goal ≥ 0.85",
            "somebody: left out",
        ] {
            assert!(page.contains(part), "{part} is missing in {page}");
        }
        assert!(!page.contains("<b>") && !page.contains("http"), "{page}");
    }
}
