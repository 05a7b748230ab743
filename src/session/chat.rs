//! The command loop of a logged-in user, from the welcome to the last words.
//!
//! A thread keeps every page of its stack that it has touched for as long as its client is there. So whatever goes deep
//! is kept out of the frames that last: the welcome has a frame of its own, beside that of the loop and not below it.

use std::sync::Arc;
use std::time::Instant;

use log::Level;

use super::budget::{Budget, Spent};
use super::dialog::OpenDialog;
use super::{ReadOutcome, Session};
use crate::command::Caller;
use crate::hub::{Client, PendingDelivery, Presence};
use crate::log_limit::{self, Who};
use crate::model::limits::{BRIEF_FLUSH, BYTES_PER_TOKEN, LINES_PER_FLUSH};
use crate::model::{Event, EventKind, LastWords, QuitReason};
use crate::transport::Input;

/// The state of a logged-in session between lines.
pub(super) struct ChatState {
    caller: Caller,
    /// A command that asks questions; the next lines are its answers.
    pub(super) dialog: Option<OpenDialog>,
    /// Messages of this user that another thread delivers.
    pending: PendingDelivery,
    /// Lines handled since everything was last written.
    unsettled: usize,
    budget: Option<Budget>,
    /// The budget after the last line.
    spent: Spent,
    /// The user has overdrawn the budget, and not recovered since: it is logged once.
    slowed: bool,
}

impl ChatState {
    /// Tells this client something outside a command. It is about to be written, so there is room.
    pub(super) fn queue(&self, kind: EventKind) {
        self.caller.client.outbox.push(&Event::new(kind));
    }
}

impl Session<'_> {
    /// Serves a logged-in user until they leave, and closes the connection.
    pub(super) fn chat(&mut self, presence: Presence) {
        let me = Arc::clone(presence.client());
        self.greet(&me);
        let reason = self.run_loop(&me);
        self.end_question();
        // Before the session leaves the hub: otherwise a user could come and go, each time leaving a thread behind that
        // waits for them. Messages that are not written by then are shown at the next login.
        let limit = match self.connection.closing().unwrap_or(reason).last_words() {
            LastWords::None => Some(Instant::now()),
            LastWords::Brief => Some(Instant::now() + BRIEF_FLUSH),
            LastWords::AllInTime => None,
        };
        let _ = self.connection.write_all(Some(&me.outbox), limit, limit.is_none());
        // The first one who asked for the end has given the reason; our own reading only noticed it.
        let reason = self.connection.closing().unwrap_or(reason);
        presence.leave(reason);
        if self.shared.accounts.is_deleted(&me.name) && !self.shared.hub.is_renamed(&me.name) {
            // Leaving may have stored something once more. If it cannot be erased now, the hub does so as soon as it can.
            let _ = self.shared.hub.forget_user(me.name);
        }
        self.connection.say_last_words(reason, limit);
    }

    #[inline(never)]
    fn run_loop(&mut self, me: &Arc<Client>) -> QuitReason {
        let limits = self.shared.hub.limits();
        let mut chat = ChatState {
            caller: Caller::new(Arc::clone(me), Arc::clone(self.connection) as _),
            dialog: None,
            pending: PendingDelivery::default(),
            unsettled: 0,
            budget: self.shared.budgets.as_ref().map(|budgets| budgets.of(me.name)),
            spent: Spent::Recovered,
            slowed: false,
        };
        let mut active_at = None;
        loop {
            match self.handle_all(&mut chat) {
                Err(reason) => return reason,
                Ok(_) if self.ended => return QuitReason::Eof,
                // Only complete lines put the idle deadline off; bytes that complete none do not.
                Ok(lines) if lines > 0 || active_at.is_none() => {
                    let now = Instant::now();
                    me.note_activity(now);
                    active_at = Some(now);
                }
                Ok(_) => {}
            }
            let idle = limits.idle_timeout.zip(active_at).map(|(timeout, last)| last + timeout);
            match self.read(self.read_deadline(idle)) {
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

    /// Handles every line that has arrived, then writes what they caused: to the others first, to this client last.
    /// Returns how many lines there were, or why the session is to end.
    fn handle_all(&mut self, chat: &mut ChatState) -> Result<usize, QuitReason> {
        let mut lines = 0;
        while let Some(input) = self.source.next_input() {
            chat.pending.wait();
            if let Some(reason) = self.connection.closing().or_else(|| self.handle(input, chat)) {
                self.settle(chat);
                return Err(reason);
            }
            lines += 1;
            chat.unsettled += 1;
            let Caller { client, flush_list, .. } = &chat.caller;
            if chat.unsettled >= LINES_PER_FLUSH || flush_list.is_crowded() || client.outbox.is_crowded() {
                self.settle(chat);
            }
            self.slow_down(chat);
        }
        self.send_source_replies();
        self.settle(chat);
        self.connection.closing().map_or(Ok(lines), Err)
    }

    /// Handles one line. Returns a reason when the user wants to leave.
    fn handle(&mut self, input: Input, chat: &mut ChatState) -> Option<QuitReason> {
        // A sign of life may be asked for while a question is open, and does not answer it.
        let open = if input == Input::AreYouThere { None } else { chat.dialog.take() };
        if open.is_some() {
            self.end_question();
        }
        let next = self.execute(input, open, chat);
        if chat.caller.quit {
            return Some(QuitReason::Quit);
        }
        if next.is_some() {
            chat.dialog = next;
            self.ask(chat);
        }
        None
    }

    /// Executes a command, or takes the answer to a question. Returns the dialog that goes on from here.
    fn execute(&self, input: Input, open: Option<OpenDialog>, chat: &mut ChatState) -> Option<OpenDialog> {
        chat.caller.cost = 1 + input.size() / BYTES_PER_TOKEN;
        let mut context = self.shared.context(&mut chat.caller);
        let result = match open {
            None => self.connection.door().execute(input, self, &mut context).map(|()| None),
            Some(open) => open.on_answer(input, &mut context),
        };
        let next = result.unwrap_or_else(|error| {
            context.reply(EventKind::Refused(error));
            None
        });
        chat.caller.tag = None;
        if let Some(budget) = &chat.budget {
            chat.spent = budget.spend(chat.caller.cost);
        }
        next.or_else(|| chat.caller.dialog.take().map(OpenDialog::new))
    }

    /// Stops reading from a user who sends faster than allowed until their budget is positive again.
    fn slow_down(&self, chat: &mut ChatState) {
        let until = match chat.spent {
            Spent::OverdrawnUntil(until) if until > Instant::now() => until,
            // A user who stays at the limit is out of debt for a moment again and again, and would fill the log.
            Spent::OverdrawnUntil(_) | Spent::Low => return,
            Spent::Recovered => return chat.slowed = false,
        };
        if !std::mem::replace(&mut chat.slowed, true) {
            log_limit::note(Level::Info, "slowed", Who::Anywhere(chat.caller.client.name), "");
        }
        self.settle(chat);
        self.connection.pause(until);
    }

    /// Writes what this session has caused. It may wait for its own client, so that one comes last.
    pub(super) fn settle(&self, chat: &mut ChatState) {
        let lines = std::mem::take(&mut chat.unsettled);
        let Caller { client, drafts, flush_list, .. } = &mut chat.caller;
        if !drafts.is_empty() {
            let only_spoke = lines == drafts.len() && !client.outbox.is_behind();
            chat.pending = self.shared.hub.submit(client, drafts);
            // The thread that delivers the messages writes to this client as well.
            if only_spoke && chat.pending.is_with_leader() {
                return flush_list.flush_except(Some(client.id));
            }
        }
        flush_list.flush_except(Some(client.id));
        // A client that cannot be written to is closing, which the loop sees.
        let _ = self.connection.write_all(Some(&client.outbox), None, true);
    }
}
