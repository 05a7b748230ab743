//! Figures in, text and JSON out.

use std::time::Duration;

use super::table::number;
use super::*;
use crate::verify::Fault;

fn run(name: &str, faults: Faults) -> RunReport {
    let mut latencies = Latencies::new().unwrap();
    (1..=1000).for_each(|ms| latencies.record(Duration::from_millis(ms)));
    let figures = vec![
        Figure::count("deliveries", 1_234_567),
        Figure::new("deliveries_per_s", 12.25, Unit::PerSecond),
        Figure::new("cpu_us", 0.2714, Unit::Microseconds),
    ];
    RunReport { name: name.to_owned(), figures, latencies: Some(latencies), timeline: None, faults }
}

fn report(runs: Vec<RunReport>) -> Report {
    Report { scenario: "fanout", server: "127.0.0.1:1".to_owned(), runs }
}

#[test]
fn numbers_are_rounded_and_grouped() {
    let shown = [0.0, 7.0, 0.2714, 1.236, 12.34, 123.6, 1234.0, 1_234_567.0, -1234.0, -123_456.0].map(number);
    let expected = ["0", "7", "0.271", "1.24", "12.3", "124", "1,234", "1,234,567", "-1,234", "-123,456"];
    assert_eq!(shown, expected);
}

#[test]
fn quantiles_are_those_of_the_recorded_values() {
    let run = run("x", Faults::default());
    let latencies = run.latencies.unwrap();
    assert_eq!(latencies.len(), 1000);
    for (quantile, expected) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1000.0)] {
        let found = latencies.quantile_ms(quantile);
        assert!((found - expected).abs() <= expected / 500.0, "{quantile}: {found}");
    }
}

#[test]
fn a_single_run_is_a_list() {
    let text = table(&report(vec![run("group of 10", Faults::default())]));
    for line in ["fanout at 127.0.0.1:1\n", "\n  cpu               0.271 us\n", "deliveries        1,234,567\n"] {
        assert!(text.contains(line), "{line:?} is missing in\n{text}");
    }
    assert!(text.ends_with("passed\n"), "{text}");
}

#[test]
fn several_runs_are_rows_followed_by_the_faults() {
    let mut faults = Faults::default();
    (0..30).for_each(|n| faults.record(Fault::Duplicate, n));
    let report = report(vec![run("a", Faults::default()), run("b", faults)]);
    let text = table(&report);
    assert!(text.contains("b: 30 faults, the first ones:\n  duplicate: 0\n  duplicate: 1\n"), "{text}");
    assert!(!report.passed());
    let rows: Vec<&str> = text.lines().skip(2).take(3).collect();
    assert!(rows[0].starts_with("run  deliveries") && rows[0].ends_with("verified"), "{text}");
    assert!(rows[1].ends_with("passed") && rows[2].ends_with("FAILED") && rows[1].len() == rows[2].len(), "{text}");
}

#[test]
fn json_has_every_figure_as_a_field() {
    let value = report(vec![run("a", Faults::default())]).json();
    assert_eq!(value["passed"], true);
    let run = &value["runs"][0];
    assert_eq!((&run["deliveries"], &run["faults"], &run["name"]), (&json!(1_234_567.0), &json!(0), &json!("a")));
    assert!(run["p99_ms"].as_f64().unwrap() > 980.0);
}

#[test]
fn a_timeline_has_a_slot_for_every_tenth_of_a_second() {
    let mut timeline = Timeline::default();
    [10, 20, 350].into_iter().for_each(|ms| timeline.record(Duration::from_millis(ms)));
    let rates: Vec<f64> = timeline.per_second().map(|(_, rate)| rate).collect();
    // The last slot is incomplete.
    assert_eq!(rates, [20.0, 0.0, 0.0]);
}
