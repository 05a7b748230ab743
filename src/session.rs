//! Floor 5, the session: one client from the accepted connection to the closed one, on one thread of his own.
//!
//! It reads lines, lets commands work on the hub, and afterwards writes out what it caused. It knows no listener.

mod api;
mod attach;
mod authenticate;
mod bell;
mod budget;
mod catchup;
mod chat;
mod close;
mod connection;
mod dialog;
mod login;
mod registration;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use api::{ApiRequest, NotAllowed, register};
use bell::BellPolicy;
pub use budget::Budgets;
pub use connection::Connection;

use crate::accounts::{Accounts, Throttle};
use crate::admin::Admin;
use crate::hub::{ClientId, Hub};
use crate::model::limits::{RAW_PAUSE, READ_MAX, READ_MIN};
use crate::model::{DuplicateLogin, Mode, Name, OutputFormat, Peer, QuitReason, Registration, TelnetMode};
use crate::protocol::{Dialect, JSON, MACHINE, PLAIN, PLAIN_CRLF, PLAIN_CRLF_IDS, PLAIN_IDS};
use crate::transport::{Framing, LineSource};

/// How a client of another protocol begins: a TLS handshake, or an HTTP request.
const FOREIGN: [&[u8]; 11] = [
    b"\x16\x03",
    b"GET ",
    b"POST ",
    b"HEAD ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"CONNECT ",
    b"PATCH ",
    b"TRACE ",
    b"PRI * HTTP",
];

/// What all sessions of a server share.
pub struct Shared {
    /// Where everybody is.
    pub hub: Hub,
    /// Who has an account.
    pub accounts: Accounts,
    /// Where operators work.
    pub admin: Admin,
    /// Who guessed too often.
    pub throttle: Throttle,
    /// Who made too many accounts.
    pub registrations: Throttle,
    /// Who may make an account for himself.
    pub registration: Registration,
    /// Whether people may come in without an account.
    pub guests: bool,
    /// What each user may still do at once; `None` for no limit.
    pub budgets: Option<Budgets>,
    /// What a second login of a user does.
    pub duplicate_login: DuplicateLogin,
    /// Who counts as telnet.
    pub telnet: TelnetMode,
    /// What everybody reads after the welcome.
    pub motd: Option<Arc<str>>,
}

/// One connected client, as his own thread sees him.
struct Session<'a> {
    shared: &'a Shared,
    id: ClientId,
    connection: &'a Arc<Connection>,
    source: LineSource,
    buffer: Vec<u8>,
    /// Until when the login has to be finished.
    login_by: Instant,
    /// Small reads in a row; enough of them halve the buffer.
    small_reads: u32,
    /// Whether a first byte has come.
    heard: bool,
    /// Whether the client has closed his side.
    ended: bool,
}

/// What waiting for the client brought.
enum ReadOutcome {
    Bytes,
    End,
    Deadline,
}

/// Serves one client until he leaves. `place` is his place among those who log in; it is dropped once he has.
pub fn run<T>(shared: &Shared, id: ClientId, connection: &Arc<Connection>, place: T) {
    let login_by = Instant::now() + shared.hub.limits().login_timeout;
    let mut session = Session::new(shared, id, connection, login_by);
    match session.login(login_by) {
        Ok(presence) => {
            drop(place);
            session.chat(presence);
        }
        Err(reason) => {
            // Whoever asked for the end first has given the reason.
            let reason = connection.closing().unwrap_or(reason);
            session.tell_before_login(reason);
            drop(place);
        }
    }
}

impl<'a> Session<'a> {
    fn new(shared: &'a Shared, id: ClientId, connection: &'a Arc<Connection>, login_by: Instant) -> Session<'a> {
        let source = LineSource::new(shared.hub.limits().line_limit);
        let buffer = vec![0; READ_MIN];
        Session { shared, id, connection, source, buffer, login_by, small_reads: 0, heard: false, ended: false }
    }
}

impl Session<'_> {
    fn tell_before_login(&self, reason: QuitReason) {
        let peer = Peer(self.connection.link().peer());
        match reason {
            QuitReason::LoginFailed => {}
            QuitReason::Eof | QuitReason::Lost | QuitReason::Shutdown => {
                log::debug!("closed {peer} reason=\"{reason}\"")
            }
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
            | QuitReason::Panic => log::info!("closed {peer} reason=\"{reason}\""),
        }
        self.connection.farewell(reason, None);
    }

    /// Waits for bytes until `deadline` and hands them to the source, together with its telnet answers to the client.
    fn read(&mut self, deadline: Option<Instant>) -> Result<ReadOutcome, QuitReason> {
        // Everything read before has been taken apart by now, so what was too much of it is known before waiting for more.
        if self.source.flooded() {
            return Err(QuitReason::Flood);
        }
        let came = self.connection.link().read(&mut self.buffer, deadline);
        if let Some(reason) = self.connection.closing() {
            return Err(reason);
        }
        match came {
            Ok(0) => return Ok(ReadOutcome::End),
            Ok(n) if !std::mem::replace(&mut self.heard, true) && is_foreign(&self.buffer[..n]) => {
                return Err(QuitReason::WrongProtocol);
            }
            Ok(n) => self.take(n),
            Err(e) if e.kind() == io::ErrorKind::TimedOut => return Ok(ReadOutcome::Deadline),
            Err(_) => return Err(QuitReason::Lost),
        }
        Ok(ReadOutcome::Bytes)
    }

    /// Hands over what a read has brought, and what else is there where that was as much as fitted into the buffer: what
    /// a client has sent together is handled together. A raw message ends where its read does.
    fn take(&mut self, mut read: usize) {
        loop {
            let size = self.buffer.len();
            self.source.feed(&self.buffer[..read]);
            self.fit_buffer(read);
            if read < size || size >= READ_MAX || self.source.framing() != Framing::Lines {
                return;
            }
            match self.connection.link().read(&mut self.buffer, Some(Instant::now())) {
                Ok(n) if n > 0 => read = n,
                // An end or a fault is met again by the next read.
                _ => return,
            }
        }
    }

    /// Thousands of idle clients should not hold a large buffer each, and a busy one should not read in small bits.
    fn fit_buffer(&mut self, read: usize) {
        let size = self.buffer.len();
        if self.source.framing() == Framing::Raw {
            // Each read is a message, so it has to fit one that is longer than allowed.
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

    /// What is spoken to this client who wants to be told things like this.
    fn dialect(&self, format: OutputFormat) -> &'static dyn Dialect {
        if self.connection.link().carries_messages() {
            return &JSON;
        }
        match (format.mode, self.source.ends_in_crlf(), format.ids) {
            (Mode::Machine, ..) => &MACHINE,
            (Mode::Plain, false, false) => &PLAIN,
            (Mode::Plain, false, true) => &PLAIN_IDS,
            (Mode::Plain, true, false) => &PLAIN_CRLF,
            (Mode::Plain, true, true) => &PLAIN_CRLF_IDS,
        }
    }

    /// When the bell rings for this user who wants to be told things like this.
    fn bell_policy(&self, format: OutputFormat, user: Name) -> BellPolicy {
        if self.connection.link().carries_messages() { BellPolicy::default() } else { BellPolicy::new(format, user) }
    }

    /// Puts what telnet wants to hear back before the next thing that is written.
    fn answer_telnet(&mut self) {
        let replies = self.source.take_replies();
        if !replies.is_empty() {
            self.connection.prepend(&replies);
        }
    }

    /// Until when a client without line ends may be silent before what he sent is taken as it is.
    fn pause_end(&self, deadline: Option<Instant>) -> Option<Instant> {
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

fn is_foreign(first_bytes: &[u8]) -> bool {
    FOREIGN.iter().any(|start| first_bytes.starts_with(start))
}
