//! A user who has something done without a session: a script that sends one request. Nobody is told that he comes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Instant, SystemTime};

use parking_lot::Mutex;

use super::Hub;
use super::batch::Submitted;
use super::client::{Client, ClientId, Departure, Port};
use super::outbox::Outbox;
use super::post::Saying;
use super::reading::Reading;
use crate::model::{MessageId, Name, QuitReason};
use crate::store::{Device, StoreError};

/// Where nobody listens: what a caller is told he takes out of his outbox himself.
struct Nowhere;

impl Port for Nowhere {
    fn flush(&self, _: &Arc<Client>, _: bool) {}

    fn conclude(&self, _: &Client, work: &mut dyn FnMut()) {
        work();
    }

    fn close(&self, _: QuitReason) {}
}

impl Hub {
    /// Somebody to ask and say things as, for one moment: he is in no list and hears nothing of others.
    pub fn caller(&self, name: Name, device: Device, peer: SocketAddr) -> Arc<Client> {
        let outbox = Outbox::new(self.limits(), &self.inner.high_water);
        outbox.release();
        Arc::new(Client {
            // Sessions count from 1.
            id: ClientId(0),
            name,
            device,
            peer,
            since: SystemTime::now(),
            heard: Mutex::new(Instant::now()),
            outbox,
            joined_at: MessageId::default(),
            reading: Reading::default(),
            receipts: AtomicBool::new(false),
            typing: AtomicBool::new(false),
            port: Arc::new(Nowhere),
            departure: Departure::default(),
        })
    }

    /// As [`Hub::publish`] for who has no session: what became of it is the answer.
    ///
    /// # Errors
    /// Why it was not stored; it is delivered to those who are here nevertheless.
    pub fn publish_for_caller(&self, sayings: &mut Vec<Saying>) -> Result<(), StoreError> {
        if sayings.is_empty() {
            return Ok(());
        }
        match self.say(sayings, ClientId(0)) {
            Submitted::Done(outcome) => outcome,
            Submitted::Left(batch) => batch.wait(),
        }
    }
}
