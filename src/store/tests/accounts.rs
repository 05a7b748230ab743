//! Accounts in every store: tokens, invitations, deletion, and guests.

use super::*;

over_every_store!(
    deleting_an_account_deletes_its_private_messages,
    a_token_replaces_its_namesake_and_goes_with_its_device,
    an_invitation_is_good_once_and_until_it_expires,
    last_seen_is_known_while_a_user_is_away,
    messages_between_guests_are_not_kept,
);

fn deleting_an_account_deletes_its_private_messages(store: &dyn Store) {
    store.append(&[said("bob", user("alice"), "to"), said("alice", user("bob"), "got")]).unwrap();
    store.append(&[reading("bob", None, Position::Upto(MessageId(2)), 1)]).unwrap();
    let token = Token { user: name("alice"), name: name("t"), secret: [1; 32], made: at(1), expires: None };
    store.append(&[said("alice", user("bob"), "not got"), said("alice", Scope::Everybody, "all")]).unwrap();
    store.append(&[Entry::TokenMade(token), Entry::Forgotten { user: name("ALICE") }]).unwrap();
    assert_eq!(sees(store, "bob", None), ["got", "all"]);
    assert_eq!(store.search(&name("bob"), "got", None, 9).unwrap().messages.len(), 1);
    assert!(sees(store, "alice", None).is_empty(), "the next user of this name is somebody else");
    assert!(store.tokens(&name("alice")).unwrap().is_empty());
    assert_eq!(store.append(&[said("Alice", user("bob"), "new")]).unwrap(), MessageId(5));
    assert_eq!(sees(store, "alice", None), ["new"]);
    assert_eq!(sees(store, "bob", Some(user("alice"))), ["got", "new"]);
}

fn a_token_replaces_its_namesake_and_goes_with_its_device(store: &dyn Store) {
    let token = |name_: &str, secret| Token {
        user: name("alice"),
        name: name(name_),
        secret: [secret; 32],
        made: at(1),
        expires: (secret > 1).then(|| at(2)),
    };
    store.append(&[token("phone", 1), token("Bot", 2), token("PHONE", 3)].map(Entry::TokenMade)).unwrap();
    assert_eq!(store.tokens(&name("ALICE")).unwrap(), [token("Bot", 2), token("PHONE", 3)]);
    store.append(&[said("bob", user("alice"), "1"), reading("alice", Some("bot"), Position::Here, 1)]).unwrap();
    store.append(&[Entry::TokenRevoked { user: name("alice"), name: name("BOT") }]).unwrap();
    assert_eq!(store.tokens(&name("alice")).unwrap(), [token("PHONE", 3)]);
    assert_eq!(owed(store, "alice", Some("bot")), ["1"]);
    // Its session ends after the token.
    store.append(&[reading("alice", Some("bot"), Position::Upto(MessageId(1)), 9)]).unwrap();
    assert_eq!((owed(store, "alice", Some("bot")).len(), store.last_seen(&name("alice")).unwrap()), (1, None));
    assert!(store.tokens(&name("bob")).unwrap().is_empty());
}

fn an_invitation_is_good_once_and_until_it_expires(store: &dyn Store) {
    let invited = |invite, seconds| Entry::Invited { invite: [invite; 32], expires: at(seconds) };
    store.append(&[invited(1, 10), invited(2, 10), invited(3, 10)]).unwrap();
    assert!(store.is_invited(&[1; 32], at(9)).unwrap() && !store.is_invited(&[1; 32], at(10)).unwrap());
    assert!(store.redeem(&[1; 32], at(9)).unwrap());
    assert!(!store.redeem(&[1; 32], at(9)).unwrap() && !store.is_invited(&[1; 32], at(9)).unwrap());
    assert!(!store.redeem(&[2; 32], at(10)).unwrap());
    assert!(!store.redeem(&[4; 32], at(9)).unwrap());
}

fn last_seen_is_known_while_a_user_is_away(store: &dyn Store) {
    let here = Position::Here;
    let gone = Position::Upto(MessageId(0));
    assert_eq!(store.last_seen(&name("alice")).unwrap(), None);
    store.append(&[super::token("alice", "phone"), reading("alice", Some("phone"), gone, 9)]).unwrap();
    store.append(&[reading("alice", None, here, 5)]).unwrap();
    assert_eq!(store.last_seen(&name("alice")).unwrap(), None, "alice is here");
    store.append(&[reading("alice", None, gone, 7)]).unwrap();
    assert_eq!(store.last_seen(&name("ALICE")).unwrap(), Some(at(9)));
}

fn messages_between_guests_are_not_kept(store: &dyn Store) {
    let lines = [said("guest-1", user("Guest-2"), "gone"), said("guest-1", user("bob"), "for bob")];
    assert_eq!(store.append(&lines).unwrap(), MessageId(1));
    assert_eq!(store.append(&[said("guest-2", user("guest-2"), "gone")]).unwrap(), MessageId(3));
    assert_eq!(store.last_id().unwrap(), MessageId(3), "they have ids all the same");
    let kept = store.tail(MessageId(0), 9).unwrap();
    assert_eq!(kept.iter().map(|message| message.id.0).collect::<Vec<_>>(), [2]);
    assert_eq!(sees(store, "bob", None), ["for bob"]);
}
