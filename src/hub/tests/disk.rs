//! A store that waits, fails and panics when a test says so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use crossbeam_channel::{Receiver, Sender, unbounded};
use parking_lot::Mutex;

use crate::model::{Message, MessageId, Name, Report, Role, Sanction, Scope};
use crate::store::{Backlog, Device, Digest, Entry, Found, KeptGroup, MemoryStore, Store, StoreError, Token};

/// A durable store over memory.
#[derive(Default)]
pub(crate) struct Disk {
    pub(crate) memory: MemoryStore,
    /// The number of messages in each append.
    pub(super) batches: Mutex<Vec<usize>>,
    /// If there is a gate, each append announces itself and waits there.
    pub(super) gate: Mutex<Option<(Sender<()>, Receiver<()>)>>,
    pub(crate) full: AtomicBool,
    pub(super) broken: AtomicBool,
    /// Called before each append.
    pub(crate) hook: Mutex<Option<Hook>>,
}

pub(crate) type Hook = Box<dyn FnMut(&[Entry]) + Send>;

impl Store for Disk {
    fn append(&self, batch: &[Entry]) -> Result<MessageId, StoreError> {
        let gate = self.gate.lock().clone();
        if let Some((arrived, open)) = gate {
            arrived.send(()).unwrap();
            open.recv().unwrap();
        }
        if let Some(hook) = &mut *self.hook.lock() {
            hook(batch);
        }
        assert!(!self.broken.load(Ordering::SeqCst), "a fault in the store");
        if self.full.load(Ordering::SeqCst) {
            return Err(StoreError::Full);
        }
        self.batches.lock().push(batch.iter().filter(|entry| matches!(entry, Entry::Said(_))).count());
        self.memory.append(batch)
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn accounts(&self) -> Result<Vec<(Name, u64)>, StoreError> {
        self.memory.accounts()
    }

    fn former_upto(&self, name: &Name) -> Result<MessageId, StoreError> {
        self.memory.former_upto(name)
    }

    fn history(
        &self,
        reader: &Name,
        scope: Option<Scope>,
        before: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        self.memory.history(reader, scope, before, limit)
    }
    fn search(&self, reader: &Name, words: &str, scope: Option<Scope>, limit: usize) -> Result<Found, StoreError> {
        self.memory.search(reader, words, scope, limit)
    }
    fn ignored(&self) -> Result<Vec<(Name, Name)>, StoreError> {
        self.memory.ignored()
    }

    fn backlog(&self, reader: &Name, device: Device, upto: MessageId, limit: usize) -> Result<Backlog, StoreError> {
        self.memory.backlog(reader, device, upto, limit)
    }
    fn message(&self, reader: &Name, id: MessageId) -> Result<Option<Message>, StoreError> {
        self.memory.message(reader, id)
    }
    fn tail(&self, after: MessageId, limit: usize) -> Result<Vec<Message>, StoreError> {
        self.memory.tail(after, limit)
    }
    fn groups(&self) -> Result<Vec<KeptGroup>, StoreError> {
        self.memory.groups()
    }
    fn last_id(&self) -> Result<MessageId, StoreError> {
        self.memory.last_id()
    }
    fn last_seen(&self, user: &Name) -> Result<Option<SystemTime>, StoreError> {
        self.memory.last_seen(user)
    }
    fn tokens(&self, user: &Name) -> Result<Vec<Token>, StoreError> {
        self.memory.tokens(user)
    }
    fn is_invited(&self, invite: &Digest, now: SystemTime) -> Result<bool, StoreError> {
        self.memory.is_invited(invite, now)
    }
    fn redeem(&self, invite: &Digest, now: SystemTime) -> Result<bool, StoreError> {
        self.memory.redeem(invite, now)
    }
    fn role(&self, user: &Name) -> Result<Role, StoreError> {
        self.memory.role(user)
    }
    fn operators(&self) -> Result<Vec<(Name, Role)>, StoreError> {
        self.memory.operators()
    }
    fn sanctions(&self) -> Result<Vec<Sanction>, StoreError> {
        self.memory.sanctions()
    }
    fn reports(&self) -> Result<Vec<Report>, StoreError> {
        self.memory.reports()
    }
    fn knows(&self, name: &Name) -> Result<bool, StoreError> {
        self.memory.knows(name)
    }
    fn renamings(&self) -> Result<Vec<(Name, Name)>, StoreError> {
        self.memory.renamings()
    }
    fn inspect(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn tend(&self) -> Result<bool, StoreError> {
        self.memory.tend()
    }
}

impl Disk {
    /// Makes appends wait from now on: the first channel says that one does, the second lets it go on.
    pub(super) fn with_gate(&self) -> (Receiver<()>, Sender<()>) {
        let ((arrived, arrives), (open, opens)) = (unbounded(), unbounded());
        *self.gate.lock() = Some((arrived, opens));
        (arrives, open)
    }

    pub(super) fn texts(&self) -> Vec<String> {
        let all = self.memory.tail(MessageId(0), usize::MAX).unwrap();
        all.into_iter().map(|message| message.said.text.to_string()).collect()
    }
}
