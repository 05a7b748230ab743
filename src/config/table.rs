//! The manual's table of settings, made from their definitions.

use std::fmt::Write;

use super::Settings;
use super::settings::{definitions, help_and_default, name, variable};

/// A Markdown table of all settings: name, environment variable, default, what it is.
pub fn settings_table() -> String {
    let mut table = String::from("| setting | environment | default | what |\n| --- | --- | --- | --- |\n");
    for arg in definitions::<Settings>() {
        let name = name(&arg);
        let (mut what, default) = help_and_default(&arg);
        let words: Vec<String> = arg.get_possible_values().iter().map(|word| word.get_name().to_owned()).collect();
        if !words.is_empty() {
            what = format!("{what}: {}", words.join(", "));
        }
        // Writing to a String cannot fail.
        let _ = writeln!(table, "| `{name}` | `{}` | {default} | {what} |", variable(name));
    }
    table
}
