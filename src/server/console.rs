//! The console: a Unix socket in the data folder, on which the owner of the process does what admins do in the chat.
//!
//! A request is one line: `text` or `json`, then a command as in the chat, without its slash. The answer is a line `ok`
//! or `refused`, then the text of the answer; then the connection ends. A client that hangs holds one of a few permits
//! for a while.

use std::fs::{self, Permissions};
use std::io::{self, Read};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};
use rustix::net::sockopt::socket_peercred;
use rustix::process::{Uid, geteuid};
use socket2::SockRef;

use super::Handle;
use crate::admin::Actor;
use crate::command;
use crate::model::limits::{CLIENT_STACK, CTL_BYTES, CTL_CLIENTS, CTL_TIME};
use crate::model::{AdminAnswer, Event, EventKind, UserError};
use crate::protocol::{Dialect, PLAIN, json};
use crate::semaphore::Semaphore;
use crate::thread;
use crate::transport::write_all_until;

/// How long to wait after the system refused a connection.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The console of a running server.
pub(super) struct Console {
    listener: UnixListener,
    path: PathBuf,
    requests: Arc<Semaphore>,
    acceptor: JoinHandle<()>,
}

/// The path of the socket in this data folder.
pub(crate) fn socket_path(dir: &Path) -> PathBuf {
    dir.join("ctl.sock")
}

impl Console {
    /// Opens the console in the data folder, which belongs to this process alone. A failure is logged, and the server
    /// goes on without a console.
    pub(super) fn open(server: &Handle, dir: &Path, stopped: &Receiver<()>) -> Option<Console> {
        let opened = Console::try_open(server, &socket_path(dir), stopped.clone());
        opened.inspect_err(|e| log::error!("console closed error=\"{e}\": parlord ctl does not work")).ok()
    }

    fn try_open(server: &Handle, path: &Path, stopped: Receiver<()>) -> io::Result<Console> {
        // A socket that exists was left behind by a server that crashed.
        match fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        let requests = Arc::new(Semaphore::new(CTL_CLIENTS));
        let (ours, for_thread, server) = (listener.try_clone()?, Arc::clone(&requests), server.clone());
        let acceptor = thread::start("ctl", CLIENT_STACK, move || accept(&ours, &server, &for_thread, &stopped))?;
        Ok(Console { listener, path: path.to_owned(), requests, acceptor })
    }

    /// Accepts no more requests, waits until `deadline` for the last answers, and removes the socket.
    pub(super) fn close(self, deadline: Instant) {
        // Nothing else wakes a blocked accept. An error means that the listener is shut down already.
        let _ = SockRef::from(&self.listener).shutdown(Shutdown::Both);
        let _ = self.acceptor.join();
        self.requests.close();
        if !self.requests.wait_idle_until(deadline) {
            log::debug!("console closed before its last answer");
        }
        let _ = fs::remove_file(&self.path);
    }
}

fn accept(listener: &UnixListener, server: &Handle, requests: &Arc<Semaphore>, stopped: &Receiver<()>) {
    let mut count = 0_u64;
    // Nothing is ever sent: the channel closes when the server is asked to stop.
    while stopped.try_recv() != Err(TryRecvError::Disconnected) {
        match listener.accept() {
            Ok((stream, _)) => {
                // Every request that holds a permit has ended by then.
                let Some(permit) = requests.acquire_owned_until(Instant::now() + 2 * CTL_TIME) else { continue };
                let server = server.clone();
                count += 1;
                // Without a thread the connection closes, and the client reports that there was no answer.
                let _ = thread::start(&format!("ctl-{count}"), CLIENT_STACK, move || {
                    let _permit = permit;
                    if let Err(e) = serve(&stream, &server) {
                        log::debug!("console without answer error=\"{e}\"");
                    }
                });
            }
            Err(_) if stopped.recv_timeout(BACK_OFF) == Err(RecvTimeoutError::Disconnected) => return,
            Err(_) => {}
        }
    }
}

fn serve(stream: &UnixStream, server: &Handle) -> io::Result<()> {
    if !is_allowed(socket_peercred(stream)?.uid, geteuid()) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let request = read_line(stream, Instant::now() + CTL_TIME)?;
    let (format, line) = request.split_once(' ').unwrap_or((&request, ""));
    let answer = command::console(line)
        .and_then(|command| server.admin().execute(command, &Actor::Console, &server.0.shared.accounts));
    let status = if answer.is_ok() { "ok" } else { "refused" };
    let body = if format == "json" { json(&answer) } else { plain(answer) };
    write_all_until(stream, format!("{status}\n{}\n", body.trim_end()).as_bytes(), Instant::now() + CTL_TIME)
}

/// Only the owner of the process and root may use the console.
fn is_allowed(peer: Uid, own: Uid) -> bool {
    peer == own || peer.is_root()
}

fn plain(answer: Result<AdminAnswer, UserError>) -> String {
    let event = Event::new(answer.map_or_else(EventKind::Refused, EventKind::AdminReply));
    String::from_utf8_lossy(PLAIN.encode(&event)).into_owned()
}

/// Reads one line, which the parser of commands cleans like any other input.
fn read_line(mut stream: &UnixStream, deadline: Instant) -> io::Result<String> {
    let (mut line, mut buffer) = (Vec::new(), [0; 1024]);
    while !line.contains(&b'\n') {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let n = stream.read(&mut buffer)?;
        line.extend_from_slice(&buffer[..n]);
        if n == 0 || line.len() > CTL_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    String::from_utf8(line.trim_ascii().to_vec()).map_err(|_| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_of_the_process_and_root_are_allowed() {
        let (own, other) = (Uid::from_raw(1_000), Uid::from_raw(1_001));
        assert!(is_allowed(own, own) && is_allowed(Uid::ROOT, own));
        assert!(!is_allowed(other, own) && !is_allowed(other, Uid::ROOT));
    }
}
