//! A login during which something else happens.

use std::fs;
use std::time::SystemTime;

use super::login::LoginOutcome;
use super::*;
use crate::accounts::tokens;
use crate::admin::{Admin, Filter};
use crate::model::{Limits, Name};
use crate::store::{Entry, MemoryStore, Token};
use crate::transport::memory;

fn shared(users: &std::path::Path) -> Shared {
    fs::write(users, "alice:password123\n").unwrap();
    let limits = Limits::default();
    let budgets = Budgets::new(&limits);
    let hub = Hub::new(limits, Arc::new(MemoryStore::default())).unwrap();
    Shared {
        budgets,
        admin: Admin::new(hub.clone(), [], Filter::default()),
        hub,
        accounts: Accounts::load(users).unwrap(),
        registrations: Throttle::for_registrations(),
        registration: Registration::Closed,
        guests: false,
        duplicate_login: DuplicateLogin::Allow,
        telnet: TelnetMode::Never,
        motd: None,
    }
}

fn token(secret: &str) -> Token {
    let [user, name]: [Name; 2] = ["alice", "ci"].map(|text| text.parse().unwrap());
    let secret = tokens::token_digest(secret.as_bytes()).unwrap();
    Token { user, name, secret, made: SystemTime::now(), expires: None }
}

#[test]
fn a_token_replaced_during_the_login_ends_the_session() {
    let dir = tempfile::tempdir().unwrap();
    let shared = shared(&dir.path().join("users.txt"));
    let (old, new) = (token("parlor_old"), token("parlor_new"));
    shared.hub.record(vec![Entry::TokenMade(old.clone())]).unwrap();
    let closing = |secret: &str, meanwhile: Vec<Entry>| {
        let (link, _peer) = memory::pair();
        let connection = Arc::new(Connection::new(Box::new(link), &PlainDoor, Duration::from_secs(20)));
        let mut session = Session::new(&shared, ClientId(1), &connection);
        let outcome = session.verify(b"alice", secret.as_bytes());
        let LoginOutcome::User(name, given) = outcome else { panic!("the token was good") };
        shared.hub.record(meanwhile).unwrap();
        session.attach(name, given).unwrap().leave(QuitReason::Quit);
        connection.closing()
    };
    let revoked = Entry::TokenRevoked { user: old.user, name: old.name };
    assert_eq!(closing("parlor_old", Vec::new()), None);
    assert_eq!(closing("parlor_old", vec![revoked, Entry::TokenMade(new)]), Some(QuitReason::Revoked));
    assert_eq!(closing("parlor_new", Vec::new()), None);
}
