//! One run: talks for a while, waits until all has arrived, and closes the books.

use std::time::{Duration, Instant};

use crate::error::BenchError;
use crate::fleet::{Fleet, News};
use crate::payload::Payload;
use crate::process::{Process, Usage};
use crate::progress::Progress;
use crate::protocol::Said;
use crate::report::{Figure, Latencies, Timeline, Unit};
use crate::talk::books::{Books, Due};
use crate::talk::{Pace, Shape, Target};
use crate::verify::Faults;

/// How long a turn waits at the most.
const TURN: Duration = Duration::from_millis(50);

/// What one run came to.
pub(crate) struct Talked {
    /// Messages that were sent.
    pub(crate) messages: u64,
    /// Deliveries that came.
    pub(crate) deliveries: u64,
    /// From the first message to the arrival of the last.
    pub(crate) took: Duration,
    /// What the server used before and after, if its process is known.
    pub(crate) usage: Option<(Usage, Usage)>,
    /// How long deliveries took from when their messages were to be sent.
    pub(crate) latencies: Latencies,
    /// When deliveries came.
    pub(crate) timeline: Timeline,
    /// What went wrong.
    pub(crate) faults: Faults,
}

/// What every run needs beside its shape.
pub(crate) struct Terms<'a> {
    /// How long it talks.
    pub(crate) time: Duration,
    /// What the texts are.
    pub(crate) payload: &'a Payload,
    /// The server's process, if it is known.
    pub(crate) server: Option<Process>,
    /// The number of the run.
    pub(crate) run: u32,
}

/// Somebody who looks on while others talk.
pub(crate) trait Watcher {
    /// Something happened to a client, so long after the start; whether that is no business of the run.
    fn news(&mut self, client: usize, news: &News<'_>, at: Duration) -> bool;

    /// Time went by.
    fn tick(&mut self, at: Duration);
}

/// Looks at nothing.
pub(crate) struct Nobody;

impl Watcher for Nobody {
    fn news(&mut self, _: usize, _: &News<'_>, _: Duration) -> bool {
        false
    }

    fn tick(&mut self, _: Duration) {}
}

/// Talks, waits until all has arrived or no longer arrives, and holds what came to what was sent.
///
/// # Errors
/// The system refuses something, or the server's process is not there.
pub(crate) fn talk(
    fleet: &mut Fleet<'_>,
    shape: &Shape,
    terms: &Terms<'_>,
    progress: &mut Progress,
    watcher: &mut dyn Watcher,
) -> Result<Talked, BenchError> {
    let mut books = Books::new(shape, fleet.users, terms.payload, terms.run)?;
    let usage = || terms.server.map(Process::usage).transpose();
    let (before, start) = (usage()?, Instant::now());
    let (mut arrived, mut last) = (0, start);
    let mut due = Vec::new();
    loop {
        let now = start.elapsed();
        let over = now >= terms.time;
        // What was to be sent in time is sent, even if the clock was looked at too late.
        if !over || matches!(shape.pace, Pace::Rate(_)) {
            books.due(now.min(terms.time), &mut due);
            send(fleet, shape, &books, &due)?;
        }
        if over && (books.progress().0 >= books.progress().1 || last.elapsed() > fleet.goal.patience) {
            break;
        }
        turn(fleet, &mut books, start, terms.time, watcher)?;
        watcher.tick(start.elapsed());
        if books.progress().0 > arrived || !over {
            (arrived, last) = (books.progress().0, Instant::now());
        }
        progress.show(|| progress_line(shape, &books, start.elapsed()));
    }
    let (took, after) = (start.elapsed(), usage()?);
    let (messages, deliveries) = (books.sent(), books.progress().0);
    let (latencies, timeline, faults) = books.finish();
    Ok(Talked { messages, deliveries, took, usage: before.zip(after), latencies, timeline, faults })
}

/// Waits for what comes, until the next message is due at the longest, and enters it into the books.
fn turn(
    fleet: &mut Fleet<'_>,
    books: &mut Books<'_>,
    start: Instant,
    end: Duration,
    watcher: &mut dyn Watcher,
) -> Result<(), BenchError> {
    let next = books.next_due().filter(|next| *next < end);
    let wait = next.map_or(TURN, |next| next.saturating_sub(start.elapsed()).min(TURN));
    fleet.turn(wait, &mut |client, news| match news {
        News::Said(Said::Message(message)) => books.take(client, &message, start.elapsed()),
        news if watcher.news(client, &news, start.elapsed()) => {}
        News::Said(Said::Refused(why)) => books.refused(client, why),
        News::Ended(why) => books.ended(client, why),
        News::Said(_) => {}
    })?;
    Ok(())
}

/// Sends messages, those of one sender that follow each other in one write.
fn send(fleet: &mut Fleet<'_>, shape: &Shape, books: &Books<'_>, due: &[Due]) -> Result<(), BenchError> {
    let mut text = Vec::new();
    let users = fleet.users;
    for together in due.chunk_by(|a, b| a.lane == b.lane) {
        let Some(lane) = together.first().and_then(|due| shape.lanes.get(due.lane)) else { continue };
        fleet.send(lane.rules.sender, |protocol, out| {
            for due in together {
                books.write(due, &mut text);
                match &lane.target {
                    Target::Group(group) => protocol.say(group, &text, out),
                    Target::Client(to) => protocol.tell(&users[*to].name, &text, out),
                }
            }
        })?;
    }
    Ok(())
}

fn progress_line(shape: &Shape, books: &Books<'_>, now: Duration) -> String {
    let ((arrived, due), seconds) = (books.progress(), now.as_secs_f64());
    let rate = arrived as f64 / seconds.max(0.001);
    let p99 = books.p99_ms();
    format!("{}: {seconds:.1} s, {arrived} of {due} deliveries, {rate:.0}/s, p99 {p99:.2} ms", shape.name)
}

impl Talked {
    /// Processor time of the server per delivery, in microseconds.
    pub(crate) fn cpu_us(&self) -> Option<f64> {
        let (before, after) = self.usage?;
        let cpu = after.cpu.saturating_sub(before.cpu);
        (self.deliveries > 0).then(|| cpu.as_secs_f64() * 1e6 / self.deliveries as f64)
    }

    /// Messages a second.
    pub(crate) fn rate(&self) -> f64 {
        self.messages as f64 / self.took.as_secs_f64().max(1e-9)
    }

    /// What was measured, but for the latencies.
    pub(crate) fn figures(&self) -> Vec<Figure> {
        let deliveries = self.deliveries as f64 / self.took.as_secs_f64().max(1e-9);
        let mut figures = vec![
            Figure::count("messages", self.messages),
            Figure::count("deliveries", self.deliveries),
            Figure::new("messages_per_s", self.rate(), Unit::PerSecond),
            Figure::new("deliveries_per_s", deliveries, Unit::PerSecond),
        ];
        figures.extend(self.cpu_us().map(|us| Figure::new("cpu_per_delivery_us", us, Unit::Microseconds)));
        figures
    }
}
