//! The wording of what concerns accounts: questions, passwords, tokens, registrations.

use std::fmt::{self, Write};
use std::time::SystemTime;

use super::time;
use crate::model::{EventKind, Name, NotRegistered, Question, TokenShown};

/// Writes what concerns accounts, and hands everything else on.
pub(super) fn write(out: &mut String, kind: &EventKind) -> fmt::Result {
    match kind {
        EventKind::PasswordChanged => out.write_str("Your password is changed."),
        EventKind::Cancelled => out.write_str("Cancelled; all is as it was."),
        EventKind::TokenMade { name, secret, expires } => write_new_token(out, name, secret, *expires),
        EventKind::Tokens { tokens } => write_tokens(out, tokens),
        EventKind::TokenRevoked { name } => write!(out, "Token {name} is revoked."),
        EventKind::Ask(question) => out.write_str(match question {
            Question::Password => "Your password: ",
            Question::OldPassword => "Old password: ",
            Question::NewPassword => "New password: ",
            Question::SameAgain => "The same again: ",
        }),
        EventKind::NotRegistered(why) => write_not_registered(out, why),
        other => super::write_login_and_leaving(out, other),
    }
}

fn write_not_registered(out: &mut String, why: &NotRegistered) -> fmt::Result {
    out.write_str("Registration failed: ")?;
    match why {
        NotRegistered::Closed => out.write_str("this server registers nobody; ask its operator for an account."),
        NotRegistered::Usage => out.write_str("write /register <name>, or /register <name> <invitation>."),
        NotRegistered::NeedsInvite => out.write_str("it needs an invitation: /register <name> <invitation>."),
        NotRegistered::BadInvite => out.write_str("the invitation is unknown, used up, or too old."),
        NotRegistered::BadName(why) => write!(out, "the name {why}."),
        NotRegistered::GuestName => out.write_str("the name is kept for guests."),
        NotRegistered::Taken => out.write_str("the name is taken."),
        NotRegistered::Differ => out.write_str("the two passwords are not the same."),
        NotRegistered::BadPassword(why) => write!(out, "the password {why}."),
        NotRegistered::Full => out.write_str("there are as many accounts as there may be; ask the operator for one."),
        NotRegistered::TooMany => {
            out.write_str("too many accounts were made from your address; try again in ten minutes.")
        }
        NotRegistered::TooManyAttempts => out.write_str("too many tries from your address; try again in a minute."),
        NotRegistered::Busy => out.write_str("the server is busy; try again."),
        NotRegistered::Unavailable => out.write_str("the account cannot be stored now; try again later."),
    }
}

fn write_new_token(out: &mut String, name: &Name, secret: &str, expires: Option<SystemTime>) -> fmt::Result {
    writeln!(out, "Token {name} is made; it is shown this once:\n{secret}")?;
    out.write_str("Give it as the password at the login; it is good until ")?;
    match expires {
        Some(expires) => write!(out, "{}, or until you revoke it.", time(expires)),
        None => out.write_str("you revoke it."),
    }
}

fn write_tokens(out: &mut String, tokens: &[TokenShown]) -> fmt::Result {
    if tokens.is_empty() {
        return out.write_str("You have no tokens; /token new <name> makes one.");
    }
    out.write_str("Your tokens:")?;
    let now = SystemTime::now();
    tokens.iter().try_for_each(|TokenShown { name, made, expires }| {
        write!(out, "\n{name}: made {}", time(*made))?;
        match expires {
            None => Ok(()),
            Some(expires) if *expires <= now => write!(out, ", expired {}", time(*expires)),
            Some(expires) => write!(out, ", good until {}", time(*expires)),
        }
    })
}
