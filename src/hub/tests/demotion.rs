//! A user who loses a role in the middle of a verb finishes nothing of it. No thread is raced for that: the role is taken
//! right before each section of the central lock that the verb comes to.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::*;
use crate::model::{GroupError, GroupRole};

thread_local! {
    /// Done on this thread before each section of the central lock.
    static BEFORE: RefCell<Option<Box<dyn FnMut()>>> = const { RefCell::new(None) };
}

/// The hub calls this before each section of its lock.
pub(in crate::hub) fn before_section() {
    // Taken out meanwhile, because what it does comes to sections of its own.
    if let Some(mut work) = BEFORE.take() {
        work();
        BEFORE.set(Some(work));
    }
}

/// A verb in the group `red`, where Cid is a member, Dee a muted one, and Eve is banned.
type GroupVerb = fn(&Hub, &Client, &mut FlushList) -> Result<(), UserError>;

const RED: fn() -> Name = || name("red");
const NOW: SystemTime = SystemTime::UNIX_EPOCH;

fn sanction(hub: &Hub, me: &Client, penalty: Penalty, flush_list: &mut FlushList) -> Result<(), UserError> {
    let terms = SanctionTerms { by: me.name, reason: None, until: None };
    hub.sanction_member(me, &RED(), GroupSanction { user: name("Cid"), penalty, terms }, NOW, flush_list)
}

const ADMINS: [(&str, GroupVerb); 7] = [
    ("kick", |hub, me, flush_list| hub.kick(me, &RED(), name("Cid"), None, NOW, flush_list)),
    ("ban", |hub, me, flush_list| sanction(hub, me, Penalty::Ban, flush_list)),
    ("mute", |hub, me, flush_list| sanction(hub, me, Penalty::Mute, flush_list)),
    ("unban", |hub, me, flush_list| hub.lift_from_member(me, &RED(), name("Eve"), Penalty::Ban, NOW, flush_list)),
    ("unmute", |hub, me, flush_list| hub.lift_from_member(me, &RED(), name("Dee"), Penalty::Mute, NOW, flush_list)),
    ("invite", |hub, me, flush_list| hub.invite(me, &RED(), name("Fay"), NOW, flush_list)),
    ("topic", |hub, me, flush_list| {
        hub.change_settings(me, &RED(), &[GroupSetting::Topic(Some("tea".into()))], NOW, flush_list)
    }),
];

const OWNERS: [(&str, GroupVerb); 5] = [
    ("promote", |hub, me, flush_list| hub.move_role(me, &RED(), name("Cid"), true, NOW, flush_list)),
    ("demote", |hub, me, flush_list| hub.move_role(me, &RED(), name("Ann"), false, NOW, flush_list)),
    ("transfer", |hub, me, flush_list| hub.transfer(me, &RED(), name("Cid"), NOW, flush_list)),
    ("limit", |hub, me, flush_list| hub.change_settings(me, &RED(), &[GroupSetting::Limit(Some(9))], NOW, flush_list)),
    ("unkeep", |hub, me, flush_list| hub.change_settings(me, &RED(), &[GroupSetting::Keep(false)], NOW, flush_list)),
];

/// Everything about the group that a verb could change.
fn shown(hub: &Hub) -> String {
    hub.locked(|state| {
        let group = &state.groups[&RED()];
        let members: Vec<_> = group.members.iter().map(|(user, member)| (*user, member.role)).collect();
        format!("{members:?} {:?} {:?} {:?}", group.settings, group.sanctions, group.invited)
    })
}

/// Ann owns a persistent group, Ben has this role in it; the others are what the verbs need.
fn stage(role: GroupRole) -> (Hub, Vec<Presence>) {
    let hub = hub_with(Limits::default());
    let users = ["Ann", "Ben", "Cid", "Dee", "Eve", "Fay"];
    let here: Vec<Presence> =
        (1..).zip(users).map(|(id, user)| come(&hub, id, user, DuplicateLogin::Refuse).ok().unwrap()).collect();
    let (ann, flush_list) = (here[0].client(), &mut FlushList::default());
    hub.create(ann, RED(), GroupSettings { keep: true, ..GroupSettings::default() }, flush_list).unwrap();
    here[1..4].iter().for_each(|user| join(&hub, user.client(), "red").unwrap());
    for (user, penalty) in [("Dee", Penalty::Mute), ("Eve", Penalty::Ban)] {
        let terms = SanctionTerms { by: ann.name, reason: None, until: None };
        hub.sanction_member(ann, &RED(), GroupSanction { user: name(user), penalty, terms }, NOW, flush_list).unwrap();
    }
    for _ in 0..role as usize {
        hub.move_role(ann, &RED(), name("Ben"), true, NOW, flush_list).unwrap();
    }
    (hub, here)
}

/// Lets Ben run the verb, while Ann takes Ben's role right before the given section of the lock. Returns the outcome, and
/// the group when the role was gone and in the end; `None` if the verb has fewer sections.
fn demoted_before(section: usize, role: GroupRole, verb: GroupVerb) -> Option<(Result<(), UserError>, String, String)> {
    let (hub, here) = stage(role);
    let (ann, ben) = (Arc::clone(here[0].client()), Arc::clone(here[1].client()));
    let (sections, then) = (Cell::new(0), Rc::new(RefCell::new(None)));
    let (inside, seen) = (hub.clone(), Rc::clone(&then));
    BEFORE.set(Some(Box::new(move || {
        sections.set(sections.get() + 1);
        if sections.get() == section {
            for _ in 0..role as usize {
                let demoted = inside.move_role(&ann, &RED(), name("Ben"), false, NOW, &mut FlushList::default());
                // Unless the verb has taken the right to do so from Ann.
                assert!(demoted.is_ok() || section > 1, "{demoted:?}");
            }
            seen.replace(Some(shown(&inside)));
        }
    })));
    let done = verb(&hub, &ben, &mut FlushList::default());
    BEFORE.set(None);
    hub.check_invariants().unwrap();
    let then = then.take()?;
    Some((done, then, shown(&hub)))
}

#[test]
fn a_demotion_takes_effect_in_the_middle_of_a_verb() {
    let admins = ADMINS.iter().map(|(what, verb)| (what, verb, GroupRole::Admin));
    for (what, verb, role) in admins.chain(OWNERS.iter().map(|(what, verb)| (what, verb, GroupRole::Owner))) {
        let (refused, then, now) = demoted_before(1, role, *verb).unwrap();
        assert_eq!(refused, Err(GroupError::NeedsRole(RED(), role).into()), "{what}");
        assert_eq!(then, now, "{what} was refused and done");
        for section in 2.. {
            let Some((_, then, now)) = demoted_before(section, role, *verb) else { break };
            assert_eq!(then, now, "{what} was done after section {section}, without the role");
        }
    }
}
