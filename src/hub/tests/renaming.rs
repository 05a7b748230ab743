//! Renaming a user: everything the hub knows about them, who comes and talks meanwhile, and a store that fails.

use std::time::Instant;

use super::disk::Disk;
use super::*;
use crate::model::{GroupRole, MessageId, Sanction, SanctionTarget};
use crate::store::Entry;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn on(disk: &Arc<Disk>) -> Hub {
    Hub::new(Limits::default(), Arc::clone(disk) as Arc<dyn Store>).unwrap()
}

fn keep(hub: &Hub, me: &Client, group: &str) {
    let settings = GroupSettings { keep: true, ..GroupSettings::default() };
    hub.create(me, name(group), settings, &mut FlushList::default()).unwrap();
}

fn sanction(user: &str, penalty: Penalty, by: &str) -> GroupSanction {
    GroupSanction { user: name(user), penalty, terms: SanctionTerms { by: name(by), reason: None, until: None } }
}

fn rename(hub: &Hub, from: &str, to: &str) {
    let lock = hub.lock_name(name(from), name(to), "", soon()).expect("the user is offline");
    hub.rename(name(from), name(to)).unwrap();
    hub.confirm_rename(name(from), name(to));
    drop(lock);
    hub.locked(|state| state.check()).unwrap();
}

#[test]
fn everything_known_about_a_user_follows_a_rename() {
    for to in ["Robert", "BEN"] {
        let disk = Arc::new(Disk::default());
        let hub = on(&disk);
        let [ann, ben, cid] = ["Ann", "Ben", "Cid"].map(|who| {
            come(&hub, who.len() as u64 + u64::from(who.as_bytes()[0]), who, DuplicateLogin::Allow).ok().unwrap()
        });
        let (now, flush_list) = (SystemTime::now(), &mut FlushList::default());
        keep(&hub, ben.client(), "red");
        join(&hub, ann.client(), "red").unwrap();
        hub.sanction_member(ben.client(), &name("red"), sanction("Cid", Penalty::Ban, "Ben"), now, flush_list).unwrap();
        keep(&hub, ann.client(), "green");
        hub.invite(ann.client(), &name("green"), name("Ben"), now, flush_list).unwrap();
        hub.sanction_member(ann.client(), &name("green"), sanction("Ben", Penalty::Mute, "Ann"), now, flush_list)
            .unwrap();
        hub.ignore(ben.client(), name("Cid")).unwrap();
        hub.ignore(ann.client(), name("Ben")).unwrap();
        say(&hub, ben.client(), Scope::User(name("Cid")), "hi").unwrap();
        let (by, reason, made) = ("Ben".to_owned(), String::new(), now);
        let imposed = Sanction {
            penalty: Penalty::Mute,
            subject: SanctionTarget::User(name("Ben")),
            by,
            reason,
            made,
            until: None,
        };
        hub.impose(imposed).unwrap();
        drop(ben);
        told(ann.client());
        told(cid.client());
        rename(&hub, "Ben", to);
        hub.tell_renamed(name("Ben"), name(to));
        let spelled = |name: &Name| name.as_str() == to;
        hub.locked(|state| {
            let red = &state.groups[&name("red")];
            assert!(red.members.keys().any(spelled) && red.role(&name(to)) == Some(GroupRole::Owner));
            assert!(red.sanctions.values().all(|terms| spelled(&terms.by)));
            let green = &state.groups[&name("green")];
            assert!(green.sanctions.keys().all(|(user, _)| spelled(user)) && green.invited.keys().all(spelled));
            assert!(state.memberships.keys().any(spelled) && state.memberships[&name(to)].contains(&name("red")));
            assert!(state.is_ignoring(&name(to), &name("Cid")) && state.is_ignoring(&name("Ann"), &name(to)));
        });
        assert_eq!(hub.ignored(ann.client())[0].as_str(), to);
        assert!(hub.reply_partner(cid.client()).is_ok_and(|partner| spelled(&partner)));
        let imposed = hub.sanctions(SystemTime::now());
        assert_eq!((imposed[0].subject.shown().as_str(), imposed[0].by.as_str()), (to, to));
        assert!(hub.check_mute(&name(to), SystemTime::now()).is_err());
        let renamed = EventKind::Renamed { from: name("Ben"), to: name(to) };
        assert_eq!(
            (told(ann.client()), told(cid.client())),
            (vec![renamed], vec![]),
            "members of a shared persistent group are told"
        );
        // The user comes back as the one they were.
        let ben = come(&hub, 9, to, DuplicateLogin::Allow).ok().unwrap();
        assert_eq!(come(&hub, 10, "Ben", DuplicateLogin::Allow).is_ok(), to == "BEN");
        hub.move_role(ben.client(), &name("red"), name("Ann"), true, now, flush_list).unwrap();
        hub.locked(|state| state.check()).unwrap();
        assert_eq!(hub.store().groups().unwrap().len(), 2);
        assert!(to == "BEN" || !hub.store().knows(&name("Ben")).unwrap());
    }
}

#[test]
fn reply_partners_follow_a_rename() {
    let hub = hub_with(Limits::default());
    let [ann, ben] = [(1, "Ann"), (2, "Ben")].map(|(id, who)| come(&hub, id, who, DuplicateLogin::Allow).ok().unwrap());
    say(&hub, ben.client(), Scope::User(name("Ann")), "hi").unwrap();
    drop(ben);
    rename(&hub, "ben", "Robert");
    assert_eq!(hub.reply_partner(ann.client()), Ok(name("Robert")));
    rename(&hub, "Robert", "rob");
    assert_eq!(hub.reply_partner(ann.client()), Ok(name("rob")));
    assert_eq!(hub.current_name(name("Ben")), name("rob"), "over two renames too");
    // Somebody else may have the name by now.
    hub.retain_renamed(|old| *old != name("Ben"));
    assert_eq!((hub.current_name(name("Ben")), hub.is_renamed(&name("robert"))), (name("Ben"), true));
    assert!(come(&hub, 3, "Ben", DuplicateLogin::Allow).is_ok());
}

#[test]
fn a_locked_name_admits_nobody_from_the_first_moment() {
    let hub = hub_with(Limits::default());
    let here = come(&hub, 1, "Ben", DuplicateLogin::Allow).ok().unwrap();
    assert!(hub.lock_name(name("Ben"), name("Bob"), "", Instant::now()).is_none(), "the session stays");
    assert!(come(&hub, 2, "Ben", DuplicateLogin::Allow).is_ok(), "and another one may come");
    thread::scope(|scope| {
        let locking = scope.spawn(|| hub.lock_name(name("Ben"), name("Bob"), "because", soon()).unwrap());
        let deadline = soon();
        while !hub.is_name_locked(&name("ben")) {
            assert!(Instant::now() < deadline, "the name is not locked");
            thread::yield_now();
        }
        assert!(matches!(come(&hub, 3, "BEN", DuplicateLogin::Allow), Err(AttachError::Renamed)));
        assert!(come(&hub, 4, "Ann", DuplicateLogin::Allow).is_ok(), "others may");
        drop(here);
        let lock = locking.join().unwrap();
        assert_eq!(lock.sessions, 1);
        assert!(matches!(come(&hub, 5, "Ben", DuplicateLogin::Allow), Err(AttachError::Renamed)));
    });
    assert!(come(&hub, 6, "Ben", DuplicateLogin::Allow).is_ok(), "nobody was renamed after all");
}

#[test]
fn messages_on_their_way_to_an_old_name_arrive() {
    let disk = Arc::new(Disk::default());
    let hub = on(&disk);
    let ann = come(&hub, 1, "Ann", DuplicateLogin::Allow).ok().unwrap();
    // Checked before, as by a session that handles several lines at once.
    let place = hub.check(ann.client(), Scope::User(name("Ben")), SystemTime::now()).unwrap();
    let draft = || vec![ann.client().compose(place, "for them".to_owned())];
    let lock = hub.lock_name(name("Ben"), name("Robert"), "", soon()).unwrap();
    let (arrives, open) = disk.with_gate();
    thread::scope(|scope| {
        let renaming = scope.spawn(|| hub.rename(name("Ben"), name("Robert")));
        arrives.recv().unwrap();
        assert!(matches!(come(&hub, 2, "Ben", DuplicateLogin::Allow), Err(AttachError::Renamed)));
        let message = scope.spawn(|| hub.publish(ann.client(), &mut draft()));
        open.send(()).unwrap();
        renaming.join().unwrap().unwrap();
        // Its batch, and perhaps one more for those who are offline.
        while !message.is_finished() {
            if arrives.recv_timeout(Duration::from_millis(10)).is_ok() {
                open.send(()).unwrap();
            }
        }
    });
    *disk.gate.lock() = None;
    drop(lock);
    let sent = EventKind::PrivateMessageSent { to: name("Robert"), text: "for them".into() };
    assert_eq!(told(ann.client()), [sent, EventKind::StoredFor { user: name("Robert") }]);
    let robert = come(&hub, 3, "Robert", DuplicateLogin::Allow).ok().unwrap();
    assert_eq!(catch_up(&hub, robert.client()), ["for them"]);
    hub.ignore(ann.client(), name("ben")).unwrap();
    assert_eq!(hub.ignored(ann.client())[0].as_str(), "Robert");
}

#[test]
fn a_rename_loses_and_repeats_nothing() {
    let disk = Arc::new(Disk::default());
    let hub = on(&disk);
    let [ann, ben] = [(1, "Ann"), (2, "Ben")].map(|(id, who)| come(&hub, id, who, DuplicateLogin::Allow).ok().unwrap());
    assert_eq!(catch_up(&hub, ben.client()), [""; 0]);
    keep(&hub, ann.client(), "red");
    join(&hub, ben.client(), "red").unwrap();
    say(&hub, ann.client(), Scope::User(name("Ben")), "1").unwrap();
    say(&hub, ann.client(), Scope::Group(name("red")), "2").unwrap();
    told(ben.client());
    say(&hub, ann.client(), Scope::User(name("Ben")), "not written").unwrap();
    drop(ben);
    say(&hub, ann.client(), Scope::Group(name("red")), "while away").unwrap();
    rename(&hub, "Ben", "Robert");
    say(&hub, ann.client(), Scope::User(name("Robert")), "after").unwrap();
    let robert = come(&hub, 3, "Robert", DuplicateLogin::Allow).ok().unwrap();
    assert_eq!(catch_up(&hub, robert.client()), ["not written", "while away", "after"]);
    assert_eq!(hub.store().history(&name("Robert"), None, None, 99).unwrap().len(), 5);
}

#[test]
fn a_rename_that_cannot_be_stored_changes_nothing() {
    let disk = Arc::new(Disk::default());
    let hub = on(&disk);
    let ben = come(&hub, 1, "Ben", DuplicateLogin::Allow).ok().unwrap();
    keep(&hub, ben.client(), "red");
    say(&hub, ben.client(), Scope::User(name("Ann")), "1").unwrap();
    drop(ben);
    let before = format!("{:?} {:?}", disk.memory.tail(MessageId(0), 9), disk.memory.groups());
    disk.full.store(true, Ordering::SeqCst);
    let lock = hub.lock_name(name("Ben"), name("Bob"), "", soon()).unwrap();
    assert_eq!(hub.rename(name("Ben"), name("Bob")), Err(crate::store::StoreError::Full));
    hub.undo_rename(name("Ben"), name("Bob"));
    drop(lock);
    hub.locked(|state| state.check()).unwrap();
    assert!(!hub.is_renamed(&name("Ben")) && hub.current_name(name("Ben")) == name("Ben"));
    disk.full.store(false, Ordering::SeqCst);
    until_it_works(&hub);
    // Both have been stored by now, one after the other.
    assert_eq!(format!("{:?} {:?}", disk.memory.tail(MessageId(0), 9), disk.memory.groups()), before);
    assert_eq!((disk.memory.renamings().unwrap(), disk.memory.knows(&name("Bob"))), (vec![], Ok(false)));
    let ben = come(&hub, 2, "Ben", DuplicateLogin::Allow).ok().unwrap();
    assert_eq!(hub.membership(ben.client(), &name("red")), Ok(name("red")));
}

#[test]
fn a_name_known_only_to_the_hub_is_known() {
    let hub = hub_with(Limits::default());
    let guest = come(&hub, 1, "guest-1", DuplicateLogin::Allow).ok().unwrap();
    assert!(!hub.knows(&name("Bob")).unwrap());
    hub.ignore(guest.client(), name("Bob")).unwrap();
    assert!(hub.knows(&name("Bob")).unwrap(), "nothing is stored about a guest");
    hub.record(vec![Entry::Role { user: name("Cid"), role: crate::model::Role::Admin }]).unwrap();
    assert!(hub.knows(&name("Cid")).unwrap());
}

#[test]
fn a_pending_receipt_follows_a_rename() {
    let hub = hub_with(Limits::default());
    let [ann, ben] = [(1, "Ann"), (2, "Ben")].map(|(id, who)| come(&hub, id, who, DuplicateLogin::Allow).ok().unwrap());
    for one in [&ann, &ben] {
        catch_up(&hub, one.client());
    }
    ann.client().want_receipts(true);
    say(&hub, ann.client(), Scope::User(name("Ben")), "hi").unwrap();
    drop(ann);
    rename(&hub, "Ann", "Anna");
    let anna = come(&hub, 3, "Anna", DuplicateLogin::Allow).ok().unwrap();
    anna.client().want_receipts(true);
    told(anna.client());
    told(ben.client());
    hub.tend().unwrap();
    assert_eq!(told(anna.client()), [EventKind::Received { by: name("Ben"), id: MessageId(1) }]);
}
