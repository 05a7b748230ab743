//! How operators' commands are read, and that the console has the same.

use std::time::Duration;

use super::super::{COMMANDS, console};
use super::*;

#[test]
fn a_penalty_has_a_kind_a_subject_and_perhaps_a_time() {
    let (penalty, on) = (Penalty::Ban, On::User("bob".to_owned()));
    let minutes = |n: u64| Some(Duration::from_secs(60 * n));
    for (line, time, why) in [
        ("ban user bob", None, ""),
        ("BAN USER bob 10m", minutes(10), ""),
        ("ban user bob 10m  a b ", minutes(10), "a b"),
        ("ban user bob 10 minutes", None, "10 minutes"),
    ] {
        let expected = Act::Lay { penalty, on: on.clone(), time, why: why.to_owned() };
        assert_eq!(console(line), Ok(expected), "{line}");
    }
    for line in ["ban", "ban user", "ban bob", "ban addr 10.0.0.0/8", "mute addr 10.0.0.1", "unban user bob x"] {
        assert!(matches!(console(line), Err(UserError::Usage(_))), "{line}");
    }
}

#[test]
fn a_shutdown_is_now_in_a_while_or_off() {
    let shutdown = |after, why: &str| Ok(Act::Shutdown { after, why: why.to_owned() });
    assert_eq!(console("shutdown"), shutdown(None, ""));
    assert_eq!(console("shutdown update"), shutdown(None, "update"));
    assert_eq!(console("shutdown in 5m new disk"), shutdown(Some(Duration::from_secs(300)), "new disk"));
    assert_eq!(console("shutdown CANCEL"), Ok(Act::GoOn));
    assert!(console("shutdown in five").is_err() && console("shutdown in").is_err());
}

#[test]
fn the_console_knows_what_operators_do_and_nothing_else() {
    for spec in COMMANDS {
        let act = console(&spec.example[1..]);
        let known = act.is_ok();
        assert_eq!(known, spec.role > Role::User || spec.name == "delete", "{}", spec.name);
        // The table and the acts ask for the same role.
        if let (Ok(act), true) = (act, spec.role > Role::User) {
            assert_eq!(act.needs(), spec.role, "{}", spec.name);
        }
    }
    assert_eq!(console("top"), Ok(Act::Top { sessions: false }));
    assert_eq!(console("top sessions"), Ok(Act::Top { sessions: true }));
    assert!(matches!(console("fly"), Err(UserError::UnknownCommand(..))));
}
