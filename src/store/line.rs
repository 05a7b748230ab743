//! One exported message as one line: text for people, or a JSON object for programs.

use chrono::{DateTime, Local, SecondsFormat, Utc};

use crate::model::text::quote;
use crate::model::{Message, Scope};

/// A line like `#12 2026-11-20 17:03:12 [alice -> bob]: hi`, in local time.
pub(crate) fn text(message: &Message) -> String {
    let Message { id, said, deleted } = message;
    let at = DateTime::<Local>::from(said.at).format("%Y-%m-%d %H:%M:%S");
    let from = said.from;
    let whom = match said.scope {
        Scope::User(to) => format!("[{from} -> {to}]"),
        Scope::Group(group) => format!("[Group {group}][{from}]"),
        Scope::Everybody => format!("[Broadcast][{from}]"),
    };
    match (said.action, *deleted) {
        (_, true) => format!("{id} {at} {whom}: (deleted)"),
        (true, false) => format!("{id} {at} {whom} * {from} {}", said.text),
        (false, false) => format!("{id} {at} {whom}: {}", said.text),
    }
}

/// A JSON object with `id`, `at` (RFC 3339, UTC, microseconds), `from`, `to` or `group` or neither, `action` if it is one, `text`,
/// `deleted`.
pub(crate) fn json(message: &Message) -> String {
    let Message { id, said, deleted } = message;
    let at = DateTime::<Utc>::from(said.at).to_rfc3339_opts(SecondsFormat::Micros, true);
    // Names have no character that JSON would need to have escaped.
    let whom = match said.scope {
        Scope::User(to) => format!("\"to\":\"{to}\","),
        Scope::Group(group) => format!("\"group\":\"{group}\","),
        Scope::Everybody => String::new(),
    };
    let action = if said.action { "\"action\":true," } else { "" };
    let (id, from, said) = (id.0, said.from, quote(&said.text));
    format!("{{\"id\":{id},\"at\":\"{at}\",\"from\":\"{from}\",{whom}{action}\"text\":{said},\"deleted\":{deleted}}}")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;
    use crate::model::{Draft, MessageId};

    fn message(scope: Scope, text: &str, deleted: bool) -> Message {
        let at = UNIX_EPOCH + Duration::from_micros(1_795_194_192_000_045);
        let said = Draft { at, from: "Alice".parse().unwrap(), scope, text: text.into(), action: false };
        Message { id: MessageId(12), said, deleted }
    }

    /// What a strict reader of JSON makes of a string: nothing may follow it, and nothing in it may be bare.
    fn unquote(quoted: &str) -> Option<String> {
        let mut inner = quoted.strip_prefix('"')?.strip_suffix('"')?.chars();
        let mut text = String::new();
        while let Some(c) = inner.next() {
            match c {
                '"' | '\0'..='\x1F' => return None,
                '\\' => match inner.next()? {
                    c @ ('"' | '\\') => text.push(c),
                    'u' => {
                        let digits: String = inner.by_ref().take(4).collect();
                        text.push(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?);
                    }
                    _ => return None,
                },
                c => text.push(c),
            }
        }
        Some(text)
    }

    #[test]
    fn each_kind_of_message_is_a_line() {
        let (bob, group) = (Scope::User("bob".parse().unwrap()), Scope::Group("g".parse().unwrap()));
        let ends = |message: &Message| text(message)[24..].to_owned();
        assert!(text(&message(bob, "hi", false)).starts_with("#12 2026-11-2"));
        assert_eq!(ends(&message(bob, "hi", false)), "[Alice -> bob]: hi");
        assert_eq!(ends(&message(group, "hi", false)), "[Group g][Alice]: hi");
        assert_eq!(ends(&message(Scope::Everybody, "", true)), "[Broadcast][Alice]: (deleted)");
        let start = r#"{"id":12,"at":"2026-11-20T17:03:12.000045Z","from":"Alice","#;
        assert_eq!(
            json(&message(bob, "a\"b\\", false)),
            format!(r#"{start}"to":"bob","text":"a\"b\\","deleted":false}}"#)
        );
        assert_eq!(
            json(&message(group, "\n", false)),
            format!(r#"{start}"group":"g","text":"\u000a","deleted":false}}"#)
        );
        let mut action = message(group, "waves", false);
        action.said.action = true;
        assert_eq!(ends(&action), "[Group g][Alice] * Alice waves");
        let rest = r#""group":"g","action":true,"text":"waves","deleted":false}"#;
        assert_eq!(json(&action), format!("{start}{rest}"));
        assert_eq!(json(&message(Scope::Everybody, "", true)), format!(r#"{start}"text":"","deleted":true}}"#));
    }

    proptest! {
        #[test]
        fn any_text_comes_back_from_its_json(text in ".*|(?s:.*)") {
            prop_assert_eq!(unquote(&quote(&text)), Some(text));
        }
    }
}
