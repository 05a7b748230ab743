//! Why a run could not be made, as one sentence for the person who started it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the load tester could not start or continue.
#[derive(Debug)]
pub(crate) enum BenchError {
    /// The options contradict each other.
    Usage(String),
    /// The server cannot be reached.
    Connect { target: SocketAddr, source: io::Error },
    /// The server refused a request.
    Refused { user: String, what: &'static str, answer: String },
    /// A connection was closed that should have stayed open.
    Closed { user: String, what: &'static str, why: String },
    /// The server did not answer in time.
    Late { what: &'static str, done: usize, of: usize, seconds: u64 },
    /// A file cannot be read or written.
    File { path: PathBuf, source: io::Error },
    /// A users file has too few usable users.
    TooFewUsers { path: PathBuf, found: usize, needed: usize },
    /// The server process could not be inspected.
    Process { pid: u32, source: io::Error },
    /// A system call failed.
    System(io::Error),
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BenchError::Usage(what) => f.write_str(what),
            BenchError::Connect { target, source } => {
                write!(
                    f,
                    "cannot connect to {target}: {source}; is the server running, and does it allow this many clients?"
                )
            }
            BenchError::Refused { user, what, answer } => {
                write!(f, "the server refused {what} of {user}: {answer:?}; {CHECK_SERVER}")
            }
            BenchError::Closed { user, what, why } => {
                write!(f, "the connection of {user} was closed during {what}: {why}; see the server's log")
            }
            BenchError::Late { what, done, of, seconds } => {
                write!(f, "{what}: only {done} of {of} after {seconds} s; see --patience")
            }
            BenchError::File { path, source } => write!(f, "{}: {source}", path.display()),
            BenchError::TooFewUsers { path, found, needed } => write!(
                f,
                "{} has {found} users with plain passwords, the run needs {needed}; create them with --make-users FILE",
                path.display()
            ),
            BenchError::Process { pid, source } => {
                write!(f, "cannot inspect process {pid}: {source}; is --server-pid right?")
            }
            BenchError::System(source) => write!(f, "a system call failed: {source}"),
        }
    }
}

const CHECK_SERVER: &str = "does it have the users of --make-users, and high enough limits (docs/bench.md)?";

impl From<io::Error> for BenchError {
    fn from(source: io::Error) -> BenchError {
        BenchError::System(source)
    }
}

impl From<rustix::io::Errno> for BenchError {
    fn from(errno: rustix::io::Errno) -> BenchError {
        BenchError::System(errno.into())
    }
}
