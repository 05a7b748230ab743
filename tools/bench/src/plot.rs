//! The report as a picture: latencies by percentile and throughput over time, one line for each run.
//!
//! The result is a self-contained SVG.

mod axis;
#[cfg(test)]
mod tests;

use std::fmt::Write;

use crate::report::{Latencies, Report, RunReport, Timeline};
use axis::{Axis, ticks};

/// The layout, in pixels.
const WIDTH: f64 = 860.0;
const CHART: f64 = 300.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 40.0;
const TOP: f64 = 64.0;
const GAP: f64 = 90.0;
const LEGEND: f64 = 18.0;

/// Colours of the runs, used in turn; they can be told apart with any kind of colour vision.
const COLOURS: &[&str] = &["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c6d31"];

/// The range of percentiles as a number of nines: 1 is 90 %, 2 is 99 %.
const NINES: f64 = 4.0;
/// Points of a latency line.
const STEPS: u32 = 120;

/// A line of a chart, in the units of its axes.
type Points = Vec<(f64, f64)>;

/// Draws the report; runs without latencies have no line.
pub(crate) fn svg(report: &Report) -> String {
    let height = TOP + 2.0 * CHART + 2.0 * GAP + LEGEND * report.runs.len() as f64;
    let mut svg = String::new();
    // Writing to a `String` cannot fail, here and below.
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">"
    );
    let _ = writeln!(svg, "<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>");
    text(&mut svg, (LEFT, 24.0), "start", &format!("{} at {}", report.scenario, report.server));
    let latency_lines = lines(report, |run| run.latencies.as_ref().map(latency_points));
    let top = Chart { title: "Latency in ms, by percentile", top: TOP, logarithmic: true };
    top.draw(
        &mut svg,
        &latency_lines,
        &[(0.0, "0 %"), (1.0, "90 %"), (2.0, "99 %"), (3.0, "99.9 %"), (4.0, "99.99 %")],
    );
    let throughput_lines = lines(report, |run| run.timeline.as_ref().map(throughput_points));
    let bottom = Chart { title: "Per second, over time in seconds", top: TOP + CHART + GAP, logarithmic: false };
    bottom.draw(&mut svg, &throughput_lines, &[]);
    for (n, run) in report.runs.iter().enumerate() {
        let y = TOP + 2.0 * CHART + 1.5 * GAP + LEGEND * n as f64;
        let (x, colour) = (LEFT, colour(n));
        let _ = writeln!(svg, "<rect x=\"{x}\" y=\"{:.1}\" width=\"14\" height=\"4\" fill=\"{colour}\"/>", y - 6.0);
        text(&mut svg, (LEFT + 22.0, y), "start", &run.name);
    }
    svg.push_str("</svg>\n");
    svg
}

fn colour(n: usize) -> &'static str {
    COLOURS[n % COLOURS.len()]
}

fn lines(report: &Report, points: impl Fn(&RunReport) -> Option<Points>) -> Vec<Points> {
    report.runs.iter().map(|run| points(run).unwrap_or_default()).collect()
}

/// Latencies by nines, so that rare slow deliveries get as much room as the others.
fn latency_points(latencies: &Latencies) -> Points {
    if latencies.len() == 0 {
        return Points::new();
    }
    let at = |step: u32| NINES * f64::from(step) / f64::from(STEPS);
    let point = |nines: f64| (nines, latencies.quantile_ms(1.0 - 10f64.powf(-nines)));
    // A percentile beyond a single delivery was not observed.
    let most = (latencies.len() as f64).log10();
    (0..=STEPS).map(at).take_while(|nines| *nines <= most).map(point).collect()
}

fn throughput_points(timeline: &Timeline) -> Points {
    timeline.per_second().collect()
}

/// A chart below its title.
struct Chart {
    title: &'static str,
    top: f64,
    logarithmic: bool,
}

impl Chart {
    /// Draws the axes and a line for each list of points. The horizontal axis has these marks, or round numbers.
    fn draw(&self, svg: &mut String, lines: &[Points], marks: &[(f64, &str)]) {
        let all = || lines.iter().flatten();
        let right = marks.last().map_or_else(|| all().map(|(x, _)| *x).fold(0.1, f64::max), |(x, _)| *x);
        let across = Axis::linear(0.0, right, LEFT, WIDTH - RIGHT);
        let (low, high) = all().fold((f64::MAX, 0.0f64), |(low, high), (_, y)| (low.min(*y), high.max(*y)));
        let up = match self.logarithmic {
            true => Axis::logarithmic(low, high, self.top + CHART, self.top),
            false => Axis::linear(0.0, high.max(1.0), self.top + CHART, self.top),
        };
        text(svg, (LEFT, self.top - 10.0), "start", self.title);
        for (value, name) in up.marks() {
            let y = up.position(value);
            line(svg, (LEFT, y), (WIDTH - RIGHT, y));
            text(svg, (LEFT - 8.0, y + 4.0), "end", &name);
        }
        let round: Vec<(f64, String)> = match marks {
            [] => ticks(0.0, right),
            marks => marks.iter().map(|(x, name)| (*x, (*name).to_owned())).collect(),
        };
        for (value, name) in round {
            let x = across.position(value);
            line(svg, (x, self.top), (x, self.top + CHART));
            text(svg, (x, self.top + CHART + 18.0), "middle", &name);
        }
        for (n, points) in lines.iter().enumerate().filter(|(_, points)| !points.is_empty()) {
            let point = |(x, y): &(f64, f64)| format!("{:.1},{:.1}", across.position(*x), up.position(*y));
            let points: Vec<String> = points.iter().map(point).collect();
            let (colour, points) = (colour(n), points.join(" "));
            let _ =
                writeln!(svg, "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" points=\"{points}\"/>");
        }
    }
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64)) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let _ = writeln!(svg, "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#dddddd\"/>");
}

fn text(svg: &mut String, at: (f64, f64), anchor: &str, content: &str) {
    let content = content.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let (x, y) = at;
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{content}</text>");
}
