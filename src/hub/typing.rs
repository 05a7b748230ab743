//! Who is typing to whom: told in passing to those who want to know, kept nowhere, and left out wherever it would be in
//! the way of something that was said.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::Hub;
use super::client::{Client, ClientId};
use super::state::State;
use super::touched::Touched;
use crate::model::limits::{TYPING_KEPT, TYPING_PACE};
use crate::model::{Event, EventKind, Scope};

/// Where a user was said to be typing, and when; only what is new enough to matter.
#[derive(Default)]
pub(super) struct Typed(Vec<(Scope, Instant)>);

impl Typed {
    /// Whether it may be told once more that he is typing there; if so, it counts as told.
    fn may_tell(&mut self, scope: Scope, now: Instant) -> bool {
        self.0.retain(|(_, at)| now.saturating_duration_since(*at) < TYPING_PACE);
        let may = self.0.len() < TYPING_KEPT && self.0.iter().all(|(told, _)| *told != scope);
        if may {
            self.0.push((scope, now));
        }
        may
    }
}

impl Hub {
    /// Tells those who want to know that somebody is typing there, where [`Hub::check`] lets him say something: no more
    /// often than once in [`TYPING_PACE`], and only whom nothing else waits for.
    pub fn typing(&self, me: &Client, scope: Scope, now: Instant, touched: &mut Touched) {
        self.locked(|state| {
            let user = state.queues.get_mut(&me.name);
            if user.is_some_and(|user| user.typed.may_tell(scope, now)) {
                state.tell_typing(me, scope, touched);
            }
        });
    }
}

impl State {
    fn tell_typing(&self, me: &Client, scope: Scope, touched: &mut Touched) {
        let event = Event::new(EventKind::Typing { from: me.name, scope });
        let wanting = |(_, client): &(&ClientId, &Arc<Client>)| {
            let idle = client.outbox.is_empty() && !client.outbox.is_held();
            client.wants_typing() && idle && !self.is_ignoring(&client.name, &me.name)
        };
        match scope {
            Scope::User(to) => {
                let sessions = self.queues.get(&to).map(|user| &user.sessions).into_iter().flatten();
                self.counts.delivered(touched.push_all(sessions.filter(wanting), &event, Some(&me.name)));
            }
            Scope::Group(group) => {
                let sessions = self.audience(&group).filter(wanting);
                self.counts.delivered(touched.push_all(sessions, &event, Some(&me.name)));
            }
            // Nobody types to everybody.
            Scope::Everybody => {}
        }
    }
}

impl Client {
    /// Chooses whether this session is told who is typing.
    pub fn want_typing(&self, wanted: bool) {
        self.typing.store(wanted, Ordering::Relaxed);
    }

    /// Whether this session is told who is typing.
    pub fn wants_typing(&self) -> bool {
        self.typing.load(Ordering::Relaxed)
    }
}
