//! The machine dialect: tagged lines for scripts and bots, independent of the wording for people.
//!
//! A line is a tag and fields, `name=value`, separated by single spaces. Only the value of `text` may contain spaces; it
//! comes last, and in it a line end is `\n` and a backslash `\\`. The tags and their fields are those of `record`.

use super::json::Object;
use super::record::{self, Encoder, Value};
use super::{Dialect, MICROSECONDS, append, utc};
use crate::model::{Event, Slot};

/// The machine dialect; its lines end in LF for every client.
pub static MACHINE: Machine = Machine;

/// Lines for programs.
pub struct Machine;

impl Dialect for Machine {
    fn encode<'e>(&self, event: &'e Event) -> &'e [u8] {
        event.encoded(Slot::Machine, || {
            let mut lines = Line(String::with_capacity(event.weight() + 64));
            for event in event.each() {
                record::write(event, &mut lines);
                lines.end();
            }
            lines.0.into_bytes()
        })
    }

    fn after_prompt(&self) -> &'static [u8] {
        // Prompts are whole lines here, like everything else.
        b""
    }
}

/// Lines; the last one is still open.
pub(super) struct Line(String);

impl Line {
    /// Ends the current line, if there is one.
    fn end(&mut self) {
        if !self.0.is_empty() && !self.0.ends_with('\n') {
            self.0.push('\n');
        }
    }

    fn escape(&mut self, text: &str) {
        for piece in text.split_inclusive(['\\', '\n']) {
            match piece.strip_suffix('\n') {
                Some(line) => self.0.extend([line, "\\n"]),
                None => self.0.push_str(piece),
            }
            if piece.ends_with('\\') {
                self.0.push('\\');
            }
        }
    }
}

impl Encoder for Line {
    fn tag(&mut self, tag: &str) -> &mut Line {
        self.end();
        self.0.push_str(tag);
        self
    }

    fn field<'v>(&mut self, name: &str, value: impl Into<Value<'v>>) -> &mut Line {
        self.0.extend([" ", name, "="]);
        match value.into() {
            Value::None => {}
            Value::Text(text) => self.escape(text),
            Value::Number(number) => append(&mut self.0, number),
            Value::Flag(flag) => append(&mut self.0, flag),
            Value::Time(at) | Value::Moment(at) => self.0.push_str(&utc(at, MICROSECONDS)),
            Value::Names(names) => {
                for (n, name) in names.iter().enumerate() {
                    self.0.extend([if n == 0 { "" } else { "," }, name.as_str()]);
                }
            }
            Value::Word(word) => append(&mut self.0, word),
        }
        self
    }

    fn records<T>(&mut self, _: &str, tag: &str, items: &[T], write: impl Fn(&mut Line, &T)) -> &mut Line {
        for item in items {
            write(self.tag(tag), item);
        }
        self
    }

    fn line(&mut self, write: impl FnOnce(&mut Line)) -> &mut Line {
        write(self);
        self
    }

    fn object(&mut self, _: impl FnOnce(&mut Object)) -> &mut Line {
        self
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use std::time::SystemTime;

    use super::*;
    use crate::model::{EventKind, MessageId, Name, QuitReason, Target, UserError};

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
    fn a_message_has_its_id_and_time() {
        let kind = EventKind::PrivateMessage { from: name("ann"), text: "a b".into() };
        let event = Event::said(MessageId(7), SystemTime::now(), kind);
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
