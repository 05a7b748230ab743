//! Floor 0: log lines that strangers can cause. Each is written at most once a second for the same event, reason and
//! address, with how often it happened, so that nobody outside decides how long the log gets.
//!
//! The first line is written at once and as it is. What repeats it is counted, and written with its count at the end of
//! the second: `refused addr=10.0.0.1 port=12345 reason="banned" times=57`. When many addresses take part, those beyond
//! [`LOG_REPEAT_ADDRESSES`] are counted together, as `addr=others`.
//!
//! Whoever logs a line that a client can cause before it has logged in, or by failing at something, does it here.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Instant;

use log::Level;

use crate::lock::Mutex;
use crate::model::limits::{LOG_REPEAT, LOG_REPEAT_ADDRESSES};
use crate::model::{Name, Net, Peer, QuitReason};

/// The lines of this process: there is one log, so there is one of these.
// lock tier 9: a leaf; nothing is logged while it is held.
static LINES: LazyLock<Mutex<Lines, 9>> = LazyLock::new(Mutex::default);

/// Logs what a client has caused: `event`, who it was, and `detail`, such as `reason="banned"`.
pub(crate) fn note(level: Level, event: &'static str, who: Who, detail: &str) {
    if level > log::max_level() {
        return;
    }
    let (now, occurrence) = (Instant::now(), Occurrence { level, event, who, detail: detail.into(), times: 1 });
    let due = LINES.lock().note(occurrence, now);
    due.iter().for_each(Occurrence::log);
}

/// Logs what was counted, where its second is over; to be called about once a second.
pub(crate) fn flush() {
    let due = LINES.lock().due(Some(Instant::now()));
    due.iter().for_each(Occurrence::log);
}

/// Logs everything that was counted, for a process that ends.
pub(crate) fn finish() {
    let due = LINES.lock().due(None);
    due.iter().for_each(Occurrence::log);
}

/// Who caused a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// A client that has not logged in, or whose name says nothing.
    Stranger(SocketAddr),
    /// A user at an address.
    User(Name, SocketAddr),
    /// A guest, whose name changes from one login to the next.
    Guest(Name, SocketAddr),
    /// A guest who leaves for this reason.
    LeavingGuest(Name, SocketAddr, QuitReason),
    /// Clients at several addresses.
    Others,
    /// A user, wherever they are.
    Anywhere(Name),
    /// Whatever client it was.
    Unknown,
}

/// A line, and how often it happened since it was last logged.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Occurrence {
    level: Level,
    event: &'static str,
    who: Who,
    detail: Box<str>,
    times: u64,
}

/// What makes two lines the same.
type Key = (&'static str, Box<str>, Option<Name>, Option<Net>);

/// The lines that were logged within the last second, with what has repeated them since.
#[derive(Default)]
struct Lines {
    recent: HashMap<Key, Recent>,
    /// When the oldest of them is due.
    due: Option<Instant>,
}

struct Recent {
    logged: Instant,
    since: Occurrence,
}

impl Lines {
    /// Counts a line, and returns what is to be logged now: this one, if it is new, after whatever is due.
    fn note(&mut self, line: Occurrence, now: Instant) -> Vec<Occurrence> {
        let mut log = match self.due {
            Some(due) if due <= now => self.due(Some(now)),
            _ => Vec::new(),
        };
        let mut key = line.key();
        let mut who = line.who;
        if self.recent.len() >= LOG_REPEAT_ADDRESSES && !self.recent.contains_key(&key) {
            (key.2, key.3, who) = (None, None, Who::Others);
        }
        match self.recent.get_mut(&key) {
            Some(recent) => {
                recent.since.times += 1;
                recent.since.who = who;
            }
            None => {
                let since = Occurrence { who, times: 0, detail: line.detail.clone(), ..line };
                self.recent.insert(key, Recent { logged: now, since });
                self.due.get_or_insert(now + LOG_REPEAT);
                // Nobody can count what was not logged first, so this one stands for its address.
                log.push(line);
            }
        }
        log
    }

    /// Takes out what is to be logged at `now`, or all of it; what has not been repeated is forgotten.
    fn due(&mut self, now: Option<Instant>) -> Vec<Occurrence> {
        let mut log = Vec::new();
        self.recent.retain(|_, recent| {
            let Some(now) = now.filter(|now| *now < recent.logged + LOG_REPEAT || recent.since.times > 0) else {
                // All of it, or a line that has not come again.
                log.extend(Some(recent.since.clone()).filter(|line| line.times > 0));
                return false;
            };
            if now >= recent.logged + LOG_REPEAT {
                log.push(recent.since.clone());
                (recent.logged, recent.since.times) = (now, 0);
            }
            true
        });
        self.due = self.recent.values().map(|recent| recent.logged + LOG_REPEAT).min();
        log
    }
}

impl Occurrence {
    fn key(&self) -> Key {
        let (user, net) = match self.who {
            Who::Stranger(peer) | Who::Guest(_, peer) | Who::LeavingGuest(_, peer, _) => {
                (None, Some(Net::of(peer.ip())))
            }
            Who::User(name, peer) => (Some(name), Some(Net::of(peer.ip()))),
            Who::Anywhere(name) => (Some(name), None),
            Who::Others | Who::Unknown => (None, None),
        };
        let reason = match self.who {
            Who::LeavingGuest(_, _, reason) => reason.as_str().into(),
            _ => self.detail.clone(),
        };
        (self.event, reason, user, net)
    }

    fn log(&self) {
        log::log!(self.level, "{self}");
    }
}

impl fmt::Display for Occurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Occurrence { event, who, detail, times, .. } = self;
        f.write_str(event)?;
        if *who != Who::Unknown {
            write!(f, " {who}")?;
        }
        if !detail.is_empty() {
            write!(f, " {detail}")?;
        }
        if *times > 1 { write!(f, " times={times}") } else { Ok(()) }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Stranger(peer) => write!(f, "{}", Peer(*peer)),
            Who::User(name, peer) | Who::Guest(name, peer) => write!(f, "user={name} {}", Peer(*peer)),
            Who::LeavingGuest(name, peer, reason) => write!(f, "user={name} reason=\"{reason}\" {}", Peer(*peer)),
            Who::Others => f.write_str("addr=others port=0"),
            Who::Anywhere(name) => write!(f, "user={name}"),
            Who::Unknown => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn stranger(host: u8, port: u16) -> Who {
        Who::Stranger(([192, 0, 2, host], port).into())
    }

    fn line(who: Who, reason: &str) -> Occurrence {
        let detail = format!("reason=\"{reason}\"").into();
        Occurrence { level: Level::Info, event: "refused", who, detail, times: 1 }
    }

    fn texts(lines: Vec<Occurrence>) -> Vec<String> {
        lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_thousand_refusals_a_second_are_one_line_a_second() {
        let (mut lines, start) = (Lines::default(), Instant::now());
        let mut logged = Vec::new();
        for milli in 0..10_000 {
            let now = start + Duration::from_millis(milli);
            logged.extend(lines.note(line(stranger(1, milli as u16), "banned"), now));
        }
        logged.extend(lines.due(None));
        assert_eq!(logged.iter().map(|line| line.times).sum::<u64>(), 10_000, "none goes unmentioned");
        let logged = texts(logged);
        assert_eq!(logged.len(), 11, "{logged:?}");
        assert_eq!(logged[0], "refused addr=192.0.2.1 port=0 reason=\"banned\"");
        assert_eq!(logged[1], "refused addr=192.0.2.1 port=999 reason=\"banned\" times=999");
    }

    #[test]
    fn each_reason_address_and_user_has_a_line_of_its_own() {
        let (mut lines, now) = (Lines::default(), Instant::now());
        let user = |name: &str| Who::User(name.parse().unwrap(), ([192, 0, 2, 1], 9).into());
        let guest = |name: &str| Who::Guest(name.parse().unwrap(), ([192, 0, 2, 1], 9).into());
        let all = [
            (line(stranger(1, 1), "banned"), 1),
            (line(stranger(1, 2), "busy"), 1),
            (line(stranger(2, 1), "banned"), 1),
            (line(user("ann"), "banned"), 1),
            (line(user("ben"), "banned"), 1),
            (line(stranger(1, 3), "banned"), 0),
            (line(Who::Anywhere("ann".parse().unwrap()), "banned"), 1),
            (line(Who::Unknown, "banned"), 1),
            (line(guest("guest-1"), "other"), 1),
            (line(guest("guest-2"), "other"), 0),
        ];
        for (line, expected) in all {
            assert_eq!(lines.note(line.clone(), now).len(), expected, "{line}");
        }
        let neighbour = |host: &str| Who::Stranger(format!("[2001:db8::{host}]:9").parse().unwrap());
        assert_eq!(lines.note(line(neighbour("1"), "banned"), now).len(), 1);
        assert_eq!(lines.note(line(neighbour("2"), "banned"), now).len(), 0, "an IPv6 /64 is one address");
    }

    #[test]
    fn what_happened_twice_in_a_second_is_told_as_it_is() {
        let (mut lines, start) = (Lines::default(), Instant::now());
        assert_eq!(lines.note(line(stranger(1, 1), "banned"), start).len(), 1);
        assert!(lines.note(line(stranger(1, 2), "banned"), start).is_empty());
        assert_eq!(texts(lines.due(Some(start + LOG_REPEAT))), ["refused addr=192.0.2.1 port=2 reason=\"banned\""]);
        assert!(lines.due(Some(start + 2 * LOG_REPEAT)).is_empty() && lines.recent.is_empty());
    }

    #[test]
    fn a_flood_from_many_addresses_is_bounded() {
        let (mut lines, now) = (Lines::default(), Instant::now());
        let from = |n: u32| Who::Stranger((std::net::Ipv4Addr::from(0x0A00_0000 + n), 1).into());
        let logged: Vec<_> = (0..10_000).flat_map(|n| lines.note(line(from(n), "banned"), now)).collect();
        assert_eq!(logged.len(), LOG_REPEAT_ADDRESSES + 1);
        let due = lines.due(Some(now + LOG_REPEAT));
        let others = 10_000 - LOG_REPEAT_ADDRESSES as u64 - 1;
        assert_eq!(texts(due), [format!("refused addr=others port=0 reason=\"banned\" times={others}")]);
    }
}
