//! The login: a name, a password, one try. The same words and the same time for an unknown name and a wrong password.

use std::time::Instant;

use super::authenticate::LoginOutcome;
use super::bell::BellPolicy;
use super::connection::Unwritten;
use super::{ReadOutcome, Session, next_step, registration};
use crate::hub::Presence;
use crate::model::limits::LOGIN_FAILURE_DELAY;
use crate::model::{EventKind, LoginError, OutputFormat, Peer, QuitReason, RegistrationError};
use crate::transport::Input;

impl Session<'_> {
    /// Asks for name and password and registers the user.
    ///
    /// # Errors
    /// Why the connection is to be closed instead.
    pub(super) fn login(&mut self, deadline: Instant) -> Result<Presence, QuitReason> {
        self.say(EventKind::AskName)?;
        let name = self.answer(deadline, |session, typed| session.knows(typed))?;
        self.choose_dialect();
        if let Some(words) = registration::words_of(&name) {
            return self.sign_up(&words);
        }
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
            LoginOutcome::User(name, token) => self.enter(name, token),
            LoginOutcome::Guest => self.enter_as_guest(),
            LoginOutcome::Wrong => self.refuse(asked, LoginError::WrongNameOrPassword),
            LoginOutcome::TooMany => self.refuse(asked, LoginError::TooManyAttempts),
            LoginOutcome::Late => Err(QuitReason::LoginTimeout),
            LoginOutcome::Unreadable => self.refuse(asked, LoginError::TokensUnreadable),
        }
    }

    /// Answers in CR LF to who ends his own lines so.
    pub(super) fn choose_dialect(&self) {
        self.connection.apply_format(self.dialect(OutputFormat::default()), BellPolicy::default());
    }

    fn say(&self, kind: EventKind) -> Result<(), QuitReason> {
        self.connection.queue(kind);
        self.flush()
    }

    fn flush(&self) -> Result<(), QuitReason> {
        // Who does not read what he is asked has no more time than who does not answer.
        let written = self.connection.write_all(None, Some(self.login_by), true);
        written.map_err(|Unwritten| self.connection.closing().unwrap_or(QuitReason::Lost))
    }

    /// Asks for the password. `judged` keeps what was found out about an answer that came without a line end.
    fn ask_password(
        &mut self,
        name: &[u8],
        deadline: Instant,
        judged: &mut Option<(Vec<u8>, LoginOutcome)>,
    ) -> Result<Vec<u8>, QuitReason> {
        self.ask_hidden(EventKind::AskPassword, deadline, |session, typed| {
            // One look at an unfinished password; more would be a guess for each byte that trickles in.
            if judged.is_none() {
                *judged = Some((typed.to_vec(), session.judge(name, typed, deadline)));
            }
            matches!(judged, Some((seen, LoginOutcome::User(..) | LoginOutcome::Guest)) if seen == typed)
        })
    }

    /// Asks for something whose answer is hidden where the client's terminal can.
    pub(super) fn ask_hidden(
        &mut self,
        question: EventKind,
        deadline: Instant,
        known: impl FnMut(&Self, &[u8]) -> bool,
    ) -> Result<Vec<u8>, QuitReason> {
        let hidden = self.hides_typing();
        if hidden {
            self.connection.prepend(self.source.hide_input());
        }
        // To who has sent his answer already it goes out together with what comes of that.
        self.connection.queue(question);
        let secret = self.answer(deadline, known);
        if hidden {
            self.connection.prepend(self.source.show_input());
            self.connection.prepend(b"\r\n");
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
            words.into_iter().for_each(|words| self.connection.queue(words));
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
            ReadOutcome::Bytes => {}
            ReadOutcome::Deadline if Instant::now() >= deadline => return Err(QuitReason::LoginTimeout),
            ReadOutcome::Deadline => self.source.settle(),
            ReadOutcome::End if self.ended => return Err(QuitReason::Eof),
            ReadOutcome::End => {
                // What he left without a line end is his answer; if he left nothing, the next read ends this.
                self.source.finish();
                self.ended = true;
            }
        }
        Ok(())
    }

    pub(super) fn refuse(&self, asked: Instant, why: LoginError) -> Result<Presence, QuitReason> {
        log::info!("login failed {} reason=\"{}\"", Peer(self.connection.link().peer()), why.as_str());
        self.shared.admin.note_login(why.as_str());
        self.refuse_with(asked, EventKind::LoginFailed(why))
    }

    pub(super) fn refuse_registration(&self, asked: Instant, why: RegistrationError) -> Result<Presence, QuitReason> {
        log::info!("registration failed {} reason=\"{}\"", Peer(self.connection.link().peer()), why.as_str());
        self.shared.admin.note_login("not registered");
        self.refuse_with(asked, EventKind::RegistrationFailed(why))
    }

    /// Refuses at a time that does not depend on the reason.
    fn refuse_with(&self, asked: Instant, answer: EventKind) -> Result<Presence, QuitReason> {
        self.connection.pause(next_step(asked, LOGIN_FAILURE_DELAY, Instant::now()));
        if let Some(reason) = self.connection.closing() {
            return Err(reason);
        }
        self.say(answer)?;
        Err(QuitReason::LoginFailed)
    }
}
