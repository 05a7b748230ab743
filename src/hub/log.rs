//! The log: the way into the store. Changes are collected in a batch; one thread appends it for all.
//!
//! The first who wants a batch done leads it. It waits for its turn, and until then others join; then it appends the batch
//! and queues its messages. The next leader's turn comes while this one still writes to clients. So one fsync serves
//! everybody who waits, and whoever is alone waits for nobody.
//!
//! This file knows batches, turns and held echoes. What is done with them, in which order, is in `delivery`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::client::{Client, ClientId};
use super::outbox::{FlushTarget, Outbox};
use crate::lock::{Condvar, Mutex, MutexGuard};
use crate::model::limits::{GATHER_TIME, GATHER_YIELDS, STORE_REST, UNSAVED_KEPT};
use crate::model::{Draft, Histogram, MessageId, Scope, Tag};
use crate::store::{Entry, Store, StoreError};

/// A message that has been checked, and that nobody has been told yet.
#[derive(Debug)]
pub struct PendingMessage {
    pub(super) draft: Draft,
    /// It is stored nowhere.
    pub(super) is_ephemeral: bool,
}

impl PendingMessage {
    /// The same as an action (`/me`).
    pub fn as_action(self) -> PendingMessage {
        PendingMessage { draft: Draft { action: true, ..self.draft }, ..self }
    }

    /// The same, said in a line with this tag.
    pub fn tagged(self, tag: Option<Tag>) -> PendingMessage {
        PendingMessage { draft: Draft { tag, ..self.draft }, ..self }
    }
}

/// The content of a batch: changes to append, and between them messages that are stored nowhere.
#[derive(Default)]
pub(super) struct BatchContent {
    pub(super) entries: Vec<Entry>,
    /// In the order of their places.
    pub(super) ephemeral: Vec<EphemeralMessage>,
}

/// A message that is stored nowhere; it only keeps its place among what is.
pub(super) struct EphemeralMessage {
    /// How many entries of its batch come before it.
    pub(super) after: usize,
    pub(super) draft: Draft,
}

impl BatchContent {
    /// The messages of one session, and nothing else.
    pub(super) fn of_messages(messages: impl ExactSizeIterator<Item = PendingMessage>) -> BatchContent {
        let mut content = BatchContent { entries: Vec::with_capacity(messages.len()), ephemeral: Vec::new() };
        content.add(messages);
        content
    }

    fn add(&mut self, messages: impl IntoIterator<Item = PendingMessage>) {
        for PendingMessage { draft, is_ephemeral } in messages {
            if is_ephemeral {
                let after = self.entries.len();
                self.ephemeral.push(EphemeralMessage { after, draft });
            } else {
                self.entries.push(Entry::Said(draft));
            }
        }
    }

    /// How many of its first entries are messages.
    pub(super) fn messages_before(&self, entries: usize) -> u64 {
        self.entries[..entries].iter().map(|entry| u64::from(matches!(entry, Entry::Said(_)))).sum()
    }

    /// Whether any of these messages is for more than one user.
    pub(super) fn is_public(messages: &[PendingMessage]) -> bool {
        messages.iter().any(|message| !matches!(message.draft.scope, Scope::User(_)))
    }

    /// Whether anything in it is stored.
    pub(super) fn is_stored(&self) -> bool {
        !self.entries.is_empty()
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.ephemeral.is_empty()
    }
}

/// The store, the batch that is open, and whose turn it is.
pub(super) struct Log {
    store: Arc<dyn Store>,
    // lock tier 9: a leaf, held for moments; entries are submitted under the central lock.
    open: Mutex<OpenBatch, 9>,
    // lock tier 4: after the turn to write out; held while the store appends and while the batch is queued.
    turn: Mutex<AppendTurn, 4>,
    /// For those who wait until another batch releases its echoes.
    // lock tier 6: for the condition variable, before the outboxes'. The turn to append is not held while waiting.
    echoes: (Mutex<(), 6>, Condvar),
    batching: Batching,
    /// The store did not work when it was last used. Beside the turn, because a turn may take long.
    failing: AtomicBool,
    /// How long appending took, where it means waiting for a disk.
    // lock tier 9: a leaf.
    append_times: Mutex<Histogram, 9>,
}

/// Everything submitted since the last batch was closed. Its lock is held for moments only, also under the central one.
#[derive(Default)]
struct OpenBatch {
    content: BatchContent,
    /// The sessions that said something, each with the number of entries before it.
    speakers: Vec<(ClientId, usize)>,
    batch: Arc<Batch>,
}

/// Data that only the thread whose turn it is may touch.
#[derive(Default)]
pub(super) struct AppendTurn {
    /// Changes that could not be stored yet; they go before everything else.
    unsaved: Vec<Entry>,
    failure: Option<StoreFailure>,
}

/// The store does not work.
struct StoreFailure {
    error: StoreError,
    since: Instant,
    /// Until then it is left alone.
    rest_until: Instant,
}

impl Log {
    pub(super) fn new(store: Arc<dyn Store>) -> Log {
        let (failing, echoes) = (AtomicBool::new(false), (Mutex::default(), Condvar::new()));
        let (open, turn, batching, append_times) = Default::default();
        Log { store, open, turn, echoes, batching, failing, append_times }
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Whether the log survives the process, so that storing takes time and an echo promises something.
    pub(super) fn is_durable(&self) -> bool {
        self.store.is_durable()
    }

    /// Whether the store worked when it was last used.
    pub(super) fn is_working(&self) -> bool {
        !self.failing.load(Ordering::Relaxed)
    }

    /// How long the store took for each batch.
    pub(super) fn append_times(&self) -> Histogram {
        self.append_times.lock().clone()
    }

    /// Puts changes into the next batch. Never waits; `Hub::commit` does.
    pub(super) fn submit(&self, entries: impl IntoIterator<Item = Entry>) -> Arc<Batch> {
        let mut open = self.open.lock();
        open.content.entries.extend(entries);
        Arc::clone(&open.batch)
    }

    /// As [`Log::submit`], for the messages of a session.
    pub(super) fn submit_messages(
        &self,
        messages: impl IntoIterator<Item = PendingMessage>,
        speaker: ClientId,
    ) -> Arc<Batch> {
        let mut open = self.open.lock();
        let before = open.content.entries.len();
        open.content.add(messages);
        open.speakers.push((speaker, before));
        Arc::clone(&open.batch)
    }

    /// The open batch, if there is anything in it.
    pub(super) fn open_batch(&self) -> Option<Arc<Batch>> {
        let open = self.open.lock();
        (!open.content.is_empty()).then(|| Arc::clone(&open.batch))
    }

    /// How many changes are in the open batch.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.open.lock().content.entries.len()
    }

    /// Waits for the turn to append.
    pub(super) fn turn(&self) -> MutexGuard<'_, AppendTurn, 4> {
        self.turn.lock()
    }

    /// Closes the open batch. Only its leader does that, in its turn. Returns also the sessions that said something, each
    /// with the number of entries before it.
    pub(super) fn close_batch(&self) -> (BatchContent, Vec<(ClientId, usize)>) {
        let OpenBatch { content, speakers, .. } = std::mem::take(&mut *self.open.lock());
        (content, speakers)
    }

    /// Appends a batch. If it has only ephemeral messages, it does not matter whether the store works.
    pub(super) fn append_batch(&self, turn: &mut AppendTurn, content: &BatchContent) -> Result<MessageId, StoreError> {
        let is_ephemeral = !content.is_stored() && !content.is_empty();
        if is_ephemeral { Ok(MessageId(0)) } else { self.append(turn, &content.entries) }
    }

    /// Appends changes, after those that could not be stored before.
    fn append(&self, turn: &mut AppendTurn, entries: &[Entry]) -> Result<MessageId, StoreError> {
        let now = Instant::now();
        if let Some(failure) = &turn.failure
            && now < failure.rest_until
        {
            let error = failure.error.clone();
            turn.keep(entries);
            return Err(error);
        }
        let appended = if turn.unsaved.is_empty() {
            self.store.append(entries)
        } else {
            self.store.append(&[&turn.unsaved, entries].concat())
        };
        if self.store.is_durable() {
            self.append_times.lock().note(now.elapsed());
        }
        self.failing.store(appended.is_err(), Ordering::Relaxed);
        match &appended {
            Ok(_) => turn.recovered(),
            Err(error) => {
                turn.keep(entries);
                turn.failed(error, now);
            }
        }
        appended
    }

    /// Tries a store that did not work when it was last used, or that does not look as if it would. Any other is taken to
    /// work.
    pub(super) fn probe(&self, looks_good: bool) -> Result<(), StoreError> {
        let mut turn = self.turn();
        if turn.failure.is_some() || !looks_good { self.append(&mut turn, &[]).map(drop) } else { Ok(()) }
    }

    /// Looks for something among the changes that could not be stored yet.
    pub(super) fn unsaved<T>(&self, find: impl FnMut(&Entry) -> Option<T>) -> Vec<T> {
        self.turn().unsaved.iter().filter_map(find).collect()
    }
}

impl AppendTurn {
    /// Keeps all changes but messages, whose authors are told, and new tokens, which nobody has been shown. Beyond the
    /// bound the oldest are lost.
    fn keep(&mut self, entries: &[Entry]) {
        let kept = entries.iter().filter(|entry| !matches!(entry, Entry::Said(_) | Entry::TokenMade(_)));
        self.unsaved.extend(kept.cloned());
        let excess = self.unsaved.len().saturating_sub(UNSAVED_KEPT);
        self.unsaved.drain(..excess);
    }

    fn failed(&mut self, error: &StoreError, now: Instant) {
        if self.failure.is_none() {
            log::error!("store failed error=\"{error}\": messages are delivered, but saved nowhere");
        }
        let since = self.failure.as_ref().map_or(now, |failure| failure.since);
        self.failure = Some(StoreFailure { error: error.clone(), since, rest_until: Instant::now() + STORE_REST });
    }

    fn recovered(&mut self) {
        self.unsaved.clear();
        if let Some(failure) = self.failure.take() {
            let after: Duration = failure.since.elapsed();
            log::info!("store recovered after_ms={}", after.as_millis());
        }
    }
}

/// Entries that are appended together, as those who wait for them see it.
#[derive(Default)]
pub(super) struct Batch {
    has_leader: AtomicBool,
    // lock tier 9: a leaf, for the condition variables.
    progress: Mutex<BatchProgress, 9>,
    /// Two, so that nobody is woken for what they do not wait for.
    stored: Condvar,
    done: Condvar,
}

/// How far a batch is.
#[derive(Default)]
struct BatchProgress {
    /// Set when appending it has succeeded or failed.
    stored: Option<Result<(), StoreError>>,
    /// It has been written out, too.
    done: bool,
}

/// The right and the duty to carry out a batch. Dropping it lets those who wait go on, whatever became of it.
pub(super) struct BatchLeader(Arc<Batch>);

impl Batch {
    /// Leads a batch, if nobody does yet.
    pub(super) fn take_lead(self: &Arc<Batch>) -> Option<BatchLeader> {
        (!self.has_leader.swap(true, Ordering::AcqRel)).then(|| BatchLeader(Arc::clone(self)))
    }

    /// Waits until the leader has written the batch out.
    pub(super) fn wait(&self) -> Result<(), StoreError> {
        let mut progress = self.progress.lock();
        while !progress.done {
            self.done.wait(&mut progress);
        }
        progress.stored.clone().unwrap_or(Err(StoreError::Abandoned))
    }

    /// Waits until the leader has appended the batch. Those who submit something see to it that there is a leader.
    pub(super) fn wait_until_stored(&self) -> Result<(), StoreError> {
        let mut progress = self.progress.lock();
        loop {
            match &progress.stored {
                Some(stored) => return stored.clone(),
                None => self.stored.wait(&mut progress),
            }
        }
    }
}

impl BatchLeader {
    /// Notes whether the batch could be appended.
    pub(super) fn note_stored(&self, outcome: Result<(), StoreError>) {
        self.0.progress.lock().stored = Some(outcome);
        self.0.stored.notify_all();
    }
}

impl Drop for BatchLeader {
    fn drop(&mut self) {
        let mut progress = self.0.progress.lock();
        progress.stored.get_or_insert(Err(StoreError::Abandoned));
        progress.done = true;
        drop(progress);
        self.0.stored.notify_all();
        self.0.done.notify_all();
    }
}

/// Speaking at the same time: messages of several people within a moment go into one batch, and one thread writes it out
/// for all.
#[derive(Default)]
struct Batching {
    /// The last session that said something worth batching, and when.
    // lock tier 9: a leaf.
    last_speaker: Mutex<Option<(ClientId, Instant)>, 9>,
    /// Held by the thread that writes out a batch.
    // lock tier 3: before the turn to append; held while clients are written to, but never while another batch is awaited.
    write_turn: Mutex<(), 3>,
}

/// The turn to write out what several people have said.
pub(super) type WriteTurn<'a> = MutexGuard<'a, (), 3>;

impl Log {
    /// Notes that a session says something. Says whether another one did a moment ago, or is just being written out, so
    /// that still others may be about to.
    pub(super) fn should_batch(&self, speaker: ClientId) -> bool {
        let now = Instant::now();
        let before = self.batching.last_speaker.lock().replace((speaker, now));
        let is_recent = |at| now.saturating_duration_since(at) < GATHER_TIME;
        self.batching.write_turn.is_locked() || before.is_some_and(|(other, at)| other != speaker && is_recent(at))
    }

    /// Lets others who have something to say go first, so that all of it is written together, for as long as more sessions
    /// join the batch. Returns the turn unless another batch is just being written out; that one is not waited for.
    pub(super) fn take_write_turn(&self) -> Option<WriteTurn<'_>> {
        let speakers = || self.open.lock().speakers.len();
        let write_turn = self.batching.write_turn.try_lock();
        let mut before = speakers();
        for _ in 0..GATHER_YIELDS {
            thread::yield_now();
            let now = speakers();
            if now == before {
                break;
            }
            before = now;
        }
        write_turn
    }
}

/// The echoes of one batch, held back until everybody else has been written to.
///
/// Where the log survives the process, an echo says that a message is stored, and that it was written to everybody or the
/// store knows to whom it was not. So an author is written nothing from their own first message on until that is true.
/// The authors of one batch hear each other: each is first written what was said before their own message; then, one
/// after the other in the order in which they spoke, each gets their echo and what follows it. By the time an author sees
/// their echo, every other author has been written the message too: later ones among what came before their own, earlier
/// ones among what followed it.
///
/// A later batch that has something for an author waits until these are released. An earlier one does not, so no two
/// batches wait for each other. Dropping this releases all of them.
pub(super) struct HeldEchoes<'a> {
    log: &'a Log,
    /// In the order in which they spoke.
    speakers: VecDeque<HeldSpeaker>,
}

/// An author whose echo is held back.
pub(super) struct HeldSpeaker {
    pub(super) sessions: Vec<Arc<Client>>,
    /// The last message before their own.
    pub(super) limit: MessageId,
}

impl<'a> HeldEchoes<'a> {
    /// Holds nothing back.
    pub(super) fn none(log: &'a Log) -> HeldEchoes<'a> {
        HeldEchoes { log, speakers: VecDeque::new() }
    }

    /// The echoes of these authors, whose outboxes hold them back already.
    pub(super) fn new(log: &'a Log, speakers: VecDeque<HeldSpeaker>) -> HeldEchoes<'a> {
        HeldEchoes { log, speakers }
    }

    /// Whether this session's echoes are held back.
    pub(super) fn has(&self, client: &Client) -> bool {
        self.speakers.iter().any(|speaker| speaker.has(client))
    }

    /// Whether no echo is held back any more.
    pub(super) fn is_empty(&self) -> bool {
        self.speakers.is_empty()
    }

    /// The sessions that need what was said before their own message apart from what was said after it.
    pub(super) fn split_for(&self) -> Vec<ClientId> {
        let several = self.speakers.iter().filter(|_| self.speakers.len() > 1);
        let mut all: Vec<ClientId> = several.flat_map(|speaker| &speaker.sessions).map(|client| client.id).collect();
        all.sort_unstable();
        all
    }

    /// Writes to the authors what was said before their own messages. Returns the sessions that did not take it.
    pub(super) fn write_up_to_limits(&self) -> Vec<FlushTarget> {
        let mut behind = Vec::new();
        // Nothing was said before the first.
        for (at, speaker) in self.speakers.iter().enumerate().skip(1) {
            // Two devices of one user may both have spoken.
            let is_done = |client: &Client| self.speakers.range(..at).any(|earlier| earlier.has(client));
            for client in speaker.sessions.iter().filter(|client| !is_done(client)) {
                self.log.await_echoes(&client.outbox, speaker.limit);
                behind.extend(write(client));
            }
        }
        behind
    }

    /// Releases the next author and writes to their sessions, except for one. Returns the sessions that did not take it;
    /// `None` if there was no author left.
    pub(super) fn release_next(&mut self, except: Option<ClientId>) -> Option<Vec<FlushTarget>> {
        let HeldSpeaker { sessions, limit } = self.speakers.front()?;
        let (sessions, limit) = (sessions.clone(), *limit);
        sessions.iter().for_each(|client| self.log.await_echoes(&client.outbox, limit));
        self.release_front();
        Some(sessions.iter().filter(|client| Some(client.id) != except).filter_map(write).collect())
    }

    fn release_front(&mut self) -> Option<()> {
        let HeldSpeaker { sessions, limit } = self.speakers.pop_front()?;
        self.log.release_echoes(sessions.iter().map(|client| &client.outbox), limit);
        Some(())
    }
}

impl Drop for HeldEchoes<'_> {
    fn drop(&mut self) {
        while self.release_front().is_some() {}
    }
}

impl HeldSpeaker {
    fn has(&self, client: &Client) -> bool {
        self.sessions.iter().any(|session| session.id == client.id)
    }
}

impl Log {
    /// Waits until no earlier batch holds back what is queued up to this message.
    pub(super) fn await_echoes(&self, outbox: &Outbox, id: MessageId) {
        if !outbox.allows(id) {
            let mut guard = self.echoes.0.lock();
            while !outbox.allows(id) {
                self.echoes.1.wait(&mut guard);
            }
        }
    }

    fn release_echoes<'a>(&self, outboxes: impl IntoIterator<Item = &'a Outbox>, limit: MessageId) {
        let guard = self.echoes.0.lock();
        outboxes.into_iter().for_each(|outbox| outbox.release_echoes(limit));
        drop(guard);
        self.echoes.1.notify_all();
    }
}

/// Writes to a session, and returns it if it did not take everything that may be written.
fn write(client: &Arc<Client>) -> Option<FlushTarget> {
    client.flush_thoroughly();
    (!client.outbox.is_drained()).then(|| FlushTarget::everything(Arc::clone(client)))
}
