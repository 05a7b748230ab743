//! The JSON dialect: one object per event, for browsers and other programs that get each as a message of its own.
//!
//! Its events and fields are those of the machine dialect; what is a list there with commas is an array here. What has no
//! value is `null`. New fields may come; those that are there stay as they are.

mod answer;
mod group;
mod login;
mod object;
mod order;
mod past;

pub use answer::json;

use super::Dialect;
use crate::model::{Event, EventKind, NameAndNote, Online, Profile, Question, QuitReason, Roster, Scope, Target};
use object::Object;

/// The JSON dialect; each object is one line.
pub static JSON: Json = Json;

/// Objects for browsers and programs.
pub struct Json;

/// This dialect's place in an event's cache.
const SLOT: usize = 5;

impl Dialect for Json {
    fn encode<'e>(&self, event: &'e Event) -> &'e [u8] {
        event.encoded(SLOT, || {
            let mut lines = String::with_capacity(event.weight());
            for object in event.each().iter().filter_map(write) {
                lines.push_str(&object.end());
                lines.push('\n');
            }
            lines.into_bytes()
        })
    }

    fn after_prompt(&self) -> &'static [u8] {
        b""
    }
}

/// The object of an event; none of what is never written.
fn write(event: &Event) -> Option<Object> {
    let of = |tag| Object::new(tag).stamp(event);
    Some(match &event.kind {
        EventKind::PrivateMessage { from, text } => of("private").word("from", from).text("text", text),
        EventKind::PrivateMessageSent { to, text } => of("sent").word("to", to).text("text", text),
        EventKind::Broadcast { from, text } => of("broadcast").word("from", from).text("text", text),
        EventKind::GroupMessage { group, from, text } => {
            of("group").word("group", group).word("from", from).text("text", text)
        }
        EventKind::Action { from, scope, text, own } => {
            let object = match scope {
                Scope::User(to) if *own => of("sent").word("to", to),
                Scope::User(_) => of("private").word("from", from),
                Scope::Group(group) => of("group").word("group", group).word("from", from),
                Scope::Everybody => of("broadcast").word("from", from),
            };
            object.flag("action", true).text("text", text)
        }
        EventKind::UserJoined { user } => of("joined").word("user", user),
        EventKind::UserLeft { user } => of("left").word("user", user),
        EventKind::MemberJoined { group, user } => of("member_joined").word("group", group).word("user", user),
        EventKind::MemberLeft { group, user } => of("member_left").word("group", group).word("user", user),
        EventKind::GroupCreated { group } => of("group_created").word("group", group),
        EventKind::YouJoined { group } => of("group_joined").word("group", group),
        EventKind::YouLeft { group, gone } => of("group_left").word("group", group).flag("gone", *gone),
        EventKind::Group { group, news } => return group::write(event, group, news),
        EventKind::Refused(error) => Object::new("error").word("code", error.code()).word("text", error),
        EventKind::Closed { reason: QuitReason::Renamed(name) } => {
            Object::new("closed").word("reason", "renamed").word("name", name)
        }
        EventKind::Closed { reason } => Object::new("closed").word("reason", reason.to_string().replace(' ', "_")),
        _ => return write_answer(event).or_else(|| login::write(event)),
    })
}

fn write_answer(event: &Event) -> Option<Object> {
    Some(match &event.kind {
        EventKind::Users { users } => Object::new("users").list("users", users.iter().map(user)),
        EventKind::WhoIs(profile) => write_profile(profile),
        EventKind::YouAreAway { away } => Object::new("away").some_text("text", away.as_deref()),
        EventKind::UserIsAway { user, away } => Object::new("user_away").word("user", user).text("text", away),
        EventKind::StoredFor { user } => Object::new("kept").word("user", user),
        EventKind::Groups { groups } => write_groups(groups),
        EventKind::GroupsUsers { rosters, first } => {
            Object::new("groups_users").flag("first", *first).list("groups", rosters.iter().map(roster))
        }
        EventKind::TalkTarget { target } => Object::new("talking").some_word("to", shown(*target)),
        EventKind::WhoAmI { name, peer, sessions, groups, target } => Object::new("whoami")
            .word("name", name)
            .text("peer", peer)
            .count("sessions", *sessions)
            .names("groups", groups)
            .some_word("talking", shown(*target)),
        EventKind::Pong { text } => Object::new("pong").text("text", text),
        EventKind::Help { lines } => Object::new("help").text("text", &lines.join("\n")),
        EventKind::HowToLeave { .. } => Object::new("how_to_leave"),
        EventKind::StillHere => Object::new("alive"),
        EventKind::AskName => Object::new("ask").word("what", "name"),
        EventKind::AskPassword => Object::new("ask").word("what", "password"),
        EventKind::Ask(question) => Object::new("ask").word("what", asked(*question)),
        _ => return None,
    })
}

fn asked(question: Question) -> &'static str {
    match question {
        Question::Password => "password",
        Question::OldPassword => "old_password",
        Question::NewPassword => "new_password",
        Question::SameAgain => "same_again",
    }
}

fn write_groups(groups: &[NameAndNote]) -> Object {
    let names: Vec<_> = groups.iter().map(|(name, _)| *name).collect();
    let about = groups.iter().filter(|(_, topic)| topic.is_some());
    let topic = |(name, topic): &NameAndNote| Object::inner("group", name).some_text("text", topic.as_deref()).end();
    Object::new("groups").names("names", &names).list("topics", about.map(topic))
}

fn user((name, away): &NameAndNote) -> String {
    Object::inner("name", name).some_text("away", away.as_deref()).end()
}

fn roster((group, users): &Roster) -> String {
    Object::inner("group", group).names("members", users).end()
}

fn write_profile(Profile { name, online, last_seen }: &Profile) -> Object {
    let object = Object::new("whois").word("name", name).flag("online", online.is_some());
    match online {
        None => object.time("last_seen", *last_seen),
        Some(Online { since, idle, away, shared }) => object
            .time("since", Some(*since))
            .number("idle", idle.as_secs())
            .names("shared", shared)
            .some_text("away", away.as_deref()),
    }
}

/// A conversation as `/talk` takes it.
fn shown(target: Option<Target>) -> Option<String> {
    target.map(|target| match target {
        Target::User(name) => name.to_string(),
        Target::Group(name) => format!("#{name}"),
    })
}

/// A conversation as `/history` takes it.
fn of(scope: Option<Scope>) -> String {
    match scope {
        None => "all".to_owned(),
        Some(Scope::User(name)) => name.to_string(),
        Some(Scope::Group(name)) => format!("#{name}"),
        Some(Scope::Everybody) => "broadcasts".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MessageId, UserError};
    use std::time::{Duration, SystemTime};

    #[test]
    fn a_message_is_one_object_and_one_line() {
        let from = "bob".parse().unwrap();
        let at = SystemTime::UNIX_EPOCH + Duration::from_micros(1_763_658_195_881_034);
        let event =
            Event::said(MessageId(42), at, EventKind::PrivateMessage { from, text: "a \"b\"\\\n</script>".into() });
        assert_eq!(
            String::from_utf8_lossy(JSON.encode(&event)),
            "{\"event\":\"private\",\"id\":42,\"at\":\"2025-11-20T17:03:15.881034Z\",\"from\":\"bob\",\"text\":\"a \\\"b\\\"\\\\\\u000a</script>\"}\n"
        );
    }

    #[test]
    fn an_error_has_its_code_and_silence_is_never_written() {
        let error = Event::new(EventKind::Refused(UserError::NoConversation));
        assert!(
            JSON.encode(&error).starts_with(b"{\"event\":\"error\",\"code\":\"no_conversation\",\"text\":\"Error: ")
        );
        assert!(JSON.encode(&Event::new(EventKind::Nothing)).is_empty());
    }
}
