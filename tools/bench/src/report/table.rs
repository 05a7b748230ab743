//! The table for people: a single run as a list of figures, several runs as one row each.

use std::fmt::Write;

use crate::report::{Figure, Report, RunReport};

/// The report as text, followed by the first faults of each run.
pub(crate) fn table(report: &Report) -> String {
    let mut text = format!("{} at {}\n\n", report.scenario, report.server);
    match &report.runs[..] {
        [run] => single_run(&mut text, run),
        runs => several_runs(&mut text, runs),
    }
    for run in report.runs.iter().filter(|run| !run.faults.is_empty()) {
        // Writing to a `String` cannot fail, here and below.
        let _ = writeln!(text, "\n{}: {} faults, the first ones:", run.name, run.faults.count);
        for fault in &run.faults.first {
            let _ = writeln!(text, "  {fault}");
        }
    }
    text
}

fn verdict(run: &RunReport) -> &'static str {
    if run.faults.is_empty() { "passed" } else { "FAILED" }
}

fn single_run(text: &mut String, run: &RunReport) {
    let figures = run.all_figures();
    let width = figures.iter().map(|figure| figure.key.len()).max().unwrap_or(0).max("verified".len());
    let _ = writeln!(text, "{}\n", run.name);
    for figure in &figures {
        let _ = writeln!(text, "  {:<width$}  {}{}", title(figure), number(figure.value), figure.unit.suffix());
    }
    let _ = writeln!(text, "  {:<width$}  {}", "verified", verdict(run));
}

fn several_runs(text: &mut String, runs: &[RunReport]) {
    let mut columns: Vec<Figure> = Vec::new();
    for figure in runs.iter().flat_map(RunReport::all_figures) {
        if !columns.iter().any(|column| column.key == figure.key) {
            columns.push(figure);
        }
    }
    let mut rows = vec![vec!["run".to_owned()]];
    rows[0].extend(columns.iter().map(|column| format!("{}{}", title(column), column.unit.suffix())));
    rows[0].push("verified".to_owned());
    for run in runs {
        let figures = run.all_figures();
        let cell = |column: &Figure| {
            let figure = figures.iter().find(|figure| figure.key == column.key);
            figure.map_or_else(String::new, |figure| number(figure.value))
        };
        let cells = columns.iter().map(cell);
        rows.push([run.name.clone()].into_iter().chain(cells).chain([verdict(run).to_owned()]).collect());
    }
    align(text, &rows);
}

/// Aligns the first column to the left and the others to the right.
fn align(text: &mut String, rows: &[Vec<String>]) {
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            let width = width(column);
            let _ = if column == 0 { write!(text, "{cell:<width$}") } else { write!(text, "  {cell:>width$}") };
        }
        text.push('\n');
    }
}

/// The name of a figure without its unit, which the number has.
fn title(figure: &Figure) -> String {
    let units = ["_per_s", "_ms", "_us", "_kib", "_percent", "_s"];
    let bare = units.iter().find_map(|unit| figure.key.strip_suffix(unit)).unwrap_or(figure.key);
    bare.replace('_', " ")
}

/// A number with about three significant digits and thousands separators.
pub(crate) fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let plain = format!("{value:.digits$}");
    let (whole, rest) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    let mut grouped = String::new();
    for (at, digit) in whole.char_indices() {
        let left = whole.len() - at;
        if at > 0 && left.is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}
