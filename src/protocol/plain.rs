//! The plain dialect: the wording of every event, for people.
//!
//! Every event is whole lines, prompts excepted. Success texts never contain `fail`, `error`, `exist` or `not`, not even
//! inside a word: scripts look for these. What cannot be done is worded in `model::error`.

use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::SystemTime;

use chrono::{DateTime, Utc};

use super::Dialect;
use crate::model::sanction::{Because, HumanDuration};
use crate::model::{
    AdminAnswer, Article, Bell, Cell, EndAndReason, Event, EventKind, GroupInfo, GroupNews, GroupRole, GroupSanction,
    GroupSettings, LoginError, Message, MessageId, Name, NameAndNote, Online, Outcome, OutputFormat, Penalty, Profile,
    Question, QuitReason, RegistrationError, Report, SanctionTerms, Scope, SearchEnd, Slot, Table, Target, TokenShown,
};

/// Lines that end in LF.
pub static PLAIN: Plain = Plain { slot: Slot::Plain, crlf: false, ids: false };

/// Lines that end in CRLF, for clients whose own lines do.
pub static PLAIN_CRLF: Plain = Plain { slot: Slot::PlainCrlf, crlf: true, ids: false };

/// Like [`PLAIN`], with the id before each message.
pub static PLAIN_IDS: Plain = Plain { slot: Slot::PlainIds, crlf: false, ids: true };

/// Like [`PLAIN_CRLF`], with the id before each message.
pub static PLAIN_CRLF_IDS: Plain = Plain { slot: Slot::PlainCrlfIds, crlf: true, ids: true };

/// Text for users of `nc` and `telnet`.
pub struct Plain {
    slot: Slot,
    crlf: bool,
    ids: bool,
}

impl Dialect for Plain {
    fn encode<'e>(&self, event: &'e Event) -> &'e [u8] {
        event.encoded(self.slot, || {
            let mut text = String::with_capacity(event.weight());
            for Event { id, kind, .. } in event.each() {
                append(&mut text, (self.ids && *id > MessageId(0)).then_some(*id), kind);
            }
            if self.crlf { text.replace('\n', "\r\n").into_bytes() } else { text.into_bytes() }
        })
    }

    fn after_prompt(&self) -> &'static [u8] {
        if self.crlf { b"\r\n" } else { b"\n" }
    }
}

/// Appends the text of an event, after its `id` if that is to be shown.
fn append(out: &mut String, id: Option<MessageId>, kind: &EventKind) {
    let start = out.len();
    // Writing into a String cannot fail.
    let _ = id.map_or(Ok(()), |id| write!(out, "{id} ")).and_then(|()| write_event(out, kind));
    if !kind.is_prompt() && out.len() > start {
        out.push('\n');
    }
}

fn write_event(out: &mut String, kind: &EventKind) -> fmt::Result {
    match kind {
        EventKind::AskName => out.write_str("Enter username: "),
        EventKind::AskPassword => out.write_str("Enter password: "),
        EventKind::LoginFailed(why) => write_login_failed(out, why),
        EventKind::RegistrationFailed(why) => write_registration_failed(out, why),
        EventKind::YouAreGuest { name } => write!(out, "You are {name}."),
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
            write!(out, "*** You are now called {name}; log in with that name. Goodbye.")
        }
        EventKind::Closed { reason } => out.write_str(last_words(*reason)),

        EventKind::PrivateMessage { from, text } => put(out, &["[", from.as_str(), "]: ", text]),
        EventKind::PrivateMessageSent { to, text } => put(out, &["[to ", to.as_str(), "]: ", text]),
        EventKind::Broadcast { from, text } => put(out, &["[Broadcast][", from.as_str(), "]: ", text]),
        EventKind::GroupMessage { group, from, text } => {
            put(out, &["[Group ", group.as_str(), "][", from.as_str(), "]: ", text])
        }
        EventKind::Action { from, scope, text, own } => write_action(out, from, *scope, *own, text),
        EventKind::Typing { from, scope: Scope::Group(group) } => {
            write!(out, "*** {from} is typing in the group {group}.")
        }
        EventKind::Typing { from, scope: Scope::User(_) | Scope::Everybody } => write!(out, "*** {from} is typing."),
        EventKind::TypingWanted { wanted: true } => out.write_str("Typing: on."),
        EventKind::TypingWanted { wanted: false } => out.write_str("Typing: off."),

        EventKind::Missed { count: 1 } => out.write_str("*** 1 message came while you were away:"),
        EventKind::Missed { count } => write!(out, "*** {count} messages came while you were away:"),
        EventKind::MissedMore { count } => write!(out, "*** {count} more came; /history shows them."),
        EventKind::PastMessages { reader, messages, gone } => write_past(out, reader, messages, gone),
        EventKind::HistoryHeader { scope, before, count } => write_history_header(out, *scope, *before, *count),
        EventKind::HistoryMore { scope, count, before } => {
            write!(out, "There is more: /history {} {count} before {before}", HistoryArg(*scope))
        }
        EventKind::SearchHeader { count: 0, .. } => out.write_str("No message contains all of these words."),
        EventKind::SearchHeader { scope: None, .. } => out.write_str("Found:"),
        EventKind::SearchHeader { scope: Some(scope), .. } => write!(out, "Found {}:", In(*scope)),
        EventKind::SearchIncomplete { end: SearchEnd::Complete } => Ok(()),
        EventKind::SearchIncomplete { end: SearchEnd::Indexing } => {
            out.write_str("Older messages are still being indexed; search again a little later.")
        }
        EventKind::SearchIncomplete { end: SearchEnd::Limit } => {
            out.write_str("There may be more: search for longer words, or in one conversation.")
        }
        EventKind::Cleared { scope: None } => out.write_str("Cleared: you no longer see any earlier messages."),
        EventKind::Cleared { scope: Some(scope) } => {
            write!(out, "Cleared: you no longer see earlier messages {}.", In(*scope))
        }
        EventKind::Deleted { by, id } => write!(out, "*** {by} deleted {id}."),
        EventKind::Received { by, id } => write!(out, "*** {by} has received {id}."),
        EventKind::Read { by, id } => write!(out, "*** {by} has read {id}."),
        EventKind::YouRead { id } => write!(out, "Marked {id} as read."),
        EventKind::Receipts { wanted: true } => out.write_str("Receipts: on."),
        EventKind::Receipts { wanted: false } => out.write_str("Receipts: off."),

        EventKind::UserJoined { user } => write!(out, "*** {user} has joined the chat."),
        EventKind::UserLeft { user } => write!(out, "*** {user} has left the chat."),
        EventKind::MemberJoined { group, user } => write!(out, "*** {user} has joined the group {group}."),
        EventKind::MemberLeft { group, user } => write!(out, "*** {user} has left the group {group}."),
        EventKind::GroupCreated { group } => write!(out, "Group {group} created."),
        EventKind::YouJoined { group } => write!(out, "You joined the group {group}."),
        EventKind::YouLeft { group, gone: false } => write!(out, "You left the group {group}."),
        EventKind::YouLeft { group, gone: true } => {
            write!(out, "You left the group {group}. It is empty now and was deleted.")
        }
        EventKind::Group { group, news } => write_group_news(out, group, news),

        EventKind::Users { users } => write_notes(out, "Online users:", users, "away: "),
        EventKind::WhoIs(profile) => write_profile(out, profile),
        EventKind::YouAreAway { away: Some(away) } => write!(out, "You are away: {away}"),
        EventKind::YouAreAway { away: None } => out.write_str("You are back."),
        EventKind::UserIsAway { user, away } => write!(out, "*** {user} is away: {away}"),
        EventKind::StoredFor { user } => {
            write!(out, "*** {user} is not online; your message is kept until the next login.")
        }
        EventKind::Groups { groups } if groups.is_empty() => {
            out.write_str("There are no groups yet; /create_group creates one.")
        }
        EventKind::Groups { groups } => write_notes(out, "Groups:", groups, ""),
        EventKind::GroupsUsers { rosters, first } => write_rosters(out, rosters, *first),
        EventKind::TalkTarget { target } => write_target(out, *target),
        EventKind::WhoAmI { name, peer, sessions, groups, target } => {
            write!(out, "You are {name}, connected from {peer}, sessions: {sessions}, groups: {}.", Names(groups))?;
            target.map_or(Ok(()), |target| write!(out, " Plain text goes to {target}."))
        }
        EventKind::Pong { text } if text.is_empty() => out.write_str("Pong."),
        EventKind::Pong { text } => write!(out, "Pong: {text}"),
        EventKind::Help { lines } => out.write_str(&lines.join("\n")),
        EventKind::Mode { format } => write_mode(out, *format),
        EventKind::Ignored { whom, ignored: true } => write!(out, "You now ignore {whom}; /unignore {whom} ends that."),
        EventKind::Ignored { whom, ignored: false } => write!(out, "You no longer ignore {whom}."),
        EventKind::IgnoredUsers { names } if names.is_empty() => out.write_str("You ignore nobody."),
        EventKind::IgnoredUsers { names } => write_names(out, "You ignore:", names),
        EventKind::PasswordChanged => out.write_str("Your password was changed."),
        EventKind::Cancelled => out.write_str("Cancelled. No changes were made."),
        EventKind::TokenMade { name, secret, expires } => write_new_token(out, name, secret, *expires),
        EventKind::Tokens { tokens } => write_tokens(out, tokens),
        EventKind::TokenRevoked { name } => write!(out, "Token {name} revoked."),
        EventKind::Ask(question) => out.write_str(match question {
            Question::Password => "Your password: ",
            Question::OldPassword => "Old password: ",
            Question::NewPassword => "New password: ",
            Question::SameAgain => "Repeat password: ",
        }),
        EventKind::Refused(error) => write!(out, "{error}"),

        EventKind::AddressBanned { until, why } => {
            write!(out, "Error: Your address is banned {}{}.", Until(*until), Because(why))
        }
        EventKind::SessionEnded { why } => write!(out, "*** An operator ended your session: {why}"),
        EventKind::Announced { text } => write!(out, "*** Announcement: {text}"),
        EventKind::GroupDropped { group, why } => {
            write!(out, "*** The group {group} was deleted by an operator{}.", Because(why))
        }
        EventKind::Renamed { from, to } => write!(out, "*** {from} is now called {to}."),
        EventKind::YouAreMuted { muted: true, until, why } => {
            write!(out, "*** An operator has muted you {}{}.", Until(*until), Because(why))
        }
        EventKind::YouAreMuted { muted: false, why, .. } => {
            write!(out, "*** You are no longer muted{}.", Because(why))
        }
        EventKind::ReportFiled(report) => write_report(out, report),
        EventKind::ShutdownScheduled { after, why } => {
            write!(out, "*** The server shuts down in {}{}.", HumanDuration(*after), Because(why))
        }
        EventKind::ShutdownCancelled => out.write_str("*** The shutdown is cancelled."),
        EventKind::AdminReply(AdminAnswer::Done(outcome)) => write_outcome(out, outcome),
        EventKind::AdminReply(AdminAnswer::Table(table)) => write_table(out, table),

        // Never written; the events of a batch are written one by one.
        EventKind::Accepted | EventKind::Nothing | EventKind::Batch { .. } => Ok(()),
    }
}

/// Appends parts in a fraction of the time that `write!` takes. Nearly all events that are ever written go through here.
fn put(out: &mut String, parts: &[&str]) -> fmt::Result {
    parts.iter().for_each(|part| out.push_str(part));
    Ok(())
}

fn write_login_failed(out: &mut String, why: &LoginError) -> fmt::Result {
    match why {
        LoginError::WrongNameOrPassword => out.write_str("Authentication failed."),
        LoginError::AlreadyLoggedIn => out.write_str("Authentication failed: user already logged in."),
        LoginError::TooManySessions { limit } => {
            write!(out, "Authentication failed: you already have {limit} sessions, which is the limit.")
        }
        LoginError::TooManyAttempts => {
            out.write_str("Authentication failed: too many wrong passwords from your address; try again in a minute.")
        }
        LoginError::TooManyGuests { limit } => {
            write!(out, "Authentication failed: there are already {limit} guests, which is the limit.")
        }
        LoginError::TokensUnreadable => {
            out.write_str("Authentication failed: tokens cannot be checked now; try again later, or use your password.")
        }
        LoginError::Banned { until, why } => {
            write!(out, "Authentication failed: you are banned {}{}.", Until(*until), Because(why))
        }
        LoginError::TooManyConnections { limit } => {
            write!(out, "Error: Your address already has {limit} connections logging in; try again later.")
        }
    }
}

fn write_registration_failed(out: &mut String, why: &RegistrationError) -> fmt::Result {
    out.write_str("Registration failed: ")?;
    match why {
        RegistrationError::Closed => {
            out.write_str("this server does not register users; ask its operator for an account.")
        }
        RegistrationError::Usage => out.write_str("use /register <name>, or /register <name> <invitation>."),
        RegistrationError::NeedsInvite => out.write_str("you need an invitation: /register <name> <invitation>."),
        RegistrationError::BadInvite => out.write_str("the invitation is unknown, used up or expired."),
        RegistrationError::BadName(why) => write!(out, "the name {why}."),
        RegistrationError::GuestName => out.write_str("the name is reserved for guests."),
        RegistrationError::Taken => out.write_str("the name is taken."),
        RegistrationError::PasswordsDiffer => out.write_str("the passwords do not match."),
        RegistrationError::BadPassword(why) => write!(out, "the password {why}."),
        RegistrationError::Full => out.write_str("the server has no room for more accounts; ask its operator for one."),
        RegistrationError::TooMany => {
            out.write_str("too many accounts were registered from your address; try again in ten minutes.")
        }
        RegistrationError::TooManyAttempts => {
            out.write_str("too many attempts from your address; try again in a minute.")
        }
        RegistrationError::Busy => out.write_str("the server is busy; try again."),
        RegistrationError::Unavailable => out.write_str("the account cannot be stored now; try again later."),
    }
}

/// The last line before the server closes a connection; empty where there is nothing to say.
fn last_words(reason: QuitReason) -> &'static str {
    match reason {
        // The client left by itself, has its answer already or reads no more; or the last words contain a name.
        QuitReason::Quit | QuitReason::Eof | QuitReason::LoginFailed => "",
        QuitReason::Lost | QuitReason::SlowReader | QuitReason::Renamed(_) => "",
        QuitReason::Idle => "*** You were idle for too long. Goodbye.",
        QuitReason::LoginTimeout => "*** The login took too long. Goodbye.",
        QuitReason::Flood => "*** Too many bytes came without a line end. Goodbye.",
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

fn write_action(out: &mut String, from: &Name, scope: Scope, own: bool, text: &str) -> fmt::Result {
    write_conversation(out, &|name| Author(name, false), from, scope, own, true)?;
    write!(out, " * {from} {text}")
}

/// Messages of the log, one per line: id, time, and the line as it was when it was new.
fn write_past(out: &mut String, reader: &Name, messages: &[Message], gone: &[Name]) -> fmt::Result {
    let who = |name| Author(name, gone.contains(&name));
    let mut end = "";
    for Message { id, said, deleted } in messages {
        let (at, from) = (DateTime::<Utc>::from(said.at).format("%Y-%m-%d %H:%M"), said.from);
        write!(out, "{}{id} {at} ", std::mem::replace(&mut end, "\n"))?;
        let (own, action) = (from == *reader, said.action && !deleted);
        write_conversation(out, &who, &from, said.scope, own, action)?;
        match (deleted, action) {
            (true, _) => out.write_str(" (deleted)")?,
            (_, true) => write!(out, " * {} {}", who(from), said.text)?,
            (..) => write!(out, ": {}", said.text)?,
        }
    }
    Ok(())
}

/// The conversation and, unless the name follows anyway, the author.
fn write_conversation(
    out: &mut String,
    who: &dyn Fn(Name) -> Author,
    from: &Name,
    scope: Scope,
    own: bool,
    action: bool,
) -> fmt::Result {
    match scope {
        Scope::User(to) if own => write!(out, "[to {}]", who(to)),
        Scope::User(_) => write!(out, "[{}]", who(*from)),
        Scope::Group(group) if action => write!(out, "[Group {group}]"),
        Scope::Group(group) => write!(out, "[Group {group}][{}]", who(*from)),
        Scope::Everybody if action => out.write_str("[Broadcast]"),
        Scope::Everybody => write!(out, "[Broadcast][{}]", who(*from)),
    }
}

fn write_history_header(
    out: &mut String,
    scope: Option<Scope>,
    before: Option<MessageId>,
    count: usize,
) -> fmt::Result {
    out.write_str("History")?;
    match scope {
        None => {}
        Some(Scope::Group(group)) => write!(out, " of #{group}")?,
        Some(scope @ (Scope::User(_) | Scope::Everybody)) => write!(out, " {}", In(scope))?,
    }
    before.map_or(Ok(()), |id| write!(out, " before {id}"))?;
    out.write_str(if count == 0 { " is empty." } else { ":" })
}

fn write_profile(out: &mut String, profile: &Profile) -> fmt::Result {
    let Profile { name, online, last_seen } = profile;
    match (online, last_seen) {
        (None, None) => write!(out, "{name} is offline."),
        (None, Some(last)) => write!(out, "{name} is offline, last seen {}.", time(*last)),
        (Some(Online { since, idle, away, shared }), _) => {
            write!(out, "{name} has been online since {}, idle for {} min", time(*since), idle.as_secs() / 60)?;
            away.as_ref().map_or(Ok(()), |away| write!(out, ", away ({away})"))?;
            write!(out, ", groups you share: {}.", Names(shared))
        }
    }
}

fn write_names(out: &mut String, title: &str, names: &[Name]) -> fmt::Result {
    out.write_str(title)?;
    names.iter().try_for_each(|name| write!(out, "\n{name}"))
}

/// A list of names with a note after each that has one.
fn write_notes(out: &mut String, title: &str, all: &[NameAndNote], what: &str) -> fmt::Result {
    out.write_str(title)?;
    all.iter().try_for_each(|(name, text)| match text {
        None => write!(out, "\n{name}"),
        Some(text) => write!(out, "\n{name} ({what}{text})"),
    })
}

fn write_rosters(out: &mut String, rosters: &[(Name, Vec<Name>)], first: bool) -> fmt::Result {
    match (first, rosters.is_empty()) {
        (true, true) => return out.write_str("There are no groups yet; /create_group creates one."),
        (true, false) => out.write_str("Groups and their members:\n")?,
        (false, _) => {}
    }
    for (n, (group, users)) in rosters.iter().enumerate() {
        let end = if n == 0 { "" } else { "\n" };
        write!(out, "{end}{group}: {}", Names(users))?;
    }
    Ok(())
}

fn write_target(out: &mut String, target: Option<Target>) -> fmt::Result {
    match target {
        Some(target) => write!(out, "Plain text now goes to {target}; /talk alone ends that."),
        None => out.write_str("Plain text now goes nowhere; choose with /talk <username|#group>."),
    }
}

fn write_mode(out: &mut String, OutputFormat { mode, ids, bell }: OutputFormat) -> fmt::Result {
    write!(out, "Mode: {mode}{}", if ids { ", with ids" } else { "" })?;
    out.write_str(match bell {
        Bell::Off => ".",
        Bell::Mentions => ", bell for mentions.",
        Bell::All => ", bell for all messages.",
    })
}

fn write_new_token(out: &mut String, name: &Name, secret: &str, expires: Option<SystemTime>) -> fmt::Result {
    writeln!(out, "Token {name} created. It is shown only once:\n{secret}")?;
    out.write_str("Use it as your password when you log in. It is valid until ")?;
    match expires {
        Some(expires) => write!(out, "{}, or until you revoke it.", time(expires)),
        None => out.write_str("you revoke it."),
    }
}

fn write_tokens(out: &mut String, tokens: &[TokenShown]) -> fmt::Result {
    if tokens.is_empty() {
        return out.write_str("You have no tokens; /token new <name> creates one.");
    }
    out.write_str("Your tokens:")?;
    let now = SystemTime::now();
    tokens.iter().try_for_each(|TokenShown { name, made, expires }| {
        write!(out, "\n{name}: created {}", time(*made))?;
        match expires {
            None => Ok(()),
            Some(expires) if *expires <= now => write!(out, ", expired {}", time(*expires)),
            Some(expires) => write!(out, ", valid until {}", time(*expires)),
        }
    })
}

fn write_group_news(out: &mut String, group: &Name, news: &GroupNews) -> fmt::Result {
    match news {
        GroupNews::Role { user, role, by } => {
            let role = Article(*role);
            match by {
                Some(by) => write!(out, "*** {by} made {user} {role} of the group {group}."),
                None => write!(out, "*** {user} is now {role} of the group {group}."),
            }
        }
        GroupNews::Kicked { user, by, reason, you } => {
            let terms = EndAndReason(None, reason.as_deref());
            write!(out, "*** {} kicked from the group {group} by {by}{terms}", Subject(user, *you))
        }
        GroupNews::Sanctioned { user, penalty, terms, you } => {
            let (terms, by) = (Terms(terms), terms.by);
            let imposed = match penalty {
                Penalty::Ban => "banned from",
                Penalty::Mute => "muted in",
            };
            write!(out, "*** {} {imposed} the group {group} by {by}{terms}", Subject(user, *you))
        }
        GroupNews::Lifted { user, penalty, by, you } => {
            let user = if *you { "you" } else { user.as_str() };
            match penalty {
                Penalty::Ban => write!(out, "*** {by} unbanned {user} from the group {group}."),
                Penalty::Mute => write!(out, "*** {by} unmuted {user} in the group {group}."),
            }
        }
        GroupNews::Bans { all, first } => write_bans(out, group, all, *first),
        GroupNews::YouInvited { user } => write!(out, "You invited {user} to the group {group}."),
        GroupNews::Invited { by } => {
            write!(out, "*** {by} invites you to the group {group}; /accept #{group} joins it.")
        }
        GroupNews::Changed { by, settings } => {
            write!(out, "*** {by} changed the group {group}: {}", Settings(settings))
        }
        GroupNews::GroupInfo(portrait) => write_group_info(out, group, portrait),
        GroupNews::RoomCreated { limit, topic } => {
            write!(out, "Room {group} created (1/{limit}); others join with /room join {group}.{}", Topic(topic))
        }
        GroupNews::RoomJoined { count, limit, topic } => {
            write!(out, "You joined the room {group} ({count}/{limit}).{}", Topic(topic))
        }
        GroupNews::RoomEntered { user, count, limit } => write!(out, "*** {user} has joined ({count}/{limit})."),
        GroupNews::YouLeftRoom { gone: false } => write!(out, "You left the room {group}."),
        GroupNews::YouLeftRoom { gone: true } => {
            write!(out, "You left the room {group}. It is empty now and was deleted.")
        }
        GroupNews::RoomLeft { user, count, limit } => write!(out, "*** {user} has left ({count}/{limit})."),
    }
}

fn write_bans(out: &mut String, group: &Name, all: &[GroupSanction], first: bool) -> fmt::Result {
    let mut end = "";
    if first {
        if all.is_empty() {
            return write!(out, "Nobody is banned or muted in the group {group}.");
        }
        write!(out, "Bans and mutes of the group {group}:")?;
        end = "\n";
    }
    all.iter().try_for_each(|GroupSanction { user, penalty, terms }| {
        let imposed = match penalty {
            Penalty::Ban => "banned",
            Penalty::Mute => "muted",
        };
        let until = Terms(terms);
        write!(out, "{}{user}: {imposed} by {}{until}", std::mem::replace(&mut end, "\n"), terms.by)
    })
}

fn write_group_info(out: &mut String, group: &Name, portrait: &GroupInfo) -> fmt::Result {
    let GroupInfo { settings, members, owners, admins, role } = portrait;
    write!(out, "Group {group}: members: {members}")?;
    settings.limit.map_or(Ok(()), |limit| write!(out, "/{limit}"))?;
    write!(out, ", owners: {}, admins: {}", Names(owners), Names(admins))?;
    role.map_or(Ok(()), |role: GroupRole| write!(out, ", you are {}", Article(role)))?;
    write!(out, ". {}", Settings(settings))
}

fn write_outcome(out: &mut String, outcome: &Outcome) -> fmt::Result {
    match outcome {
        Outcome::Disconnected { whom, sessions } => {
            write!(out, "Disconnected {whom}: {}.", Count(*sessions, "session"))
        }
        Outcome::Sanctioned { penalty: Penalty::Ban, whom, until, sessions } => {
            write!(out, "{whom} is banned {}; {} closed.", Until(*until), Count(*sessions, "session"))
        }
        Outcome::Sanctioned { penalty: Penalty::Mute, whom, until, .. } => {
            write!(out, "{whom} is muted {}.", Until(*until))
        }
        Outcome::Lifted { penalty, whom } => write!(out, "Lifted the {} of {whom}.", penalty.as_str()),
        Outcome::Announced { sessions } => write!(out, "Announced to {}.", Count(*sessions, "session")),
        Outcome::Deleted { id, from } => write!(out, "Deleted message {id} from {from}."),
        Outcome::Dropped { group, members } => {
            write!(out, "Deleted the group {group} with {}.", Count(*members, "member"))
        }
        Outcome::Renamed { from, to, sessions } => {
            write!(out, "{from} is now called {to}; {} closed.", Count(*sessions, "session"))
        }
        Outcome::Reloaded { users, words } => {
            write!(out, "Reloaded {} and {}.", Count(*users, "user"), Count(*words, "filter pattern"))
        }
        Outcome::ShutdownScheduled { after: None } => out.write_str("The server is shutting down."),
        Outcome::ShutdownScheduled { after: Some(after) } => {
            write!(out, "The server shuts down in {}.", HumanDuration(*after))
        }
        Outcome::ShutdownCancelled => out.write_str("The shutdown is cancelled."),
        Outcome::Reported { number, operators } => {
            let verb = if *operators == 1 { "is" } else { "are" };
            write!(out, "Report {number} filed. {} {verb} online.", Count(*operators, "operator"))
        }
        Outcome::ReportDone { number } => write!(out, "Report {number} closed."),
    }
}

fn write_report(out: &mut String, report: &Report) -> fmt::Result {
    let Report { number, by, about, why, .. } = report;
    match by {
        Some(by) => write!(out, "*** Report {number}: {by} reports {about}{}", Because(why)),
        None => write!(out, "*** Report {number}: the word filter matched {about}{}", Because(why)),
    }
}

/// Columns under their names, each as wide as its widest value, without spaces at the end of a line.
fn write_table(out: &mut String, table: &Table) -> fmt::Result {
    let Table { of, columns, rows } = table;
    if rows.is_empty() {
        return write!(out, "There are no {of}.");
    }
    let head = columns.iter().map(ToString::to_string).collect();
    let cells = rows.iter().map(|row| row.iter().map(shown).collect());
    let lines: Vec<Vec<String>> = std::iter::once(head).chain(cells).collect();
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns.len()).map(|column| width(column).unwrap_or(0)).collect();
    for (n, line) in lines.iter().enumerate() {
        let mut text = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            write!(text, "{cell:width$}  ")?;
        }
        write!(out, "{}{}", if n == 0 { "" } else { "\n" }, text.trim_end())?;
    }
    Ok(())
}

fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) if text.is_empty() => "-".to_owned(),
        Cell::Text(text) => text.clone(),
        Cell::Number(number) => number.to_string(),
        Cell::Time(Some(at)) => time(*at).to_string(),
        Cell::Time(None) => "-".to_owned(),
    }
}

fn time(at: SystemTime) -> impl fmt::Display {
    DateTime::<Utc>::from(at).format("%Y-%m-%d %H:%M UTC")
}

/// Names in one line.
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

/// A number of things: `1 session`, `2 sessions`.
struct Count(usize, &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.0, self.1, if self.0 == 1 { "" } else { "s" })
    }
}

/// How long a ban or mute lasts.
struct Until(Option<SystemTime>);

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("for good"),
            Some(until) => write!(f, "until {}", time(until)),
        }
    }
}

/// How long a ban or mute in a group lasts, and why, at the end of a sentence.
struct Terms<'a>(&'a SanctionTerms);

impl fmt::Display for Terms<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SanctionTerms { until, reason, .. } = self.0;
        if until.is_none() {
            f.write_str(" for good")?;
        }
        EndAndReason(*until, reason.as_deref()).fmt(f)
    }
}

/// A user who may no longer have an account.
struct Author(Name, bool);

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0, if self.1 { " (deleted)" } else { "" })
    }
}

/// A conversation as an argument of `/history`.
struct HistoryArg(Option<Scope>);

impl fmt::Display for HistoryArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(scope) => scope.fmt(f),
            None => f.write_str("all"),
        }
    }
}

/// A conversation after a noun: `messages with bob`.
struct In(Scope);

impl fmt::Display for In {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Scope::User(name) => write!(f, "with {name}"),
            scope @ (Scope::Group(_) | Scope::Everybody) => write!(f, "in {scope}"),
        }
    }
}

/// The subject of a sentence in the passive; `.1` for the copy to the user.
struct Subject<'a>(&'a Name, bool);

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.1 { f.write_str("You were") } else { write!(f, "{} was", self.0) }
    }
}

/// The settings of a group, at the end of a line.
struct Settings<'a>(&'a GroupSettings);

impl fmt::Display for Settings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GroupSettings { limit, private, announce, keep, ephemeral, topic, password, .. } = self.0;
        let mut words = Vec::new();
        words.extend(limit.map(|limit| format!("limit {limit}")));
        words.push(if *private { "private" } else { "public" }.to_owned());
        words.extend(password.as_ref().map(|_| "with a password".to_owned()));
        words.extend(announce.then(|| "only owners and admins talk".to_owned()));
        words.extend(keep.then(|| "kept".to_owned()));
        words.extend(ephemeral.then(|| "ephemeral".to_owned()));
        write!(f, "{}.{}", words.join(", "), Topic(topic))
    }
}

/// A topic after a sentence, if there is one.
struct Topic<'a>(&'a Option<Arc<str>>);

impl fmt::Display for Topic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |topic| write!(f, " Topic: {topic}"))
    }
}
