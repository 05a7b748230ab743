//! The command loop of a logged-in user, from the welcome to the last words.
//!
//! What a thread has touched of its stack it keeps for as long as its client is there. So what is deep is not made a part
//! of what lasts: the welcome has a frame of its own, beside that of the loop and not below it.

use std::sync::Arc;
use std::time::Instant;

use super::budget::Budget;
use super::dialog::Open;
use super::{ReadOutcome, Session, next_step};
use crate::command::{self, Context};
use crate::hub::{Client, ClientId, FlushList, PendingDelivery, PendingMessage, Presence};
use crate::model::limits::{BRIEF_FLUSH, BYTES_PER_TOKEN, LINES_PER_FLUSH, LOGIN_FAILURE_DELAY};
use crate::model::{Event, EventKind, LastWords, OutputFormat, QuitReason, Target, UserError, text};
use crate::transport::{Framing, Input};

/// What a logged-in session remembers from line to line.
pub(super) struct ChatState {
    me: Arc<Client>,
    target: Option<Target>,
    guest: Option<ClientId>,
    /// A command that asks further questions; the next lines are its answers.
    pub(super) dialog: Option<Open>,
    format: OutputFormat,
    /// What he has said and nobody has been told yet.
    drafts: Vec<PendingMessage>,
    /// What he has said and another thread delivers.
    pending: PendingDelivery,
    flush_list: FlushList,
    /// Lines handled since the last time that everything was written out.
    unsettled: usize,
    budget: Option<Budget>,
    slowed: bool,
}

impl ChatState {
    fn new(me: Arc<Client>, budget: Option<Budget>) -> ChatState {
        ChatState {
            me,
            target: None,
            guest: None,
            dialog: None,
            format: OutputFormat::default(),
            drafts: Vec::new(),
            pending: PendingDelivery::default(),
            flush_list: FlushList::default(),
            unsettled: 0,
            budget,
            slowed: false,
        }
    }

    /// Tells this client something that is no command's answer. He is about to be written to, so there is room.
    pub(super) fn answer(&self, kind: EventKind) {
        self.me.outbox.push(&Event::new(kind));
    }
}

impl Session<'_> {
    /// Serves a logged-in user until he leaves, and closes his connection.
    pub(super) fn chat(&mut self, presence: Presence) {
        let me = Arc::clone(presence.client());
        self.greet(&me);
        let reason = self.run_loop(&me);
        self.end_question();
        // While he is still here: or one user could come and go, and each time leave a thread that waits for him. And what
        // he has not been written when he leaves, he gets at his next login.
        let limit = match self.connection.closing().unwrap_or(reason).last_words() {
            LastWords::None => Some(Instant::now()),
            LastWords::Brief => Some(Instant::now() + BRIEF_FLUSH),
            LastWords::AllInTime => None,
        };
        let _ = self.connection.write_all(Some(&me.outbox), limit, limit.is_none());
        // Whoever asked for the end first has given the reason; our own reading only noticed it.
        let reason = self.connection.closing().unwrap_or(reason);
        presence.leave(reason);
        if self.shared.accounts.is_deleted(&me.name) && !self.shared.hub.is_renamed(&me.name) {
            // Leaving may have been written down once more. What cannot be done now is done as soon as it can.
            let _ = self.shared.hub.forget_user(me.name);
        }
        self.connection.farewell(reason, limit);
    }

    #[inline(never)]
    fn run_loop(&mut self, me: &Arc<Client>) -> QuitReason {
        let limits = self.shared.hub.limits();
        let budget = self.shared.budgets.as_ref().map(|budgets| budgets.of(me.name));
        let mut talk = ChatState::new(Arc::clone(me), budget);
        let mut heard_until = None;
        loop {
            match self.handle_all(&mut talk) {
                Err(reason) => return reason,
                Ok(_) if self.ended => return QuitReason::Eof,
                // Only whole lines put the idle deadline off; bytes that make none do not.
                Ok(lines) if lines > 0 || heard_until.is_none() => {
                    let now = Instant::now();
                    talk.me.note_activity(now);
                    heard_until = Some(now);
                }
                Ok(_) => {}
            }
            let idle = limits.idle_timeout.zip(heard_until).map(|(idle, last)| last + idle);
            match self.read(self.pause_end(idle)) {
                Ok(ReadOutcome::Bytes) => {}
                Ok(ReadOutcome::Deadline) if idle.is_some_and(|idle| Instant::now() >= idle) => {
                    return QuitReason::Idle;
                }
                Ok(ReadOutcome::Deadline) => self.source.settle(),
                Ok(ReadOutcome::End) => {
                    self.source.finish();
                    self.ended = true;
                }
                Err(reason) => return reason,
            }
        }
    }

    /// Handles every line that is there, then writes out what that caused: to the others first, to this client last.
    /// Returns how many lines there were, or why the session is to end.
    fn handle_all(&mut self, talk: &mut ChatState) -> Result<usize, QuitReason> {
        let mut lines = 0;
        while let Some(input) = self.source.next_input() {
            talk.pending.wait();
            if let Some(reason) = self.connection.closing().or_else(|| self.handle(input, talk)) {
                self.settle(talk);
                return Err(reason);
            }
            lines += 1;
            talk.unsettled += 1;
            if talk.unsettled >= LINES_PER_FLUSH || talk.flush_list.is_crowded() || talk.me.outbox.is_crowded() {
                self.settle(talk);
            }
            self.slow_down(talk);
        }
        self.answer_telnet();
        self.settle(talk);
        self.connection.closing().map_or(Ok(lines), Err)
    }

    fn handle(&mut self, input: Input, talk: &mut ChatState) -> Option<QuitReason> {
        // A sign of life is asked for with a question open or without, and answers none.
        let open = if input == Input::AreYouThere { None } else { talk.dialog.take() };
        if open.is_some() {
            self.end_question();
        }
        let (quit, next) = self.obey(input, open, talk);
        if let Some(next) = next.filter(|_| !quit) {
            talk.dialog = Some(next);
            self.ask(talk);
        }
        quit.then_some(QuitReason::Quit)
    }

    /// Carries out a command, or takes the answer to a question. Says whether the user wants to leave, and what is to be
    /// asked now.
    fn obey(&self, input: Input, open: Option<Open>, talk: &mut ChatState) -> (bool, Option<Open>) {
        let catch_up = |me: &Arc<Client>| drop(self.connection.write_all(Some(&me.outbox), None, true));
        let name = talk.me.name;
        let apply_format = |format| self.connection.apply_format(self.dialect(format), self.bell_policy(format, name));
        let delay_failure = |asked| self.connection.pause(next_step(asked, LOGIN_FAILURE_DELAY, Instant::now()));
        let mut dialog = None;
        let mut context = Context {
            hub: &self.shared.hub,
            accounts: &self.shared.accounts,
            admin: &self.shared.admin,
            throttle: &self.shared.throttle,
            me: &talk.me,
            target: &mut talk.target,
            guest: &mut talk.guest,
            drafts: &mut talk.drafts,
            flush_list: &mut talk.flush_list,
            catch_up: &catch_up,
            format: &mut talk.format,
            apply_format: &apply_format,
            delay_failure: &delay_failure,
            dialog: &mut dialog,
            cost: 1 + input.size() / BYTES_PER_TOKEN,
            quit: false,
        };
        let result = match open {
            None => self.carry_out(input, &mut context).map(|()| None),
            Some(open) => open.hear(input, &mut context),
        };
        let next = result.unwrap_or_else(|error| {
            context.reply(EventKind::Refused(error));
            None
        });
        let Context { cost, quit, .. } = context;
        if let Some(budget) = &talk.budget {
            budget.charge(cost);
        }
        (quit, next.or_else(|| dialog.map(Open::new)))
    }

    fn carry_out(&self, input: Input, context: &mut Context<'_>) -> Result<(), UserError> {
        match input {
            Input::Interrupt => context.reply(EventKind::HowToLeave { logged_in: true }),
            Input::AreYouThere => context.reply(EventKind::StillHere),
            // His client may wait for an answer to each message; who ends his lines only sees that the line was empty.
            Input::Line(line) if self.source.framing() == Framing::Raw && text::is_blank(&line) => {
                return Err(UserError::NoConversation);
            }
            Input::Line(line) => {
                let line = text::decode(&line).map_err(|text::NotUtf8| UserError::NotUtf8)?;
                return command::run(&line, context);
            }
            Input::TooLong { bytes } => return Err(UserError::LineTooLong(bytes, context.hub.limits().line_limit)),
        }
        Ok(())
    }

    /// Who sends faster than he may is not read for a while; that is all that happens to him.
    fn slow_down(&self, talk: &mut ChatState) {
        let Some(budget) = &talk.budget else { return };
        let Some(debt) = budget.debt() else {
            // Who stays at his limit is out of debt for a moment again and again, and would fill the log.
            talk.slowed &= !budget.is_recovered();
            return;
        };
        if !std::mem::replace(&mut talk.slowed, true) {
            log::info!("slowed user={}", talk.me.name);
        }
        self.settle(talk);
        self.connection.pause(Instant::now() + debt);
    }

    /// Writes out what this session has caused. It may wait for its own client, so he comes last.
    pub(super) fn settle(&self, talk: &mut ChatState) {
        let lines = std::mem::take(&mut talk.unsettled);
        if !talk.drafts.is_empty() {
            let only_spoke = lines == talk.drafts.len() && !talk.me.outbox.is_behind();
            talk.pending = self.shared.hub.submit(&talk.me, &mut talk.drafts);
            // Who delivers it writes to him as well.
            if only_spoke && talk.pending.is_with_leader() {
                return talk.flush_list.flush_except(Some(talk.me.id));
            }
        }
        talk.flush_list.flush_except(Some(talk.me.id));
        // A client who cannot be written to is closing, which the loop sees.
        let _ = self.connection.write_all(Some(&talk.me.outbox), None, true);
    }
}
