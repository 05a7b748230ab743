//! What a user has done without a session: one line of a script that came over HTTP. It goes through the same commands,
//! budgets, mutes and bans as a line of a session; only nobody is told that its user comes and goes.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::Shared;
use super::registration::AccountRegistration;
use crate::accounts::Verdict;
use crate::command::{self, Context};
use crate::hub::Client;
use crate::model::limits::BYTES_PER_TOKEN;
use crate::model::{Event, EventKind, Name, Origin, OutputFormat, Peer, RegistrationError, UserError, text};
use crate::protocol::{Dialect, JSON};

/// A user who has shown who he is, for one request.
pub struct ApiRequest<'a> {
    shared: &'a Shared,
    me: Arc<Client>,
}

/// Why nothing is done for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAllowed {
    /// No such user, or not a token of his.
    Wrong,
    /// Too many wrong ones came from the address.
    TooMany,
    /// An operator has banned the user.
    Banned,
    /// The tokens cannot be read.
    Unavailable,
}

impl<'a> ApiRequest<'a> {
    /// Looks at a name and a token, as often as the address may have one looked at.
    ///
    /// # Errors
    /// [`NotAllowed`].
    pub fn of(shared: &'a Shared, peer: SocketAddr, name: &[u8], token: &[u8]) -> Result<ApiRequest<'a>, NotAllowed> {
        let mut given = None;
        let verdict = shared.throttle.judged(Origin::of(peer.ip()), || match shared.token_of(name, token) {
            Ok(Some(token)) => Verdict::Right(given.insert(token).user),
            Ok(None) => Verdict::Wrong,
            Err(_) => Verdict::Unreadable,
        });
        let token = match (verdict, given) {
            (Verdict::Right(_), Some(token)) => token,
            (Verdict::TooMany, _) => return Err(NotAllowed::TooMany),
            (Verdict::Unreadable, _) => return Err(NotAllowed::Unavailable),
            (Verdict::Right(_), None) | (Verdict::Wrong | Verdict::Late, _) => return Err(NotAllowed::Wrong),
        };
        if shared.hub.ban_of(&token.user, SystemTime::now()).is_some() {
            return Err(NotAllowed::Banned);
        }
        Ok(ApiRequest { shared, me: shared.hub.detached_client(token.user, Some(token.name), peer) })
    }

    /// Whether its user has sent more than he may.
    pub fn is_too_soon(&self) -> bool {
        let budget = self.shared.budgets.as_ref().map(|budgets| budgets.of(self.me.name));
        budget.is_some_and(|budget| budget.debt().is_some())
    }

    /// Carries out a line, and returns the events with which it is answered, each as a line of JSON.
    ///
    /// # Errors
    /// What cannot be done.
    pub fn run(&self, line: &str) -> Result<Vec<u8>, UserError> {
        let line = text::clean(line);
        let (length, limit) = (line.len() + 1, self.shared.hub.limits().line_limit);
        if length > limit {
            return Err(UserError::LineTooLong(u64::try_from(length).unwrap_or(u64::MAX), limit));
        }
        let answer = RefCell::new(Vec::new());
        let drain = |me: &Arc<Client>| {
            let mut answer = answer.borrow_mut();
            me.outbox.take(usize::MAX, |event| answer.extend_from_slice(JSON.encode(event)));
        };
        let (mut drafts, mut flush_list, mut dialog) = (Vec::new(), Default::default(), None);
        let mut context = Context {
            hub: &self.shared.hub,
            accounts: &self.shared.accounts,
            admin: &self.shared.admin,
            throttle: &self.shared.throttle,
            me: &self.me,
            target: &mut None,
            guest: &mut None,
            drafts: &mut drafts,
            flush_list: &mut flush_list,
            catch_up: &drain,
            format: &mut OutputFormat::default(),
            apply_format: &|_| (),
            delay_failure: &|_| (),
            dialog: &mut dialog,
            cost: 1 + length / BYTES_PER_TOKEN,
            quit: false,
        };
        let done = command::run(&line, &mut context);
        let cost = context.cost;
        let stored = self.shared.hub.publish_and_wait(&mut drafts);
        flush_list.flush_except(None);
        if let Some(budgets) = &self.shared.budgets {
            budgets.of(self.me.name).charge(cost);
        }
        done.and(stored.map_err(|e| UserError::NotSaved(e.to_string())))?;
        drain(&self.me);
        Ok(answer.into_inner())
    }
}

/// Makes an account, and then a token of it.
///
/// # Errors
/// Why there is no account, as its event.
pub fn register(shared: &Shared, peer: SocketAddr, words: &str, password: &[u8]) -> Result<Vec<u8>, RegistrationError> {
    let by = Instant::now() + shared.hub.limits().login_timeout;
    let signup = AccountRegistration { shared, origin: Origin::of(peer.ip()), by };
    let made = signup.check_request(words).and_then(|request| {
        signup.make_account(&request, password)?;
        Ok(request.name)
    });
    let name: Name =
        made.inspect_err(|why| log::info!("registration failed {} reason=\"{}\"", Peer(peer), why.as_str()))?;
    log::info!("registered user={name} {}", Peer(peer));
    let errand = ApiRequest { shared, me: shared.hub.detached_client(name, None, peer) };
    // The account is there either way; without a token its user logs in with his password and makes one.
    let refused = |e| JSON.encode(&Event::new(EventKind::Refused(e))).to_vec();
    Ok(errand.run(&format!("/token new api-{}", stamp())).unwrap_or_else(refused))
}

/// Tells one token from another.
fn stamp() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
