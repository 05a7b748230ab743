//! The desk without a server around it.

use std::cell::RefCell;
use std::fs;
use std::time::SystemTime;

use super::*;
use crate::model::{Limits, Penalty};
use crate::store::{Entry, MemoryStore};

thread_local! {
    /// What is to happen on this thread right before its next act has its turn.
    static BEFORE: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// The desk calls this for each act that has begun, before it waits for its turn.
pub(super) fn before_turn() {
    if let Some(work) = BEFORE.take() {
        work();
    }
}

fn desk() -> (tempfile::TempDir, Desk, Accounts) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("users.txt");
    fs::write(&path, "alice:a\nbob:b\n").unwrap();
    let hub = Hub::new(Limits::default(), Arc::new(MemoryStore::default())).unwrap();
    (dir, Desk::new(hub, ["msg"], Filter::default()), Accounts::load(&path).unwrap())
}

fn every_act() -> Vec<Act> {
    let (why, text) = (String::new, || "bob".to_owned());
    vec![
        Act::Sessions,
        Act::Sanctions,
        Act::Stats,
        Act::Top { sessions: false },
        Act::Top { sessions: true },
        Act::Reload,
        Act::GoOn,
        Act::Reports,
        Act::ReportDone(1),
        Act::Announce(text()),
        Act::Delete(MessageId(1)),
        Act::Disconnect { whom: text(), why: why() },
        Act::Lay { penalty: Penalty::Ban, on: On::User(text()), time: None, why: why() },
        Act::Lift { penalty: Penalty::Mute, on: On::User(text()) },
        Act::DropGroup { group: text(), why: why() },
        Act::Shutdown { after: None, why: why() },
    ]
}

#[test]
fn each_act_is_refused_below_its_role_whoever_asks_for_it() {
    let (_dir, desk, accounts) = desk();
    let alice = "alice".parse().unwrap();
    for role in [Role::User, Role::Moderator, Role::Admin, Role::User] {
        desk.hub.record(vec![Entry::Role { user: alice, role }]).unwrap();
        for act in every_act() {
            let needs = act.needs();
            let done = desk.carry_out(act.clone(), &By::User(alice), &accounts);
            let refused = done == Err(UserError::NeedsRole(needs));
            assert_eq!(refused, role < needs, "{act:?} as {role}: {done:?}");
        }
    }
    // The ban that an admin laid still holds, and a guest never has a role.
    assert!(desk.hub.ban_of(&"bob".parse().unwrap(), SystemTime::now()).is_some());
    let guest = "guest-1".parse().unwrap();
    desk.hub.record(vec![Entry::Role { user: guest, role: Role::Admin }]).unwrap();
    assert_eq!(desk.carry_out(Act::Sessions, &By::User(guest), &accounts), Err(UserError::NeedsRole(Role::Moderator)));
    assert!(desk.carry_out(Act::Stats, &By::Console, &accounts).is_ok());
}

#[test]
fn who_loses_his_role_while_his_act_waits_for_its_turn_does_nothing() {
    let (_dir, desk, accounts) = desk();
    let alice = "alice".parse().unwrap();
    let role = |role| Entry::Role { user: alice, role };
    for act in every_act() {
        for left in [Role::User, Role::Moderator].into_iter().filter(|left| *left < act.needs()) {
            desk.hub.record(vec![role(act.needs())]).unwrap();
            let (hub, taken) = (desk.hub.clone(), role(left));
            BEFORE.set(Some(Box::new(move || hub.record(vec![taken]).unwrap())));
            let done = desk.carry_out(act.clone(), &By::User(alice), &accounts);
            assert_eq!(done, Err(UserError::NeedsRole(act.needs())), "{act:?}, with {left} left");
        }
    }
    assert!(desk.hub.sanctions(SystemTime::now()).is_empty());
}

#[test]
fn reports_are_numbered_on_and_bounded_by_who_waits() {
    let (_dir, desk, accounts) = desk();
    let alice = "alice".parse().unwrap();
    let number = |by, about: &str| match desk.report(by, about.to_owned(), "why") {
        Ok(Deed::Reported { number, .. }) => number,
        other => panic!("{other:?}"),
    };
    assert_eq!([number(Some(alice), "bob"), number(Some(alice), "bob"), number(None, "bob")], [1, 2, 3]);
    assert_eq!(number(None, "BOB".to_lowercase().as_str()), 3, "one user is one matter for the filter");
    for done in 1..=3 {
        desk.carry_out(Act::ReportDone(done), &By::Console, &accounts).unwrap();
    }
    assert_eq!(number(None, "bob"), 4, "a number is not given twice while the server runs");
}
