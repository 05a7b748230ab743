//! Why a run could not be made: sentences for whoever started it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the load tester could not start or go on.
#[derive(Debug)]
pub(crate) enum BenchError {
    /// The options do not go together.
    Usage(String),
    /// The server cannot be reached.
    Connect { target: SocketAddr, source: io::Error },
    /// The server refused a request.
    Refused { user: String, what: &'static str, answer: String },
    /// A connection ended that should have stayed.
    Closed { user: String, what: &'static str, why: String },
    /// Something did not happen in time.
    Late { what: &'static str, done: usize, of: usize, seconds: u64 },
    /// A file cannot be read or written.
    File { path: PathBuf, source: io::Error },
    /// A users file has too few users.
    TooFewUsers { path: PathBuf, found: usize, needed: usize },
    /// Nothing is known of a process.
    Process { pid: u32, source: io::Error },
    /// The system refused something.
    System(io::Error),
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BenchError::Usage(what) => f.write_str(what),
            BenchError::Connect { target, source } => {
                write!(f, "cannot connect to {target}: {source}; is the server there, and may it have so many clients?")
            }
            BenchError::Refused { user, what, answer } => {
                write!(f, "the server refused {what} of {user}: {answer:?}; {REFUSED}")
            }
            BenchError::Closed { user, what, why } => {
                write!(
                    f,
                    "the connection of {user} ended during {what}: {why}; is the server there, and what says its log?"
                )
            }
            BenchError::Late { what, done, of, seconds } => {
                write!(f, "{what}: only {done} of {of} after {seconds} s; see --patience")
            }
            BenchError::File { path, source } => write!(f, "{}: {source}", path.display()),
            BenchError::TooFewUsers { path, found, needed } => write!(
                f,
                "{} has {found} users with plain passwords, the run needs {needed}; --make-users FILE makes as many",
                path.display()
            ),
            BenchError::Process { pid, source } => {
                write!(f, "nothing can be said of process {pid}: {source}; is --server-pid right?")
            }
            BenchError::System(source) => write!(f, "the system refused: {source}"),
        }
    }
}

const REFUSED: &str = "has it the users of --make-users, and limits that are high enough (docs/bench.md)?";

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
