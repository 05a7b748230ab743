//! Bounds on bans, mutes and invitations, of the server and of groups; those that have run out make room.

use super::*;
use crate::model::limits::{INVITATION_TIME, INVITATIONS_PER_GROUP, SANCTIONS, SANCTIONS_PER_GROUP};
use crate::model::{GroupError, Sanction, SanctionTarget};
use crate::store::Entry;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn with_group() -> (Hub, Arc<MemoryStore>, Presence) {
    let store = Arc::new(MemoryStore::default());
    let hub = Hub::new(Limits::default(), Arc::clone(&store) as Arc<dyn Store>).unwrap();
    let ann = come(&hub, 1, "Ann", DuplicateLogin::Refuse).ok().unwrap();
    let kept = GroupSettings { keep: true, ..GroupSettings::default() };
    hub.create(ann.client(), name("red"), kept, &mut FlushList::default()).unwrap();
    (hub, store, ann)
}

#[test]
fn sanctions_of_a_group_are_bounded() {
    let (hub, store, ann) = with_group();
    let mute = |n: usize, now| {
        let (user, penalty) = (name(&format!("user{n}")), Penalty::Mute);
        let terms = SanctionTerms { by: name("Ann"), reason: None, until: (n < 2).then(|| at(10)) };
        hub.sanction_member(
            ann.client(),
            &name("red"),
            GroupSanction { user, penalty, terms },
            now,
            &mut FlushList::default(),
        )
    };
    (0..SANCTIONS_PER_GROUP).for_each(|n| mute(n, at(1)).unwrap());
    let refused = Err(GroupError::TooManyBans(name("red"), SANCTIONS_PER_GROUP).into());
    assert_eq!(mute(SANCTIONS_PER_GROUP, at(9)), refused);
    assert_eq!(mute(7, at(9)), Ok(()), "an existing one may be changed");
    assert_eq!([0, 1].map(|n| mute(SANCTIONS_PER_GROUP + n, at(10))), [Ok(()), Ok(())], "two have run out");
    assert_eq!(mute(SANCTIONS_PER_GROUP + 2, at(10)), refused);
    let stored = store.groups().unwrap().remove(0).sanctions;
    assert_eq!(stored.len(), SANCTIONS_PER_GROUP);
    assert_eq!(hub.group_sanctions(ann.client(), &name("red"), at(10)).unwrap().1.len(), SANCTIONS_PER_GROUP);
}

#[test]
fn open_invitations_of_a_group_are_bounded() {
    let (hub, _store, ann) = with_group();
    // An invitation outlives the session of the invited user.
    let invite = |n: usize, now| {
        let user = name(&format!("user{n}"));
        let _here = come(&hub, 2, user.as_str(), DuplicateLogin::Refuse).ok().unwrap();
        hub.invite(ann.client(), &name("red"), user, now, &mut FlushList::default())
    };
    (0..INVITATIONS_PER_GROUP).for_each(|n| invite(n, at(0)).unwrap());
    let refused = Err(GroupError::TooManyInvitations(name("red"), INVITATIONS_PER_GROUP).into());
    assert_eq!(invite(INVITATIONS_PER_GROUP, at(1)), refused);
    assert_eq!(invite(3, at(1)), Ok(()), "an invited user may be invited again");
    assert_eq!(invite(INVITATIONS_PER_GROUP, at(0) + INVITATION_TIME), Ok(()), "all others have run out");
}

#[test]
fn sanctions_of_the_server_are_bounded() {
    let one = |n: usize, made, until| {
        let (subject, by, reason) = (SanctionTarget::User(name(&format!("user{n}"))), "ann".to_owned(), String::new());
        Sanction { penalty: Penalty::Mute, subject, by, reason, made, until }
    };
    let store = Arc::new(MemoryStore::default());
    let all = (0..SANCTIONS).map(|n| Entry::Sanctioned(one(n, at(1), (n < 5).then(|| at(10)))));
    store.append(&all.collect::<Vec<_>>()).unwrap();
    let hub = Hub::new(Limits::default(), Arc::clone(&store) as Arc<dyn Store>).unwrap();
    let impose = |n, made| hub.impose(one(n, made, None));
    assert_eq!(impose(SANCTIONS, at(9)), Err(UserError::TooManySanctions(SANCTIONS)));
    assert_eq!(impose(7, at(9)), Ok(()), "an existing one may be changed");
    assert_eq!(impose(SANCTIONS, at(10)), Ok(()), "five have run out");
    assert_eq!((hub.sanctions(at(10)).len(), store.sanctions().unwrap().len()), (SANCTIONS - 4, SANCTIONS - 4));
    hub.check_invariants().unwrap();
}
