//! What cannot be a setting is refused, with the place where it stands.

use super::*;

#[test]
fn a_bad_value_is_refused_with_its_place_from_every_source() {
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
fn bad_values_in_the_environment() {
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
fn the_edges_of_a_range_belong_to_it() {
    for value in ["64", "65536"] {
        assert!(load(&["--line-limit", value], &[]).is_ok(), "{value}");
    }
    assert_eq!(load(&["--idle-timeout", "0"], &[]).unwrap().limits.idle_timeout, None);
    assert_eq!(load(&["--rate", "0"], &[]).unwrap().limits.rate, 0);
    assert!(load(&["--login-timeout", "0"], &[]).is_err());
}

#[test]
fn settings_are_checked_together() {
    assert_eq!(
        load(&["--line-limit", "65536", "--outbox-bytes", "65536"], &[]).unwrap_err(),
        "outbox-bytes must be at least twice line-limit (65536), not 65536"
    );
}

#[test]
fn an_unknown_name_is_refused_with_the_nearest() {
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
fn a_wrong_type_or_broken_toml_is_refused_with_the_line() {
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
