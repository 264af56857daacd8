//! Plots as SVG: bars of ratios, and lines over a size. Colours come from the page, so that a plot is
//! as dark as what is around it.

use std::fmt::Write;

use crate::report::{
    found::{Line, Report, Said, Series},
    table::short,
};

const WIDTH: f64 = 920.0;
/// Left of the bars stand names.
const NAMES_WIDTH: f64 = 170.0;
const BAR_HEIGHT: f64 = 22.0;
const BAR_STEP: f64 = 32.0;
/// Right of the longest bar stands its figure.
const FIGURE_WIDTH: f64 = 200.0;
const CHART_HEIGHT: f64 = 300.0;
const MARGIN: (f64, f64, f64, f64) = (16.0, 20.0, 44.0, 60.0);

/// A bar of the ratio for each contender of a scenario, with its spread, the floor and the goal.
pub(crate) fn ratios(report: &Report, scenario: &str) -> Option<String> {
    let found: Vec<_> = report
        .rows
        .iter()
        .filter(|row| row.scenario == scenario)
        .filter_map(|row| match &row.said {
            Said::Found { verdict, .. } => Some((row, verdict)),
            _ => None,
        })
        .collect();
    let goal = found.first()?.0.goal?;
    let longest = found
        .iter()
        .map(|(_, verdict)| verdict.ratio.most)
        .fold(goal.target.max(1.0), f64::max);
    let room = WIDTH - NAMES_WIDTH - FIGURE_WIDTH;
    let at = |ratio: f64| NAMES_WIDTH + ratio / longest * room;
    let height = BAR_STEP * found.len() as f64 + 30.0;
    let mut svg = open(height, goal.what);
    for (line, (row, verdict)) in found.iter().enumerate() {
        let top = BAR_STEP * line as f64 + 4.0;
        let middle = top + BAR_HEIGHT / 2.0;
        let kind = if row.is_peer { "peer" } else { "own" };
        let end = at(verdict.ratio.median);
        // Writing to a String cannot fail.
        let _ = write!(
            svg,
            r#"<text class="name" x="{x:.1}" y="{y:.1}">{name}</text><rect class="{kind}" x="{NAMES_WIDTH}" y="{top:.1}" width="{width:.1}" height="{BAR_HEIGHT}" rx="3"/><line class="spread" x1="{least:.1}" x2="{most:.1}" y1="{middle:.1}" y2="{middle:.1}"/><text x="{figure:.1}" y="{y:.1}">{ratio:.2} · {value} {unit}</text>"#,
            x = NAMES_WIDTH - 8.0,
            y = middle + 4.5,
            name = escaped(&row.contender),
            width = end - NAMES_WIDTH,
            least = at(verdict.ratio.least),
            most = at(verdict.ratio.most),
            figure = end.max(at(verdict.ratio.most)) + 8.0,
            ratio = verdict.ratio.median,
            value = short(verdict.figure),
            unit = escaped(goal.unit),
        );
    }
    for (ratio, kind, label) in [
        (1.0, "floor", "floor".to_owned()),
        (goal.target, "goal", format!("goal {}", goal.wants())),
    ] {
        let x = at(ratio);
        // Both may be at the same place: their labels stand on two sides of it.
        let (anchor, shift) = if kind == "floor" {
            ("start", 3.0)
        } else {
            ("end", -3.0)
        };
        let _ = write!(
            svg,
            r#"<line class="{kind}" x1="{x:.1}" x2="{x:.1}" y1="0" y2="{bottom:.1}"/><text class="small" text-anchor="{anchor}" x="{text:.1}" y="{y:.1}">{label}</text>"#,
            bottom = height - 18.0,
            text = x + shift,
            y = height - 5.0,
        );
    }
    Some(svg + "</svg>")
}

/// Lines over a size whose axis is logarithmic.
pub(crate) fn lines(series: &Series) -> Option<String> {
    let points: Vec<(f64, f64)> = series
        .lines
        .iter()
        .flat_map(|line| line.points.clone())
        .collect();
    let bound =
        |of: fn(&(f64, f64)) -> f64, pick: fn(f64, f64) -> f64| points.iter().map(of).reduce(pick);
    let (first, last) = (bound(|p| p.0, f64::min)?, bound(|p| p.0, f64::max)?);
    let highest = bound(|p| p.1, f64::max)? * 1.1;
    let (top, right, bottom, left) = MARGIN;
    let span = (last.ln() - first.ln()).max(1e-9);
    let x = |size: f64| left + (size.ln() - first.ln()) / span * (WIDTH - left - right);
    let y = |value: f64| CHART_HEIGHT - bottom - value / highest * (CHART_HEIGHT - top - bottom);
    let mut svg = open(CHART_HEIGHT, &series.title);
    for part in 0..=4 {
        let value = highest * f64::from(part) / 4.0;
        let _ = write!(
            svg,
            r#"<line class="grid" x1="{left}" x2="{end}" y1="{y:.1}" y2="{y:.1}"/><text class="name small" x="{at}" y="{text:.1}">{label}</text>"#,
            end = WIDTH - right,
            y = y(value),
            at = left - 8.0,
            text = y(value) + 4.0,
            label = short(value),
        );
    }
    let mut sizes: Vec<f64> = points.iter().map(|point| point.0).collect();
    sizes.sort_unstable_by(f64::total_cmp);
    sizes.dedup();
    for size in sizes {
        let _ = write!(
            svg,
            r#"<text class="small" text-anchor="middle" x="{:.1}" y="{:.1}">{size}</text>"#,
            x(size),
            CHART_HEIGHT - bottom + 18.0,
        );
    }
    let _ = write!(
        svg,
        r#"<text class="small" text-anchor="middle" x="{:.1}" y="{:.1}">{}</text><text class="small" x="{left}" y="{:.1}">{}</text>"#,
        f64::midpoint(left, WIDTH - right),
        CHART_HEIGHT - 8.0,
        escaped(&series.x),
        top - 4.0,
        escaped(&series.y),
    );
    for (place, line) in series.lines.iter().enumerate() {
        draw(&mut svg, line, place, &x, &y);
    }
    Some(svg + "</svg>")
}

fn draw(
    svg: &mut String,
    line: &Line,
    place: usize,
    x: &dyn Fn(f64) -> f64,
    y: &dyn Fn(f64) -> f64,
) {
    let path: Vec<String> = line
        .points
        .iter()
        .map(|(size, value)| format!("{:.1},{:.1}", x(*size), y(*value)))
        .collect();
    let _ = write!(
        svg,
        r#"<polyline class="line{place}" points="{}"/>"#,
        path.join(" ")
    );
    for (size, value) in &line.points {
        let _ = write!(
            svg,
            r#"<circle class="dot{place}" cx="{:.1}" cy="{:.1}" r="3.5"><title>{size}: {value:.2}</title></circle>"#,
            x(*size),
            y(*value),
        );
    }
    if let Some((_, value)) = line.points.first() {
        let _ = write!(
            svg,
            r#"<text class="small" x="{:.1}" y="{:.1}">{}</text>"#,
            MARGIN.3 + 10.0,
            y(*value) - 9.0,
            escaped(&line.label),
        );
    }
}

fn open(height: f64, title: &str) -> String {
    format!(
        r#"<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{0}"><title>{0}</title>"#,
        escaped(title)
    )
}

/// Text that may stand in a page.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
