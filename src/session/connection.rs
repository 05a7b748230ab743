//! The writing side of one client: his dialect, what is on its way to him, and the flag that ends his session.
//!
//! Anybody may write what is queued; a try-lock elects who does. The lock is never held over a wait, so whoever finds it
//! taken may leave: who holds it looks once more after releasing it, and nothing stays behind.

mod handle;
#[cfg(all(test, feature = "shuttle"))]
mod scheduled_tests;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::Condvar;

use super::bell::{BEL, BellPolicy};
use crate::protocol::{Dialect, JSON, PLAIN};
pub(super) use handle::WirePort;

use crate::hub::Outbox;
use crate::model::limits::{CLOSING_CHECK, PAGE_KEPT, WRITE_BATCH};
use crate::model::{Event, EventKind, LastWords, MessageId, QuitReason};
use crate::sync::{self, Mutex, fence};
use crate::transport::Link;

/// One client's connection, shared by his own thread and by all who write to him or end his session.
pub struct Connection {
    link: Box<dyn Link>,
    outbox_age: Duration,
    writing: Mutex<Writer>,
    reason: OnceLock<QuitReason>,
    ended: (parking_lot::Mutex<()>, Condvar),
}

/// What only the elected writer touches.
struct Writer {
    dialect: &'static dyn Dialect,
    bell_policy: BellPolicy,
    /// Rendered, but not yet taken by the connection.
    rest: Vec<u8>,
    /// When the oldest event of `rest` happened.
    oldest: Instant,
    /// The last message of the log among what has been rendered.
    newest: MessageId,
    /// Whether a thread of its own waits for this client.
    has_writer: bool,
    /// Whether the last event was a question that the client has not answered yet.
    at_prompt: bool,
}

impl Writer {
    /// Puts what is to be written next into `page`, which is empty.
    fn fill(&mut self, page: &mut Vec<u8>, outbox: Option<&Outbox>) {
        let Writer { dialect, bell_policy, rest, oldest, newest, at_prompt, .. } = self;
        // Its memory goes with it: a client who was behind once needs it no more.
        page.append(&mut std::mem::take(rest));
        // What is left over goes out alone; filled up again and again it would never be gone, nor get younger.
        let Some(outbox) = outbox.filter(|outbox| page.is_empty() || !outbox.is_behind()) else { return };
        let mut first = page.is_empty();
        outbox.take_coalesced(WRITE_BATCH, |event| {
            *newest = event.id.max(*newest);
            if event.kind == EventKind::Nothing {
                return;
            }
            *oldest = if std::mem::take(&mut first) { event.queued_at } else { *oldest };
            if std::mem::replace(at_prompt, event.kind.is_prompt()) {
                page.extend_from_slice(dialect.after_prompt());
            }
            if bell_policy.is_silent() {
                return page.extend_from_slice(dialect.encode(event));
            }
            for event in event.each() {
                if bell_policy.rings(&event.kind) {
                    page.push(BEL);
                }
                page.extend_from_slice(dialect.encode(event));
            }
        });
    }

    fn append(&mut self, bytes: &[u8], queued_at: Instant) {
        if self.rest.is_empty() {
            self.oldest = queued_at;
        }
        self.rest.extend_from_slice(bytes);
    }
}

/// How far writing got.
enum Progress {
    Done,
    /// The connection takes no more now; it has to by this time.
    Full(Instant),
    Gone,
}

/// The client did not take what was written to him: he was too slow, or is gone, or his session is to end.
pub(super) struct Unwritten;

sync::thread_local! {
    /// Where a thread renders what it writes; one per thread that writes, instead of one per client.
    static PAGE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Connection {
    /// A connection over this link, on which no item may wait longer than `outbox_age` once the client is behind.
    pub fn new(link: Box<dyn Link>, outbox_age: Duration) -> Connection {
        let writing = Writer {
            dialect: if link.carries_messages() { &JSON } else { &PLAIN },
            bell_policy: BellPolicy::default(),
            rest: Vec::new(),
            oldest: Instant::now(),
            newest: MessageId::default(),
            has_writer: false,
            at_prompt: false,
        };
        Connection {
            link,
            outbox_age,
            writing: Mutex::new(writing),
            reason: OnceLock::new(),
            ended: (parking_lot::Mutex::new(()), Condvar::new()),
        }
    }

    pub(super) fn link(&self) -> &dyn Link {
        &*self.link
    }

    /// From where the client is connected.
    pub fn peer(&self) -> SocketAddr {
        self.link.peer()
    }

    /// Why this session is to end, once it is.
    pub(crate) fn closing(&self) -> Option<QuitReason> {
        self.reason.get().copied()
    }

    /// Does nothing until `until`, or until the session is to end.
    pub(super) fn pause(&self, until: Instant) {
        let (lock, condvar) = &self.ended;
        let mut guard = lock.lock();
        while self.closing().is_none() && Instant::now() < until {
            condvar.wait_until(&mut guard, until);
        }
    }

    /// From now on events are put in this dialect, and the bell rings like this.
    pub(super) fn apply_format(&self, dialect: &'static dyn Dialect, bell_policy: BellPolicy) {
        let mut writing = self.writing.lock();
        (writing.dialect, writing.bell_policy) = (dialect, bell_policy);
    }

    /// Says that the client has answered: what comes now stands where his answer ended, and not behind the question.
    pub(super) fn answered(&self) {
        self.writing.lock().at_prompt = false;
    }

    /// Puts bytes before what waits in the outbox.
    pub(super) fn prepend(&self, bytes: &[u8]) {
        self.writing.lock().append(bytes, Instant::now());
    }

    /// Puts an event before what waits in the outbox; for a client who has none yet.
    pub(super) fn queue(&self, kind: EventKind) {
        let event = Event::new(kind);
        let mut writing = self.writing.lock();
        let bytes = writing.dialect.encode(&event);
        writing.append(bytes, event.queued_at);
    }

    /// Writes everything there is, waiting for the client: at most until `limit`, or else as long as an item may wait;
    /// with `unless_closing` also not much longer than the session goes on.
    pub(super) fn write_all(
        &self,
        outbox: Option<&Outbox>,
        limit: Option<Instant>,
        unless_closing: bool,
    ) -> Result<(), Unwritten> {
        loop {
            let progress = self.write_some(&mut self.writing.lock(), outbox);
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
            // At its deadline the wait ends with an error that says what the loop sees for itself.
            let _ = self.link.wait_writable(until.min(now + CLOSING_CHECK));
        }
    }

    /// Renders what is queued and writes it, batch by batch, until all is gone or the connection takes no more.
    fn write_some(&self, writing: &mut Writer, outbox: Option<&Outbox>) -> Progress {
        let write = || {
            PAGE.with(|page| {
                let mut page = page.borrow_mut();
                let progress = self.write_pages(&mut page, writing, outbox);
                page.clear();
                page.shrink_to(PAGE_KEPT);
                progress
            })
        };
        // A fault in what is written to a client shall cost him alone, and not whoever writes.
        catch_unwind(AssertUnwindSafe(write)).unwrap_or_else(|_| self.abandon(writing, outbox, QuitReason::Panic))
    }

    /// What was rendered is gone with the connection, and must never count as written.
    fn abandon(&self, writing: &mut Writer, outbox: Option<&Outbox>, reason: QuitReason) -> Progress {
        writing.newest = MessageId::default();
        outbox.inspect(|outbox| outbox.seal());
        self.close(reason);
        Progress::Gone
    }

    fn write_pages(&self, page: &mut Vec<u8>, writing: &mut Writer, outbox: Option<&Outbox>) -> Progress {
        loop {
            page.clear();
            writing.fill(page, outbox);
            let written = self.try_write(page);
            if let Some(outbox) = outbox {
                outbox.set_behind(matches!(written, Ok(n) if n < page.len()));
                if matches!(written, Ok(n) if n == page.len()) {
                    outbox.note_written(writing.newest);
                }
            }
            match written {
                Ok(n) if n < page.len() => {
                    writing.rest.extend_from_slice(&page[n..]);
                    return Progress::Full(writing.oldest + self.outbox_age);
                }
                Ok(_) if outbox.is_none_or(Outbox::is_idle) => return Progress::Done,
                Ok(_) => {}
                Err(_) => return self.abandon(writing, outbox, QuitReason::Lost),
            }
        }
    }

    /// Writes until all is gone or the connection takes no more; returns how many bytes it took.
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
}

/// The look after releasing the lock: while it was held, others may have queued something and found it taken.
fn nothing_came(outbox: &Outbox) -> bool {
    fence(Ordering::SeqCst);
    outbox.is_idle()
}

impl Connection {
    /// Asks the session to end for this reason (the first one given counts) and wakes its thread.
    pub fn close(&self, reason: QuitReason) {
        if self.reason.set(reason).is_err() {
            return;
        }
        match reason.last_words() {
            LastWords::None => self.link.abort(),
            _ => self.link.stop_reading(),
        }
        drop(self.ended.0.lock());
        self.ended.1.notify_all();
    }
}
