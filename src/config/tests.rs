//! Settings as an operator gives them: options, an invented environment, files of their own.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use clap::{CommandFactory, Parser, Subcommand};
use log::LevelFilter;

use super::declarations::{declarations, is_number, name, variable};
use super::*;
use crate::model::{Durability, Limits, LogSettings, Registration, Retention, StoreAddress, WebOrigin};

/// As `parlord` puts the options into its own command line.
#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check,
}

/// The configuration that results from a command line and an environment.
fn parse(flags: &[&str], environment: &[(&str, &str)]) -> Result<Cli, String> {
    let command_line: Vec<OsString> = ["parlord"].iter().chain(flags).map(OsString::from).collect();
    let given = Cli::command().try_get_matches_from(&command_line).map_err(|e| e.to_string())?;
    let environment = environment.iter().map(|(key, value)| (OsString::from(key), OsString::from(value)));
    let all = add_sources(&given, command_line, environment).map_err(|e| e.to_string())?;
    Cli::try_parse_from(all).map_err(|e| e.to_string())
}

fn load(flags: &[&str], environment: &[(&str, &str)]) -> Result<Config, String> {
    let config = parse(flags, environment)?.options.settings;
    config.check().map_err(|e| e.to_string())?;
    Ok(config)
}

fn listening(config: &Config) -> Vec<SocketAddr> {
    resolve("listen", &config.listen).unwrap()
}

/// Loads a file of this text; the folder's name is cut from the refusal.
fn load_file(text: &str, flags: &[&str], environment: &[(&str, &str)]) -> Result<Config, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("parlor.toml");
    fs::write(&path, text).unwrap();
    let folder = format!("{}/", dir.path().display());
    load(&[&["--config", path.to_str().unwrap()], flags].concat(), environment).map_err(|e| e.replace(&folder, ""))
}

#[test]
fn nothing_set_gives_the_defaults() {
    assert_eq!(load(&[], &[]).unwrap(), Config::default());
    assert_eq!(load_file("", &[], &[]).unwrap(), Config::default());
}

#[test]
fn command_line_over_environment_over_file_over_default() {
    let file = "burst = 5\nrate = 5\nline-limit = 500\n";
    let config = load_file(file, &["--burst", "7"], &[("PARLOR_BURST", "6"), ("PARLOR_RATE", "6")]).unwrap();
    assert_eq!((config.limits.burst, config.limits.rate), (7, 6));
    assert_eq!((config.limits.line_limit, config.limits.max_clients), (500, Limits::default().max_clients));
}

#[test]
fn none_is_no_data_folder() {
    assert_eq!(load(&["--data", "none"], &[]).unwrap().data, StoreAddress::Memory);
    assert_eq!(load(&[], &[("PARLOR_DATA", "./none")]).unwrap().data, StoreAddress::Folder("./none".into()));
}

#[test]
fn a_list_replaces_the_list_of_a_lower_source() {
    let ports = |flags: &[&str]| {
        let environment = [("PARLOR_LISTEN", "127.0.0.1:2,127.0.0.1:3")];
        let config = load_file("listen = '127.0.0.1:1'", flags, &environment).unwrap();
        listening(&config).iter().map(SocketAddr::port).collect::<Vec<_>>()
    };
    assert_eq!(ports(&[]), [2, 3]);
    assert_eq!(ports(&["--listen", "127.0.0.1:4", "--listen", "127.0.0.1:5"]), [4, 5]);
}

#[test]
fn the_file_is_named_by_option_or_variable_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("a.toml"), "rate = 1").unwrap();
    fs::write(path("b.toml"), "rate = 2").unwrap();
    let environment = [("PARLOR_CONFIG", &*path("b.toml"))];
    assert_eq!(load(&[], &environment).unwrap().limits.rate, 2);
    assert_eq!(load(&["--config", &path("a.toml")], &environment).unwrap().limits.rate, 1);
    let refusal = load(&["--config", &path("none.toml")], &[]).unwrap_err();
    assert!(refusal.starts_with("cannot read the configuration file ") && refusal.contains("none.toml"), "{refusal}");
}

#[test]
fn options_work_before_and_after_a_subcommand() {
    Cli::command().debug_assert();
    let flags = ["--rate", "3", "check", "--burst", "4", "--listen", "127.0.0.1:0", "--listen=[::1]:0"];
    let split = parse(&flags, &[("PARLOR_RATE", "5"), ("PARLOR_BURST", "5"), ("PARLOR_MAX_GROUPS", "5")]).unwrap();
    assert!(matches!(split.command, Some(Verb::Check)));
    let config = split.options.settings;
    assert_eq!((config.limits.rate, config.limits.burst, config.limits.max_groups), (3, 4, 5));
    assert_eq!(listening(&config), ["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()]);
}

#[test]
fn an_option_given_twice_is_refused() {
    let refusal = load(&["--rate", "3", "--rate", "4"], &[("PARLOR_RATE", "5")]).unwrap_err();
    assert!(refusal.starts_with("error: the argument '--rate <PER_SEC>' cannot be used multiple times"), "{refusal}");
}

#[test]
fn a_default_can_be_written_out() {
    let with_default = |arg: &clap::Arg| {
        let default = arg.get_default_values().first()?.to_str().unwrap().to_owned();
        Some((variable(name(arg)), default))
    };
    let given: Vec<_> = declarations::<Config>().iter().filter_map(with_default).collect();
    let environment: Vec<_> = given.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(load(&[], &environment).unwrap(), Config::default());
}

/// A value for a setting that is not its default.
fn another_value(arg: &clap::Arg) -> String {
    let default = arg.get_default_values().first().map_or("", |value| value.to_str().unwrap());
    if let Ok(number) = default.parse::<u64>() {
        return (number + 1).to_string();
    }
    let words = arg.get_possible_values();
    let words = words.iter().map(|word| word.get_name());
    let others = ["on", "warn", "127.0.0.9:9", "https://chat.example.org", "10.1.0.0/16", "path"];
    let accepted = |value: &&str| *value != default && parse(&[&format!("--{}={value}", name(arg))], &[]).is_ok();
    words.chain(others).find(accepted).unwrap_or_else(|| panic!("no value known for {}", name(arg))).to_owned()
}

/// The fields of the settings, as their `Debug` shows them.
fn fields(config: &Config) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let mut last = String::new();
    for line in format!("{config:#?}").lines().map(str::trim) {
        let (key, value) = line.split_once(": ").unwrap_or((&last, line));
        let key = key.to_owned();
        fields.entry(key.clone()).or_insert_with(String::new).push_str(value);
        last = key;
    }
    fields
}

#[test]
fn each_setting_reaches_its_field_from_every_source() {
    let defaults = fields(&Config::default());
    for arg in declarations::<Config>() {
        let (name, value) = (name(&arg), another_value(&arg));
        let quote = if is_number(&arg) { "" } else { "'" };
        let line = |value: &str| format!("{name} = {quote}{value}{quote}");
        let option = |value: &str| format!("--{name}={value}");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("parlor.toml");
        let settings = |file: &str, variable: &str, flags: &[&str]| {
            fs::write(&path, file).unwrap();
            let flags = [&["--config", path.to_str().unwrap()], flags].concat();
            parse(&flags, &[(&super::declarations::variable(name), variable)]).unwrap().options.settings
        };
        let changed = settings("", "", &[&option(&value)]);
        let now = fields(&changed);
        let differing: Vec<&String> = defaults.keys().filter(|key| defaults[*key] != now[*key]).collect();
        assert_eq!(differing, [&name.replace('-', "_")], "{name} = {value}");
        assert_eq!(settings("", &value, &[]), changed, "{name}");
        assert_eq!(settings(&line(&value), "", &[]), changed, "{name}");
        if let Some(default) = arg.get_default_values().first().and_then(|value| value.to_str()) {
            assert_eq!(settings(&line(default), default, &[&option(&value)]), changed, "{name}");
            assert_eq!(settings(&line(default), &value, &[]), changed, "{name}");
        }
    }
}

#[test]
fn values_of_each_kind_are_parsed() {
    let file = "
        listen = '127.0.0.2:1'
        web-origin = 'https://chat.example.org'
        trusted-proxy = ['10.1.0.0/16']
        users = 'u'
        registration = 'invite'
        guests = 'on'
        motd = 'm'
        data = 'd'
        durability = 'commit'
        keep-days = 51
        log-level = 'warn'
        line-limit = 106
        login-timeout = 104
        idle-timeout = 105
        rate = 107
    ";
    let wanted = Config {
        listen: vec![Address("127.0.0.2:1".to_owned())],
        web_origin: vec![WebOrigin::parse("https://chat.example.org").unwrap()],
        trusted_proxy: vec!["10.1.0.0/16".parse().unwrap()],
        users: "u".into(),
        registration: Registration::Invite,
        guests: true,
        motd: Some("m".into()),
        data: StoreAddress::Folder("d".into()),
        retention: Retention { durability: Durability::Commit, keep_days: 51, ..Retention::default() },
        logs: LogSettings { log_level: LevelFilter::Warn, ..LogSettings::default() },
        limits: Limits {
            line_limit: 106,
            login_timeout: Duration::from_secs(104),
            idle_timeout: Some(Duration::from_secs(105)),
            rate: 107,
            ..Limits::default()
        },
        ..Config::default()
    };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("parlor.toml");
    fs::write(&path, file).unwrap();
    assert_eq!(parse(&["--config", path.to_str().unwrap()], &[]).unwrap().options.settings, wanted);
}

#[test]
fn a_switch_can_stand_alone_or_be_true_in_a_file() {
    let guests = |config: Result<Config, String>| config.map(|config| config.guests);
    assert_eq!(guests(load(&["--guests"], &[])), Ok(true));
    assert_eq!(guests(load(&["--guests=off"], &[("PARLOR_GUESTS", "on")])), Ok(false));
    assert_eq!(guests(load_file("guests = true", &[], &[])), Ok(true));
    assert_eq!(guests(load_file("guests = 'on'", &["--guests=false"], &[])), Ok(false));
    let refusal = guests(load_file("guests = 'maybe'", &[], &[]));
    assert_eq!(refusal, Err("parlor.toml, line 1: guests must be on or off, not 'maybe'".to_owned()));
    assert!(parse(&["--guests", "check"], &[]).unwrap().command.is_some());
}

#[test]
fn toml_numbers_and_lists_can_be_written_in_all_forms() {
    let text = "max-groups = 10_000\nburst = 0x10\nlisten = ['127.0.0.1:1', '[::1]:2']\n";
    let config = load_file(text, &[], &[]).unwrap();
    assert_eq!((config.limits.max_groups, config.limits.burst), (10_000, 16));
    assert_eq!(listening(&config), ["127.0.0.1:1".parse().unwrap(), "[::1]:2".parse().unwrap()]);
    assert_eq!(load_file("\u{FEFF}rate = 3\r\n", &[], &[]).unwrap().limits.rate, 3);
}

#[test]
fn addresses_are_looked_up_and_must_differ() {
    let local = listening(&load(&["--listen", "localhost:12345"], &[]).unwrap());
    assert!(local.len() == 1 && local[0].ip().is_loopback() && local[0].port() == 12345, "{local:?}");
    assert_eq!(load(&["--listen", "127.0.0.1:0,127.0.0.1:0"], &[]).unwrap().listen.len(), 2);
    assert_eq!(
        load(&["--listen", "127.0.0.1:1", "--listen", "127.0.0.1:1"], &[]).unwrap_err(),
        "listen: 127.0.0.1:1 is given twice"
    );
    let refusal = load(&["--listen", "[zz]:1"], &[]).unwrap_err();
    assert!(refusal.starts_with("listen: cannot look up '[zz]:1': "), "{refusal}");
}

#[test]
fn the_message_of_the_day_is_read_cleaned_and_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("motd.txt");
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let config = load(&["--motd", path.to_str().unwrap()], &[])?;
        config.message_of_the_day().map(|text| text.as_deref().map(str::to_owned)).map_err(|e| e.to_string())
    };
    assert_eq!(read(b"Welcome!\r\n\n\tB\x1B[1m\n\n").unwrap().as_deref(), Some("Welcome!\n\n B\u{FFFD}[1m"));
    assert_eq!(read(b" \n\n").unwrap(), None);
    assert_eq!(read(&[b'x'; 16 * 1024]).unwrap().map(|text| text.len()), Some(16 * 1024));
    assert!(read(&[b'x'; 16 * 1024 + 1]).unwrap_err().ends_with("motd.txt must have at most 16384 bytes"));
    assert!(read(&[7; 8 * 1024]).unwrap_err().contains("without control characters"));
    assert!(read(&[0xC3, 0x28]).unwrap_err().ends_with("motd.txt is not valid UTF-8"));
    let refusal = load(&["--motd", dir.path().join("none").to_str().unwrap()], &[]).unwrap_err();
    assert!(refusal.starts_with("motd: cannot read "), "{refusal}");
}

#[test]
fn settings_can_be_read_without_checking_them() {
    let flags = ["--motd", "/nowhere/at/all", "--users", "u"];
    assert_eq!(parse(&flags, &[]).unwrap().options.settings.users, PathBuf::from("u"));
    assert!(load(&flags, &[]).is_err());
}

#[test]
fn the_table_has_every_setting_in_four_columns() {
    let table = settings_table();
    assert_eq!(table.lines().count(), 2 + declarations::<Config>().len());
    assert!(table.lines().all(|line| line.matches('|').count() == 5), "{table}");
    let row = "| `telnet` | `PARLOR_TELNET` | auto | Which clients are treated as telnet, so that their terminal hides the password: auto, always, never |";
    assert!(table.contains(row), "{table}");
}

#[test]
fn a_refused_value_is_shown_with_its_source() {
    let refusal = load(&["--line-limit", "3"], &[]).unwrap_err();
    let shown = "error: invalid value '3' for '--line-limit <BYTES>': must be a whole number from 64 to 65536";
    assert!(refusal.starts_with(shown), "{refusal}");
    assert_eq!(
        load(&[], &[("PARLOR_LINE_LIMIT", "65537")]).unwrap_err(),
        "PARLOR_LINE_LIMIT must be a whole number from 64 to 65536, not '65537'"
    );
    assert_eq!(
        load_file("# first\nrate = 1\nline-limit = 3\n", &[], &[]).unwrap_err(),
        "parlor.toml, line 3: line-limit must be a whole number from 64 to 65536, not '3'"
    );
}

#[test]
fn bad_values_in_the_environment_are_refused() {
    let address = "must be an address and a port, such as 127.0.0.1:12345, [::1]:12345 or 0.0.0.0:12345";
    let cases = [
        ("PARLOR_MAX_CLIENTS", "many", "must be a whole number from 1 to 1000000, not 'many'".to_owned()),
        ("PARLOR_RATE", "-1", "must be a whole number from 0 to 1000000, not '-1'".to_owned()),
        ("PARLOR_TELNET", "maybe\n", "must be one of auto, always, never, not 'maybe\\n'".to_owned()),
        ("PARLOR_LOG_LEVEL", "loud", "must be off, error, warn, info, debug or trace, not 'loud'".to_owned()),
        (
            "PARLOR_DATA",
            "postgres://db/chat",
            "must be a folder or none (this build has no PostgreSQL), not 'postgres://db/chat'".to_owned(),
        ),
        ("PARLOR_LISTEN", "127.0.0.1", format!("{address}, not '127.0.0.1'")),
        ("PARLOR_LISTEN", "::1:12345", format!("{address}, not '::1:12345'")),
        ("PARLOR_LISTEN", ":12345", format!("{address}, not ':12345'")),
        ("PARLOR_LISTEN", "127.0.0.1:1,", format!("{address}, not '127.0.0.1:1,'")),
        ("PARLOR_LISTEN", "127.0.0.1:65536", format!("{address}, not '127.0.0.1:65536'")),
        (
            "PARLOR_TRUSTED_PROXY",
            "127.0.0.1,localhost",
            "must be an address or a network, such as 127.0.0.1 or 10.0.0.0/8, not '127.0.0.1,localhost'".to_owned(),
        ),
    ];
    for (key, value, why) in cases {
        assert_eq!(load(&[], &[(key, value)]).unwrap_err(), format!("{key} {why}"));
    }
}

#[test]
fn a_range_includes_both_ends() {
    for value in ["64", "65536"] {
        assert!(load(&["--line-limit", value], &[]).is_ok(), "{value}");
    }
    assert_eq!(load(&["--idle-timeout", "0"], &[]).unwrap().limits.idle_timeout, None);
    assert_eq!(load(&["--rate", "0"], &[]).unwrap().limits.rate, 0);
    assert!(load(&["--login-timeout", "0"], &[]).is_err());
}

#[test]
fn settings_that_depend_on_each_other_are_checked() {
    assert_eq!(
        load(&["--line-limit", "65536", "--outbox-bytes", "65536"], &[]).unwrap_err(),
        "outbox-bytes must be at least twice line-limit (65536), not 65536"
    );
}

#[test]
fn an_unknown_setting_is_refused_with_the_nearest() {
    let line = "parlor.toml, line 2: unknown setting";
    let cases = [
        ("\nline_limit = 1", "'line_limit'; did you mean 'line-limit'?"),
        ("\nMOTD = ''", "'MOTD'; did you mean 'motd'?"),
        ("\nlisten-on = ''", "'listen-on'; did you mean 'listen'?"),
        ("\nmax-client = 9", "'max-client'; did you mean 'max-clients'?"),
        ("\n[zzz]\nrate = 1", "'zzz'"),
        ("\nconfig = 'other.toml'", "'config'"),
        ("rate = 1\nbrust = 1\nanother = 2", "'brust'; did you mean 'burst'?"),
    ];
    for (text, why) in cases {
        assert_eq!(load_file(text, &[], &[]).unwrap_err(), format!("{line} {why}"));
    }
}

#[test]
fn an_unknown_variable_is_refused_with_the_nearest() {
    let cases = [
        ("PARLOR_LOGDIR", "PARLOR_LOGDIR; did you mean PARLOR_LOG_DIR?"),
        ("PARLOR_confg", "PARLOR_confg; did you mean PARLOR_CONFIG?"),
        ("PARLOR_ZZZ", "PARLOR_ZZZ"),
        ("PARLOR_", "PARLOR_"),
    ];
    for (key, why) in cases {
        assert_eq!(load(&[], &[(key, "")]).unwrap_err(), format!("unknown environment variable {why}"));
    }
    let others = [("PATH", "/bin"), ("PARLORX", "1"), ("PARLOR_RATE", "")];
    assert_eq!(load(&[], &others).unwrap(), Config::default());
}

#[test]
fn a_wrong_type_or_broken_toml_is_refused_with_its_line() {
    let cases = [
        ("rate = '5'", "1: rate must be a whole number without quotes"),
        ("rate = 5.0", "1: rate must be a whole number without quotes"),
        ("rate = [5]", "1: rate must be a whole number without quotes"),
        ("\nusers = true", "2: users must be a text in quotes"),
        ("\nlisten = 12345", "2: listen must be a text in quotes, or a list of such texts"),
        ("listen = []", "1: listen must be a text in quotes, or a list of such texts"),
        ("listen = [1]", "1: listen must be a text in quotes, or a list of such texts"),
        ("users = ''", "1: users must not be empty, not ''"),
        ("rate = 99999999999999999999", "1: rate must be a whole number from 0 to 1000000, not '99999999999999999999'"),
    ];
    for (text, why) in cases {
        assert_eq!(load_file(text, &[], &[]).unwrap_err(), format!("parlor.toml, line {why}"));
    }
    for text in ["\nrate 5", "\nrate = ", "\n[limits", "rate = 1\nrate = 2"] {
        let refusal = load_file(text, &[], &[]).unwrap_err();
        assert!(refusal.starts_with("parlor.toml, line 2: ") && !refusal.contains('\n'), "{refusal}");
    }
}
