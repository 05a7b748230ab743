//! The queue between who logs and who writes, and the loop of a writing thread.
//!
//! Putting a line in never waits; the loop does nothing but hand lines and orders to its sink, and wakes it regularly.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, never, select};
use log::{Level, LevelFilter};

use super::line::Entry;
use crate::model::limits::{LOG_DRAIN, LOG_QUEUE};
use crate::thread;

/// The stack of a writing thread, in bytes.
const STACK: usize = 256 * 1024;

/// The way to one sink: what it wants, its queue, and how many of its lines were lost.
#[derive(Clone)]
pub(super) struct Route {
    level: LevelFilter,
    queue: Sender<Entry>,
    pub(super) lost: Arc<AtomicU64>,
}

impl Route {
    pub(super) fn new(level: LevelFilter) -> (Route, Incoming) {
        let (queue, incoming) = bounded(LOG_QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        (Route { level, queue, lost: lost.clone() }, Incoming { queue: incoming, lost })
    }

    pub(super) fn wants(&self, level: Level) -> bool {
        level <= self.level
    }

    /// Queues the entry, or counts it as lost; never waits.
    pub(super) fn offer(&self, entry: Entry) {
        if self.queue.try_send(entry).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The other end of a [`Route`].
pub(super) struct Incoming {
    queue: Receiver<Entry>,
    lost: Arc<AtomicU64>,
}

/// What a writing thread can be told.
pub(super) enum Order {
    /// Open what you write to anew.
    Reopen,
    /// Write what is queued until `by`, say so, and end.
    Stop { by: Instant, done: Sender<()> },
}

/// Where lines end up.
pub(super) trait Sink: Send + 'static {
    /// Writes one line; false when it is lost.
    fn write(&mut self, entry: &Entry) -> bool;
    /// Called after every line and at least once per pace: time to see whether all is well.
    fn look(&mut self);
    /// Opens anew what is written to.
    fn reopen(&mut self);
    /// Called last.
    fn close(&mut self);
}

/// Starts the thread that feeds `sink`, and hands out the way to give it orders.
pub(super) fn serve(name: &str, sink: impl Sink, incoming: Incoming, pace: Duration) -> io::Result<Sender<Order>> {
    let (orders, given) = bounded(4);
    thread::start(name, STACK, move || pump(sink, incoming, &given, pace))?;
    Ok(orders)
}

fn pump(mut sink: impl Sink, mut incoming: Incoming, orders: &Receiver<Order>, pace: Duration) {
    sink.look();
    loop {
        select! {
            recv(orders) -> order => match order {
                Ok(Order::Reopen) => sink.reopen(),
                Ok(Order::Stop { by, done }) => {
                    drain(&mut sink, &incoming, by);
                    let _ = done.try_send(());
                    return;
                }
                Err(_) => return drain(&mut sink, &incoming, Instant::now() + LOG_DRAIN),
            },
            recv(incoming.queue) -> entry => match entry {
                Ok(entry) => pass(&mut sink, &incoming, &entry),
                // Nobody is left who could log; whoever holds the orders may still want to hear of the end.
                Err(_) => incoming.queue = never(),
            },
            default(pace) => {}
        }
        sink.look();
    }
}

fn pass(sink: &mut impl Sink, incoming: &Incoming, entry: &Entry) {
    if !sink.write(entry) {
        incoming.lost.fetch_add(1, Ordering::Relaxed);
    }
}

fn drain(sink: &mut impl Sink, incoming: &Incoming, by: Instant) {
    while Instant::now() < by
        && let Ok(entry) = incoming.queue.try_recv()
    {
        pass(sink, incoming, &entry);
    }
    incoming.lost.fetch_add(incoming.queue.len() as u64, Ordering::Relaxed);
    sink.close();
}
