//! The plain dialect: the only file with the wording of events.
//!
//! Every event is whole lines, prompts excepted. Success texts never contain `fail`, `error`, `exist` or `not`, not even
//! inside a word: scripts look for these. What cannot be done is worded in `model::UserError`.

use std::fmt::{self, Write};
use std::time::SystemTime;

use chrono::{DateTime, Utc};

use super::Dialect;
use crate::model::{
    Event, EventKind, Listed, Message, Name, NotRegistered, Online, Profile, Question, QuitReason, Scope, Target,
    TokenShown,
};

/// The plain dialect with LF after each line.
pub static PLAIN: Plain = Plain { slot: 0, crlf: false };

/// The plain dialect with CRLF after each line, for clients whose own lines end so.
pub static PLAIN_CRLF: Plain = Plain { slot: 1, crlf: true };

/// Text for people with `nc` or `telnet`.
pub struct Plain {
    slot: usize,
    crlf: bool,
}

impl Dialect for Plain {
    fn encode<'e>(&self, event: &'e Event) -> &'e [u8] {
        event.encoded(self.slot, |kind| {
            let text = wording(kind, event.weight());
            if self.crlf { text.replace('\n', "\r\n").into_bytes() } else { text.into_bytes() }
        })
    }

    fn after_prompt(&self) -> &'static [u8] {
        if self.crlf { b"\r\n" } else { b"\n" }
    }
}

/// The text of an event that will be about `size` bytes long.
fn wording(kind: &EventKind, size: usize) -> String {
    let mut out = String::with_capacity(size);
    // Writing into a String cannot fail; the Result is there for other targets of `fmt::Write`.
    let _ = write_wording(&mut out, kind);
    if !kind.is_prompt() && !out.is_empty() {
        out.push('\n');
    }
    out
}

fn write_wording(out: &mut String, kind: &EventKind) -> fmt::Result {
    match kind {
        EventKind::Whisper { from, text } => write!(out, "[{from}]: {text}"),
        EventKind::WhisperSent { to, text } => write!(out, "[to {to}]: {text}"),
        EventKind::Broadcast { from, text } => write!(out, "[Broadcast][{from}]: {text}"),
        EventKind::GroupMessage { group, from, text } => write!(out, "[Group {group}][{from}]: {text}"),
        EventKind::UserJoined { user } => write!(out, "*** {user} has joined the chat."),
        EventKind::UserLeft { user } => write!(out, "*** {user} has left the chat."),
        EventKind::MemberJoined { group, user } => write!(out, "*** {user} has joined the group {group}."),
        EventKind::MemberLeft { group, user } => write!(out, "*** {user} has left the group {group}."),
        EventKind::GroupCreated { group } => write!(out, "Group {group} created."),
        EventKind::YouJoined { group } => write!(out, "You joined the group {group}."),
        EventKind::YouLeft { group, gone: false } => write!(out, "You left the group {group}."),
        EventKind::YouLeft { group, gone: true } => {
            write!(out, "You left the group {group}. It is empty now, and gone.")
        }
        EventKind::Users { users } => write_users(out, users),
        EventKind::WhoIs(profile) => write_profile(out, profile),
        EventKind::YouAreAway { away: Some(away) } => write!(out, "You are away: {away}"),
        EventKind::YouAreAway { away: None } => out.write_str("You are back."),
        EventKind::UserIsAway { user, away } => write!(out, "*** {user} is away: {away}"),
        EventKind::KeptFor { user } => {
            write!(out, "*** {user} is not online; your message is kept until the next login.")
        }
        EventKind::Received { by, id } => write!(out, "*** {by} has received {id}."),
        EventKind::Read { by, id } => write!(out, "*** {by} has read {id}."),
        EventKind::Missed { count: 1 } => out.write_str("*** 1 message came while you were away:"),
        EventKind::Missed { count } => write!(out, "*** {count} messages came while you were away:"),
        EventKind::MissedMore { count } => write!(out, "*** {count} more came; /history shows them."),
        EventKind::Past { reader, messages } => write_past(out, reader, messages),
        EventKind::Groups { names } if names.is_empty() => {
            out.write_str("There are no groups yet; /create_group makes one.")
        }
        EventKind::Groups { names } => write_list(out, "Groups:", names),
        EventKind::GroupsUsers { rosters, first } => write_rosters(out, rosters, *first),
        EventKind::Talking { target } => write_target(out, *target),
        EventKind::WhoAmI { name, peer, sessions, groups, target } => {
            write!(out, "You are {name}, connected from {peer}, sessions: {sessions}, groups: {}.", Names(groups))?;
            target.map_or(Ok(()), |target| write!(out, " Plain text goes to {}.", Shown(target)))
        }
        EventKind::Pong { text } if text.is_empty() => out.write_str("Pong."),
        EventKind::Pong { text } => write!(out, "Pong: {text}"),
        EventKind::Mode { mode } => write!(out, "Mode: {mode}."),
        EventKind::Help { lines } => out.write_str(&lines.join("\n")),
        EventKind::Refused(error) => write!(out, "{error}"),
        other => write_account(out, other),
    }
}

fn write_account(out: &mut String, kind: &EventKind) -> fmt::Result {
    match kind {
        EventKind::PasswordChanged => out.write_str("Your password is changed."),
        EventKind::Cancelled => out.write_str("Cancelled; all is as it was."),
        EventKind::TokenMade { name, secret, expires } => write_new_token(out, name, secret, *expires),
        EventKind::Tokens { tokens } => write_tokens(out, tokens),
        EventKind::TokenRevoked { name } => write!(out, "Token {name} is revoked."),
        other => write_login_and_leaving(out, other),
    }
}

fn write_login_and_leaving(out: &mut String, kind: &EventKind) -> fmt::Result {
    match kind {
        EventKind::AskName => out.write_str("Enter username: "),
        EventKind::AskPassword => out.write_str("Enter password: "),
        EventKind::Ask(question) => out.write_str(match question {
            Question::Password => "Your password: ",
            Question::OldPassword => "Old password: ",
            Question::NewPassword => "New password: ",
            Question::SameAgain => "The same again: ",
        }),
        EventKind::NotRegistered(why) => write_not_registered(out, why),
        EventKind::YouAreGuest { name } => write!(out, "You are {name}."),
        EventKind::LoginRefused
        | EventKind::AlreadyHere
        | EventKind::TooManySessions { .. }
        | EventKind::TooManyAttempts
        | EventKind::TooManyGuests { .. }
        | EventKind::TooManyConnections { .. } => write_login_refused(out, kind),
        EventKind::Welcome { motd } => {
            out.write_str("Welcome to the chat server!\n")?;
            out.write_str("Type /help for the commands; Ctrl-R shows a half-typed line again.")?;
            motd.as_ref().map_or(Ok(()), |text| write!(out, "\n{}", text.trim_end()))
        }
        EventKind::HowToLeave { logged_in: true } => out.write_str("*** To leave, type /quit."),
        EventKind::HowToLeave { logged_in: false } => {
            out.write_str("*** To leave, press Ctrl-] and type quit; or go on and log in.")
        }
        EventKind::StillHere => out.write_str("*** Yes, the chat server is here."),
        EventKind::Closed { reason } => out.write_str(last_words(*reason)),
        _ => Ok(()),
    }
}

fn write_login_refused(out: &mut String, kind: &EventKind) -> fmt::Result {
    match kind {
        EventKind::LoginRefused => out.write_str("Authentication failed."),
        EventKind::AlreadyHere => out.write_str("Authentication failed: user already logged in."),
        EventKind::TooManySessions { limit } => {
            write!(out, "Authentication failed: you are logged in {limit} times already, which is the limit.")
        }
        EventKind::TooManyAttempts => {
            out.write_str("Authentication failed: too many wrong passwords from your address; try again in a minute.")
        }
        EventKind::TooManyConnections { limit } => {
            write!(out, "Error: {limit} connections from your address are logging in already; try again later.")
        }
        EventKind::TooManyGuests { limit } => {
            write!(out, "Authentication failed: {limit} guests are here already, which is the limit.")
        }
        _ => Ok(()),
    }
}

/// What a client is told when the server closes his connection; empty where nothing needs saying.
fn last_words(reason: QuitReason) -> &'static str {
    match reason {
        // They left by themselves, were answered already, or read nothing any more.
        QuitReason::Quit | QuitReason::Eof | QuitReason::LoginFailed => "",
        QuitReason::Lost | QuitReason::SlowReader => "",
        QuitReason::Idle => "*** You were idle for too long. Goodbye.",
        QuitReason::LoginTimeout => "*** The login took too long. Goodbye.",
        QuitReason::Flood => "*** Too much came without a line end. Goodbye.",
        QuitReason::WrongProtocol => {
            "This is a chat server for plain text: connect with `nc HOST PORT` or `telnet HOST PORT`, without TLS or HTTP."
        }
        QuitReason::ServerFull => "Error: The server is full; try again later.",
        QuitReason::Crowded => "Error: Too many connections are logging in right now; try again later.",
        QuitReason::Kicked => "*** You were disconnected by an operator.",
        QuitReason::Replaced => "*** You logged in from elsewhere; this session ends.",
        QuitReason::Revoked => "*** The token of this session was revoked. Goodbye.",
        QuitReason::Deleted => "*** Your account is deleted. Goodbye.",
        QuitReason::Shutdown => "*** The server is shutting down. Goodbye.",
        QuitReason::Panic => "*** A fault in the server ended this session; please connect again.",
    }
}

fn write_not_registered(out: &mut String, why: &NotRegistered) -> fmt::Result {
    out.write_str("Registration failed: ")?;
    match why {
        NotRegistered::Closed => out.write_str("this server registers nobody; ask its operator for an account."),
        NotRegistered::Usage => out.write_str("write /register <name>, or /register <name> <invitation>."),
        NotRegistered::NeedsInvite => out.write_str("it needs an invitation: /register <name> <invitation>."),
        NotRegistered::BadInvite => out.write_str("the invitation is unknown, used up, or too old."),
        NotRegistered::BadName(why) => write!(out, "the name {why}."),
        NotRegistered::GuestName => out.write_str("the name is kept for guests."),
        NotRegistered::Taken => out.write_str("the name is taken."),
        NotRegistered::Differ => out.write_str("the two passwords are not the same."),
        NotRegistered::BadPassword(why) => write!(out, "the password {why}."),
        NotRegistered::Full => out.write_str("there are as many accounts as there may be; ask the operator for one."),
        NotRegistered::TooMany => {
            out.write_str("too many accounts were made from your address; try again in ten minutes.")
        }
        NotRegistered::TooManyAttempts => out.write_str("too many tries from your address; try again in a minute."),
        NotRegistered::Busy => out.write_str("the server is busy; try again."),
        NotRegistered::Unavailable => out.write_str("the account cannot be stored now; try again later."),
    }
}

fn write_new_token(out: &mut String, name: &Name, secret: &str, expires: Option<SystemTime>) -> fmt::Result {
    writeln!(out, "Token {name} is made; it is shown this once:\n{secret}")?;
    out.write_str("Give it as the password at the login; it is good until ")?;
    match expires {
        Some(expires) => write!(out, "{}, or until you revoke it.", time(expires)),
        None => out.write_str("you revoke it."),
    }
}

fn write_tokens(out: &mut String, tokens: &[TokenShown]) -> fmt::Result {
    if tokens.is_empty() {
        return out.write_str("You have no tokens; /token new <name> makes one.");
    }
    out.write_str("Your tokens:")?;
    let now = SystemTime::now();
    tokens.iter().try_for_each(|TokenShown { name, made, expires }| {
        write!(out, "\n{name}: made {}", time(*made))?;
        match expires {
            None => Ok(()),
            Some(expires) if *expires <= now => write!(out, ", expired {}", time(*expires)),
            Some(expires) => write!(out, ", good until {}", time(*expires)),
        }
    })
}

fn time(at: SystemTime) -> impl fmt::Display {
    DateTime::<Utc>::from(at).format("%Y-%m-%d %H:%M UTC")
}

fn write_list(out: &mut String, title: &str, names: &[Name]) -> fmt::Result {
    out.write_str(title)?;
    names.iter().try_for_each(|name| write!(out, "\n{name}"))
}

fn write_users(out: &mut String, users: &[Listed]) -> fmt::Result {
    out.write_str("Online users:")?;
    users.iter().try_for_each(|(name, away)| match away {
        None => write!(out, "\n{name}"),
        Some(away) => write!(out, "\n{name} (away: {away})"),
    })
}

fn write_profile(out: &mut String, profile: &Profile) -> fmt::Result {
    let Profile { name, online, last_seen } = profile;
    match (online, last_seen) {
        (None, None) => write!(out, "{name} is offline."),
        (None, Some(last)) => write!(out, "{name} is offline, last seen {}.", time(*last)),
        (Some(Online { since, idle, away, shared }), _) => {
            write!(out, "{name} is online since {}, idle for {} min", time(*since), idle.as_secs() / 60)?;
            away.as_ref().map_or(Ok(()), |away| write!(out, ", away ({away})"))?;
            write!(out, ", groups you share: {}.", Names(shared))
        }
    }
}

/// Messages of the log, one a line: number, time, and the line as it was when it was new.
fn write_past(out: &mut String, reader: &Name, messages: &[Message]) -> fmt::Result {
    let mut end = "";
    for Message { id, said, deleted } in messages {
        let (at, from) = (DateTime::<Utc>::from(said.at).format("%Y-%m-%d %H:%M"), said.from);
        write!(out, "{}{id} {at} ", std::mem::replace(&mut end, "\n"))?;
        match said.scope {
            Scope::User(to) if from == *reader => write!(out, "[to {to}]")?,
            Scope::User(_) => write!(out, "[{from}]")?,
            Scope::Group(group) => write!(out, "[Group {group}][{from}]")?,
            Scope::Everybody => write!(out, "[Broadcast][{from}]")?,
        }
        if *deleted { out.write_str(" (deleted)")? } else { write!(out, ": {}", said.text)? }
    }
    Ok(())
}

fn write_rosters(out: &mut String, rosters: &[(Name, Vec<Name>)], first: bool) -> fmt::Result {
    match (first, rosters.is_empty()) {
        (true, true) => return out.write_str("There are no groups yet; /create_group makes one."),
        (true, false) => out.write_str("Groups and their members:\n")?,
        _ => {}
    }
    for (n, (group, users)) in rosters.iter().enumerate() {
        let end = if n == 0 { "" } else { "\n" };
        write!(out, "{end}{group}: {}", Names(users))?;
    }
    Ok(())
}

fn write_target(out: &mut String, target: Option<Target>) -> fmt::Result {
    match target {
        Some(target) => write!(out, "Plain text goes to {} now; /talk alone ends that.", Shown(target)),
        None => out.write_str("Plain text goes nowhere now; /talk <username|#group> chooses."),
    }
}

/// Names in one line, with a word for none.
struct Names<'a>(&'a [Name]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, rest) = match self.0 {
            [] => return f.write_str("none"),
            [first, rest @ ..] => (first, rest),
        };
        write!(f, "{first}")?;
        rest.iter().try_for_each(|name| write!(f, ", {name}"))
    }
}

/// A conversation as a user writes it.
struct Shown(Target);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Target::User(name) => write!(f, "{name}"),
            Target::Group(name) => write!(f, "#{name}"),
        }
    }
}
