//! Everything that belongs to a guest ends with them: the next guest of the name is somebody else.

use super::*;
use crate::model::{Message, MessageId};

fn guest(hub: &Hub, id: u64) -> Presence {
    come(hub, id, "guest-1", DuplicateLogin::Refuse).ok().unwrap()
}

fn user(hub: &Hub, id: u64, who: &str) -> Presence {
    come(hub, id, who, DuplicateLogin::Refuse).ok().unwrap()
}

/// The last message of the log.
fn last(hub: &Hub) -> Message {
    let last = hub.store().last_id().unwrap();
    hub.store().tail(MessageId(last.0 - 1), 1).unwrap().remove(0)
}

#[test]
fn nothing_about_a_guest_passes_to_the_next_one() {
    let (group, whom, now) = (name("red"), name("guest-1"), SystemTime::now());
    let sanction = |penalty| GroupSanction {
        user: whom,
        penalty,
        terms: SanctionTerms { by: name("Ann"), reason: None, until: None },
    };
    let settings = |keep, private| GroupSettings { keep, private, ..GroupSettings::default() };
    let no = &mut FlushList::default();
    for keep in [false, true] {
        for what in ["invitation", "ban", "mute", "ignored", "member", "reply", "receipt", "missed"] {
            let hub = hub_with(Limits::default());
            let (ann, first) = (user(&hub, 1, "Ann"), guest(&hub, 2));
            hub.create(ann.client(), group, settings(keep, what == "invitation"), no).unwrap();
            match what {
                "invitation" => hub.invite(ann.client(), &group, whom, now, no).unwrap(),
                "ban" => hub.sanction_member(ann.client(), &group, sanction(Penalty::Ban), now, no).unwrap(),
                "mute" => hub.sanction_member(ann.client(), &group, sanction(Penalty::Mute), now, no).unwrap(),
                "ignored" => hub.ignore(ann.client(), whom).unwrap(),
                "member" => join(&hub, first.client(), "red").unwrap(),
                "reply" | "receipt" => say(&hub, first.client(), Scope::User(name("Ann")), "hi").unwrap(),
                _ => {
                    let ben = user(&hub, 4, "Ben");
                    ben.leave(QuitReason::Quit);
                    say(&hub, first.client(), Scope::User(name("Ben")), "hi").unwrap();
                }
            }
            let said = (what == "receipt").then(|| last(&hub));
            first.leave(QuitReason::Quit);
            hub.check_invariants().unwrap();
            let next = guest(&hub, 3);
            next.client().want_receipts(true);
            next.client().outbox.release();
            told(next.client());
            match what {
                "invitation" => assert!(hub.groups(&whom, now).is_empty(), "{what}"),
                "ban" | "mute" => {
                    join(&hub, next.client(), "red").unwrap();
                    say(&hub, next.client(), Scope::Group(group), "hi").unwrap();
                    let kept = hub.store().groups().unwrap();
                    assert!(kept.iter().all(|group| group.sanctions.is_empty()), "{what}");
                }
                "ignored" => assert!(hub.ignored(ann.client()).is_empty(), "{what}"),
                "member" => assert!(say(&hub, next.client(), Scope::Group(group), "hi").is_err(), "{what}"),
                "reply" => assert!(hub.reply_partner(ann.client()).is_err(), "{what}"),
                "receipt" => {
                    let message = said.unwrap();
                    hub.give_read_receipt(name("Ann"), &message, no);
                    hub.delete_message(&message, "Ann", no).unwrap();
                    assert!(told(next.client()).is_empty(), "{what}");
                }
                _ => {
                    let ben = user(&hub, 5, "Ben");
                    assert_eq!(catch_up(&hub, ben.client()), ["hi"]);
                    assert!(hub.reply_partner(ben.client()).is_err(), "{what}");
                }
            }
            hub.check_invariants().unwrap();
        }
    }
}

#[test]
fn a_departed_guest_can_be_neither_banned_nor_ignored() {
    let (hub, no, now) = (hub_with(Limits::default()), &mut FlushList::default(), SystemTime::now());
    let (ann, whom) = (user(&hub, 1, "Ann"), name("guest-1"));
    make(&hub, ann.client(), "red").unwrap();
    let terms = SanctionTerms { by: name("Ann"), reason: None, until: None };
    let ban = GroupSanction { user: whom, penalty: Penalty::Ban, terms };
    let gone = Err(UserError::NotOnline(whom));
    assert_eq!(hub.sanction_member(ann.client(), &name("red"), ban, now, no), gone);
    assert_eq!(hub.ignore(ann.client(), whom), gone);
}
