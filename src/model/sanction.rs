//! What an operator has laid upon a user or an address, and for how long; and what users report to operators.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::name::Name;
use super::net::Net;

/// What somebody may not do any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Penalty {
    /// He may not come in.
    Ban,
    /// He may not say anything.
    Mute,
}

/// Upon whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SanctionTarget {
    /// A user.
    User(Name),
    /// Whoever comes from there.
    Net(Net),
}

/// A penalty that holds until it is lifted or its time is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sanction {
    /// Which.
    pub penalty: Penalty,
    /// Upon whom.
    pub subject: SanctionTarget,
    /// Who laid it on him: an operator's name, or what stands for the console.
    pub by: String,
    /// Why; empty where nothing was said.
    pub reason: String,
    /// Since when.
    pub made: SystemTime,
    /// Until when; `None` for until it is lifted.
    pub until: Option<SystemTime>,
}

/// What a user told the operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its number, by which an operator closes it.
    pub number: u64,
    /// When it came.
    pub at: SystemTime,
    /// From whom; `None` for the word filter.
    pub by: Option<Name>,
    /// What it is about: a user, or a message as `#12`.
    pub about: String,
    /// Why; empty where nothing was said.
    pub why: String,
}

impl Sanction {
    /// Whether it still holds.
    pub fn holds(&self, now: SystemTime) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// The same, with a user of it under another name.
    #[must_use]
    pub fn renamed(&self, from: &Name, to: Name) -> Sanction {
        let by = if by_name(&self.by, from) { to.to_string() } else { self.by.clone() };
        Sanction { subject: self.subject.renamed(from, to), by, ..self.clone() }
    }
}

impl Report {
    /// The same, with a user of it under another name; its free text stays as it is.
    #[must_use]
    pub fn renamed(&self, from: &Name, to: Name) -> Report {
        let by = self.by.map(|by| if by == *from { to } else { by });
        let (user, rest) = self.about.split_at(self.about.find(':').unwrap_or(self.about.len()));
        let about = if by_name(user, from) { format!("{to}{rest}") } else { self.about.clone() };
        Report { by, about, ..self.clone() }
    }
}

/// Whether a text is this name.
fn by_name(text: &str, name: &Name) -> bool {
    text.eq_ignore_ascii_case(name.as_str())
}

impl SanctionTarget {
    /// The same, if it is this user under his other name.
    #[must_use]
    pub fn renamed(self, from: &Name, to: Name) -> SanctionTarget {
        if self == SanctionTarget::User(*from) { SanctionTarget::User(to) } else { self }
    }

    /// Reads what its `Display` writes.
    pub fn parse(text: &str) -> Option<SanctionTarget> {
        match text.strip_prefix('@') {
            Some(name) => name.parse().ok().map(SanctionTarget::User),
            None if text.contains('/') => text.parse().ok().map(SanctionTarget::Net),
            None => Some(SanctionTarget::Net(Net::around(text.parse().ok()?, 128))),
        }
    }

    /// What it is called to people.
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
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Penalty::Ban => "ban",
            Penalty::Mute => "mute",
        }
    }
}

/// The longest time that can be asked for, in seconds: ten years.
const LONGEST: u64 = 10 * 366 * 86_400;

/// The time in what was typed, such as `30s`, `10m`, `2h` or `7d`; never none, and at most ten years.
pub fn duration(typed: &str) -> Option<Duration> {
    let (number, unit) = typed.split_at_checked(typed.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" | "S" => 1,
        "m" | "M" => 60,
        "h" | "H" => 3_600,
        "d" | "D" => 86_400,
        _ => return None,
    };
    if !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let total = number.parse::<u64>().ok()?.checked_mul(seconds)?;
    (1..=LONGEST).contains(&total).then(|| Duration::from_secs(total))
}

/// A time in its largest unit that says it exactly: `90s`, `2h`.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_time_has_a_number_and_a_unit() {
        for (typed, seconds) in [("30s", 30), ("10m", 600), ("2H", 7_200), ("7d", 604_800), ("007d", 604_800)] {
            assert_eq!(duration(typed), Some(Duration::from_secs(seconds)), "{typed}");
        }
        for typed in ["", "s", "7", "0s", "7w", "-1d", "+1d", "1.5h", "7 d", "99999999999999999999d", "4000d", "7ä"] {
            assert_eq!(duration(typed), None, "{typed}");
        }
    }

    #[test]
    fn a_sanction_ends_by_itself_at_its_moment() {
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
        fn a_time_comes_back_from_its_text(seconds in 1..=LONGEST) {
            let time = Duration::from_secs(seconds);
            prop_assert_eq!(duration(&HumanDuration(time).to_string()), Some(time));
        }

        #[test]
        fn any_text_is_a_time_or_none(text in ".{0,12}") {
            prop_assert!(duration(&text).is_none_or(|time| time >= Duration::from_secs(1)));
        }

        #[test]
        fn a_subject_comes_back_from_its_text(a: u128, four: bool, bits in 16..=128_u8) {
            let net = match four {
                true => Net::around(std::net::Ipv4Addr::from(a as u32).into(), bits.min(32)),
                false => Net::around(std::net::Ipv6Addr::from(a).into(), bits),
            };
            let subject = SanctionTarget::Net(net);
            prop_assert_eq!(SanctionTarget::parse(&subject.to_string()), Some(subject));
        }
    }
}
