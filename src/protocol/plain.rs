//! The plain dialect: the only place with the wording of events; `past` has that of the message log, `group` that
//! of groups, `account` that of accounts.
//!
//! Every event is whole lines, prompts excepted. Success texts never contain `fail`, `error`, `exist` or `not`, not even
//! inside a word: scripts look for these. What cannot be done is worded in `model::UserError`.

mod account;
mod choices;
mod group;
mod order;
mod past;

use std::fmt::{self, Write};
use std::time::SystemTime;

use chrono::{DateTime, Utc};

use super::Dialect;
use crate::model::{Event, EventKind, MessageId, Name, NameAndNote, Online, Profile, QuitReason, Target};

/// The plain dialect with LF after each line.
pub static PLAIN: Plain = Plain { slot: 0, crlf: false, ids: false };

/// The plain dialect with CRLF after each line, for clients whose own lines end so.
pub static PLAIN_CRLF: Plain = Plain { slot: 1, crlf: true, ids: false };

/// As [`PLAIN`], with the id of each message in front of it.
pub static PLAIN_IDS: Plain = Plain { slot: 3, crlf: false, ids: true };

/// As [`PLAIN_CRLF`], with the id of each message in front of it.
pub static PLAIN_CRLF_IDS: Plain = Plain { slot: 4, crlf: true, ids: true };

/// Text for people with `nc` or `telnet`.
pub struct Plain {
    slot: usize,
    crlf: bool,
    ids: bool,
}

impl Dialect for Plain {
    fn encode<'e>(&self, event: &'e Event) -> &'e [u8] {
        event.encoded(self.slot, || {
            let mut text = String::with_capacity(event.weight());
            for Event { id, kind, .. } in event.each() {
                word(&mut text, (self.ids && *id > MessageId(0)).then_some(*id), kind);
            }
            if self.crlf { text.replace('\n', "\r\n").into_bytes() } else { text.into_bytes() }
        })
    }

    fn after_prompt(&self) -> &'static [u8] {
        if self.crlf { b"\r\n" } else { b"\n" }
    }
}

/// Appends the text of an event; `id` is that of a message, if it is to be shown.
fn word(out: &mut String, id: Option<MessageId>, kind: &EventKind) {
    let start = out.len();
    // Writing into a String cannot fail; the Result is there for other targets of `fmt::Write`.
    let _ = id.map_or(Ok(()), |id| write!(out, "{id} ")).and_then(|()| write_wording(out, kind));
    if !kind.is_prompt() && out.len() > start {
        out.push('\n');
    }
}

fn write_wording(out: &mut String, kind: &EventKind) -> fmt::Result {
    match kind {
        EventKind::PrivateMessage { .. }
        | EventKind::PrivateMessageSent { .. }
        | EventKind::Broadcast { .. }
        | EventKind::GroupMessage { .. } => write_said(out, kind),
        EventKind::Action { from, scope, text, own } => past::write_action(out, from, *scope, *own, text),
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
        EventKind::Group { group, news } => group::write(out, group, news),
        EventKind::Users { users } => write_listed(out, "Online users:", users, "away: "),
        EventKind::WhoIs(profile) => write_profile(out, profile),
        EventKind::YouAreAway { away: Some(away) } => write!(out, "You are away: {away}"),
        EventKind::YouAreAway { away: None } => out.write_str("You are back."),
        EventKind::UserIsAway { user, away } => write!(out, "*** {user} is away: {away}"),
        EventKind::StoredFor { user } => {
            write!(out, "*** {user} is not online; your message is kept until the next login.")
        }
        EventKind::Groups { groups } if groups.is_empty() => {
            out.write_str("There are no groups yet; /create_group makes one.")
        }
        EventKind::Groups { groups } => write_listed(out, "Groups:", groups, ""),
        EventKind::GroupsUsers { rosters, first } => write_rosters(out, rosters, *first),
        EventKind::TalkTarget { target } => write_target(out, *target),
        EventKind::WhoAmI { name, peer, sessions, groups, target } => {
            write!(out, "You are {name}, connected from {peer}, sessions: {sessions}, groups: {}.", Names(groups))?;
            target.map_or(Ok(()), |target| write!(out, " Plain text goes to {}.", Shown(target)))
        }
        EventKind::Pong { text } if text.is_empty() => out.write_str("Pong."),
        EventKind::Pong { text } => write!(out, "Pong: {text}"),
        EventKind::Help { lines } => out.write_str(&lines.join("\n")),
        EventKind::Refused(error) => write!(out, "{error}"),
        other => account::write(out, other),
    }
}

/// Nearly all that is ever written; `write!` would take several times as long.
fn write_said(out: &mut String, kind: &EventKind) -> fmt::Result {
    let mut put = |parts: &[&str]| parts.iter().for_each(|part| out.push_str(part));
    match kind {
        EventKind::PrivateMessage { from, text } => put(&["[", from.as_str(), "]: ", text]),
        EventKind::PrivateMessageSent { to, text } => put(&["[to ", to.as_str(), "]: ", text]),
        EventKind::Broadcast { from, text } => put(&["[Broadcast][", from.as_str(), "]: ", text]),
        EventKind::GroupMessage { group, from, text } => {
            put(&["[Group ", group.as_str(), "][", from.as_str(), "]: ", text]);
        }
        _ => {}
    }
    Ok(())
}

fn write_login_and_leaving(out: &mut String, kind: &EventKind) -> fmt::Result {
    match kind {
        EventKind::AskName => out.write_str("Enter username: "),
        EventKind::AskPassword => out.write_str("Enter password: "),
        EventKind::YouAreGuest { name } => write!(out, "You are {name}."),
        EventKind::LoginRefused
        | EventKind::AlreadyLoggedIn
        | EventKind::TooManySessions { .. }
        | EventKind::TooManyAttempts
        | EventKind::TooManyGuests { .. }
        | EventKind::TokensUnreadable
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
        EventKind::Closed { reason: QuitReason::Renamed(name) } => {
            write!(out, "*** You are called {name} from now on; log in with that name. Goodbye.")
        }
        EventKind::Closed { reason } => out.write_str(last_words(*reason)),
        other => past::write(out, other),
    }
}

fn write_login_refused(out: &mut String, kind: &EventKind) -> fmt::Result {
    match kind {
        EventKind::LoginRefused => out.write_str("Authentication failed."),
        EventKind::AlreadyLoggedIn => out.write_str("Authentication failed: user already logged in."),
        EventKind::TooManySessions { limit } => {
            write!(out, "Authentication failed: you are logged in {limit} times already, which is the limit.")
        }
        EventKind::TooManyAttempts => {
            out.write_str("Authentication failed: too many wrong passwords from your address; try again in a minute.")
        }
        EventKind::TokensUnreadable => {
            out.write_str("Authentication failed: tokens cannot be checked now; try again later, or use your password.")
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
        // They left by themselves, were answered already, or read nothing any more; or there is a name in their last words.
        QuitReason::Quit | QuitReason::Eof | QuitReason::LoginFailed => "",
        QuitReason::Lost | QuitReason::SlowReader | QuitReason::Renamed(_) => "",
        QuitReason::Idle => "*** You were idle for too long. Goodbye.",
        QuitReason::LoginTimeout => "*** The login took too long. Goodbye.",
        QuitReason::Flood => "*** Too much came without a line end. Goodbye.",
        QuitReason::WrongProtocol => {
            "This is a chat server for plain text: connect with `nc HOST PORT` or `telnet HOST PORT`, without TLS or HTTP."
        }
        QuitReason::ServerFull => "Error: The server is full; try again later.",
        QuitReason::Crowded => "Error: Too many connections are logging in right now; try again later.",
        QuitReason::Kicked => "*** You were disconnected by an operator.",
        QuitReason::Banned => "*** You are banned from this server.",
        QuitReason::Replaced => "*** You logged in from elsewhere; this session ends.",
        QuitReason::Revoked => "*** The token of this session was revoked. Goodbye.",
        QuitReason::Deleted => "*** Your account is deleted. Goodbye.",
        QuitReason::Shutdown => "*** The server is shutting down. Goodbye.",
        QuitReason::Panic => "*** A fault in the server ended this session; please connect again.",
    }
}

fn time(at: SystemTime) -> impl fmt::Display {
    DateTime::<Utc>::from(at).format("%Y-%m-%d %H:%M UTC")
}

fn write_list(out: &mut String, title: &str, names: &[Name]) -> fmt::Result {
    out.write_str(title)?;
    names.iter().try_for_each(|name| write!(out, "\n{name}"))
}

/// A list with what is to be said of each behind it.
fn write_listed(out: &mut String, title: &str, all: &[NameAndNote], what: &str) -> fmt::Result {
    out.write_str(title)?;
    all.iter().try_for_each(|(name, text)| match text {
        None => write!(out, "\n{name}"),
        Some(text) => write!(out, "\n{name} ({what}{text})"),
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
