//! Why `parlord` or one of its tools cannot start or finish, in a sentence for the operator.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why `parlord` cannot start, or a tool of its own cannot finish. Its `Display` is the one sentence printed.
#[derive(Debug)]
pub enum StartError {
    /// A setting has a value that cannot be used; the text says which and why.
    Config(String),
    /// The users file cannot be read or used; the text says where and why, never what stood there.
    Users(PathBuf, String),
    /// The data folder or the database in it cannot be used; the text says why and what to do.
    Store(PathBuf, String),
    /// An address to listen on is not to be had.
    Listen(SocketAddr, io::Error),
    /// Anything else the system refused; the text says what was tried.
    System(String, io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Config(text) => f.write_str(text),
            StartError::Users(path, text) | StartError::Store(path, text) => write!(f, "{}: {text}", path.display()),
            StartError::Listen(addr, e) if e.kind() == io::ErrorKind::AddrInUse => {
                write!(f, "cannot listen on {addr}: the port is used by another program")
            }
            StartError::Listen(addr, e) => write!(f, "cannot listen on {addr}: {e}"),
            StartError::System(what, e) => write!(f, "{what}: {e}"),
        }
    }
}

impl std::error::Error for StartError {}
