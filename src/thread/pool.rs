//! A thread pool whose threads run one job after another. Creating and ending a thread costs the system more than most
//! of what a short session does.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::lock::{Condvar, Mutex};

/// How many threads of a pool wait for their next job; any further thread ends with its job.
const MAX_IDLE: usize = 8;

/// How long an idle thread waits.
const IDLE_TIME: Duration = Duration::from_secs(2);

thread_local! {
    /// The pool and the number of the job that this thread is running.
    static JOB: Cell<Option<(&'static str, u64)>> = const { Cell::new(None) };
}

/// The name of the calling thread: that of its job in a pool, or its own.
pub(crate) fn name() -> impl fmt::Display {
    fmt::from_fn(|f| match JOB.get() {
        Some((pool, number)) => write!(f, "{pool}-{number}"),
        None => f.write_str(thread::current().name().unwrap_or("-")),
    })
}

/// Threads for jobs of one kind. Their number is not limited here.
pub(crate) struct ThreadPool(Arc<Pool>);

struct Pool {
    name: &'static str,
    stack: usize,
    // lock tier 9: a leaf.
    idle: Mutex<Idle, 9>,
    job_added: Condvar,
}

#[derive(Default)]
struct Idle {
    /// How many threads wait; never fewer than there are jobs.
    threads: usize,
    jobs: VecDeque<Job>,
}

struct Job {
    number: u64,
    work: Box<dyn FnOnce() + Send>,
}

impl ThreadPool {
    /// A pool of this name, whose threads have `stack` bytes of stack.
    pub(crate) fn new(name: &'static str, stack: usize) -> ThreadPool {
        ThreadPool(Arc::new(Pool { name, stack, idle: Mutex::default(), job_added: Condvar::new() }))
    }

    /// Starts a job at once, on an idle thread or a new one. While it runs, the thread is named after its number.
    ///
    /// # Errors
    /// The system's error when it refuses a thread or memory for one.
    pub(crate) fn start(&self, number: u64, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let job = Job { number, work: Box::new(work) };
        let mut idle = self.0.idle.lock();
        if idle.threads > idle.jobs.len() {
            idle.jobs.push_back(job);
            drop(idle);
            self.0.job_added.notify_one();
            return Ok(());
        }
        drop(idle);
        let pool = Arc::clone(&self.0);
        super::start(self.0.name, self.0.stack, move || pool.run_jobs(job)).map(drop)
    }
}

impl Pool {
    fn run_jobs(&self, first: Job) {
        let mut next = Some(first);
        while let Some(Job { number, work }) = next {
            JOB.set(Some((self.name, number)));
            work();
            JOB.set(None);
            next = self.next_job();
        }
    }

    fn next_job(&self) -> Option<Job> {
        let mut idle = self.idle.lock();
        if idle.threads == MAX_IDLE {
            return None;
        }
        idle.threads += 1;
        self.job_added.wait_while_for(&mut idle, |idle| idle.jobs.is_empty(), IDLE_TIME);
        idle.threads -= 1;
        idle.jobs.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};
    use std::thread::ThreadId;

    use super::*;

    /// Runs a job that reports its thread and its name, and then waits until the sender is dropped.
    fn run(pool: &ThreadPool, number: u64, until: Receiver<()>) -> (ThreadId, String) {
        let (report, reported) = channel();
        let work = move || {
            report.send((thread::current().id(), name().to_string())).unwrap();
            let _ = until.recv();
        };
        pool.start(number, work).unwrap();
        reported.recv_timeout(Duration::from_secs(20)).unwrap()
    }

    fn wait_until_idle(pool: &ThreadPool, count: usize) {
        while pool.0.idle.lock().threads != count {
            thread::yield_now();
        }
    }

    #[test]
    fn an_idle_thread_takes_the_next_job_and_its_name() {
        let pool = ThreadPool::new("job", 128 * 1024);
        let (done, until) = channel();
        let (first, called) = run(&pool, 1, until);
        assert_eq!(called, "job-1");
        let (other_done, until) = channel();
        let (second, called) = run(&pool, 2, until);
        assert!(called == "job-2" && second != first, "the first one is busy");
        drop(done);
        wait_until_idle(&pool, 1);
        let (third_done, until) = channel();
        assert_eq!(run(&pool, 3, until), (first, "job-3".to_owned()));
        drop((other_done, third_done));
        wait_until_idle(&pool, 2);
    }

    #[test]
    fn only_a_few_threads_stay_idle() {
        let pool = ThreadPool::new("job", 128 * 1024);
        let dones: Vec<_> = (0..2 * MAX_IDLE as u64)
            .map(|number| {
                let (done, until) = channel();
                run(&pool, number, until);
                done
            })
            .collect();
        drop(dones);
        // Each thread holds the pool for as long as it lives.
        while Arc::strong_count(&pool.0) != 1 + MAX_IDLE {
            thread::yield_now();
        }
        assert!(pool.0.idle.lock().threads <= MAX_IDLE);
    }
}
