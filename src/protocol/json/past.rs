//! What comes from the message log, what becomes of it, and what a user chooses to hear, for browsers and programs.

use super::object::Object;
use super::{of, order};
use crate::model::{Event, EventKind, Message, Name, OutputFormat, Scope};

/// The object of what concerns the log; all else is handed on.
pub(super) fn write(event: &Event) -> Option<Object> {
    Some(match &event.kind {
        EventKind::Received { by, id } => Object::new("received").number("id", id.0).word("by", by),
        EventKind::Read { by, id } => Object::new("read").number("id", id.0).word("by", by),
        EventKind::YouRead { id } => Object::new("you_read").number("id", id.0),
        EventKind::Receipts { wanted } => Object::new("receipts").flag("wanted", *wanted),
        EventKind::Missed { count } => Object::new("missed").count("count", *count),
        EventKind::MissedMore { count } => Object::new("missed_more").number("count", *count),
        EventKind::PastMessages { messages, gone, .. } => {
            Object::new("past").list("messages", messages.iter().map(|message| past(message, gone)))
        }
        EventKind::HistoryHeader { scope, before, count } => {
            let object = Object::new("history").word("of", of(*scope)).count("count", *count);
            object.some_number("before", before.map(|id| id.0))
        }
        EventKind::HistoryMore { scope, count, before } => {
            Object::new("earlier").word("of", of(*scope)).count("count", *count).number("before", before.0)
        }
        EventKind::SearchHeader { scope, count } => Object::new("found").word("of", of(*scope)).count("count", *count),
        EventKind::Cleared { scope } => Object::new("cleared").word("of", of(*scope)),
        EventKind::Deleted { by, id } => Object::new("deleted").number("id", id.0).text("by", by),
        _ => return write_choice(event),
    })
}

fn write_choice(event: &Event) -> Option<Object> {
    Some(match &event.kind {
        EventKind::Mode { format: OutputFormat { mode, ids, bell } } => {
            Object::new("mode").word("name", mode).flag("ids", *ids).word("bell", bell)
        }
        EventKind::Ignored { whom, ignored: true } => Object::new("ignored").word("user", whom),
        EventKind::Ignored { whom, ignored: false } => Object::new("unignored").word("user", whom),
        EventKind::IgnoredUsers { names } => Object::new("ignores").names("names", names),
        EventKind::Typing { from, scope } => Object::new("typing").word("from", from).word("to", of(Some(*scope))),
        EventKind::TypingWanted { wanted } => Object::new("typings").flag("wanted", *wanted),
        // Silence is never written, and several things are written one by one.
        EventKind::Nothing | EventKind::Batch { .. } => return None,
        _ => return order::write(event),
    })
}

/// A message of the log.
fn past(Message { id, said, deleted }: &Message, gone: &[Name]) -> String {
    let object = Object::message(id.0).time("at", Some(said.at)).word("from", said.from);
    let object = match said.scope {
        Scope::User(to) => object.word("to", to),
        Scope::Group(group) => object.word("group", group),
        Scope::Everybody => object,
    };
    let named = |name: &&Name| **name == said.from || said.scope == Scope::User(**name);
    let gone: Vec<Name> = gone.iter().filter(named).copied().collect();
    let object = if gone.is_empty() { object } else { object.names("gone", &gone) };
    let object = object.flag_if("action", said.action && !deleted);
    if *deleted { object.flag("deleted", true).end() } else { object.text("text", &said.text).end() }
}
