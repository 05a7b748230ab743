//! Floor 1, dialects: each turns events into bytes for one kind of client.
//!
//! A dialect knows events and nothing else, neither sockets nor the hub. `plain` has the wording for people; `record` has
//! the table of tagged events, which `machine` writes as lines and `json` as objects.

mod json;
mod machine;
mod plain;
mod record;

pub use json::{JSON, json, tagged_json};
pub use machine::MACHINE;
pub use plain::{PLAIN, PLAIN_CRLF, PLAIN_CRLF_IDS, PLAIN_IDS};

use std::fmt::{self, Write};
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::model::Event;

/// A way to encode events. Each owns a slot in the cache of every event.
pub trait Dialect: Send + Sync {
    /// The bytes of an event, encoded at most once for all its recipients.
    fn encode<'e>(&self, event: &'e Event) -> &'e [u8];

    /// The bytes between an open prompt and an event that arrives before its answer.
    fn after_prompt(&self) -> &'static [u8];
}

const SECONDS: SecondsFormat = SecondsFormat::Secs;
const MICROSECONDS: SecondsFormat = SecondsFormat::Micros;

/// A time in UTC, in the format of RFC 3339.
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
    fn a_batch_is_encoded_like_its_events_one_by_one() {
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
