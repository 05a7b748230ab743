//! Sentences for operators, and for those whom they keep in order.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::UserError;
use crate::model::sanction::HumanDuration;

impl UserError {
    /// What concerns operators, and those whom they keep in order.
    pub(super) fn write_order(&self, f: &mut fmt::Formatter<'_>, quote: &dyn Fn(&str) -> String) -> fmt::Result {
        match self {
            UserError::Muted(until, why) => {
                write!(f, "Error: You are muted{}, so this was not said{}.", Until(*until), Because(why))
            }
            UserError::Filtered => f.write_str("Error: That holds a word which may not be said here; it was not sent."),
            UserError::NeedsRole(role) => write!(f, "Error: That needs the role of {role}; nothing was changed."),
            UserError::Outranked(user) => {
                write!(f, "Error: User '{user}' is an operator of your rank or above; nothing was changed.")
            }
            UserError::NoSuchSession(typed) => {
                write!(
                    f,
                    "Error: '{}' is neither a user who is online nor a session; /sessions lists them.",
                    quote(typed)
                )
            }
            UserError::BadNet(typed) => write!(
                f,
                "Error: '{}' is not an address such as 10.0.0.1, nor a network such as 10.0.0.0/8 or 2001:db8::/32 (at least /8, of IPv6 /16).",
                quote(typed)
            ),
            UserError::GuestByAddress => {
                f.write_str("Error: A guest's name does not stay his; /ban addr keeps his address out.")
            }
            UserError::NoSanction(penalty, whom) => {
                write!(f, "Error: There is no {} of '{}'; /bans lists them.", penalty.as_str(), quote(whom))
            }
            UserError::TooManySanctions(max) => {
                write!(f, "Error: {max} bans and mutes hold already, which is the limit.")
            }
            UserError::NoSuchReport(number) => write!(f, "Error: Report {number} does not exist; /reports lists them."),
            UserError::TooManyReports(max) => write!(f, "Error: {max} reports wait already, which is the limit."),
            UserError::Countdown(true) => {
                f.write_str("Error: The server is to stop already; /shutdown cancel lets it go on.")
            }
            UserError::Countdown(false) => {
                f.write_str("Error: The server is not about to stop; there is nothing to cancel.")
            }
            UserError::NoLog(why) => write!(f, "Error: The log cannot be shown: {why}."),
            UserError::NotReloaded(why) => write!(f, "Error: Not everything was read again: {why}."),
            // All others are written before it comes to this.
            _ => Ok(()),
        }
    }
}

/// Until when something holds, behind what it is.
struct Until(Option<SystemTime>);

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Words for the calendar are a dialect's matter; how long it still takes is said here.
        let left = self.0.map(|until| until.duration_since(SystemTime::now()).unwrap_or_default());
        left.map_or(Ok(()), |left| write!(f, " for another {}", HumanDuration(round_up(left))))
    }
}

/// In whole seconds below two minutes, then in whole minutes, hours and days: never too short.
fn round_up(time: Duration) -> Duration {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    let unit = match seconds {
        0..120 => 1,
        120..7_200 => 60,
        7_200..172_800 => 3_600,
        _ => 86_400,
    };
    Duration::from_secs(seconds.div_ceil(unit) * unit)
}

/// A reason, behind what it is for.
struct Because<'a>(&'a str);

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_said_in_whole_units_and_never_too_short() {
        for (millis, said) in [(1, "1s"), (59_001, "1m"), (119_000, "119s"), (121_000, "3m"), (86_400_000, "1d")] {
            assert_eq!(HumanDuration(round_up(Duration::from_millis(millis))).to_string(), said, "{millis}");
        }
    }
}
