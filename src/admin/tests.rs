//! The admin without a server around it.

use std::cell::RefCell;
use std::fs;
use std::time::SystemTime;

use super::*;
use crate::hub::tests::disk::Disk;
use crate::model::{Limits, Name, Penalty, RenameError};
use crate::store::{Entry, MemoryStore, Store};

thread_local! {
    /// What is to happen on this thread right before its next act has its turn.
    static BEFORE: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// The admin calls this for each act that has begun, before it waits for its turn.
pub(super) fn before_turn() {
    if let Some(work) = BEFORE.take() {
        work();
    }
}

fn admin() -> (tempfile::TempDir, Admin, Accounts) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("users.txt");
    fs::write(&path, "alice:a\nbob:b\n").unwrap();
    let hub = Hub::new(Limits::default(), Arc::new(MemoryStore::default())).unwrap();
    (dir, Admin::new(hub, ["msg"], Filter::default()), Accounts::load(&path).unwrap())
}

fn every_act() -> Vec<AdminCommand> {
    let (why, text) = (String::new, || "bob".to_owned());
    vec![
        AdminCommand::Sessions,
        AdminCommand::Sanctions,
        AdminCommand::Stats,
        AdminCommand::Top { sessions: false },
        AdminCommand::Top { sessions: true },
        AdminCommand::Log { lines: 1 },
        AdminCommand::Reload { why: why() },
        AdminCommand::GoOn { why: why() },
        AdminCommand::Reports,
        AdminCommand::ReportDone { number: 1, why: why() },
        AdminCommand::Announce(text()),
        AdminCommand::Delete { id: MessageId(1), why: why() },
        AdminCommand::Disconnect { whom: text(), why: why() },
        AdminCommand::Lay { penalty: Penalty::Ban, on: BanTarget::User(text()), time: None, why: why() },
        AdminCommand::Lift { penalty: Penalty::Mute, on: BanTarget::User(text()), why: why() },
        AdminCommand::DropGroup { group: text(), why: why() },
        AdminCommand::Rename { whom: text(), name: text(), why: why() },
        AdminCommand::Shutdown { after: None, why: why() },
    ]
}

#[test]
fn each_act_is_refused_below_its_role_whoever_asks_for_it() {
    let (_dir, admin, accounts) = admin();
    let alice = "alice".parse().unwrap();
    for role in [Role::User, Role::Moderator, Role::Admin, Role::User] {
        admin.hub.record(vec![Entry::Role { user: alice, role }]).unwrap();
        for act in every_act() {
            let needs = act.needs();
            let done = admin.carry_out(act.clone(), &Actor::User(alice), &accounts);
            let refused = done == Err(UserError::NeedsRole(needs));
            assert_eq!(refused, role < needs, "{act:?} as {role}: {done:?}");
        }
    }
    // The ban that an admin laid still holds, and a guest never has a role.
    assert!(admin.hub.ban_of(&"bob".parse().unwrap(), SystemTime::now()).is_some());
    let guest = "guest-1".parse().unwrap();
    admin.hub.record(vec![Entry::Role { user: guest, role: Role::Admin }]).unwrap();
    assert_eq!(
        admin.carry_out(AdminCommand::Sessions, &Actor::User(guest), &accounts),
        Err(UserError::NeedsRole(Role::Moderator))
    );
    assert!(admin.carry_out(AdminCommand::Stats, &Actor::Console, &accounts).is_ok());
}

#[test]
fn who_loses_his_role_while_his_act_waits_for_its_turn_does_nothing() {
    let (_dir, admin, accounts) = admin();
    let alice = "alice".parse().unwrap();
    let role = |role| Entry::Role { user: alice, role };
    for act in every_act() {
        for left in [Role::User, Role::Moderator].into_iter().filter(|left| *left < act.needs()) {
            admin.hub.record(vec![role(act.needs())]).unwrap();
            let (hub, taken) = (admin.hub.clone(), role(left));
            BEFORE.set(Some(Box::new(move || hub.record(vec![taken]).unwrap())));
            let done = admin.carry_out(act.clone(), &Actor::User(alice), &accounts);
            assert_eq!(done, Err(UserError::NeedsRole(act.needs())), "{act:?}, with {left} left");
        }
    }
    assert!(admin.hub.sanctions(SystemTime::now()).is_empty());
}

#[test]
fn reports_are_numbered_on_and_bounded_by_who_waits() {
    let (_dir, admin, accounts) = admin();
    let alice = "alice".parse().unwrap();
    let number = |by, about: &str| match admin.report(by, about.to_owned(), "why") {
        Ok(Outcome::Reported { number, .. }) => number,
        other => panic!("{other:?}"),
    };
    assert_eq!([number(Some(alice), "bob"), number(Some(alice), "bob"), number(None, "bob")], [1, 2, 3]);
    assert_eq!(number(None, "BOB".to_lowercase().as_str()), 3, "one user is one matter for the filter");
    for number in 1..=3 {
        admin.carry_out(AdminCommand::ReportDone { number, why: String::new() }, &Actor::Console, &accounts).unwrap();
    }
    assert_eq!(number(None, "bob"), 4, "a number is not given twice while the server runs");
}

/// A admin over a store that does `hook` whenever something is appended, and the path of its users file.
fn over_disk(users: &str) -> (tempfile::TempDir, Admin, Accounts, Arc<Disk>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("users.txt");
    fs::write(&path, users).unwrap();
    let disk = Arc::new(Disk::default());
    let hub = Hub::new(Limits::default(), Arc::clone(&disk) as Arc<dyn Store>).unwrap();
    (dir, Admin::new(hub, ["msg"], Filter::default()), Accounts::load(&path).unwrap(), disk)
}

fn rename(whom: &str, name: &str) -> AdminCommand {
    AdminCommand::Rename { whom: whom.to_owned(), name: name.to_owned(), why: String::new() }
}

#[test]
fn a_rename_is_noted_before_the_users_file_is_touched_and_settled_after_it() {
    let (dir, admin, accounts, disk) = over_disk("alice:a\nbob:b\n");
    let (path, steps) = (dir.path().join("users.txt"), Arc::new(Mutex::new(Vec::new())));
    let seen = Arc::clone(&steps);
    *disk.hook.lock() = Some(Box::new(move |batch| {
        let step = batch.first().map(|entry| match entry {
            Entry::Renamed { .. } => "renamed",
            Entry::RenameSettled { .. } => "settled",
            _ => "other",
        });
        seen.lock().push((step, fs::read_to_string(&path).unwrap()));
    }));
    admin.carry_out(rename("bob", "rob"), &Actor::Console, &accounts).unwrap();
    let (old, new) = ("alice:a\nbob:b\n".to_owned(), "alice:a\nrob:b\nbob:$deleted$\n".to_owned());
    assert_eq!(*steps.lock(), [(None, old.clone()), (Some("renamed"), old), (Some("settled"), new)]);
    assert!(disk.memory.renamings().unwrap().is_empty());
}

#[test]
fn if_the_users_file_cannot_be_rewritten_the_store_is_as_it_was() {
    let (dir, admin, accounts, disk) = over_disk("alice:a\nbob:b\n");
    let path = dir.path().join("users.txt");
    let [bob, rob]: [Name; 2] = ["bob", "rob"].map(|name| name.parse().unwrap());
    admin.hub.record(vec![Entry::Role { user: bob, role: Role::Moderator }]).unwrap();
    // Somebody writes it by hand at the wrong moment.
    *disk.hook.lock() = Some(Box::new(move |batch| {
        if matches!(batch, [Entry::Renamed { .. }]) {
            fs::write(&path, "alice:a\nbob:b\n# by hand\n").unwrap();
        }
    }));
    let refused = admin.carry_out(rename("bob", "rob"), &Actor::Console, &accounts).unwrap_err();
    assert_eq!(refused.code(), "not_renamed");
    assert!(refused.to_string().contains("was changed by someone else meanwhile"), "{refused}");
    assert_eq!((admin.hub.role(&bob), disk.memory.knows(&rob)), (Role::Moderator, Ok(false)));
    assert!(disk.memory.renamings().unwrap().is_empty());
    assert!(accounts.find(&bob).is_some() && !admin.hub.is_renamed(&bob) && !admin.hub.is_shut_out(&bob));
    *disk.hook.lock() = None;
    admin.carry_out(rename("bob", "rob"), &Actor::Console, &accounts).unwrap();
    assert_eq!((admin.hub.role(&rob), accounts.find(&bob)), (Role::Moderator, None));
}

#[test]
fn while_the_store_does_not_work_nobody_is_renamed() {
    let (dir, admin, accounts, disk) = over_disk("alice:a\nbob:b\n");
    disk.full.store(true, Ordering::SeqCst);
    let refused = admin.carry_out(rename("bob", "rob"), &Actor::Console, &accounts);
    assert_eq!(refused, Err(RenameError::Failed("the disk is full".to_owned()).into()));
    disk.full.store(false, Ordering::SeqCst);
    let stopped = Arc::clone(&disk);
    // It ceases to work between the look at it and the rename.
    *disk.hook.lock() = Some(Box::new(move |batch| {
        stopped.full.store(matches!(batch, [Entry::Renamed { .. }, ..]), Ordering::SeqCst);
    }));
    crate::hub::tests::until_it_works(&admin.hub);
    let refused = admin.carry_out(rename("bob", "rob"), &Actor::Console, &accounts);
    assert_eq!(refused, Err(RenameError::Failed("the disk is full".to_owned()).into()));
    assert_eq!(fs::read_to_string(dir.path().join("users.txt")).unwrap(), "alice:a\nbob:b\n");
    assert!(accounts.find(&"bob".parse().unwrap()).is_some());
    *disk.hook.lock() = None;
    disk.full.store(false, Ordering::SeqCst);
    crate::hub::tests::until_it_works(&admin.hub);
    assert!(disk.memory.renamings().unwrap().is_empty());
    admin.carry_out(rename("bob", "rob"), &Actor::Console, &accounts).unwrap();
}

#[test]
fn who_waits_for_his_turn_gives_up_when_he_is_to_be_renamed() {
    let (_dir, admin, accounts) = admin();
    let alice: Name = "alice".parse().unwrap();
    admin.hub.record(vec![Entry::Role { user: alice, role: Role::Admin }]).unwrap();
    let turn = admin.turn.lock();
    let shut = admin.hub.shut_out(alice, "al".parse().unwrap(), "", Instant::now());
    std::thread::scope(|scope| {
        let (done, is_done) = crossbeam_channel::bounded(1);
        let (admin, accounts) = (&admin, &accounts);
        scope.spawn(move || done.send(admin.carry_out(AdminCommand::Sessions, &Actor::User(alice), accounts)).unwrap());
        let answer = is_done.recv_timeout(std::time::Duration::from_secs(20));
        drop((shut, turn));
        assert_eq!(answer, Ok(Err(UserError::Busy)));
    });
    assert!(admin.carry_out(AdminCommand::Sessions, &Actor::User(alice), &accounts).is_ok());
}

/// A building whose log says whether an act could have its turn while somebody reads it.
struct House(std::sync::Weak<Admin>);

impl ServerControl for House {
    fn reload(&self) -> Result<(usize, usize), String> {
        Ok((0, 0))
    }

    fn log_tail(&self, _: usize) -> Result<Vec<String>, String> {
        Ok(vec![self.0.upgrade().is_some_and(|admin| admin.turn.try_lock().is_some()).to_string()])
    }

    fn stop(&self) {}

    fn logging_in(&self) -> usize {
        0
    }

    fn traffic(&self) -> [u64; 2] {
        [0; 2]
    }

    fn dismiss(&self, _: &Net) -> usize {
        0
    }
}

#[test]
fn who_looks_into_the_log_keeps_no_other_act_waiting() {
    let (_dir, admin, accounts) = admin();
    let admin = Arc::new(admin);
    admin.open(Arc::new(House(Arc::downgrade(&admin))));
    let answer = admin.carry_out(AdminCommand::Log { lines: 1 }, &Actor::Console, &accounts);
    let rows = vec![vec![crate::model::Cell::text(true)]];
    assert_eq!(answer, Ok(AdminAnswer::Table(crate::model::Table { of: "log", columns: &["text"], rows })));
}
