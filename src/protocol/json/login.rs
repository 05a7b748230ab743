//! The login and what concerns accounts, for browsers and programs.

use super::object::Object;
use super::past;
use crate::model::{Event, EventKind, TokenShown};

/// The object of what concerns the login; all else is handed on.
pub(super) fn write(event: &Event) -> Option<Object> {
    Some(match &event.kind {
        EventKind::Welcome { motd } => Object::new("welcome").some_text("text", motd.as_deref()),
        EventKind::YouAreGuest { name } => Object::new("guest").word("name", name),
        EventKind::LoginRefused => failed("wrong_name_or_password"),
        EventKind::AlreadyLoggedIn => failed("already_logged_in"),
        EventKind::TooManySessions { limit } => failed("too_many_sessions").count("limit", *limit),
        EventKind::TooManyAttempts => failed("too_many_attempts"),
        EventKind::TokensUnreadable => failed("unavailable"),
        EventKind::TooManyGuests { limit } => failed("too_many_guests").count("limit", *limit),
        EventKind::TooManyConnections { limit } => failed("too_many_connections").count("limit", *limit),
        EventKind::YouAreBanned { until, why } => failed("banned").time("until", *until).text("text", why),
        EventKind::AddressBanned { until, why } => {
            Object::new("address_banned").time("until", *until).text("text", why)
        }
        EventKind::NotRegistered(why) => {
            Object::new("registration_failed").word("code", why.as_str().replace(' ', "_"))
        }
        EventKind::PasswordChanged => Object::new("password_changed"),
        EventKind::Cancelled => Object::new("cancelled"),
        EventKind::TokenMade { name, secret, expires } => {
            Object::new("token_made").word("name", name).time("expires", *expires).text("text", secret)
        }
        EventKind::Tokens { tokens } => Object::new("tokens").list("tokens", tokens.iter().map(token)),
        EventKind::TokenRevoked { name } => Object::new("token_revoked").word("name", name),
        _ => return past::write(event),
    })
}

fn failed(code: &str) -> Object {
    Object::new("login_failed").word("code", code)
}

fn token(TokenShown { name, made, expires }: &TokenShown) -> String {
    Object::inner("name", name).time("made", Some(*made)).time("expires", *expires).end()
}
