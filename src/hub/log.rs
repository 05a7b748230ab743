//! The way into the store: what is to be appended gathers in a batch; who came first appends it for all of them.
//!
//! A batch is led by the first who asks for it to be done. He waits for his turn, and until he has it others join; then he
//! appends the batch and delivers it, and the next leader's turn comes while he still writes to clients. So one fsync
//! serves everybody who waits, and whoever is alone waits for nobody.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::client::{Client, ClientId};
use super::outbox::{FlushTarget, Outbox};
use crate::model::limits::{GATHER_TIME, GATHER_YIELDS, PASS_PATIENCE, STORE_REST, UNSAVED_KEPT};
use crate::model::{Draft, Histogram, MessageId, Scope, Tag};
use crate::store::{Entry, Store, StoreError};

/// Something said that nobody has been told yet.
#[derive(Debug)]
pub struct PendingMessage {
    pub(super) draft: Draft,
    pub(super) passing: bool,
}

impl PendingMessage {
    /// The same as something that is done.
    pub fn act(self) -> PendingMessage {
        PendingMessage { draft: Draft { action: true, ..self.draft }, ..self }
    }

    /// The same, said in a line with this tag.
    pub fn tagged(self, tag: Option<Tag>) -> PendingMessage {
        PendingMessage { draft: Draft { tag, ..self.draft }, ..self }
    }
}

/// What a batch holds.
#[derive(Default)]
pub(super) struct BatchContent {
    pub(super) entries: Vec<Entry>,
    /// In the order of their places.
    pub(super) passing: Vec<EphemeralMessage>,
}

/// Something said that is stored nowhere: it only keeps its place among what is.
pub(super) struct EphemeralMessage {
    /// How many entries of its batch come before it.
    pub(super) after: usize,
    pub(super) draft: Draft,
}

impl BatchContent {
    /// What a session says, and nothing else.
    pub(super) fn said(messages: impl ExactSizeIterator<Item = PendingMessage>) -> BatchContent {
        let mut content = BatchContent { entries: Vec::with_capacity(messages.len()), passing: Vec::new() };
        content.add(messages);
        content
    }

    pub(super) fn add(&mut self, messages: impl IntoIterator<Item = PendingMessage>) {
        for PendingMessage { draft, passing } in messages {
            if passing {
                let after = self.entries.len();
                self.passing.push(EphemeralMessage { after, draft });
            } else {
                self.entries.push(Entry::Said(draft));
            }
        }
    }

    /// How many messages are among so many of the entries it begins with.
    pub(super) fn messages_before(&self, entries: usize) -> u64 {
        self.entries[..entries].iter().map(|entry| u64::from(matches!(entry, Entry::Said(_)))).sum()
    }

    /// Whether any of it is for several people.
    pub(super) fn is_public(messages: &[PendingMessage]) -> bool {
        messages.iter().any(|message| !matches!(message.draft.scope, Scope::User(_)))
    }

    /// Whether it holds anything that is stored.
    pub(super) fn is_stored(&self) -> bool {
        !self.entries.is_empty()
    }

    /// Whether it holds nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.passing.is_empty()
    }
}

/// The store, what waits for it, and whose turn it is.
pub(super) struct Log {
    store: Arc<dyn Store>,
    open: Mutex<OpenBatch>,
    turn: Mutex<AppendTurn>,
    /// Who waits for echoes that another batch holds back.
    echoes: (Mutex<()>, Condvar),
    /// The store did not work when it was last used; said here too, because a turn may take long.
    failing: AtomicBool,
    /// How long appending took, where it means waiting for a disk.
    commits: Mutex<Histogram>,
}

/// What has gathered since the last batch was closed. Its lock is held for moments only, also under the central one.
#[derive(Default)]
struct OpenBatch {
    content: BatchContent,
    /// The sessions that said something, each with the number of entries that came before.
    speakers: Vec<(ClientId, usize)>,
    batch: Arc<Batch>,
}

/// Entries that are appended together, as those who wait for them see it.
#[derive(Default)]
pub(super) struct Batch {
    led: AtomicBool,
    progress: Mutex<BatchProgress>,
    /// Two, so that nobody is woken for what he does not wait for.
    stored: Condvar,
    done: Condvar,
}

/// How far a batch is.
#[derive(Default)]
struct BatchProgress {
    /// What became of appending it.
    stored: Option<Result<(), StoreError>>,
    /// It has been written out, too.
    done: bool,
}

/// What only the thread whose turn it is may touch.
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

/// The leader's part of a batch. Dropping it lets those who wait go on, whatever became of it.
pub(super) struct BatchLeader(Arc<Batch>);

impl Log {
    pub(super) fn new(store: Arc<dyn Store>) -> Log {
        let failing = AtomicBool::new(false);
        let echoes = (Mutex::default(), Condvar::new());
        let (open, turn, commits) = Default::default();
        Log { store, open, turn, echoes, failing, commits }
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Puts changes into the next batch. Never waits; [`Hub::commit`](super::Hub::commit) does.
    pub(super) fn submit(&self, entries: impl IntoIterator<Item = Entry>) -> Arc<Batch> {
        let mut open = self.open.lock();
        open.content.entries.extend(entries);
        Arc::clone(&open.batch)
    }

    /// As [`Log::submit`], for what a session says.
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

    /// The batch that is gathering, if there is anything in it.
    pub(super) fn open_batch(&self) -> Option<Arc<Batch>> {
        let open = self.open.lock();
        (!open.content.is_empty()).then(|| Arc::clone(&open.batch))
    }

    /// How many have said something that is gathering.
    pub(super) fn speaker_count(&self) -> usize {
        self.open.lock().speakers.len()
    }

    /// Whether the store worked when it was last used.
    pub(super) fn works(&self) -> bool {
        !self.failing.load(Ordering::Relaxed)
    }

    /// How long the store took for each batch.
    pub(super) fn commits(&self) -> Histogram {
        self.commits.lock().clone()
    }

    /// How many changes have gathered.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.open.lock().content.entries.len()
    }

    /// Waits for the turn to append.
    pub(super) fn turn(&self) -> MutexGuard<'_, AppendTurn> {
        self.turn.lock()
    }

    /// What is found among the changes that could not be stored yet.
    pub(super) fn unsaved<T>(&self, find: impl FnMut(&Entry) -> Option<T>) -> Vec<T> {
        self.turn().unsaved.iter().filter_map(find).collect()
    }

    /// Closes the batch that is gathering; only its leader does, in his turn.
    pub(super) fn close(&self) -> (BatchContent, Vec<(ClientId, usize)>) {
        let OpenBatch { content, speakers, .. } = std::mem::take(&mut *self.open.lock());
        (content, speakers)
    }

    /// Waits until no earlier batch holds back the echoes that are queued before this message.
    pub(super) fn await_echoes(&self, outbox: &Outbox, id: MessageId) {
        if !outbox.allows(id) {
            let mut guard = self.echoes.0.lock();
            while !outbox.allows(id) {
                self.echoes.1.wait(&mut guard);
            }
        }
    }

    /// Says that a batch holds nothing back any more.
    pub(super) fn release_echoes<'a>(&self, outboxes: impl IntoIterator<Item = &'a Outbox>, limit: MessageId) {
        let guard = self.echoes.0.lock();
        outboxes.into_iter().for_each(|outbox| outbox.release_echoes(limit));
        drop(guard);
        self.echoes.1.notify_all();
    }

    /// Tries a store that did not work when it was last used; one that did is taken to work.
    pub(super) fn probe(&self) -> Result<(), StoreError> {
        let mut turn = self.turn();
        if turn.failure.is_some() { self.append(&mut turn, &[]).map(drop) } else { Ok(()) }
    }

    /// Appends a batch; where there is nothing to store, whether the store works is nobody's concern.
    pub(super) fn append_batch(&self, turn: &mut AppendTurn, content: &BatchContent) -> Result<MessageId, StoreError> {
        let idle = !content.is_stored() && !content.is_empty();
        if idle { Ok(MessageId(0)) } else { self.append(turn, &content.entries) }
    }

    /// Appends a batch together with what could not be stored before.
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
            self.commits.lock().note(now.elapsed());
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
}

impl AppendTurn {
    /// Keeps all changes but what was said, whose senders are told, and new tokens, which nobody has been shown. Beyond the
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

impl Batch {
    /// Leads a batch, if nobody does yet.
    pub(super) fn lead(self: &Arc<Batch>) -> Option<BatchLeader> {
        (!self.led.swap(true, Ordering::AcqRel)).then(|| BatchLeader(Arc::clone(self)))
    }

    /// Waits until its leader has written it out.
    pub(super) fn wait(&self) -> Result<(), StoreError> {
        let mut progress = self.progress.lock();
        while !progress.done {
            self.done.wait(&mut progress);
        }
        progress.stored.clone().unwrap_or(Err(StoreError::Abandoned))
    }

    /// Waits until its leader has appended it; that there is one is up to who submitted something.
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
    /// Says what became of appending it.
    pub(super) fn stored(&self, outcome: Result<(), StoreError>) {
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

/// Who speaks, and whose turn it is to write out what was said.
#[derive(Default)]
pub(super) struct Batching {
    /// Who was the last to say something that is worth gathering, and when.
    last_speaker: Mutex<Option<(ClientId, Instant)>>,
    /// Held by whoever writes out what he has gathered.
    write_turn: Mutex<()>,
}

/// Being the one who writes out what several have said.
pub(super) type WriteTurn<'a> = MutexGuard<'a, ()>;

impl Batching {
    /// Notes that a session says something, and whether another one did a moment ago or is just being written out, so that
    /// others may be about to.
    pub(super) fn should_batch(&self, speaker: ClientId) -> bool {
        let now = Instant::now();
        let before = self.last_speaker.lock().replace((speaker, now));
        self.write_turn.is_locked()
            || before.is_some_and(|(other, at)| other != speaker && now.saturating_duration_since(at) < GATHER_TIME)
    }

    /// Lets others get ahead who have something to say just now, so that all of it is written together: for as long as
    /// another one writes out what was said before, and then as long as more of them do, of whom `joined` tells how many
    /// there are.
    pub(super) fn take_write_turn(&self, speaker_count: impl Fn() -> usize) -> Option<WriteTurn<'_>> {
        let pass = self.write_turn.try_lock_for(PASS_PATIENCE);
        let mut before = speaker_count();
        for _ in 0..GATHER_YIELDS {
            thread::yield_now();
            let now = speaker_count();
            if now == before {
                break;
            }
            before = now;
        }
        pass
    }
}

/// Who spoke in a batch, in that order; dropping it lets all of them go.
pub(super) struct HeldEchoes<'a> {
    log: &'a Log,
    speakers: VecDeque<HeldSpeaker>,
}

/// Somebody whose echo is held back.
pub(super) struct HeldSpeaker {
    pub(super) sessions: Vec<Arc<Client>>,
    /// The last message before his own.
    pub(super) limit: MessageId,
}

impl<'a> HeldEchoes<'a> {
    /// Holds nothing back.
    pub(super) fn nobody(log: &'a Log) -> HeldEchoes<'a> {
        HeldEchoes { log, speakers: VecDeque::new() }
    }

    /// Holds back the echoes of these, in this order; they are held already.
    pub(super) fn of(log: &'a Log, speakers: VecDeque<HeldSpeaker>) -> HeldEchoes<'a> {
        HeldEchoes { log, speakers }
    }

    /// Whether echoes of this session are held back.
    pub(super) fn has(&self, client: &Client) -> bool {
        self.speakers.iter().any(|speaker| speaker.has(client))
    }

    /// The sessions that are written what was said before their own apart from what was said after it.
    pub(super) fn split_for(&self) -> Vec<ClientId> {
        let several = self.speakers.iter().filter(|_| self.speakers.len() > 1);
        let mut all: Vec<ClientId> = several.flat_map(|speaker| &speaker.sessions).map(|client| client.id).collect();
        all.sort_unstable();
        all
    }

    /// Writes to those who spoke what was said before they did. Returns the sessions that did not take it.
    pub(super) fn write_up_to_limits(&self) -> Vec<FlushTarget> {
        let mut behind = Vec::new();
        // Nothing was said before the first.
        for (at, speaker) in self.speakers.iter().enumerate().skip(1) {
            // Two devices of one user may both have spoken.
            let earlier = |client: &Client| self.speakers.range(..at).any(|earlier| earlier.has(client));
            for client in speaker.sessions.iter().filter(|client| !earlier(client)) {
                self.log.await_echoes(&client.outbox, speaker.limit);
                behind.extend(write(client));
            }
        }
        behind
    }

    /// Lets the next one go and writes to his sessions, but for this one. Returns those that did not take it, or nothing
    /// where nobody is left.
    pub(super) fn release_next(&mut self, but: Option<ClientId>) -> Option<Vec<FlushTarget>> {
        let HeldSpeaker { sessions, limit } = self.speakers.front()?;
        let (sessions, limit) = (sessions.clone(), *limit);
        sessions.iter().for_each(|client| self.log.await_echoes(&client.outbox, limit));
        self.free();
        Some(sessions.iter().filter(|client| Some(client.id) != but).filter_map(write).collect())
    }

    fn free(&mut self) -> Option<()> {
        let HeldSpeaker { sessions, limit } = self.speakers.pop_front()?;
        self.log.release_echoes(sessions.iter().map(|client| &client.outbox), limit);
        Some(())
    }

    /// Whether nobody's echo is held back any more.
    pub(super) fn is_empty(&self) -> bool {
        self.speakers.is_empty()
    }
}

impl Drop for HeldEchoes<'_> {
    fn drop(&mut self) {
        while self.free().is_some() {}
    }
}

/// Writes to a session, and returns it if it did not take all that may be written.
fn write(client: &Arc<Client>) -> Option<FlushTarget> {
    client.flush_thoroughly();
    (!client.outbox.is_clear()).then(|| FlushTarget::everything(Arc::clone(client)))
}

impl HeldSpeaker {
    fn has(&self, client: &Client) -> bool {
        self.sessions.iter().any(|session| session.id == client.id)
    }
}
