//! How often and to whom typing is told; the clock is the test's.

use std::time::{Duration, Instant};

use super::*;
use crate::model::Event;
use crate::model::limits::{TYPING_KEPT, TYPING_PACE};

fn here(hub: &Hub, id: u64, user: &str) -> Presence {
    let presence = come(hub, id, user, DuplicateLogin::Allow).ok().unwrap();
    presence.client().want_typing(true);
    presence.client().outbox.release();
    presence
}

/// How many typing notices a session got.
fn notices(client: &Client) -> usize {
    told(client).into_iter().filter(|kind| matches!(kind, EventKind::Typing { .. })).count()
}

#[test]
fn typing_is_told_at_a_bounded_rate_per_conversation() {
    let hub = hub_with(Limits::default());
    let (ann, ben, cid) = (here(&hub, 1, "Ann"), here(&hub, 2, "Ben"), here(&hub, 3, "Cid"));
    let start = Instant::now();
    let types = |to: &str, after: Duration| {
        for other in [&ann, &ben, &cid] {
            told(other.client());
        }
        hub.typing(ann.client(), Scope::User(name(to)), start + after, &mut FlushList::default());
        (notices(ben.client()), notices(cid.client()))
    };
    assert_eq!(types("Ben", Duration::ZERO), (1, 0));
    assert_eq!(types("BEN", TYPING_PACE - Duration::from_millis(1)), (0, 0));
    assert_eq!(types("Cid", TYPING_PACE - Duration::from_millis(1)), (0, 1));
    assert_eq!(types("Ben", TYPING_PACE), (1, 0));
    assert_eq!(types("Cid", TYPING_PACE), (0, 0));
    let later = TYPING_PACE * 3;
    (0..TYPING_KEPT).for_each(|n| assert_eq!(types(&format!("user{n}"), later), (0, 0)));
    assert_eq!(types("Ben", later), (0, 0), "nobody is typing in so many conversations");
    assert_eq!(notices(ann.client()), 0);
}

#[test]
fn typing_is_not_told_to_busy_sessions() {
    let hub = hub_with(Limits::default());
    let (ann, ben) = (here(&hub, 1, "Ann"), here(&hub, 2, "Ben"));
    let new = come(&hub, 3, "Ben", DuplicateLogin::Allow).ok().unwrap();
    new.client().want_typing(true);
    let ben = ben.client();
    told(ben);
    told(new.client());
    ben.outbox.push(&Event::new(EventKind::StillHere));
    let mut now = Instant::now();
    hub.typing(ann.client(), Scope::User(name("Ben")), now, &mut FlushList::default());
    assert_eq!((notices(ben), notices(new.client())), (0, 0), "one has something to read, one is still catching up");
    now += TYPING_PACE;
    hub.typing(ann.client(), Scope::User(name("Ben")), now, &mut FlushList::default());
    assert_eq!((notices(ben), notices(new.client())), (1, 0));
}
