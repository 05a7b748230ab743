//! What operators do, for browsers and programs.

use super::answer::{rows, value};
use super::object::Object;
use crate::dialect::machine::fields;
use crate::model::{Answer, Event, EventKind};

/// The object of what operators do. All other events are written before it comes to this.
pub(super) fn write(event: &Event) -> Option<Object> {
    let stamped = |tag: &str| Object::new(tag).stamp(event);
    Some(match &event.kind {
        EventKind::Dismissed { why } => Object::new("dismissed").text("text", why),
        EventKind::Announced { text } => stamped("announcement").text("text", text),
        EventKind::GroupDropped { group, why } => stamped("group_dropped").word("group", group).text("text", why),
        EventKind::YouAreMuted { muted, until, why } => {
            Object::new("you_muted").flag("muted", *muted).time("until", *until).text("text", why)
        }
        EventKind::ReportCame(report) => Object::new("report")
            .number("number", report.number)
            .some_word("by", report.by)
            .text("about", &report.about)
            .text("text", &report.why),
        EventKind::Stopping { after, why } => {
            Object::new("stopping").number("seconds", after.as_secs()).text("text", why)
        }
        EventKind::GoesOn => Object::new("goes_on"),
        EventKind::Answered(Answer::Done(deed)) => {
            let (what, fields) = fields(deed);
            let done = Object::new("done").word("what", what);
            fields.iter().fold(done, |object, (name, cell)| object.raw(name, value(cell)))
        }
        EventKind::Answered(Answer::Table(table)) => Object::new("table").word("of", table.of).raw("rows", rows(table)),
        _ => return None,
    })
}
