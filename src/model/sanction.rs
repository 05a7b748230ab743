//! Bans and mutes on the whole server, reports to operators, and durations as people write them.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::name::Name;
use super::net::Net;

/// The kind of a sanction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Penalty {
    /// The target may not log in.
    Ban,
    /// The target may not send messages.
    Mute,
}

/// The target of a sanction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SanctionTarget {
    /// A user.
    User(Name),
    /// Everybody who connects from a network.
    Net(Net),
}

/// A ban or mute. It holds until it is lifted or expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sanction {
    /// Ban or mute.
    pub penalty: Penalty,
    /// The user or network it applies to.
    pub subject: SanctionTarget,
    /// The operator's name, or the word that stands for the console.
    pub by: String,
    /// The reason; empty if none was given.
    pub reason: String,
    /// When it was imposed.
    pub made: SystemTime,
    /// When it expires; `None` if it holds until lifted.
    pub until: Option<SystemTime>,
}

/// A report to the operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its number, which operators use to close it.
    pub number: u64,
    /// When it was filed.
    pub at: SystemTime,
    /// The user who filed it; `None` for the word filter.
    pub by: Option<Name>,
    /// The subject: a user, or a message as `#12`.
    pub about: String,
    /// The reason; empty if none was given.
    pub why: String,
}

impl Sanction {
    /// Whether it is in force at `now`.
    pub fn holds(&self, now: SystemTime) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// The same, with user `from` renamed to `to`.
    #[must_use]
    pub fn renamed(&self, from: &Name, to: Name) -> Sanction {
        let by = if by_name(&self.by, from) { to.to_string() } else { self.by.clone() };
        Sanction { subject: self.subject.renamed(from, to), by, ..self.clone() }
    }
}

impl Report {
    /// The same, with user `from` renamed to `to`; free text is unchanged.
    #[must_use]
    pub fn renamed(&self, from: &Name, to: Name) -> Report {
        let by = self.by.map(|by| if by == *from { to } else { by });
        let (user, rest) = self.about.split_at(self.about.find(':').unwrap_or(self.about.len()));
        let about = if by_name(user, from) { format!("{to}{rest}") } else { self.about.clone() };
        Report { by, about, ..self.clone() }
    }
}

/// Whether a text is this name, ignoring case.
fn by_name(text: &str, name: &Name) -> bool {
    text.eq_ignore_ascii_case(name.as_str())
}

impl SanctionTarget {
    /// The same, with user `from` renamed to `to`.
    #[must_use]
    pub fn renamed(self, from: &Name, to: Name) -> SanctionTarget {
        if self == SanctionTarget::User(*from) { SanctionTarget::User(to) } else { self }
    }

    /// Parses the output of `Display`.
    pub fn parse(text: &str) -> Option<SanctionTarget> {
        match text.strip_prefix('@') {
            Some(name) => name.parse().ok().map(SanctionTarget::User),
            None if text.contains('/') => text.parse().ok().map(SanctionTarget::Net),
            None => Some(SanctionTarget::Net(Net::around(text.parse().ok()?, 128))),
        }
    }

    /// The target as shown to people.
    pub fn shown(&self) -> String {
        match self {
            SanctionTarget::User(name) => name.to_string(),
            SanctionTarget::Net(net) => net.to_string(),
        }
    }
}

impl fmt::Display for SanctionTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SanctionTarget::User(name) => write!(f, "@{name}"),
            SanctionTarget::Net(net) => write!(f, "{net}"),
        }
    }
}

impl Penalty {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Penalty::Ban => "ban",
            Penalty::Mute => "mute",
        }
    }
}

/// The longest duration accepted, in seconds: ten years.
const MAX_SECONDS: u64 = 10 * 366 * 86_400;

/// Parses a duration as typed, such as `30s`, `10min`, `2h`, `7d`, `1w` or `1h30m`: numbers with units, the larger unit
/// first; greater than zero and at most ten years.
pub fn duration(typed: &str) -> Option<Duration> {
    let (mut rest, mut total, mut above) = (typed, 0_u64, u64::MAX);
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let (unit, after) = after.split_at(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()));
        let unit = match unit.to_ascii_lowercase().as_str() {
            "s" | "sec" | "secs" | "second" | "seconds" => 1,
            "m" | "min" | "mins" | "minute" | "minutes" => 60,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3_600,
            "d" | "day" | "days" => 86_400,
            "w" | "week" | "weeks" => 604_800,
            _ => return None,
        };
        if unit >= std::mem::replace(&mut above, unit) {
            return None;
        }
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = after;
    }
    (1..=MAX_SECONDS).contains(&total).then(|| Duration::from_secs(total))
}

/// Whether a word begins like a duration, so that it is a mistake rather than the first word of a text.
pub fn looks_like_duration(word: &str) -> bool {
    word.trim_start_matches(['+', '-', '.', '~']).starts_with(|c: char| c.is_ascii_digit())
}

/// Shows a duration in the largest unit that is exact: `90s`, `2h`.
pub struct HumanDuration(pub Duration);

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
        let exact = units.into_iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit));
        let (unit, letter) = exact.unwrap_or((1, 's'));
        write!(f, "{}{letter}", seconds / unit)
    }
}

/// A reason at the end of a clause, as in `: spam`; nothing for an empty one.
pub struct Because<'a>(pub &'a str);

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        for (typed, seconds) in [
            ("30s", 30),
            ("10m", 600),
            ("2H", 7_200),
            ("7d", 604_800),
            ("007d", 604_800),
            ("1w", 604_800),
            ("10min", 600),
            ("1h30m", 5_400),
            ("1w2D3h4Min5s", 788_645),
            ("2hours", 7_200),
        ] {
            assert_eq!(duration(typed), Some(Duration::from_secs(seconds)), "{typed}");
        }
        for typed in [
            "",
            "s",
            "7",
            "0s",
            "7x",
            "-1d",
            "+1d",
            "1.5h",
            "7 d",
            "99999999999999999999d",
            "4000d",
            "7ä",
            "30m1h",
            "1h1h",
            "1h30",
        ] {
            assert_eq!(duration(typed), None, "{typed}");
        }
    }

    #[test]
    fn a_sanction_expires_at_its_time() {
        let made = SystemTime::UNIX_EPOCH;
        let until = made + Duration::from_secs(60);
        let subject = SanctionTarget::User("bob".parse().unwrap());
        let (by, reason) = (String::new(), String::new());
        let sanction = Sanction { penalty: Penalty::Ban, subject, by, reason, made, until: Some(until) };
        assert!(sanction.holds(made) && sanction.holds(until - Duration::from_nanos(1)));
        assert!(!sanction.holds(until) && !sanction.holds(until + Duration::from_secs(1)));
        assert!(Sanction { until: None, ..sanction }.holds(until + Duration::from_secs(1 << 40)));
    }

    proptest! {
        #[test]
        fn a_duration_round_trips(seconds in 1..=MAX_SECONDS) {
            let time = Duration::from_secs(seconds);
            prop_assert_eq!(duration(&HumanDuration(time).to_string()), Some(time));
        }

        #[test]
        fn any_text_is_a_valid_duration_or_none(text in ".{0,12}") {
            prop_assert!(duration(&text).is_none_or(|time| time >= Duration::from_secs(1)));
        }

        #[test]
        fn a_target_round_trips(a: u128, four: bool, bits in 16..=128_u8) {
            let net = match four {
                true => Net::around(std::net::Ipv4Addr::from(a as u32).into(), bits.min(32)),
                false => Net::around(std::net::Ipv6Addr::from(a).into(), bits),
            };
            let subject = SanctionTarget::Net(net);
            prop_assert_eq!(SanctionTarget::parse(&subject.to_string()), Some(subject));
        }
    }
}
