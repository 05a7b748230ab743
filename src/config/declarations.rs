//! The declarations of the settings as data: their names, how a file writes them, and the manual's table.

use std::any::TypeId;
use std::fmt::Write;

use clap::{Arg, ArgAction, Args, Command};

use super::Config;

/// The declarations that `T` holds, in their order.
pub(super) fn declarations<T: Args>() -> Vec<Arg> {
    let command = T::augment_args(Command::new("parlord").disable_help_flag(true));
    command.get_arguments().cloned().collect()
}

/// The name of a setting, as in the file and after `--`.
pub(super) fn name(arg: &Arg) -> &str {
    arg.get_long().unwrap_or_default()
}

/// The environment variable of a setting.
pub(super) fn variable(name: &str) -> String {
    format!("PARLOR_{}", name.to_uppercase().replace('-', "_"))
}

/// Whether the file writes the setting as a number, without quotes: it does if the default is a number.
pub(super) fn is_number(arg: &Arg) -> bool {
    arg.get_default_values().iter().any(|value| value.to_str().is_some_and(|text| text.parse::<u64>().is_ok()))
}

/// Whether the file may write the setting as `true` or `false`.
pub(super) fn is_switch(arg: &Arg) -> bool {
    arg.get_value_parser().type_id() == TypeId::of::<bool>()
}

/// Whether the setting takes several values.
pub(super) fn is_list(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

/// A Markdown table of all settings: name, environment variable, default, help.
pub fn settings_table() -> String {
    let mut table = String::from("| setting | environment | default | what |\n| --- | --- | --- | --- |\n");
    for arg in declarations::<Config>() {
        let name = name(&arg);
        let mut what = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let words: Vec<String> = arg.get_possible_values().iter().map(|word| word.get_name().to_owned()).collect();
        if !words.is_empty() {
            what = format!("{what}: {}", words.join(", "));
        }
        let default = arg.get_default_values().first().map_or("none".into(), |value| value.to_string_lossy());
        // Writing to a String cannot fail.
        let _ = writeln!(table, "| `{name}` | `{}` | {default} | {what} |", variable(name));
    }
    table
}
