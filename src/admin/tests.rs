//! Administration without a server.

use std::cell::RefCell;
use std::fs;
use std::time::SystemTime;

use super::*;
use crate::hub::tests::disk::Disk;
use crate::model::{Limits, Name, Penalty, RenameError};
use crate::store::{Entry, MemoryStore, Store};

thread_local! {
    /// Runs on this thread just before its next command gets its turn.
    static BEFORE: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// Called by [`Admin::execute`] before it waits for its turn.
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

fn every_command() -> Vec<AdminCommand> {
    let (why, text) = (String::new, || "bob".to_owned());
    vec![
        AdminCommand::Sessions,
        AdminCommand::Groups,
        AdminCommand::Sanctions,
        AdminCommand::Stats,
        AdminCommand::Top { sessions: false },
        AdminCommand::Top { sessions: true },
        AdminCommand::Log { lines: 1 },
        AdminCommand::Reload { why: why() },
        AdminCommand::CancelShutdown { why: why() },
        AdminCommand::Reports,
        AdminCommand::CloseReport { number: 1, why: why() },
        AdminCommand::Announce(text()),
        AdminCommand::Delete { id: MessageId(1), why: why() },
        AdminCommand::Disconnect { whom: text(), why: why() },
        AdminCommand::Impose { penalty: Penalty::Ban, on: BanTarget::User(text()), time: None, why: why() },
        AdminCommand::Lift { penalty: Penalty::Mute, on: BanTarget::User(text()), why: why() },
        AdminCommand::DropGroup { group: text(), why: why() },
        AdminCommand::Rename { whom: text(), name: text(), why: why() },
        AdminCommand::Shutdown { after: None, why: why() },
    ]
}

#[test]
fn each_command_is_refused_below_its_role() {
    let (_dir, admin, accounts) = admin();
    let alice = "alice".parse().unwrap();
    for role in [Role::User, Role::Moderator, Role::Admin, Role::User] {
        admin.hub.record(vec![Entry::Role { user: alice, role }]).unwrap();
        for command in every_command() {
            let needs = command.needs();
            let done = admin.execute(command.clone(), &Actor::User(alice), &accounts);
            let refused = done == Err(UserError::NeedsRole(needs));
            assert_eq!(refused, role < needs, "{command:?} as {role}: {done:?}");
        }
    }
    // The admin's ban is still in force, and a guest never has a role.
    assert!(admin.hub.ban_of(&"bob".parse().unwrap(), SystemTime::now()).is_some());
    let guest = "guest-1".parse().unwrap();
    admin.hub.record(vec![Entry::Role { user: guest, role: Role::Admin }]).unwrap();
    assert_eq!(
        admin.execute(AdminCommand::Sessions, &Actor::User(guest), &accounts),
        Err(UserError::NeedsRole(Role::Moderator))
    );
    assert!(admin.execute(AdminCommand::Stats, &Actor::Console, &accounts).is_ok());
}

#[test]
fn a_role_lost_while_waiting_for_the_turn_counts() {
    let (_dir, admin, accounts) = admin();
    let alice = "alice".parse().unwrap();
    let role = |role| Entry::Role { user: alice, role };
    for command in every_command() {
        for left in [Role::User, Role::Moderator].into_iter().filter(|left| *left < command.needs()) {
            admin.hub.record(vec![role(command.needs())]).unwrap();
            let (hub, taken) = (admin.hub.clone(), role(left));
            BEFORE.set(Some(Box::new(move || hub.record(vec![taken]).unwrap())));
            let done = admin.execute(command.clone(), &Actor::User(alice), &accounts);
            assert_eq!(done, Err(UserError::NeedsRole(command.needs())), "{command:?}, with {left} left");
        }
    }
    assert!(admin.hub.sanctions(SystemTime::now()).is_empty());
}

#[test]
fn report_numbers_increase_and_are_never_reused() {
    let (_dir, admin, accounts) = admin();
    let alice = "alice".parse().unwrap();
    let number = |by, about: &str| match admin.report(by, about.to_owned(), "why") {
        Ok(Outcome::Reported { number, .. }) => number,
        other => panic!("{other:?}"),
    };
    assert_eq!([number(Some(alice), "bob"), number(Some(alice), "bob"), number(None, "bob")], [1, 2, 3]);
    assert_eq!(number(None, "BOB".to_lowercase().as_str()), 3, "further hits on one user add no report");
    for number in 1..=3 {
        admin.execute(AdminCommand::CloseReport { number, why: String::new() }, &Actor::Console, &accounts).unwrap();
    }
    assert_eq!(number(None, "bob"), 4, "a number is not given twice while the server runs");
}

/// An admin over a store whose hook runs on every append.
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
fn a_rename_is_noted_before_the_users_file_is_rewritten() {
    let (dir, admin, accounts, disk) = over_disk("alice:a\nbob:b\n");
    let (path, steps) = (dir.path().join("users.txt"), Arc::new(parking_lot::Mutex::new(Vec::new())));
    let seen = Arc::clone(&steps);
    *disk.hook.lock() = Some(Box::new(move |batch| {
        let step = batch.first().map(|entry| match entry {
            Entry::Renamed { .. } => "renamed",
            Entry::RenameSettled { .. } => "settled",
            _ => "other",
        });
        seen.lock().push((step, fs::read_to_string(&path).unwrap()));
    }));
    admin.execute(rename("bob", "rob"), &Actor::Console, &accounts).unwrap();
    let (old, new) = ("alice:a\nbob:b\n".to_owned(), "alice:a\nrob:b\nbob:$deleted$\n".to_owned());
    assert_eq!(*steps.lock(), [(None, old.clone()), (Some("renamed"), old), (Some("settled"), new)]);
    assert!(disk.memory.renamings().unwrap().is_empty());
}

#[test]
fn a_failed_users_file_undoes_the_rename_in_the_store() {
    let (dir, admin, accounts, disk) = over_disk("alice:a\nbob:b\n");
    let path = dir.path().join("users.txt");
    let [bob, rob]: [Name; 2] = ["bob", "rob"].map(|name| name.parse().unwrap());
    admin.hub.record(vec![Entry::Role { user: bob, role: Role::Moderator }]).unwrap();
    // The file is edited by hand at the wrong moment.
    *disk.hook.lock() = Some(Box::new(move |batch| {
        if matches!(batch, [Entry::Renamed { .. }]) {
            fs::write(&path, "alice:a\nbob:b\n# by hand\n").unwrap();
        }
    }));
    let refused = admin.execute(rename("bob", "rob"), &Actor::Console, &accounts).unwrap_err();
    assert_eq!(refused.code(), "not_renamed");
    assert!(refused.to_string().contains("was changed by another program meanwhile"), "{refused}");
    assert_eq!((admin.hub.role(&bob), disk.memory.knows(&rob)), (Role::Moderator, Ok(false)));
    assert!(disk.memory.renamings().unwrap().is_empty());
    assert!(accounts.find(&bob).is_some() && !admin.hub.is_renamed(&bob) && !admin.hub.is_name_locked(&bob));
    *disk.hook.lock() = None;
    admin.execute(rename("bob", "rob"), &Actor::Console, &accounts).unwrap();
    assert_eq!((admin.hub.role(&rob), accounts.find(&bob)), (Role::Moderator, None));
}

#[test]
fn nobody_is_renamed_while_the_store_fails() {
    let (dir, admin, accounts, disk) = over_disk("alice:a\nbob:b\n");
    disk.full.store(true, Ordering::SeqCst);
    let refused = admin.execute(rename("bob", "rob"), &Actor::Console, &accounts);
    assert_eq!(refused, Err(RenameError::Failed("the disk is full".to_owned()).into()));
    disk.full.store(false, Ordering::SeqCst);
    let stopped = Arc::clone(&disk);
    // It fails between the check and the rename.
    *disk.hook.lock() = Some(Box::new(move |batch| {
        stopped.full.store(matches!(batch, [Entry::Renamed { .. }, ..]), Ordering::SeqCst);
    }));
    crate::hub::tests::until_it_works(&admin.hub);
    let refused = admin.execute(rename("bob", "rob"), &Actor::Console, &accounts);
    assert_eq!(refused, Err(RenameError::Failed("the disk is full".to_owned()).into()));
    assert_eq!(fs::read_to_string(dir.path().join("users.txt")).unwrap(), "alice:a\nbob:b\n");
    assert!(accounts.find(&"bob".parse().unwrap()).is_some());
    *disk.hook.lock() = None;
    disk.full.store(false, Ordering::SeqCst);
    crate::hub::tests::until_it_works(&admin.hub);
    assert!(disk.memory.renamings().unwrap().is_empty());
    admin.execute(rename("bob", "rob"), &Actor::Console, &accounts).unwrap();
}

#[test]
fn an_operator_who_is_being_renamed_stops_waiting() {
    let (_dir, admin, accounts) = admin();
    let alice: Name = "alice".parse().unwrap();
    admin.hub.record(vec![Entry::Role { user: alice, role: Role::Admin }]).unwrap();
    let turn = admin.turn.lock();
    let shut = admin.hub.lock_name(alice, "al".parse().unwrap(), "", Instant::now());
    std::thread::scope(|scope| {
        let (done, is_done) = crossbeam_channel::bounded(1);
        let (admin, accounts) = (&admin, &accounts);
        scope.spawn(move || done.send(admin.execute(AdminCommand::Sessions, &Actor::User(alice), accounts)).unwrap());
        let answer = is_done.recv_timeout(std::time::Duration::from_secs(20));
        drop((shut, turn));
        assert_eq!(answer, Ok(Err(UserError::Busy)));
    });
    assert!(admin.execute(AdminCommand::Sessions, &Actor::User(alice), &accounts).is_ok());
}

/// A server whose log tells whether the turn is free while the log is read.
struct FakeServer(std::sync::Weak<Admin>);

impl ServerControl for FakeServer {
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
fn reading_the_log_does_not_hold_the_turn() {
    let (_dir, admin, accounts) = admin();
    let admin = Arc::new(admin);
    admin.connect(Arc::new(FakeServer(Arc::downgrade(&admin))));
    let answer = admin.execute(AdminCommand::Log { lines: 1 }, &Actor::Console, &accounts);
    let rows = vec![vec![crate::model::Cell::text(true)]];
    assert_eq!(answer, Ok(AdminAnswer::Table(crate::model::Table { of: "log", columns: &["text"], rows })));
}
