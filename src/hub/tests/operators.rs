//! Operators' commands, in the hub and in the naive model of it: bans and mutes that run out, dropped groups, ended sessions,
//! announcements.

use std::net::IpAddr;

use super::model::Model;
use super::*;
use crate::model::{Sanction, SanctionTarget};

/// Networks that may be banned, one within the other.
const NETS: [&str; 2] = ["10.0.0.0/8", "10.1.0.0/16"];

/// An address in both networks, one in the wider, one in none.
const ADDRESSES: [&str; 3] = ["10.1.2.3", "10.2.0.1", "11.0.0.1"];

#[derive(Debug, Clone)]
pub(super) enum Command {
    Impose(Penalty, usize, Option<u64>),
    Lift(Penalty, usize),
    Drop(usize),
    Dismiss(usize),
    Announce,
}

pub(super) fn commands() -> impl Strategy<Value = Command> {
    let what = || prop::sample::select(vec![Penalty::Ban, Penalty::Mute, Penalty::Mute]);
    let whom = || 0..NAMES.len() + NETS.len();
    prop_oneof![
        4 => (what(), whom(), prop::option::of(1..60u64)).prop_map(|(what, whom, span)| Command::Impose(what, whom, span)),
        2 => (what(), whom()).prop_map(|(what, whom)| Command::Lift(what, whom)),
        1 => (0..GROUPS.len()).prop_map(Command::Drop),
        1 => (0..NAMES.len()).prop_map(Command::Dismiss),
        1 => Just(Command::Announce),
    ]
}

/// Only users can be muted.
fn target(penalty: Penalty, whom: usize) -> (Penalty, SanctionTarget) {
    match NAMES.get(whom) {
        Some(user) => (penalty, SanctionTarget::User(name(user))),
        None => (Penalty::Ban, SanctionTarget::Net(NETS[whom - NAMES.len()].parse().unwrap())),
    }
}

impl Model {
    /// The sanction that is in force.
    fn sanction(&self, penalty: Penalty, subject: SanctionTarget) -> Option<&Sanction> {
        let holds = |one: &&Sanction| one.until.is_none_or(|until| self.now < until);
        self.sanctions.iter().filter(|one| one.penalty == penalty && one.subject == subject).find(holds)
    }

    /// Why a user may say nothing at all, if they may not.
    pub(super) fn silenced(&self, user: Name) -> Option<UserError> {
        let mute = self.sanction(Penalty::Mute, SanctionTarget::User(user))?;
        Some(UserError::Muted(mute.until, mute.reason.clone()))
    }

    fn lift(&mut self, penalty: Penalty, subject: SanctionTarget) -> bool {
        let held = self.sanction(penalty, subject).is_some();
        self.sanctions.retain(|one| one.penalty != penalty || one.subject != subject);
        held
    }

    fn drop_group(&mut self, group: Name) -> Result<(Name, usize), UserError> {
        let gone = self.groups.remove(&group).ok_or(UserError::NoSuchGroup(group.to_string()))?;
        let dropped = EventKind::GroupDropped { group, why: "why".into() };
        self.tell(&dropped, |user| gone.role(user).is_some());
        Ok((group, gone.members.len()))
    }
}

/// Whether a user is kept out; hub and model have to agree.
pub(super) fn is_banned(hub: &Hub, model: &Model, user: Name) -> bool {
    let ban = hub.ban_of(&user, model.now);
    assert_eq!(ban.as_ref(), model.sanction(Penalty::Ban, SanctionTarget::User(user)));
    ban.is_some()
}

/// Carries out an operator's command in both.
pub(super) fn execute(hub: &Hub, model: &mut Model, sessions: &mut Vec<Presence>, command: &Command) {
    match command {
        Command::Impose(penalty, whom, span) => {
            let ((penalty, subject), now) = (target(*penalty, *whom), model.now);
            let (by, until) = ("op".to_owned(), span.map(|span| now + Duration::from_secs(span)));
            let one = Sanction { penalty, subject, by, reason: "why".to_owned(), made: now, until };
            hub.impose(one.clone()).unwrap();
            model.lift(penalty, subject);
            model.sanctions.push(one);
            match (penalty, subject) {
                (Penalty::Ban, SanctionTarget::User(user)) => end(hub, model, sessions, user, QuitReason::Banned),
                (Penalty::Mute, SanctionTarget::User(user)) => tell_muted(hub, model, user, until),
                (_, SanctionTarget::Net(_)) => {}
            }
        }
        Command::Lift(penalty, whom) => {
            let (penalty, subject) = target(*penalty, *whom);
            assert_eq!(hub.lift(penalty, subject, model.now), Ok(model.lift(penalty, subject)));
        }
        Command::Drop(at) => {
            let group = name(GROUPS[*at]);
            assert_eq!(hub.drop_group(&group, "why"), model.drop_group(group));
        }
        Command::Dismiss(user) => end(hub, model, sessions, name(NAMES[*user]), QuitReason::Kicked),
        Command::Announce => {
            let said = EventKind::Announced { text: "soup".to_owned() };
            model.tell(&said, |_| true);
            assert_eq!(hub.announce(said), sessions.len());
        }
    }
}

fn tell_muted(hub: &Hub, model: &mut Model, user: Name, until: Option<SystemTime>) {
    let said = EventKind::YouAreMuted { muted: true, until, why: "why".to_owned() };
    model.tell(&said, |name| name == user);
    assert_eq!(hub.tell_users(&[user], said), usize::from(model.is_here(user)));
}

/// Ends all sessions of a user, who is told why before that.
fn end(hub: &Hub, model: &mut Model, sessions: &mut Vec<Presence>, user: Name, reason: QuitReason) {
    let is_theirs = |presence: &Presence| presence.client().name == user;
    let asked = hub.end_sessions(|client| client.name == user, reason, "why");
    assert_eq!(asked, sessions.iter().filter(|presence| is_theirs(presence)).count());
    model.tell(&EventKind::SessionEnded { why: "why".into() }, |name| name == user);
    while let Some(at) = sessions.iter().position(is_theirs) {
        let leaving = sessions.remove(at);
        let expected = model.told.remove(&leaving.client().id.0).unwrap_or_default();
        assert_eq!(told(leaving.client()), expected, "{user} before the end");
        leaving.leave(reason);
        model.go(at);
    }
}

/// The same sanctions are in force in both, for users and addresses.
pub(super) fn assert_same_sanctions(hub: &Hub, model: &Model) {
    let sorted = |mut all: Vec<Sanction>| {
        all.sort_by_key(|one| (one.penalty, one.subject));
        all
    };
    let holding = model.sanctions.iter().filter(|one| one.until.is_none_or(|until| model.now < until));
    assert_eq!(sorted(hub.sanctions(model.now)), sorted(holding.cloned().collect()));
    for user in NAMES.map(name) {
        is_banned(hub, model, user);
    }
    for address in ADDRESSES.map(|text| text.parse::<IpAddr>().unwrap()) {
        let nets = model.sanctions.iter().filter(|one| one.until.is_none_or(|until| model.now < until));
        let out = nets.into_iter().any(|one| matches!(one.subject, SanctionTarget::Net(net) if net.contains(address)));
        assert_eq!(hub.ban_at(address, model.now).is_some(), out, "{address}");
    }
}

/// Something that operators do, while many threads do everything.
pub(super) fn any_command(hub: &Hub, user: Name, group: &Name, now: SystemTime, [what, number]: [usize; 2]) {
    let (penalty, subject) = target([Penalty::Ban, Penalty::Mute][number % 2], number);
    // Operators do not name guests.
    let subject = if matches!(subject, SanctionTarget::User(_)) && !user.is_guest() {
        SanctionTarget::User(user)
    } else {
        subject
    };
    match what {
        0..3 => {
            let until = (number > 2).then(|| now + Duration::from_secs(number as u64));
            let (by, reason) = ("op".to_owned(), "why".to_owned());
            let _ = hub.impose(Sanction { penalty, subject, by, reason, made: now, until });
        }
        3 => drop(hub.lift(penalty, subject, now)),
        4 => drop(hub.drop_group(group, "why")),
        5 => drop(hub.end_sessions(|client| client.name == user, QuitReason::Kicked, "why")),
        6 => drop(hub.announce(EventKind::Announced { text: "soup".to_owned() })),
        _ => drop((hub.list_sessions(), hub.stats(), hub.sanctions(now), hub.ban_of(&user, now))),
    }
}
