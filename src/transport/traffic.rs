//! How many bytes came and went: counted per call of the system, which costs a thousand times as much.

use std::sync::atomic::{AtomicU64, Ordering};

/// The bytes of all connections together.
#[derive(Debug, Default)]
pub struct Traffic {
    received: AtomicU64,
    sent: AtomicU64,
}

impl Traffic {
    /// The bytes that were received and sent since the start.
    pub fn bytes(&self) -> [u64; 2] {
        [&self.received, &self.sent].map(|count| count.load(Ordering::Relaxed))
    }

    pub(super) fn note_received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn note_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
