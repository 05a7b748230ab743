//! The login: a name, a password, one try. The same words and the same time for an unknown name and a wrong password.

use std::sync::Arc;
use std::time::Instant;

use super::wire::{Unwritten, WirePort};
use super::{Came, Session, next_step};
use crate::accounts::Verdict;
use crate::hub::{Presence, RegisterError, Registration};
use crate::model::limits::{LOGIN_COST, LOGIN_FAILURE_DELAY, RECIPIENTS_PER_TOKEN, STALE_SESSION_CHECK};
use crate::model::{EventKind, Name, Origin, Peer, QuitReason, TelnetMode, Voice};
use crate::transport::Input;

/// What became of a password.
enum Judged {
    Verdict(Verdict),
    TooMany,
}

impl Session<'_> {
    /// Asks for name and password and registers the user.
    ///
    /// # Errors
    /// Why the connection is to be closed instead.
    pub(super) fn login(&mut self, deadline: Instant) -> Result<Presence, QuitReason> {
        self.say(EventKind::AskName)?;
        let name = self.answer(deadline, |session, typed| session.knows(typed))?;
        self.choose_dialect();
        let name = name.trim_ascii();
        let mut judged = None;
        let secret = self.ask_password(name, deadline, &mut judged)?;
        // The LF of the name's CR LF may have come later than the name.
        self.choose_dialect();
        let asked = Instant::now();
        let judged = match judged {
            Some((looked_at, judged)) if looked_at == secret => judged,
            _ => self.judge(name, &secret, deadline),
        };
        match judged {
            Judged::Verdict(Verdict::Right(name)) => self.register(name),
            Judged::Verdict(Verdict::Wrong) => self.refuse(asked, EventKind::LoginRefused),
            Judged::TooMany => self.refuse(asked, EventKind::TooManyAttempts),
            Judged::Verdict(Verdict::Late) => Err(QuitReason::LoginTimeout),
        }
    }

    /// Answers in CR LF to who ends his own lines so.
    fn choose_dialect(&self) {
        self.wire.speak(self.dialect(Voice::default()));
    }

    fn say(&self, kind: EventKind) -> Result<(), QuitReason> {
        self.wire.queue(kind);
        self.flush()
    }

    fn flush(&self) -> Result<(), QuitReason> {
        // Who does not read what he is asked has no more time than who does not answer.
        let written = self.wire.write_all(None, Some(self.login_by), true);
        written.map_err(|Unwritten| self.wire.closing().unwrap_or(QuitReason::Lost))
    }

    /// Asks for the password, hidden where the client's terminal can. `judged` keeps what was found out about an answer
    /// that came without a line end.
    fn ask_password(
        &mut self,
        name: &[u8],
        deadline: Instant,
        judged: &mut Option<(Vec<u8>, Judged)>,
    ) -> Result<Vec<u8>, QuitReason> {
        let hidden = match self.shared.telnet {
            TelnetMode::Auto => self.source.counts_as_telnet(),
            TelnetMode::Always => true,
            TelnetMode::Never => false,
        };
        if hidden {
            self.wire.prepend(self.source.hide_input());
        }
        let secret = self.say(EventKind::AskPassword).and_then(|()| {
            self.answer(deadline, |session, typed| {
                // One look at an unfinished password; more would be a guess for each byte that trickles in.
                if judged.is_none() {
                    *judged = Some((typed.to_vec(), session.judge(name, typed, deadline)));
                }
                matches!(judged, Some((seen, Judged::Verdict(Verdict::Right(_)))) if seen == typed)
            })
        });
        if hidden {
            self.wire.prepend(self.source.show_input());
            self.wire.prepend(b"\r\n");
        }
        secret
    }

    /// One answer of the client: a line, or what came without a line end once `known` knows it or a pause has passed.
    fn answer(
        &mut self,
        deadline: Instant,
        mut known: impl FnMut(&Self, &[u8]) -> bool,
    ) -> Result<Vec<u8>, QuitReason> {
        loop {
            let (mut words, mut answer) = (None, None);
            while answer.is_none()
                && let Some(input) = self.source.next_input()
            {
                match input {
                    Input::Line(line) => answer = Some(line),
                    // No name and no password is that long; an empty one fails in the same way.
                    Input::TooLong { .. } => answer = Some(Vec::new()),
                    Input::Interrupt => words = Some(EventKind::HowToLeave { logged_in: false }),
                    Input::AreYouThere => words = Some(EventKind::StillHere),
                }
            }
            // Before anything else that is written: after an interrupt telnet shows nothing until it has its answer, and
            // a late WONT ECHO would undo the WILL ECHO of the password's prompt.
            self.answer_telnet();
            words.into_iter().for_each(|words| self.wire.queue(words));
            if let Some(answer) = answer {
                return Ok(answer);
            }
            self.flush()?;
            if self.source.partial().is_some_and(|typed| known(self, typed)) {
                self.source.settle();
            } else {
                self.await_answer(deadline)?;
            }
        }
    }

    /// Waits for more of an answer, or for the pause after which what is there is the answer.
    fn await_answer(&mut self, deadline: Instant) -> Result<(), QuitReason> {
        match self.read(self.pause_end(Some(deadline)))? {
            Came::Bytes => {}
            Came::Deadline if Instant::now() >= deadline => return Err(QuitReason::LoginTimeout),
            Came::Deadline => self.source.settle(),
            Came::End if self.ended => return Err(QuitReason::Eof),
            Came::End => {
                // What he left without a line end is his answer; if he left nothing, the next read ends this.
                self.source.finish();
                self.ended = true;
            }
        }
        Ok(())
    }

    fn knows(&self, typed: &[u8]) -> bool {
        parse_name(typed).is_some_and(|name| self.shared.accounts.find(&name).is_some())
    }

    /// Looks at a password, as often as the client's address may have one looked at.
    fn judge(&self, name: &[u8], secret: &[u8], deadline: Instant) -> Judged {
        let origin = Origin::of(self.wire.link().peer().ip());
        if !self.shared.throttle.take(origin, Instant::now()) {
            return Judged::TooMany;
        }
        let verdict = self.shared.accounts.judge(name, secret, deadline);
        if verdict != Verdict::Wrong {
            self.shared.throttle.give_back(origin);
        }
        Judged::Verdict(verdict)
    }

    /// Says no, at a time that does not depend on why.
    fn refuse(&self, asked: Instant, answer: EventKind) -> Result<Presence, QuitReason> {
        let why = match answer {
            EventKind::AlreadyHere => "already logged in",
            EventKind::TooManySessions { .. } => "too many sessions",
            EventKind::TooManyAttempts => "too many attempts",
            _ => "wrong name or password",
        };
        log::info!("login failed {} reason=\"{why}\"", Peer(self.wire.link().peer()));
        self.wire.pause(next_step(asked, LOGIN_FAILURE_DELAY, Instant::now()));
        if let Some(reason) = self.wire.closing() {
            return Err(reason);
        }
        self.say(answer)?;
        Err(QuitReason::LoginFailed)
    }

    fn register(&mut self, name: Name) -> Result<Presence, QuitReason> {
        let (asked, peer) = (Instant::now(), self.wire.link().peer());
        let port = Arc::new(WirePort(Arc::clone(self.wire)));
        let who = Registration { id: self.id, name, device: None, peer, port };
        self.pay_for_login(name);
        let patience = Instant::now() + STALE_SESSION_CHECK;
        loop {
            match self.shared.hub.register(&who, self.shared.duplicate_login) {
                Ok(presence) => {
                    log::info!("login user={name} {}", Peer(peer));
                    self.source.begin_chat();
                    return Ok(presence);
                }
                // A session whose client is gone notices it by itself; it only needs a moment to leave.
                Err(RegisterError::AlreadyHere(others)) => {
                    if !others.iter().all(|other| other.departed_by(patience)) {
                        return self.refuse(asked, EventKind::AlreadyHere);
                    }
                }
                Err(RegisterError::TooManySessions(limit)) => {
                    return self.refuse(asked, EventKind::TooManySessions { limit });
                }
                Err(RegisterError::Full) => return Err(QuitReason::ServerFull),
                Err(RegisterError::Closing) => return Err(QuitReason::Shutdown),
            }
        }
    }
}

impl Session<'_> {
    /// Everybody is told who comes and goes, so that is paid for like a broadcast; what was overdrawn before comes first.
    fn pay_for_login(&self, name: Name) {
        let Some(budgets) = &self.shared.budgets else { return };
        let budget = budgets.of(name);
        if let Some(debt) = budget.debt() {
            self.wire.pause((Instant::now() + debt).min(self.login_by));
        }
        budget.charge(LOGIN_COST * (1 + self.shared.hub.sessions() / RECIPIENTS_PER_TOKEN));
    }
}

fn parse_name(typed: &[u8]) -> Option<Name> {
    std::str::from_utf8(typed.trim_ascii()).ok()?.parse().ok()
}
