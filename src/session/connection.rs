//! The connection of one client: what is on its way to the client, who writes it, and how it all ends.
//!
//! # Who writes
//!
//! There is no writer thread per client: any thread may write what is queued, and the lock of the [`Writer`] elects the one
//! that does. The lock is never held over a wait for the client.
//!
//! - **Queue, then flush.** A thread queues an event in the client's outbox and then calls `flush`, which *tries* the
//!   lock. The thread that gets it takes what is queued, renders it into one page and writes that without waiting, page by
//!   page, until nothing is left or the socket is full.
//! - **Taken means: leave.** A thread that finds the lock taken leaves, because the holder looks at the outbox once more
//!   after releasing it ([`nothing_came`]). For this, both sides have a `SeqCst` fence: the leaving thread between queueing
//!   and trying the lock, the holder between releasing it and looking. One of the two always sees the other, so nothing
//!   stays behind.
//! - **Held outboxes.** Until a new session has been shown what it missed, and while a batch holds back echoes, a thread
//!   leaves without trying. `Outbox::release` and `Outbox::free_echoes` have the matching fences; the thread that releases
//!   writes once itself.
//! - **Socket full.** The rest stays in the [`Writer`] and the outbox is marked as behind. Everyone else leaves then, and
//!   one extra thread, `writer-N`, waits for the socket for as long as the client is behind.
//! - **Crowded or thorough.** A thread that finds the outbox more than half full, or that must know that everything was
//!   tried, waits for the lock instead of leaving. The holder never waits for the client, so this is short.
//! - **Leaving.** `conclude` holds the lock while the session leaves the hub, so that nothing is written meanwhile and
//!   what counts as written is what was written.
//!
//! `scheduled_tests` tries these rules under a scheduler that knows every interleaving; its memory order is the strictest,
//! so it does not test the fences.

#[cfg(all(test, feature = "shuttle"))]
mod scheduled_tests;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use log::Level;

use super::door::{Door, Output};
use super::next_step;
use crate::command::CallerConnection;
use crate::hub::{Client, ConnectionHandle, Outbox};
use crate::lock::{self, Condvar};
use crate::log_limit::{self, Who};
use crate::model::limits::{BRIEF_FLUSH, CLOSING_CHECK, LOGIN_FAILURE_DELAY, PAGE_KEPT, WRITE_BATCH, WRITER_STACK};
use crate::model::{Event, EventKind, LastWords, MessageId, Name, OutputFormat, QuitReason};
use crate::sync::{self, Mutex, fence};
use crate::transport::{Link, linger};

/// One client's connection, shared by the session's thread and by every thread that writes to the client or ends the
/// session.
pub(crate) struct Connection {
    link: Box<dyn Link>,
    door: &'static dyn Door,
    outbox_age: Duration,
    // lock tier 5: after the hub's write turn and before its central lock (see `conclude`); never held over a wait for the
    // client.
    writer: Mutex<Writer, 5>,
    /// Why the session is to end. The first reason counts.
    reason: OnceLock<QuitReason>,
    // lock tier 9: a leaf, for the condition variable.
    ended: (lock::Mutex<(), 9>, Condvar),
}

/// State that only the elected writer touches.
struct Writer {
    output: Box<dyn Output>,
    /// Bytes that were rendered and not yet taken by the connection.
    rest: Vec<u8>,
    /// When the oldest event in `rest` was queued.
    oldest: Instant,
    /// The last message of the log among the rendered events.
    newest: MessageId,
    /// A thread of its own waits for this client.
    has_thread: bool,
    /// The last event was a question that the client has not answered yet.
    at_prompt: bool,
}

impl Writer {
    /// Puts what is to be written next into `page`, which is empty.
    fn fill(&mut self, page: &mut Vec<u8>, outbox: Option<&Outbox>) {
        let Writer { output, rest, oldest, newest, at_prompt, .. } = self;
        // Its memory goes with it: a client that was behind once needs it no more.
        page.append(&mut std::mem::take(rest));
        // A rest goes out alone. Filled up again and again, it would never be gone and never get younger.
        let Some(outbox) = outbox.filter(|outbox| page.is_empty() || !outbox.is_behind()) else { return };
        let mut first = page.is_empty();
        outbox.take_coalesced(WRITE_BATCH, |event| {
            *newest = event.id.max(*newest);
            if event.kind == EventKind::Nothing {
                return;
            }
            *oldest = if std::mem::take(&mut first) { event.queued_at } else { *oldest };
            if std::mem::replace(at_prompt, event.kind.is_prompt()) {
                page.extend_from_slice(output.after_prompt());
            }
            output.put(event, page);
        });
    }

    fn append(&mut self, queued_at: Instant, put: impl FnOnce(&mut dyn Output, &mut Vec<u8>)) {
        if self.rest.is_empty() {
            self.oldest = queued_at;
        }
        put(&mut *self.output, &mut self.rest);
    }
}

/// How far writing got.
enum Progress {
    Done,
    /// The connection takes no more now; the client has to catch up by this time.
    Full(Instant),
    Gone,
}

/// The client did not take what was written: it was too slow, it is gone, or its session is to end.
pub(super) struct Unwritten;

sync::thread_local! {
    /// Where a thread renders what it writes: one page per writing thread instead of one per client.
    static PAGE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Connection {
    /// A connection that came in at this door. Once its client is behind, no event may wait longer than `outbox_age`.
    pub(crate) fn new(link: Box<dyn Link>, door: &'static dyn Door, outbox_age: Duration) -> Connection {
        let writer = Writer {
            output: door.output(),
            rest: Vec::new(),
            oldest: Instant::now(),
            newest: MessageId::default(),
            has_thread: false,
            at_prompt: false,
        };
        Connection {
            link,
            door,
            outbox_age,
            writer: Mutex::new(writer),
            reason: OnceLock::new(),
            ended: (lock::Mutex::new(()), Condvar::new()),
        }
    }

    pub(super) fn link(&self) -> &dyn Link {
        &*self.link
    }

    pub(super) fn door(&self) -> &'static dyn Door {
        self.door
    }

    /// The client's address.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.link.peer()
    }

    /// Why the session is to end, once it is.
    pub(crate) fn closing(&self) -> Option<QuitReason> {
        self.reason.get().copied()
    }

    /// Waits until `until`, or until the session is to end.
    pub(super) fn pause(&self, until: Instant) {
        let (lock, condvar) = &self.ended;
        let mut guard = lock.lock();
        while self.closing().is_none() && Instant::now() < until {
            condvar.wait_until(&mut guard, until);
        }
    }

    /// Replaces what turns events into bytes.
    pub(super) fn set_output(&self, output: Box<dyn Output>) {
        self.writer.lock().output = output;
    }

    /// Notes that the client has answered: the next event starts where the answer ended, not behind the question.
    pub(super) fn note_answered(&self) {
        self.writer.lock().at_prompt = false;
    }

    /// Puts bytes before the events in the outbox.
    pub(super) fn prepend(&self, bytes: &[u8]) {
        self.writer.lock().append(Instant::now(), |_, rest| rest.extend_from_slice(bytes));
    }

    /// Puts an event before those in the outbox, for a client that has no outbox yet or one that is held.
    pub(super) fn queue(&self, kind: EventKind) {
        let event = Event::new(kind);
        self.writer.lock().append(event.queued_at, |output, rest| output.put(&event, rest));
    }

    /// Writes everything there is, waiting for the client: at most until `limit`, or otherwise as long as an event may wait;
    /// with `unless_closing` also not much longer than the session lasts.
    pub(super) fn write_all(
        &self,
        outbox: Option<&Outbox>,
        limit: Option<Instant>,
        unless_closing: bool,
    ) -> Result<(), Unwritten> {
        loop {
            let progress = self.write_some(&mut self.writer.lock(), outbox);
            let until = match progress {
                Progress::Done if outbox.is_none_or(nothing_came) => return Ok(()),
                Progress::Done => continue,
                Progress::Gone => return Err(Unwritten),
                Progress::Full(until) => limit.unwrap_or(until),
            };
            let now = Instant::now();
            if now >= until {
                self.close(QuitReason::SlowReader);
                return Err(Unwritten);
            }
            if unless_closing && self.closing().is_some() {
                return Err(Unwritten);
            }
            // At the deadline the wait ends with an error; the loop checks the clock itself.
            let _ = self.link.wait_writable(until.min(now + CLOSING_CHECK));
        }
    }

    /// Renders what is queued and writes it, page by page, until nothing is left or the connection takes no more.
    fn write_some(&self, writer: &mut Writer, outbox: Option<&Outbox>) -> Progress {
        let write = || {
            PAGE.with(|page| {
                let mut page = page.borrow_mut();
                let progress = self.write_pages(&mut page, writer, outbox);
                page.clear();
                page.shrink_to(PAGE_KEPT);
                progress
            })
        };
        // A fault while writing to one client must end that client's session, not the one of the thread that writes.
        catch_unwind(AssertUnwindSafe(write)).unwrap_or_else(|_| self.abandon(writer, outbox, QuitReason::Panic))
    }

    /// Gives the connection up. What was rendered is lost with it and must never count as written.
    fn abandon(&self, writer: &mut Writer, outbox: Option<&Outbox>, reason: QuitReason) -> Progress {
        writer.newest = MessageId::default();
        outbox.inspect(|outbox| outbox.seal());
        self.close(reason);
        Progress::Gone
    }

    fn write_pages(&self, page: &mut Vec<u8>, writer: &mut Writer, outbox: Option<&Outbox>) -> Progress {
        loop {
            page.clear();
            writer.fill(page, outbox);
            let written = self.try_write(page);
            if let Some(outbox) = outbox {
                outbox.set_behind(matches!(written, Ok(n) if n < page.len()));
                if matches!(written, Ok(n) if n == page.len()) {
                    outbox.note_written(writer.newest);
                }
            }
            match written {
                Ok(n) if n < page.len() => {
                    writer.rest.extend_from_slice(&page[n..]);
                    return Progress::Full(writer.oldest + self.outbox_age);
                }
                Ok(_) if outbox.is_none_or(Outbox::is_idle) => return Progress::Done,
                Ok(_) => {}
                Err(_) => return self.abandon(writer, outbox, QuitReason::Lost),
            }
        }
    }

    /// Writes until all bytes are gone or the connection takes no more; returns how many it took.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut sent = 0;
        while sent < bytes.len() {
            match self.link.try_write(&bytes[sent..]) {
                Ok(n) => sent += n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) => return Err(e),
            }
        }
        Ok(sent)
    }

    /// Gives a client that is behind a thread of its own, for as long as it is.
    fn start_thread(client: &Arc<Client>, connection: &Arc<Connection>) {
        let (for_client, for_connection) = (Arc::clone(client), Arc::clone(connection));
        let name = format!("writer-{}", client.id.0);
        if let Err(e) = sync::start(&name, WRITER_STACK, move || for_connection.write_while_behind(&for_client)) {
            log_limit::note(
                Level::Warn,
                "no thread for a slow reader",
                Who::Anywhere(client.name),
                &format!("error={e}"),
            );
            client.outbox.seal();
            client.close(QuitReason::SlowReader);
        }
    }

    fn write_while_behind(&self, client: &Arc<Client>) {
        log_limit::note(Level::Debug, "behind", Who::Anywhere(client.name), "");
        loop {
            let result = self.write_all(Some(&client.outbox), None, true);
            let mut writer = self.writer.lock();
            // Another thread may have found the socket full again and relied on this one, which it saw was still here.
            if result.is_err() || !client.outbox.is_behind() {
                writer.has_thread = false;
                break;
            }
        }
        match self.closing() {
            Some(QuitReason::SlowReader) => client.outbox.seal(),
            // The lock was taken once more, so the outbox needs one more look after its release.
            None if !nothing_came(&client.outbox) => client.flush(),
            _ => {}
        }
    }
}

/// The look at the outbox after releasing the lock: others may have queued something and found the lock taken.
fn nothing_came(outbox: &Outbox) -> bool {
    // Pairs with the fence in `flush`.
    fence(Ordering::SeqCst);
    outbox.is_idle()
}

/// The hub's handle to a connection.
pub(super) struct HubHandle(pub(super) Arc<Connection>);

impl ConnectionHandle for HubHandle {
    fn flush(&self, client: &Arc<Client>, thorough: bool) {
        let (connection, outbox) = (&self.0, &client.outbox);
        // Pairs with the fence in `nothing_came`: either this thread gets the lock, or its holder sees what was queued.
        fence(Ordering::SeqCst);
        if outbox.is_held() {
            return;
        }
        loop {
            let mut writer = match connection.writer.try_lock() {
                Some(writer) => writer,
                // The writing thread has to have its turn first, or the outbox would overflow through no fault of the client.
                None if (thorough || outbox.is_crowded()) && !outbox.is_behind() => connection.writer.lock(),
                None => return,
            };
            if outbox.is_behind() {
                return;
            }
            match connection.write_some(&mut writer, Some(outbox)) {
                Progress::Done => {}
                Progress::Gone => return,
                Progress::Full(_) => {
                    let has_thread = std::mem::replace(&mut writer.has_thread, true);
                    drop(writer);
                    if !has_thread {
                        Connection::start_thread(client, connection);
                    }
                    return;
                }
            }
            drop(writer);
            if nothing_came(outbox) {
                return;
            }
        }
    }

    fn conclude(&self, client: &Client, work: &mut dyn FnMut()) {
        let mut writer = self.0.writer.lock();
        work();
        if !writer.rest.is_empty() {
            // The partly written line counts as not written, and must not run into the last words.
            writer.rest = b"\r\n".to_vec();
            writer.newest = MessageId::default();
        }
        client.outbox.seal();
    }

    fn close(&self, reason: QuitReason) {
        self.0.close(reason);
    }
}

impl CallerConnection for Connection {
    fn catch_up(&self, client: &Client) {
        // A client that cannot be written to is closing, which the session's loop sees.
        let _ = self.write_all(Some(&client.outbox), None, true);
    }

    fn set_format(&self, user: Name, format: OutputFormat) {
        self.writer.lock().output.set_format(user, format);
    }

    fn delay_failure(&self, asked: Instant) {
        self.pause(next_step(asked, LOGIN_FAILURE_DELAY, Instant::now()));
    }
}

/// The end of a connection: a reason, last words, and a close that does not lose them.
impl Connection {
    /// Asks the session to end for this reason, of which the first one counts, and wakes its thread.
    pub(crate) fn close(&self, reason: QuitReason) {
        if self.reason.set(reason).is_err() {
            return;
        }
        match reason.last_words() {
            LastWords::None => self.link.abort(),
            LastWords::Brief | LastWords::AllInTime => self.link.stop_reading(),
        }
        drop(self.ended.0.lock());
        self.ended.1.notify_all();
    }

    /// Writes what this reason still allows and closes the connection. `by` is when that has to be done, where it has been
    /// decided already.
    pub(super) fn say_last_words(&self, reason: QuitReason, by: Option<Instant>) {
        let limit = match reason.last_words() {
            LastWords::None => return self.link.abort(),
            LastWords::Brief => Some(by.unwrap_or_else(|| Instant::now() + BRIEF_FLUSH)),
            LastWords::AllInTime => None,
        };
        self.queue(EventKind::Closed { reason });
        match self.write_all(None, limit, false) {
            Ok(()) => {
                self.link.finish();
                // A client that has closed its side sends nothing more.
                if reason != QuitReason::Eof {
                    linger(&*self.link, || self.closing().is_some());
                }
            }
            Err(Unwritten) => self.link.abort(),
        }
    }

    /// Tells a client why it is not served and closes, without waiting for anything: for the thread that accepts.
    pub(crate) fn refuse(&self, answer: EventKind) {
        self.queue(answer);
        // Bytes that are not taken at once are lost; the accepting thread waits for nobody.
        let _ = self.write_all(None, Some(Instant::now()), false);
        self.link.finish();
    }

    /// Closes after a fault of ours, with a word about it.
    pub(crate) fn give_up(&self) {
        self.close(QuitReason::Panic);
        self.say_last_words(QuitReason::Panic, None);
    }
}
