//! Which conversation a message belongs to. The database knows each by a number, so that the one index over all messages
//! holds two small integers a message.

use rusqlite::{Connection, OptionalExtension};

use super::schema::EVERYBODY;
use crate::model::{Draft, Name, Scope};

/// A conversation, seen by nobody in particular.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Conversation {
    /// Between these two, the smaller name first.
    Pair(Name, Name),
    Group(Name),
    Everybody,
}

impl Conversation {
    /// The one that this is said in.
    pub(super) fn of(said: &Draft) -> Conversation {
        Conversation::seen_by(&said.from, said.scope)
    }

    /// The one that `reader` means by `scope`.
    pub(super) fn seen_by(reader: &Name, scope: Scope) -> Conversation {
        match scope {
            Scope::User(other) => Conversation::Pair(*reader.min(&other), *reader.max(&other)),
            Scope::Group(group) => Conversation::Group(group),
            Scope::Everybody => Conversation::Everybody,
        }
    }

    /// The two columns that name it.
    fn key(&self) -> (String, String) {
        let folded = |name: &Name| name.as_str().to_ascii_lowercase();
        match self {
            Conversation::Pair(a, b) => (folded(a), folded(b)),
            Conversation::Group(group) => (format!("#{}", folded(group)), String::new()),
            Conversation::Everybody => ("*".to_owned(), String::new()),
        }
    }

    /// Its number, if anything was ever said in it.
    pub(super) fn number(&self, conn: &Connection) -> rusqlite::Result<Option<i64>> {
        if *self == Conversation::Everybody {
            return Ok(Some(EVERYBODY));
        }
        let mut find = conn.prepare_cached("SELECT id FROM conversation WHERE a = ?1 AND b = ?2")?;
        find.query_row(self.key(), |row| row.get(0)).optional()
    }

    /// Its number, which it gets if it has none yet.
    pub(super) fn numbered(&self, conn: &Connection) -> rusqlite::Result<i64> {
        if let Some(number) = self.number(conn)? {
            return Ok(number);
        }
        conn.prepare_cached("INSERT INTO conversation (a, b) VALUES (?1, ?2)")?.insert(self.key())
    }
}

/// Finds the conversations between a user, whose name is given in lower case, and another, or himself.
pub(super) const PRIVATE: &str = "SELECT id FROM conversation WHERE a = ?1 AND b != '' UNION \
                                  SELECT id FROM conversation WHERE b = ?1 AND b != ''";

/// The conversations between `user` and another, or himself.
pub(super) fn private(conn: &Connection, user: &Name) -> rusqlite::Result<Vec<i64>> {
    conn.prepare_cached(PRIVATE)?.query_map([user.as_str().to_ascii_lowercase()], |row| row.get(0))?.collect()
}
