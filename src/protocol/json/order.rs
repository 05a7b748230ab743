//! What operators do, for browsers and programs.

use super::answer::{rows, value};
use super::object::Object;
use crate::model::{AdminAnswer, Event, EventKind};
use crate::protocol::machine::fields;

/// The object of what operators do. All other events are written before it comes to this.
pub(super) fn write(event: &Event) -> Option<Object> {
    let stamped = |tag: &str| Object::new(tag).stamp(event);
    Some(match &event.kind {
        EventKind::SessionEnded { why } => Object::new("dismissed").text("text", why),
        EventKind::Announced { text } => stamped("announcement").text("text", text),
        EventKind::GroupDropped { group, why } => stamped("group_dropped").word("group", group).text("text", why),
        EventKind::Renamed { from, to } => stamped("renamed").word("user", from).word("name", to),
        EventKind::YouAreMuted { muted, until, why } => {
            Object::new("you_muted").flag("muted", *muted).time("until", *until).text("text", why)
        }
        EventKind::ReportFiled(report) => Object::new("report")
            .number("number", report.number)
            .some_word("by", report.by)
            .text("about", &report.about)
            .text("text", &report.why),
        EventKind::ShutdownScheduled { after, why } => {
            Object::new("stopping").number("seconds", after.as_secs()).text("text", why)
        }
        EventKind::ShutdownCancelled => Object::new("goes_on"),
        EventKind::AdminReply(AdminAnswer::Done(deed)) => {
            let (what, fields) = fields(deed);
            let done = Object::new("done").word("what", what);
            fields.iter().fold(done, |object, (name, cell)| object.raw(name, value(cell)))
        }
        EventKind::AdminReply(AdminAnswer::Table(table)) => {
            Object::new("table").word("of", table.of).raw("rows", rows(table))
        }
        _ => return None,
    })
}
