//! One JSON object, written field by field.

use std::fmt::{Display, Write};
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::model::text::quote;
use crate::model::{Event, MessageId, Name};

/// An object that is being written.
pub(super) struct Object(String);

impl Object {
    /// An object that says which event it is.
    pub(super) fn new(event: &str) -> Object {
        Object(format!("{{\"event\":\"{event}\""))
    }

    /// An object within another one, with its first field.
    pub(super) fn inner(name: &str, value: impl Display) -> Object {
        Object(format!("{{\"{name}\":{}", quote(&value.to_string())))
    }

    /// An object within another one that is a message of the log.
    pub(super) fn message(id: u64) -> Object {
        Object(format!("{{\"id\":{id}"))
    }

    /// When the event happened, and its place in the log if it has one.
    pub(super) fn stamp(self, event: &Event) -> Object {
        let object = if event.id > MessageId(0) { self.number("id", event.id.0) } else { self };
        object.time("at", Some(event.at))
    }

    /// A field whose value is JSON already.
    pub(super) fn raw(mut self, name: &str, json: impl Display) -> Object {
        // Writing into a String cannot fail.
        let _ = write!(self.0, ",\"{name}\":{json}");
        self
    }

    pub(super) fn text(self, name: &str, text: &str) -> Object {
        self.raw(name, quote(text))
    }

    /// A text that may be none.
    pub(super) fn some_text(self, name: &str, text: Option<&str>) -> Object {
        self.raw(name, text.map_or_else(|| "null".to_owned(), quote))
    }

    /// A name, or anything else that is shown as a word.
    pub(super) fn word(self, name: &str, value: impl Display) -> Object {
        self.raw(name, quote(&value.to_string()))
    }

    /// A word that may be none.
    pub(super) fn some_word(self, name: &str, value: Option<impl Display>) -> Object {
        let value = value.map(|value| value.to_string());
        self.some_text(name, value.as_deref())
    }

    pub(super) fn number(self, name: &str, number: u64) -> Object {
        self.raw(name, number)
    }

    /// A number that may be none.
    pub(super) fn some_number(self, name: &str, number: Option<u64>) -> Object {
        self.raw(name, number.map_or_else(|| "null".to_owned(), |number| number.to_string()))
    }

    pub(super) fn count(self, name: &str, count: usize) -> Object {
        self.raw(name, count)
    }

    pub(super) fn flag(self, name: &str, on: bool) -> Object {
        self.raw(name, on)
    }

    /// A field that is there only if it is so.
    pub(super) fn flag_if(self, name: &str, on: bool) -> Object {
        if on { self.flag(name, true) } else { self }
    }

    /// A time in UTC, to the microsecond; none for never.
    pub(super) fn time(self, name: &str, at: Option<SystemTime>) -> Object {
        match at {
            None => self.raw(name, "null"),
            Some(at) => {
                let at = DateTime::<Utc>::from(at).to_rfc3339_opts(SecondsFormat::Micros, true);
                self.raw(name, format_args!("\"{at}\""))
            }
        }
    }

    pub(super) fn names(self, name: &str, names: &[Name]) -> Object {
        self.list(name, names.iter().map(|name| quote(name.as_str())))
    }

    /// A list of values that are JSON already.
    pub(super) fn list(self, name: &str, values: impl Iterator<Item = String>) -> Object {
        let values: Vec<String> = values.collect();
        self.raw(name, format_args!("[{}]", values.join(",")))
    }

    pub(super) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}
