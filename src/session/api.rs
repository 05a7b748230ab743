//! One command without a session: a line of a script that came over HTTP. It goes through the same commands, budgets, mutes
//! and bans as a line of a session, except that nobody is told that its user comes and goes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::Shared;
use super::registration::{AccountRegistration, note_registration_failed};
use crate::accounts::Verification;
use crate::command::{self, Caller, CallerConnection};
use crate::hub::Client;
use crate::lock::Mutex;
use crate::model::limits::BYTES_PER_TOKEN;
use crate::model::line::Line;
use crate::model::{Event, EventKind, Name, Net, OutputFormat, Peer, RegistrationError, UserError};
use crate::protocol::{Dialect, JSON};

/// An authenticated user, for one request.
pub(crate) struct ApiRequest<'a> {
    shared: &'a Shared,
    me: Arc<Client>,
}

/// Why a request is refused before its command is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAllowed {
    /// No such user, or not one of their tokens.
    Wrong,
    /// Too many wrong tokens came from the address.
    TooMany,
    /// An operator has banned the user.
    Banned,
    /// The tokens cannot be read.
    Unavailable,
}

impl<'a> ApiRequest<'a> {
    /// Authenticates a user by name and token, as often as the address may try.
    ///
    /// # Errors
    /// [`NotAllowed`].
    pub(crate) fn of(
        shared: &'a Shared,
        peer: SocketAddr,
        name: &[u8],
        token: &[u8],
    ) -> Result<ApiRequest<'a>, NotAllowed> {
        let mut given = None;
        let verdict = shared.accounts.guesses().attempt(Net::of(peer.ip()), || match shared.token_of(name, token) {
            Ok(Some(token)) => Verification::Verified(given.insert(token).user),
            Ok(None) => Verification::Wrong,
            Err(_) => Verification::Unavailable,
        });
        let token = match (verdict, given) {
            (Verification::Verified(_), Some(token)) => token,
            (Verification::Throttled, _) => return Err(NotAllowed::TooMany),
            (Verification::Unavailable, _) => return Err(NotAllowed::Unavailable),
            (Verification::Verified(_), None) | (Verification::Wrong | Verification::TimedOut, _) => {
                return Err(NotAllowed::Wrong);
            }
        };
        if shared.hub.ban_of(&token.user, SystemTime::now()).is_some() {
            return Err(NotAllowed::Banned);
        }
        Ok(ApiRequest { shared, me: shared.hub.detached_client(token.user, Some(token.name), peer) })
    }

    /// Whether the user has sent more than allowed, and has to wait.
    pub(crate) fn is_too_soon(&self) -> bool {
        let budget = self.shared.budgets.as_ref().map(|budgets| budgets.of(self.me.name));
        budget.is_some_and(|budget| budget.debt().is_some())
    }

    /// Executes a line and returns the events that answer it, each as a line of JSON.
    ///
    /// # Errors
    /// Why it cannot be done.
    pub(crate) fn run(&self, line: &str) -> Result<Vec<u8>, UserError> {
        let (length, limit) = (line.len() + 1, self.shared.hub.limits().line_limit);
        if length > limit {
            return Err(UserError::LineTooLong(u64::try_from(length).unwrap_or(u64::MAX), limit));
        }
        let answer = Arc::new(Answer::default());
        let mut caller = Caller::new(Arc::clone(&self.me), Arc::clone(&answer) as _);
        caller.cost = 1 + length / BYTES_PER_TOKEN;
        let done = command::run(&Line::of(line), &mut self.shared.context(&mut caller));
        let stored = self.shared.hub.publish_and_wait(&mut caller.drafts);
        caller.flush_list.flush_except(None);
        if let Some(budgets) = &self.shared.budgets {
            budgets.of(self.me.name).spend(caller.cost);
        }
        done.and(stored.map_err(|e| UserError::NotSaved(e.to_string())))?;
        answer.catch_up(&self.me);
        Ok(std::mem::take(&mut answer.0.lock()))
    }
}

/// The answer to a request: it takes the place of a connection.
// lock tier 8: before the outbox; there because a caller's connection may be shared.
#[derive(Default)]
struct Answer(Mutex<Vec<u8>, 8>);

impl CallerConnection for Answer {
    fn catch_up(&self, client: &Client) {
        let mut answer = self.0.lock();
        client.outbox.take(usize::MAX, |event| answer.extend_from_slice(JSON.encode(event)));
    }

    fn set_format(&self, _: Name, _: OutputFormat) {
        // Scripts always get JSON.
    }

    fn delay_failure(&self, _: Instant) {
        // A script authenticates with a token; the throttle bounds what else it may guess.
    }
}

/// Registers an account, and then makes a token for it.
///
/// # Errors
/// Why there is no account.
pub(crate) fn register(
    shared: &Shared,
    peer: SocketAddr,
    name: &str,
    invite: Option<&str>,
    password: &[u8],
) -> Result<Vec<u8>, RegistrationError> {
    let by = Instant::now() + shared.hub.limits().login_timeout;
    let registration = AccountRegistration { shared, net: Net::of(peer.ip()), by };
    let registered = registration.check(name, invite).and_then(|request| {
        registration.register(&request, password)?;
        Ok(request.name)
    });
    let name: Name = registered.inspect_err(|why| note_registration_failed(peer, why.as_str()))?;
    log::info!("registered user={name} {}", Peer(peer));
    let request = ApiRequest { shared, me: shared.hub.detached_client(name, None, peer) };
    // The account exists either way; without a token its user logs in with the password and makes one.
    let refused = |e| JSON.encode(&Event::new(EventKind::Refused(e))).to_vec();
    Ok(request.run(&format!("/token new api-{}", stamp())).unwrap_or_else(refused))
}

/// Tells one token from another.
fn stamp() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
