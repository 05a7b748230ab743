//! The answer to an operator's program, as one JSON object.

use std::fmt::Write;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::model::text::quote;
use crate::model::{AdminAnswer, Cell, Table, UserError};
use crate::protocol::machine::fields;

/// `{"ok":true,"done":"ban","whom":"bob",…}`, `{"ok":true,"of":"sessions","rows":[{…}]}`, or
/// `{"ok":false,"code":"no_such_user","text":"Error: …"}`. Times are in UTC, and `null` for never.
pub fn json(answer: &Result<AdminAnswer, UserError>) -> String {
    match answer {
        Err(error) => {
            format!("{{\"ok\":false,\"code\":\"{}\",\"text\":{}}}", error.code(), quote(&error.to_string()))
        }
        Ok(AdminAnswer::Done(deed)) => {
            let (what, fields) = fields(deed);
            let fields: String = fields.iter().map(|(name, cell)| format!(",\"{name}\":{}", value(cell))).collect();
            format!("{{\"ok\":true,\"done\":\"{what}\"{fields}}}")
        }
        Ok(AdminAnswer::Table(table)) => {
            format!("{{\"ok\":true,\"of\":\"{}\",\"rows\":{}}}", table.of, rows(table))
        }
    }
}

/// The rows of a table, each an object.
pub(super) fn rows(Table { columns, rows, .. }: &Table) -> String {
    let mut out = String::from("[");
    for (n, row) in rows.iter().enumerate() {
        let cells = columns.iter().zip(row).map(|(name, cell)| format!("\"{name}\":{}", value(cell)));
        // Writing into a String cannot fail.
        let _ = write!(out, "{}{{{}}}", if n == 0 { "" } else { "," }, cells.collect::<Vec<_>>().join(","));
    }
    out.push(']');
    out
}

pub(super) fn value(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => quote(text),
        Cell::Number(number) => number.to_string(),
        Cell::Time(None) => "null".to_owned(),
        Cell::Time(Some(at)) => {
            format!("\"{}\"", DateTime::<Utc>::from(*at).to_rfc3339_opts(SecondsFormat::Secs, true))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Outcome, Penalty};

    #[test]
    fn an_answer_is_one_object() {
        let whom = "bob".to_owned();
        let deed = Outcome::Sanctioned { penalty: Penalty::Ban, whom, until: None, sessions: 2 };
        assert_eq!(
            json(&Ok(AdminAnswer::Done(deed))),
            r#"{"ok":true,"done":"ban","whom":"bob","until":null,"sessions":2}"#
        );
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
