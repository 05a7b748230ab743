//! The JSON dialect: one object per event, for browsers and other WebSocket clients.
//!
//! The events and their fields are those of `record`. What machine mode writes as several lines, or as a list with commas,
//! is an array here, and a field without a value is `null`.

use super::machine::Line;
use super::record::{self, Encoder, Value};
use super::{Dialect, MICROSECONDS, SECONDS, append, utc};
use crate::model::text::quote_into;
use crate::model::{AdminAnswer, Event, Name, Slot, Tag, UserError};

/// The JSON dialect; each object is one line.
pub static JSON: Json = Json;

/// Objects for browsers and other WebSocket clients.
pub struct Json;

impl Dialect for Json {
    fn encode<'e>(&self, event: &'e Event) -> &'e [u8] {
        event.encoded(Slot::Json, || objects(event, |_| None))
    }

    fn after_prompt(&self) -> &'static [u8] {
        b""
    }
}

/// The same objects as everyone gets, with the tags that only this recipient is shown.
pub fn tagged_json(event: &Event, recipient: &Name) -> Vec<u8> {
    objects(event, |event| event.tag_for(recipient))
}

/// One object per event of a batch, each with its tag, if there is one.
fn objects<'e>(event: &'e Event, tag: impl Fn(&'e Event) -> Option<&'e Tag>) -> Vec<u8> {
    let mut objects = Object(String::with_capacity(event.weight()));
    for event in event.each() {
        let start = objects.0.len();
        record::write(event, &mut objects);
        if objects.0.len() > start {
            if let Some(tag) = tag(event) {
                objects.field("tag", tag);
            }
            objects.0.push_str("}\n");
        }
    }
    objects.0.into_bytes()
}

/// The answer to an admin command from the console, as one object without a line end: `{"ok":true,"done":"ban","whom":"bob",…}`,
/// `{"ok":true,"of":"sessions","rows":[{…}]}`, or `{"ok":false,"code":"no_such_user","text":"Error: …"}`.
pub fn json(answer: &Result<AdminAnswer, UserError>) -> String {
    let mut object = Object("{".to_owned());
    object.field("ok", answer.is_ok());
    match answer {
        Err(error) => object.field("code", error.code()).field("text", &error.to_string()),
        Ok(AdminAnswer::Done(outcome)) => record::write_outcome("done", outcome, &mut object),
        Ok(AdminAnswer::Table(table)) => record::write_rows(table, object.field("of", table.of)),
    };
    object.0 + "}"
}

/// Objects, the last of which is being written and still open.
pub(super) struct Object(String);

impl Object {
    /// The name of a field, after a comma unless it is the first one.
    fn name(&mut self, name: &str) {
        // No value ends in this character, so the object has no field yet.
        let comma = if self.0.ends_with('{') { "" } else { "," };
        self.0.extend([comma, "\"", name, "\":"]);
    }

    /// An array whose values are written by `write`.
    fn array<T>(&mut self, items: &[T], write: impl Fn(&mut Object, &T)) {
        self.0.push('[');
        for (n, item) in items.iter().enumerate() {
            if n > 0 {
                self.0.push(',');
            }
            write(self, item);
        }
        self.0.push(']');
    }

    /// A field with one object per item.
    pub(super) fn list<T>(&mut self, name: &str, items: &[T], write: impl Fn(&mut Object, &T)) {
        self.name(name);
        self.array(items, |object, item| {
            object.0.push('{');
            write(object, item);
            object.0.push('}');
        });
    }
}

impl Encoder for Object {
    fn tag(&mut self, tag: &str) -> &mut Object {
        self.0.push('{');
        self.field("event", tag)
    }

    fn field<'v>(&mut self, name: &str, value: impl Into<Value<'v>>) -> &mut Object {
        self.name(name);
        match value.into() {
            Value::None => self.0.push_str("null"),
            Value::Text(text) => quote_into(&mut self.0, text),
            Value::Number(number) => append(&mut self.0, number),
            Value::Flag(flag) => append(&mut self.0, flag),
            Value::Time(at) => self.0.extend(["\"", &utc(at, MICROSECONDS), "\""]),
            Value::Moment(at) => self.0.extend(["\"", &utc(at, SECONDS), "\""]),
            Value::Names(names) => self.array(names, |object, name| quote_into(&mut object.0, name.as_str())),
            Value::Word(word) => quote_into(&mut self.0, &word.to_string()),
        }
        self
    }

    fn records<T>(&mut self, name: &str, _: &str, items: &[T], write: impl Fn(&mut Object, &T)) -> &mut Object {
        self.list(name, items, write);
        self
    }

    fn line(&mut self, _: impl FnOnce(&mut Line)) -> &mut Object {
        self
    }

    fn object(&mut self, write: impl FnOnce(&mut Object)) -> &mut Object {
        write(self);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cell, EventKind, MessageId, Outcome, Penalty, Table};
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
    fn an_error_has_a_code_and_a_hidden_event_no_bytes() {
        let error = Event::new(EventKind::Refused(UserError::NoConversation));
        assert!(
            JSON.encode(&error).starts_with(b"{\"event\":\"error\",\"code\":\"no_conversation\",\"text\":\"Error: ")
        );
        assert!(JSON.encode(&Event::new(EventKind::Nothing)).is_empty());
    }

    #[test]
    fn an_answer_for_the_console_is_one_object() {
        let whom = "bob".to_owned();
        let banned = Outcome::Sanctioned { penalty: Penalty::Ban, whom, until: None, sessions: 2 };
        let done = r#"{"ok":true,"done":"ban","whom":"bob","until":null,"sessions":2}"#;
        assert_eq!(json(&Ok(AdminAnswer::Done(banned))), done);
        let rows = vec![vec![Cell::Number(1), Cell::text("a\"b\n")], vec![Cell::Number(2), Cell::text("")]];
        let table = Table { of: "bans", columns: &["n", "text"], rows };
        assert_eq!(
            json(&Ok(AdminAnswer::Table(table))),
            r#"{"ok":true,"of":"bans","rows":[{"n":1,"text":"a\"b\u000a"},{"n":2,"text":""}]}"#
        );
        let error = json(&Err(UserError::NoSuchUser("x".to_owned())));
        assert_eq!(error, r#"{"ok":false,"code":"no_such_user","text":"Error: User 'x' does not exist."}"#);
    }
}
