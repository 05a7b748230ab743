//! Floor 5, the session: one client from the accepted connection to the closed one, on one thread of its own.
//!
//! It reads input through its door, lets commands work on the hub, and then writes what they caused. It knows no listener.

mod api;
mod budget;
mod catchup;
mod chat;
mod connection;
mod dialog;
mod door;
mod login;
mod registration;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::Level;

pub(crate) use api::{ApiRequest, NotAllowed, register};
pub(crate) use budget::Budgets;
pub(crate) use connection::Connection;
pub(crate) use door::{Door, PlainDoor, WebDoor};

use crate::accounts::{Accounts, Throttle};
use crate::admin::Admin;
use crate::command::{Caller, Context};
use crate::hub::{ClientId, Hub};
use crate::log_limit::{self, Who};
use crate::model::limits::{RAW_PAUSE, READ_MAX, READ_MIN};
use crate::model::{DuplicateLogin, QuitReason, Registration, TelnetMode};
use crate::transport::{Framing, LineSource};

/// State shared by all sessions of a server.
pub(crate) struct Shared {
    /// Users, groups and messages.
    pub hub: Hub,
    /// Accounts and their passwords.
    pub accounts: Accounts,
    /// Administration.
    pub admin: Admin,
    /// Limits how many accounts an address may register.
    pub registrations: Throttle,
    /// The policy for registration.
    pub registration: Registration,
    /// Whether guests may log in without an account.
    pub guests: bool,
    /// How many commands each user may send; `None` for no limit.
    pub budgets: Option<Budgets>,
    /// The policy for a second login of a user.
    pub duplicate_login: DuplicateLogin,
    /// Which clients count as telnet.
    pub telnet: TelnetMode,
    /// The message of the day, shown after the welcome.
    pub motd: Option<Arc<str>>,
}

impl Shared {
    /// The surroundings of a command of this caller.
    fn context<'a>(&'a self, caller: &'a mut Caller) -> Context<'a> {
        Context { hub: &self.hub, admin: &self.admin, accounts: &self.accounts, caller }
    }
}

/// One connected client, as its own thread sees it.
pub(crate) struct Session<'a> {
    shared: &'a Shared,
    id: ClientId,
    connection: &'a Arc<Connection>,
    source: LineSource,
    buffer: Vec<u8>,
    /// When the login has to be finished.
    login_by: Instant,
    /// Small reads in a row; enough of them halve the buffer.
    small_reads: u32,
    /// A first byte has arrived.
    heard: bool,
    /// The client has closed its side.
    ended: bool,
}

/// The result of waiting for the client.
enum ReadOutcome {
    Bytes,
    End,
    Deadline,
}

/// Serves one client until it leaves. `slot` is its slot among the connections that log in; it is dropped after the login.
/// `known` is called when that was the login of a user with an account.
pub(crate) fn run<T>(shared: &Shared, id: ClientId, connection: &Arc<Connection>, slot: T, known: impl FnOnce()) {
    let mut session = Session::new(shared, id, connection);
    match connection.door().login(&mut session) {
        Ok(presence) => {
            drop(slot);
            if !presence.client().name.is_guest() {
                known();
            }
            session.chat(presence);
        }
        Err(reason) => {
            // The first one who asked for the end has given the reason.
            let reason = connection.closing().unwrap_or(reason);
            session.close_before_login(reason);
            drop(slot);
        }
    }
}

impl<'a> Session<'a> {
    fn new(shared: &'a Shared, id: ClientId, connection: &'a Arc<Connection>) -> Session<'a> {
        let limits = shared.hub.limits();
        Session {
            shared,
            id,
            connection,
            source: connection.door().source(limits.line_limit),
            buffer: vec![0; READ_MIN],
            login_by: Instant::now() + limits.login_timeout,
            small_reads: 0,
            heard: false,
            ended: false,
        }
    }
}

impl Session<'_> {
    fn close_before_login(&self, reason: QuitReason) {
        let level = match reason {
            // Logged with its cause already.
            QuitReason::LoginFailed => None,
            QuitReason::Eof | QuitReason::Lost | QuitReason::Shutdown => Some(Level::Debug),
            QuitReason::Quit
            | QuitReason::Idle
            | QuitReason::LoginTimeout
            | QuitReason::SlowReader
            | QuitReason::Flood
            | QuitReason::WrongProtocol
            | QuitReason::ServerFull
            | QuitReason::Crowded
            | QuitReason::Kicked
            | QuitReason::Banned
            | QuitReason::Replaced
            | QuitReason::Revoked
            | QuitReason::Deleted
            | QuitReason::Renamed(_)
            | QuitReason::Panic => Some(Level::Info),
        };
        if let Some(level) = level {
            let who = Who::Stranger(self.connection.peer());
            log_limit::note(level, "closed", who, &format!("reason=\"{}\"", reason.as_str()));
        }
        self.connection.say_last_words(reason, None);
    }

    /// Waits for bytes until `deadline` and feeds them to the source.
    fn read(&mut self, deadline: Option<Instant>) -> Result<ReadOutcome, QuitReason> {
        // Everything read before has been taken out of the source, so it knows by now whether this is a flood.
        if self.source.flooded() {
            return Err(QuitReason::Flood);
        }
        let outcome = self.connection.link().read(&mut self.buffer, deadline);
        if let Some(reason) = self.connection.closing() {
            return Err(reason);
        }
        match outcome {
            Ok(0) => Ok(ReadOutcome::End),
            Ok(n) => {
                let is_first = !std::mem::replace(&mut self.heard, true);
                if is_first && self.connection.door().is_foreign(&self.buffer[..n]) {
                    return Err(QuitReason::WrongProtocol);
                }
                self.feed(n);
                Ok(ReadOutcome::Bytes)
            }
            Err(e) if e.kind() == io::ErrorKind::TimedOut => Ok(ReadOutcome::Deadline),
            Err(_) => Err(QuitReason::Lost),
        }
    }

    /// Feeds the bytes of a read to the source, and further bytes where they filled the buffer: lines that were sent together
    /// are handled together. A raw message ends where its read does.
    fn feed(&mut self, mut read: usize) {
        loop {
            let size = self.buffer.len();
            self.source.feed(&self.buffer[..read], read == size);
            self.fit_buffer(read);
            if read < size || size >= READ_MAX || self.source.framing() != Framing::Lines {
                return;
            }
            match self.connection.link().read(&mut self.buffer, Some(Instant::now())) {
                Ok(n) if n > 0 => read = n,
                // The next read meets an end or an error again.
                _ => return,
            }
        }
    }

    /// Thousands of idle clients must not hold a large buffer each, and a busy one must not read in small pieces.
    fn fit_buffer(&mut self, read: usize) {
        let size = self.buffer.len();
        if self.source.framing() == Framing::Raw {
            // Each read is a message, so the buffer has to hold one that is longer than allowed.
            return self.buffer.resize(READ_MAX.max(self.shared.hub.limits().line_limit + 1), 0);
        }
        self.small_reads = if read * 4 > size { 0 } else { self.small_reads + 1 };
        if read == size && size < READ_MAX {
            self.buffer = vec![0; size * 2];
        } else if self.small_reads > 4 && size > READ_MIN {
            self.buffer = vec![0; size / 2];
            self.small_reads = 0;
        }
    }

    /// Puts the source's own replies to the client (telnet) before everything else that is written.
    fn send_source_replies(&mut self) {
        let replies = self.source.take_replies();
        if !replies.is_empty() {
            self.connection.prepend(&replies);
        }
    }

    /// When to stop waiting for bytes: at `deadline`, or earlier if a pause would complete a message without a line end.
    fn read_deadline(&self, deadline: Option<Instant>) -> Option<Instant> {
        let pause = self.source.wants_pause().then(|| Instant::now() + RAW_PAUSE);
        pause.into_iter().chain(deadline).min()
    }
}

/// The next moment that is a whole number of `step`s after `start`.
fn next_step(start: Instant, step: Duration, now: Instant) -> Instant {
    let passed = now.saturating_duration_since(start).as_nanos();
    let steps = passed / step.as_nanos().max(1) + 1;
    start + step * u32::try_from(steps).unwrap_or(u32::MAX)
}
