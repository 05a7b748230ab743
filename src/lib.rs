//! Parlor: a chat server for people who have nothing but `nc` or `telnet`.
//!
//! The daemon, `parlord`, gives each client a blocking thread of its own; there is no async runtime. A message travels
//! down the floors and back up: a session reads a line and executes a command, the hub checks the message, appends it to
//! the log and queues it for its recipients, and each recipient's connection writes it out.
//!
//! # Layout
//!
//! From the top floor down. A file imports only lower floors and its own folder (`tests/floors.rs` checks that).
//!
//! * [`cli`]: the command line, for the daemon and for the tools beside it. `parlord` is [`cli::run`] and nothing else.
//! * [`server`]: listeners, admission, one thread per client, and the order in which everything stops. Start
//!   reading at [`server::Server::run`].
//! * `web`: HTTP for browsers and scripts: the page, the API, the upgrade to a WebSocket.
//! * `session`: one client from login to logout. It reads lines, executes commands and writes out what they caused. A
//!   *door* is the protocol a client speaks: how it logs in, and which dialect it receives.
//! * [`command`]: the slash commands. Each is declared once, in a `Spec`, from which help and documentation come too.
//! * [`admin`]: what operators do, from the chat or from the console: bans, the word filter, metrics, the audit log.
//! * [`hub`]: who is online and in which group, and what each client has still to be sent, behind one central lock. It
//!   knows neither sockets nor text.
//! * [`accounts`]: users.txt, passwords, tokens, and limits on guessing.
//! * [`transport`]: a `Link` carries bytes (TCP, WebSocket, or memory in tests), and a `LineSource` makes lines of them.
//! * [`protocol`]: events as bytes. One dialect has the wording for people, two have tagged records for programs.
//! * [`store`]: everything that outlives a session, above all the message log; in memory or in SQLite.
//! * [`model`]: the values that all floors share: names, events, errors, limits, clean text.
//! * `thread`, `semaphore`, `sync`, [`failpoint`]: starting threads, bounding how many do the same at once,
//!   locks that a test can schedule, and faults that a test can order.
//! * `files`, `log_limit`: renaming files without overwriting any, and log lines that strangers can cause.
//!
//! [`config`] and [`logging`] stand beside the floors: they know [`model`] only, and the server is handed a finished
//! [`config::Config`].
//!
//! `docs/architecture.md` has the life of a message, the order of the locks, and where new things go.

pub mod accounts;
pub mod admin;
mod brake;
pub mod cli;
pub mod command;
pub mod config;
pub mod failpoint;
mod files;
pub mod hub;
mod lock;
mod log_limit;
pub mod logging;
pub mod model;
pub mod protocol;
mod semaphore;
pub mod server;
mod session;
pub mod store;
mod sync;
mod thread;
pub mod transport;
mod web;
