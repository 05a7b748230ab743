//! Roles, sanctions and reports, in every store and over a restart.

use super::*;
use crate::model::{Penalty, SanctionTarget};
use crate::store::sqlite::SqliteTools;

over_every_store!(
    a_role_holds_until_it_is_changed_or_the_account_deleted,
    sanctions_and_reports_are_replaced_and_lifted,
);

pub(super) fn sanction(user: &str, seconds: u64) -> Sanction {
    Sanction {
        penalty: Penalty::Ban,
        subject: SanctionTarget::User(name(user)),
        by: "(console)".to_owned(),
        reason: format!("why {seconds}"),
        made: at(seconds),
        until: seconds.is_multiple_of(2).then(|| at(seconds + 60)),
    }
}

pub(super) fn report(number: u64, seconds: u64) -> Report {
    let by = seconds.is_multiple_of(2).then(|| name("Ann"));
    Report { number, at: at(seconds), by, about: "bob:#12".to_owned(), why: "\"rude\"".to_owned() }
}

fn role(user: &str, role: Role) -> Entry {
    Entry::Role { user: name(user), role }
}

fn a_role_holds_until_it_is_changed_or_the_account_deleted(store: &dyn Store) {
    let of = |user: &str| store.role(&name(user)).unwrap();
    store.append(&[role("Bob", Role::Admin), role("ann", Role::Moderator), role("guest-1", Role::Admin)]).unwrap();
    assert_eq!((of("BOB"), of("ann"), of("eve")), (Role::Admin, Role::Moderator, Role::User));
    assert_eq!(of("guest-1"), Role::User, "the next guest of that name is somebody else");
    store.append(&[role("bob", Role::Moderator), role("ann", Role::User)]).unwrap();
    assert_eq!((of("bob"), of("ann")), (Role::Moderator, Role::User));
    store.append(&[Entry::Forgotten { user: name("bob") }]).unwrap();
    assert_eq!(of("bob"), Role::User);
}

fn sanctions_and_reports_are_replaced_and_lifted(store: &dyn Store) {
    let net = SanctionTarget::Net("10.0.0.0/8".parse().unwrap());
    let wide = Sanction { subject: net, ..sanction("bob", 3) };
    let all = [sanction("bob", 1), wide.clone(), sanction("BOB", 2)].map(Entry::Sanctioned);
    store.append(&all).unwrap();
    assert_eq!(store.sanctions().unwrap(), [sanction("bob", 2), wide]);
    store.append(&[Entry::Lifted { penalty: Penalty::Mute, subject: net }]).unwrap();
    assert_eq!(store.sanctions().unwrap().len(), 2);
    store.append(&[Entry::Lifted { penalty: Penalty::Ban, subject: net }]).unwrap();
    assert_eq!(store.sanctions().unwrap(), [sanction("bob", 2)]);
    store.append(&[Entry::Reported(report(2, 2)), Entry::Reported(report(1, 1))]).unwrap();
    store.append(&[Entry::ReportDone { number: 2 }]).unwrap();
    assert_eq!(store.reports().unwrap(), [report(1, 1)]);
}

#[test]
fn roles_given_from_outside_and_sanctions_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let tools = SqliteTools::new(&data);
    tools.create().unwrap();
    tools.append(&[role("ann", Role::Admin)]).unwrap();
    let open = || SqliteStore::open(&data, &Retention::default()).unwrap();
    let store = open();
    store.append(&[Entry::Sanctioned(sanction("bob", 2)), Entry::Reported(report(7, 2))]).unwrap();
    // A running daemon sees it at once.
    tools.create().unwrap();
    tools.append(&[role("eve", Role::Moderator)]).unwrap();
    assert_eq!(store.role(&name("eve")).unwrap(), Role::Moderator);
    drop(store);
    let store = open();
    assert_eq!(store.operators().unwrap(), [(name("ann"), Role::Admin), (name("eve"), Role::Moderator)]);
    assert_eq!((store.sanctions().unwrap(), store.reports().unwrap()), (vec![sanction("bob", 2)], vec![report(7, 2)]));
}
