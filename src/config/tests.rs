//! Settings as an operator gives them: options, an invented environment, files of their own.

mod refusals;

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use clap::{CommandFactory, Parser, Subcommand};
use log::LevelFilter;

use super::declarations::{declarations, is_number, name, variable};
use super::*;
use crate::model::{
    DuplicateLogin, Durability, Limits, LogSettings, Registration, Retention, StoreAddress, TelnetMode, WebOrigin,
};

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

/// What `parlord` makes of a command line and an environment.
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
fn nothing_said_gives_the_defaults() {
    assert_eq!(load(&[], &[]).unwrap(), Config::default());
    assert_eq!(load_file("", &[], &[]).unwrap(), Config::default());
}

#[test]
fn flags_go_before_environment_before_file_before_default() {
    let file = "burst = 5\nrate = 5\nline-limit = 500\n";
    let config = load_file(file, &["--burst", "7"], &[("PARLOR_BURST", "6"), ("PARLOR_RATE", "6")]).unwrap();
    assert_eq!((config.limits.burst, config.limits.rate), (7, 6));
    assert_eq!((config.limits.line_limit, config.limits.max_clients), (500, Limits::default().max_clients));
}

#[test]
fn no_data_folder_is_a_choice_of_its_own() {
    assert_eq!(load(&["--data", "none"], &[]).unwrap().data, StoreAddress::Memory);
    assert_eq!(load(&[], &[("PARLOR_DATA", "./none")]).unwrap().data, StoreAddress::Folder("./none".into()));
}

#[test]
fn a_list_of_a_higher_source_replaces_the_lower_one() {
    let ports = |flags: &[&str]| {
        let environment = [("PARLOR_LISTEN", "127.0.0.1:2,127.0.0.1:3")];
        let config = load_file("listen = '127.0.0.1:1'", flags, &environment).unwrap();
        listening(&config).iter().map(SocketAddr::port).collect::<Vec<_>>()
    };
    assert_eq!(ports(&[]), [2, 3]);
    assert_eq!(ports(&["--listen", "127.0.0.1:4", "--listen", "127.0.0.1:5"]), [4, 5]);
}

#[test]
fn the_file_is_found_by_flag_before_environment_and_never_by_itself() {
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
fn every_default_may_be_written_out() {
    let with_default = |arg: &clap::Arg| {
        let default = arg.get_default_values().first()?.to_str().unwrap().to_owned();
        Some((variable(name(arg)), default))
    };
    let given: Vec<_> = declarations::<Config>().iter().filter_map(with_default).collect();
    let environment: Vec<_> = given.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(load(&[], &environment).unwrap(), Config::default());
}

#[test]
fn every_setting_reaches_its_place_from_every_source() {
    let dir = tempfile::tempdir().unwrap();
    let motd = dir.path().join("motd.txt");
    fs::write(&motd, "hello\n").unwrap();
    let motd = motd.to_str().unwrap();
    let given = [
        ("listen", "127.0.0.2:1"),
        ("web", "127.0.0.3:2"),
        ("web-origin", "https://chat.example.org"),
        ("trusted-proxy", "10.1.0.0/16"),
        ("metrics", "127.0.0.4:9"),
        ("users", "u"),
        ("registration", "invite"),
        ("guests", "on"),
        ("duplicate-login", "replace"),
        ("motd", motd),
        ("word-filter", "w"),
        ("telnet", "never"),
        ("data", "d"),
        ("durability", "commit"),
        ("keep-days", "51"),
        ("keep-messages", "52"),
        ("keep-messages-per-group", "53"),
        ("log-dir", "l"),
        ("log-level", "warn"),
        ("log-keep-days", "41"),
        ("log-compress-days", "40"),
        ("max-clients", "101"),
        ("max-unauthenticated", "102"),
        ("max-unauthenticated-per-address", "103"),
        ("login-timeout", "104"),
        ("idle-timeout", "105"),
        ("line-limit", "106"),
        ("rate", "107"),
        ("burst", "108"),
        ("outbox-items", "109"),
        ("outbox-bytes", "110000"),
        ("outbox-age", "111"),
        ("max-groups", "112"),
        ("max-memberships", "113"),
        ("max-sessions-per-user", "114"),
        ("max-guests", "115"),
    ];
    let wanted = Config {
        listen: vec![Address("127.0.0.2:1".to_owned())],
        web: vec![Address("127.0.0.3:2".to_owned())],
        metrics: vec![Address("127.0.0.4:9".to_owned())],
        web_origin: vec![WebOrigin::parse("https://chat.example.org").unwrap()],
        trusted_proxy: vec!["10.1.0.0/16".parse().unwrap()],
        users: "u".into(),
        data: StoreAddress::Folder("d".into()),
        retention: Retention {
            durability: Durability::Commit,
            keep_days: 51,
            keep_messages: 52,
            keep_messages_per_group: 53,
        },
        logs: LogSettings {
            log_dir: "l".into(),
            log_level: LevelFilter::Warn,
            log_keep_days: 41,
            log_compress_days: 40,
        },
        limits: Limits {
            max_clients: 101,
            max_unauthenticated: 102,
            max_unauthenticated_per_address: 103,
            login_timeout: Duration::from_secs(104),
            idle_timeout: Some(Duration::from_secs(105)),
            line_limit: 106,
            rate: 107,
            burst: 108,
            outbox_items: 109,
            outbox_bytes: 110_000,
            outbox_age: Duration::from_secs(111),
            max_groups: 112,
            max_memberships: 113,
            max_sessions_per_user: 114,
            max_guests: 115,
        },
        registration: Registration::Invite,
        guests: true,
        duplicate_login: DuplicateLogin::Replace,
        motd: Some(motd.into()),
        word_filter: Some("w".into()),
        telnet: TelnetMode::Never,
    };
    let known = declarations::<Config>();
    assert_eq!(known.iter().map(name).collect::<Vec<_>>(), given.map(|(name, _)| name));

    let flags: Vec<String> = given.iter().map(|(name, value)| format!("--{name}={value}")).collect();
    assert_eq!(load(&flags.iter().map(String::as_str).collect::<Vec<_>>(), &[]).unwrap(), wanted);

    let variables: Vec<String> = given.iter().map(|(name, _)| variable(name)).collect();
    let environment: Vec<_> = variables.iter().zip(given).map(|(key, (_, value))| (key.as_str(), value)).collect();
    assert_eq!(load(&[], &environment).unwrap(), wanted);

    let quoted = |(arg, (name, value)): (&clap::Arg, (&str, &str))| match is_number(arg) {
        true => format!("{name} = {value}\n"),
        false => format!("{name} = '{value}'\n"),
    };
    let file: String = known.iter().zip(given).map(quoted).collect();
    assert_eq!(load_file(&file, &[], &[]).unwrap(), wanted);
}

#[test]
fn a_switch_may_stand_alone_and_is_true_or_false_in_a_file() {
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
fn toml_numbers_and_lists_in_all_their_forms() {
    let text = "max-groups = 10_000\nburst = 0x10\nlisten = ['127.0.0.1:1', '[::1]:2']\n";
    let config = load_file(text, &[], &[]).unwrap();
    assert_eq!((config.limits.max_groups, config.limits.burst), (10_000, 16));
    assert_eq!(listening(&config), ["127.0.0.1:1".parse().unwrap(), "[::1]:2".parse().unwrap()]);
    assert_eq!(load_file("\u{FEFF}rate = 3\r\n", &[], &[]).unwrap().limits.rate, 3);
}

#[test]
fn addresses_are_looked_up_and_may_not_repeat() {
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
fn one_setting_can_be_had_without_checking_the_rest() {
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
