//! Parsing operators' commands, in the chat and on the console.

use std::time::Duration;

use super::super::{COMMANDS, console};
use super::*;
use crate::model::MessageId;
use crate::model::limits::REASON_CHARS;

#[test]
fn a_sanction_has_a_target_and_an_optional_time() {
    let (penalty, on) = (Penalty::Ban, BanTarget::User("bob".to_owned()));
    let minutes = |n: u64| Some(Duration::from_secs(60 * n));
    for (line, time, why) in [
        ("ban user bob", None, ""),
        ("BAN USER bob 10m", minutes(10), ""),
        ("ban user bob 10m  a b ", minutes(10), "a b"),
        ("ban user bob 1w spam", minutes(7 * 24 * 60), "spam"),
        ("ban user bob for 1h30m", minutes(90), ""),
        ("ban user bob forever 10 times warned", None, "10 times warned"),
    ] {
        let expected = AdminCommand::Impose { penalty, on: on.clone(), time, why: why.to_owned() };
        assert_eq!(console(line), Ok(expected), "{line}");
    }
    for line in
        ["ban", "ban user", "ban bob", "ban addr 10.0.0.0/8", "mute addr 10.0.0.1", "unban user", "log 0", "log x"]
    {
        assert!(matches!(console(line), Err(UserError::Usage(_))), "{line}");
    }
}

#[test]
fn a_shutdown_is_immediate_delayed_or_cancelled() {
    let shutdown = |after, why: &str| Ok(AdminCommand::Shutdown { after, why: why.to_owned() });
    assert_eq!(console("shutdown now"), shutdown(None, ""));
    assert_eq!(console("shutdown NOW update"), shutdown(None, "update"));
    assert_eq!(console("shutdown in 5m new disk"), shutdown(Some(Duration::from_secs(300)), "new disk"));
    let go_on = |why: &str| Ok(AdminCommand::CancelShutdown { why: why.to_owned() });
    assert_eq!(
        (console("shutdown CANCEL"), console("shutdown cancel  all is well")),
        (go_on(""), go_on("all is well"))
    );
    for line in
        ["shutdown", "shutdown update", "shutdown cancelled", "shutdown cancle", "shutdown 10m update", "shutdown in"]
    {
        assert!(matches!(console(line), Err(UserError::Usage(_))), "{line}");
    }
    for line in
        ["shutdown in five", "shutdown in 5", "ban user bob 10 minutes", "mute user bob 30", "ban user bob spam 1d"]
    {
        assert!(matches!(console(line), Err(UserError::BadTime(_))), "{line}");
    }
}

#[test]
fn commands_that_undo_something_take_a_reason() {
    let (on, why) = (BanTarget::User("bob".to_owned()), "enough".to_owned());
    let commands = [
        ("unban user bob enough", AdminCommand::Lift { penalty: Penalty::Ban, on: on.clone(), why: why.clone() }),
        ("unmute user bob enough", AdminCommand::Lift { penalty: Penalty::Mute, on, why: why.clone() }),
        ("delete 12 enough", AdminCommand::Delete { id: MessageId(12), why: why.clone() }),
        ("reports done 3 enough", AdminCommand::CloseReport { number: 3, why: why.clone() }),
        ("reload enough", AdminCommand::Reload { why: why.clone() }),
        ("drop_group g enough", AdminCommand::DropGroup { group: "g".to_owned(), why: why.clone() }),
        ("disconnect bob enough", AdminCommand::Disconnect { whom: "bob".to_owned(), why }),
    ];
    for (line, command) in commands {
        assert_eq!(console(line), Ok(command), "{line}");
    }
    let Ok(AdminCommand::Reload { why }) = console(&format!("reload {}", "x".repeat(1_000))) else { panic!() };
    assert_eq!(why, "x".repeat(REASON_CHARS) + "…");
}

#[test]
fn log_lines_are_limited() {
    for (line, lines) in [("log", LOG_COUNT), ("log 1", 1), ("log 200", LOG_MAX), ("log 9999", LOG_MAX)] {
        assert_eq!(console(line), Ok(AdminCommand::Log { lines }), "{line}");
    }
}

#[test]
fn the_console_has_exactly_the_operators_commands() {
    for spec in COMMANDS {
        let command = console(&spec.example[1..]);
        let known = command.is_ok();
        assert_eq!(known, spec.console, "{}", spec.name);
        assert!(spec.console || spec.role == Role::User, "{}", spec.name);
        // The table and the admin commands require the same role.
        if let (Ok(command), true) = (command, spec.role > Role::User) {
            assert_eq!(command.needs(), spec.role, "{}", spec.name);
        }
    }
    assert_eq!(console("top"), Ok(AdminCommand::Top { sessions: false }));
    assert_eq!(console("top sessions"), Ok(AdminCommand::Top { sessions: true }));
    assert!(matches!(console("fly"), Err(UserError::UnknownCommand(..))));
}
