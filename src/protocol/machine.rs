//! The machine dialect: one tagged line per event, for scripts and bots. What a line says never depends on the wording
//! for people.
//!
//! A line is a tag and fields, `name=value`, with one space between them. No value has a space in it but that of `text`,
//! which comes last and runs to the end of the line; in it a line end is `\n` and a backslash `\\`.

mod choices;
mod group;
mod order;
mod past;

use std::fmt::{self, Write};
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};

use super::Dialect;
use crate::model::{
    Event, EventKind, MessageId, Name, Online, Profile, Question, QuitReason, Roster, Target, TokenShown,
};
pub(super) use order::fields;

/// The machine dialect; its lines end in LF for every client.
pub static MACHINE: Machine = Machine;

/// Lines for programs.
pub struct Machine;

/// This dialect's place in an event's cache.
const SLOT: usize = 2;

impl Dialect for Machine {
    fn encode<'e>(&self, event: &'e Event) -> &'e [u8] {
        event.encoded(SLOT, || {
            let mut out = String::with_capacity(event.weight() + 64);
            for event in event.each() {
                // Writing into a String cannot fail.
                let _ = write_line(&mut out, &Stamp(event), &event.kind);
                out.push('\n');
            }
            out.into_bytes()
        })
    }

    fn after_prompt(&self) -> &'static [u8] {
        // Questions are whole lines here, like everything else.
        b""
    }
}

fn write_line(out: &mut String, stamp: &Stamp<'_>, kind: &EventKind) -> fmt::Result {
    match kind {
        EventKind::PrivateMessage { from, text } => write!(out, "private{stamp} from={from} text={}", Text(text)),
        EventKind::PrivateMessageSent { to, text } => write!(out, "sent{stamp} to={to} text={}", Text(text)),
        EventKind::Broadcast { from, text } => write!(out, "broadcast{stamp} from={from} text={}", Text(text)),
        EventKind::GroupMessage { group, from, text } => {
            write!(out, "group{stamp} group={group} from={from} text={}", Text(text))
        }
        EventKind::Action { from, scope, text, own } => past::write_action(out, stamp, from, (*scope, *own), text),
        EventKind::UserJoined { user } => write!(out, "joined{stamp} user={user}"),
        EventKind::UserLeft { user } => write!(out, "left{stamp} user={user}"),
        EventKind::MemberJoined { group, user } => write!(out, "member_joined{stamp} group={group} user={user}"),
        EventKind::MemberLeft { group, user } => write!(out, "member_left{stamp} group={group} user={user}"),
        EventKind::GroupCreated { group } => write!(out, "group_created{stamp} group={group}"),
        EventKind::YouJoined { group } => write!(out, "group_joined{stamp} group={group}"),
        EventKind::YouLeft { group, gone } => write!(out, "group_left{stamp} group={group} gone={gone}"),
        EventKind::Group { group, news } => group::write(out, stamp, group, news),
        EventKind::Refused(error) => write!(out, "error code={} text={}", error.code(), Text(&error.to_string())),
        EventKind::Closed { reason: QuitReason::Renamed(name) } => write!(out, "closed reason=renamed name={name}"),
        EventKind::Closed { reason } => write!(out, "closed reason={}", reason.to_string().replace(' ', "_")),
        other => write_answer(out, stamp, other),
    }
}

fn write_answer(out: &mut String, stamp: &Stamp<'_>, kind: &EventKind) -> fmt::Result {
    match kind {
        EventKind::Users { users } => {
            let all: Vec<Name> = users.iter().map(|(name, _)| *name).collect();
            let away: Vec<Name> = users.iter().filter(|(_, away)| away.is_some()).map(|(name, _)| *name).collect();
            write!(out, "users names={} away={}", Names(&all), Names(&away))
        }
        EventKind::WhoIs(profile) => write_profile(out, profile),
        EventKind::YouAreAway { away } => write!(out, "away text={}", Text(away.as_deref().unwrap_or_default())),
        EventKind::UserIsAway { user, away } => write!(out, "user_away user={user} text={}", Text(away)),
        EventKind::StoredFor { user } => write!(out, "kept user={user}"),
        EventKind::Groups { groups } => {
            let names: Vec<Name> = groups.iter().map(|(name, _)| *name).collect();
            write!(out, "groups names={}", Names(&names))
        }
        EventKind::GroupsUsers { rosters, first } => {
            write!(out, "groups_users first={first} groups={}", Rosters(rosters))
        }
        EventKind::TalkTarget { target } => write!(out, "talking to={}", Shown(*target)),
        EventKind::WhoAmI { name, peer, sessions, groups, target } => {
            let (groups, target) = (Names(groups), Shown(*target));
            write!(out, "whoami name={name} peer={peer} sessions={sessions} groups={groups} talking={target}")
        }
        EventKind::Pong { text } => write!(out, "pong text={}", Text(text)),
        EventKind::Help { lines } => write!(out, "help text={}", Text(&lines.join("\n"))),
        EventKind::PasswordChanged => out.write_str("password_changed"),
        EventKind::Cancelled => out.write_str("cancelled"),
        EventKind::TokenMade { name, secret, expires } => {
            write!(out, "token_made name={name} expires={} text={secret}", Until(*expires))
        }
        EventKind::Tokens { tokens } => write!(out, "tokens tokens={}", Tokens(tokens)),
        EventKind::TokenRevoked { name } => write!(out, "token_revoked name={name}"),
        EventKind::HowToLeave { .. } => out.write_str("how_to_leave"),
        EventKind::StillHere => out.write_str("alive"),
        EventKind::AskName => out.write_str("ask what=name"),
        EventKind::AskPassword | EventKind::Ask(Question::Password) => out.write_str("ask what=password"),
        EventKind::Ask(Question::OldPassword) => out.write_str("ask what=old_password"),
        EventKind::Ask(Question::NewPassword) => out.write_str("ask what=new_password"),
        EventKind::Ask(Question::SameAgain) => out.write_str("ask what=same_again"),
        other => write_login(out, stamp, other),
    }
}

fn write_login(out: &mut String, stamp: &Stamp<'_>, kind: &EventKind) -> fmt::Result {
    match kind {
        EventKind::Welcome { motd } => write!(out, "welcome text={}", Text(motd.as_deref().unwrap_or_default())),
        EventKind::YouAreGuest { name } => write!(out, "guest name={name}"),
        EventKind::TooManyGuests { limit } => write!(out, "login_failed code=too_many_guests limit={limit}"),
        EventKind::NotRegistered(why) => write!(out, "registration_failed code={}", why.as_str().replace(' ', "_")),
        EventKind::LoginRefused => out.write_str("login_failed code=wrong_name_or_password"),
        EventKind::AlreadyLoggedIn => out.write_str("login_failed code=already_logged_in"),
        EventKind::TooManySessions { limit } => write!(out, "login_failed code=too_many_sessions limit={limit}"),
        EventKind::TooManyAttempts => out.write_str("login_failed code=too_many_attempts"),
        EventKind::TokensUnreadable => out.write_str("login_failed code=unavailable"),
        EventKind::TooManyConnections { limit } => write!(out, "login_failed code=too_many_connections limit={limit}"),
        EventKind::Announced { text } => write!(out, "announcement{stamp} text={}", Text(text)),
        EventKind::Renamed { from, to } => write!(out, "renamed{stamp} user={from} name={to}"),
        EventKind::GroupDropped { group, why } => write!(out, "group_dropped{stamp} group={group} text={}", Text(why)),
        other => past::write(out, other),
    }
}

fn write_profile(out: &mut String, profile: &Profile) -> fmt::Result {
    let Profile { name, online, last_seen } = profile;
    match (online, last_seen) {
        (None, None) => write!(out, "whois name={name} online=false"),
        (None, Some(last)) => write!(out, "whois name={name} online=false last_seen={}", Utc3339(*last)),
        (Some(Online { since, idle, away, shared }), _) => {
            let (since, idle, shared) = (Utc3339(*since), idle.as_secs(), Names(shared));
            write!(out, "whois name={name} online=true since={since} idle={idle} shared={shared}")?;
            away.as_ref().map_or(Ok(()), |away| write!(out, " text={}", Text(away)))
        }
    }
}

/// A time in UTC, to the microsecond.
struct Utc3339(SystemTime);

impl fmt::Display for Utc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&DateTime::<Utc>::from(self.0).to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

/// When something ends, or nothing where it does not.
struct Until(Option<SystemTime>);

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |at| write!(f, "{}", Utc3339(at)))
    }
}

/// Tokens with commas between them, behind each a semicolon and its end.
struct Tokens<'a>(&'a [TokenShown]);

impl fmt::Display for Tokens<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        self.0.iter().try_for_each(|TokenShown { name, expires, .. }| {
            write!(f, "{}{name};{}", std::mem::replace(&mut comma, ","), Until(*expires))
        })
    }
}

/// When an event happened, and its place in the log if it has one.
struct Stamp<'a>(&'a Event);

impl fmt::Display for Stamp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Event { id, at, .. } = *self.0;
        if id > MessageId(0) {
            write!(f, " id={}", id.0)?;
        }
        write!(f, " at={}", Utc3339(at))
    }
}

/// A text as the last value of a line.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in self.0.split_inclusive(['\\', '\n']) {
            match piece.strip_suffix('\n') {
                Some(line) => write!(f, "{line}\\n")?,
                None if piece.ends_with('\\') => write!(f, "{piece}\\")?,
                None => f.write_str(piece)?,
            }
        }
        Ok(())
    }
}

/// Names with commas between them.
struct Names<'a>(&'a [Name]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        self.0.iter().try_for_each(|name| write!(f, "{}{name}", std::mem::replace(&mut comma, ",")))
    }
}

/// Groups with semicolons between them, each with a colon before its members.
struct Rosters<'a>(&'a [Roster]);

impl fmt::Display for Rosters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut end = "";
        self.0
            .iter()
            .try_for_each(|(group, users)| write!(f, "{}{group}:{}", std::mem::replace(&mut end, ";"), Names(users)))
    }
}

/// A conversation as `/talk` takes it; empty for none.
struct Shown(Option<Target>);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(Target::User(name)) => write!(f, "{name}"),
            Some(Target::Group(name)) => write!(f, "#{name}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UserError;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn line(kind: EventKind) -> String {
        String::from_utf8(MACHINE.encode(&Event::new(kind)).to_vec()).unwrap()
    }

    #[test]
    fn an_event_is_a_tag_and_fields() {
        let rosters = vec![(name("red"), vec![name("ann"), name("ben")]), (name("tea"), vec![name("eve")])];
        let lines = [
            (
                EventKind::Users { users: vec![(name("ann"), None), (name("ben"), Some("tea".into()))] },
                "users names=ann,ben away=ben",
            ),
            (EventKind::Groups { groups: Vec::new() }, "groups names="),
            (EventKind::GroupsUsers { rosters, first: true }, "groups_users first=true groups=red:ann,ben;tea:eve"),
            (EventKind::TalkTarget { target: Some(Target::Group(name("red"))) }, "talking to=#red"),
            (EventKind::Closed { reason: QuitReason::Shutdown }, "closed reason=shutdown"),
            (
                EventKind::Refused(UserError::NotOnline(name("ben"))),
                "error code=not_online text=Error: User 'ben' is not online.",
            ),
        ];
        for (kind, expected) in lines {
            assert_eq!(line(kind), format!("{expected}\n"));
        }
    }

    #[test]
    fn a_message_has_its_place_and_time() {
        let event = Event::said(
            MessageId(7),
            SystemTime::now(),
            EventKind::PrivateMessage { from: name("ann"), text: "a b".into() },
        );
        let line = String::from_utf8(MACHINE.encode(&event).to_vec()).unwrap();
        let (stamp, rest) = line.split_once(" from=").unwrap();
        assert_eq!(rest, "ann text=a b\n");
        let at = stamp.strip_prefix("private id=7 at=").unwrap();
        assert!(DateTime::parse_from_rfc3339(at).is_ok() && at.ends_with('Z') && at.len() == 27, "{at}");
    }

    #[test]
    fn a_text_of_several_lines_stays_one() {
        assert_eq!(line(EventKind::Help { lines: vec!["a\\n".into(), "b".into()] }), "help text=a\\\\n\\nb\n");
        assert_eq!(line(EventKind::Welcome { motd: Some("x\ny\n".into()) }), "welcome text=x\\ny\\n\n");
    }
}
