//! Plots of reports built by hand.

use std::time::Duration;

use super::*;
use crate::verify::Faults;

fn run(name: &str, deliveries: u64) -> RunReport {
    let (mut latencies, mut timeline) = (Latencies::new().unwrap(), Timeline::default());
    for n in 0..deliveries {
        latencies.record(Duration::from_micros(100 + n * 10));
        timeline.record(Duration::from_millis(n));
    }
    let (latencies, timeline) = (Some(latencies), Some(timeline));
    RunReport { name: name.to_owned(), figures: Vec::new(), latencies, timeline, faults: Faults::default() }
}

fn plot(runs: Vec<RunReport>) -> String {
    svg(&Report { scenario: "fanout", server: "127.0.0.1:1".to_owned(), runs })
}

#[test]
fn every_run_has_a_line_in_both_charts() {
    let svg = plot(vec![run("group of 10 & more", 5000), run("<b>", 500)]);
    assert_eq!(svg.matches("<polyline").count(), 4);
    assert!(svg.contains("group of 10 &amp; more</text>") && svg.contains("&lt;b&gt;</text>"), "{svg}");
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
}

#[test]
fn an_empty_report_is_drawn() {
    for runs in [Vec::new(), vec![run("none", 0)], vec![run("one", 1)]] {
        let svg = plot(runs);
        assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}

#[test]
fn all_points_are_inside_the_charts() {
    let svg = plot(vec![run("a", 20_000)]);
    for line in svg.lines().filter_map(|line| line.split_once("points=\"")?.1.strip_suffix("\"/>")) {
        for (x, y) in line.split(' ').map(|point| point.split_once(',').unwrap()) {
            let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
            assert!((LEFT..=WIDTH - RIGHT).contains(&x) && (TOP..=TOP + 2.0 * CHART + GAP).contains(&y), "{x},{y}");
        }
    }
}

#[test]
fn ticks_are_few_and_round() {
    let names = |low, high| ticks(low, high).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
    assert_eq!(names(0.0, 5.0), ["0", "1", "2", "3", "4", "5"]);
    assert_eq!(names(0.0, 1.1), ["0", "0.5", "1"]);
    assert_eq!(names(0.0, 280_000.0), ["0", "100,000", "200,000"]);
    let axis = Axis::logarithmic(0.02, 30.0, 100.0, 0.0);
    let marks: Vec<String> = axis.marks().into_iter().map(|(_, name)| name).collect();
    assert_eq!(marks, ["0.01", "0.1", "1", "10", "100"]);
    assert!((axis.position(1.0) - 50.0).abs() < 1e-9);
}
