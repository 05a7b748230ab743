//! Floor 1, dialects: each turns events into the bytes that one kind of client understands.
//!
//! A dialect knows events and nothing else: no sockets, no hub.

mod json;
mod machine;
mod plain;
mod record;

pub use json::{JSON, json};
pub use machine::MACHINE;
pub use plain::{PLAIN, PLAIN_CRLF, PLAIN_CRLF_IDS, PLAIN_IDS};

use std::fmt::{self, Write};
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::model::Event;

/// One way to put events into bytes. The plain one is for people, the machine one for programs; each owns a slot of an event's cache.
pub trait Dialect: Send + Sync {
    /// The bytes of an event, made at most once for all its recipients.
    fn encode<'e>(&self, event: &'e Event) -> &'e [u8];

    /// What stands between an unanswered question and an event that comes while it is open.
    fn after_prompt(&self) -> &'static [u8];
}

const SECONDS: SecondsFormat = SecondsFormat::Secs;
const MICROSECONDS: SecondsFormat = SecondsFormat::Micros;

/// A time in UTC by RFC 3339.
fn utc(at: SystemTime, precision: SecondsFormat) -> String {
    DateTime::<Utc>::from(at).to_rfc3339_opts(precision, true)
}

/// Appends a value; writing into a `String` cannot fail.
fn append(out: &mut String, value: impl fmt::Display) {
    let _ = write!(out, "{value}");
}

#[cfg(test)]
mod tests {
    use std::time::{Instant, SystemTime};

    use super::*;
    use crate::model::{EventKind, MessageId, Scope};

    #[test]
    fn several_events_are_put_as_one_after_the_other() {
        let (from, group) = ("ann".parse().unwrap(), "red".parse().unwrap());
        let kinds = [
            EventKind::GroupMessage { group, from, text: "a\nb".into() },
            EventKind::Action { from, scope: Scope::Group(group), text: "waves".into(), own: false },
            EventKind::Broadcast { from, text: "all".into() },
        ];
        let made = |(id, kind)| Event::made(MessageId(id), SystemTime::now(), Instant::now(), kind);
        let events: Vec<Event> = (0..).zip(kinds).map(made).collect();
        let several = Event::several(events.clone()).unwrap();
        let dialects: [&dyn Dialect; 6] = [&PLAIN, &PLAIN_CRLF, &PLAIN_IDS, &PLAIN_CRLF_IDS, &MACHINE, &JSON];
        for dialect in dialects {
            let each: Vec<u8> = events.iter().flat_map(|event| dialect.encode(event).to_vec()).collect();
            assert_eq!(dialect.encode(&several), each);
        }
    }
}
