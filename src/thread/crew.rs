//! Threads that take one job after another, each for as long as it takes: to make and end a thread costs the system more
//! than most of what a short session does.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::lock::{Condvar, Mutex};

/// So many threads of a crew wait for their next job; others end with the one they have.
const RESERVE: usize = 8;

/// How long one of them waits.
const REST: Duration = Duration::from_secs(2);

thread_local! {
    /// The crew and the number of the job that this thread is at.
    static JOB: Cell<Option<(&'static str, u64)>> = const { Cell::new(None) };
}

/// What the calling thread is called: its job if it is one of a crew, or its own name.
pub fn name() -> impl fmt::Display {
    fmt::from_fn(|f| match JOB.get() {
        Some((crew, number)) => write!(f, "{crew}-{number}"),
        None => f.write_str(thread::current().name().unwrap_or("-")),
    })
}

/// Threads for jobs of one kind.
pub struct Crew(Arc<Inner>);

struct Inner {
    name: &'static str,
    stack: usize,
    // lock tier 9: a leaf.
    rest: Mutex<Rest, 9>,
    wanted: Condvar,
}

#[derive(Default)]
struct Rest {
    /// How many wait; never fewer than there are jobs.
    resting: usize,
    jobs: VecDeque<Job>,
}

struct Job {
    number: u64,
    work: Box<dyn FnOnce() + Send>,
}

impl Crew {
    /// A crew of this name, whose threads have `stack` bytes of stack.
    pub fn new(name: &'static str, stack: usize) -> Crew {
        Crew(Arc::new(Inner { name, stack, rest: Mutex::default(), wanted: Condvar::new() }))
    }

    /// Has a job done by a thread that waits for one, or by a new one. Meanwhile the thread is called after its number.
    ///
    /// # Errors
    /// What the system says when it gives no more threads or no memory for one.
    pub fn start(&self, number: u64, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let job = Job { number, work: Box::new(work) };
        let mut rest = self.0.rest.lock();
        if rest.resting > rest.jobs.len() {
            rest.jobs.push_back(job);
            drop(rest);
            self.0.wanted.notify_one();
            return Ok(());
        }
        drop(rest);
        let inner = Arc::clone(&self.0);
        super::start(self.0.name, self.0.stack, move || inner.work(job)).map(drop)
    }
}

impl Inner {
    fn work(&self, first: Job) {
        let mut next = Some(first);
        while let Some(Job { number, work }) = next {
            JOB.set(Some((self.name, number)));
            work();
            JOB.set(None);
            next = self.next();
        }
    }

    fn next(&self) -> Option<Job> {
        let mut rest = self.rest.lock();
        if rest.resting == RESERVE {
            return None;
        }
        rest.resting += 1;
        self.wanted.wait_while_for(&mut rest, |rest| rest.jobs.is_empty(), REST);
        rest.resting -= 1;
        rest.jobs.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};
    use std::thread::ThreadId;

    use super::*;

    /// Has a job done that says who does it and how he is called, and then waits until the sender is dropped.
    fn ask(crew: &Crew, number: u64, until: Receiver<()>) -> (ThreadId, String) {
        let (said, heard) = channel();
        let work = move || {
            said.send((thread::current().id(), name().to_string())).unwrap();
            let _ = until.recv();
        };
        crew.start(number, work).unwrap();
        heard.recv_timeout(Duration::from_secs(20)).unwrap()
    }

    fn wait_until_resting(crew: &Crew, count: usize) {
        while crew.0.rest.lock().resting != count {
            thread::yield_now();
        }
    }

    #[test]
    fn a_thread_takes_the_next_job_and_its_name_and_nobody_waits_for_a_busy_one() {
        let crew = Crew::new("job", 128 * 1024);
        let (done, until) = channel();
        let (first, called) = ask(&crew, 1, until);
        assert_eq!(called, "job-1");
        let (other_done, until) = channel();
        let (second, called) = ask(&crew, 2, until);
        assert!(called == "job-2" && second != first, "the first one is busy");
        drop(done);
        wait_until_resting(&crew, 1);
        let (third_done, until) = channel();
        assert_eq!(ask(&crew, 3, until), (first, "job-3".to_owned()));
        drop((other_done, third_done));
        wait_until_resting(&crew, 2);
    }

    #[test]
    fn no_more_than_the_reserve_wait_for_jobs() {
        let crew = Crew::new("job", 128 * 1024);
        let dones: Vec<_> = (0..2 * RESERVE as u64)
            .map(|number| {
                let (done, until) = channel();
                ask(&crew, number, until);
                done
            })
            .collect();
        drop(dones);
        // Each thread holds the crew for as long as it is there.
        while Arc::strong_count(&crew.0) != 1 + RESERVE {
            thread::yield_now();
        }
        assert!(crew.0.rest.lock().resting <= RESERVE);
    }
}
