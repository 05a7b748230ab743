//! The console: a Unix socket in the data folder, on which the owner of the process does what operators do.
//!
//! A request is one line: `text` or `json`, and what is wanted, as in the chat without its slash. The answer is a line
//! `ok` or `refused` and what there is to say; then the connection ends. Who hangs costs one of a few places for a while.

use std::fs::{self, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use rustix::net::sockopt::socket_peercred;
use rustix::process::{Uid, geteuid};
use socket2::SockRef;

use super::Handle;
use crate::admin::Actor;
use crate::command;
use crate::model::limits::{CLIENT_STACK, CTL_BYTES, CTL_CLIENTS, CTL_TIME};
use crate::model::{AdminAnswer, Event, EventKind, UserError, text};
use crate::protocol::{Dialect, PLAIN, json};
use crate::semaphore::Semaphore;
use crate::thread;
use crate::transport::write_all_until;

/// How long to wait after the system refused to give a connection.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The console of a running server. Its file goes with it.
pub(super) struct Ctl {
    listener: UnixListener,
    path: PathBuf,
    requests: Arc<Semaphore>,
    accepting: Option<JoinHandle<()>>,
}

/// The socket in this data folder.
pub(crate) fn socket(dir: &Path) -> PathBuf {
    dir.join("ctl.sock")
}

impl Ctl {
    /// Opens the console in the data folder, which is this process's alone. That it cannot be opened is no reason not to
    /// serve, and the log says so.
    pub(super) fn open(server: &Handle, dir: &Path, stopped: &Receiver<()>) -> Option<Ctl> {
        let opened = Ctl::try_open(server, &socket(dir), stopped.clone());
        opened.inspect_err(|e| log::error!("console closed error=\"{e}\": parlord ctl does not work")).ok()
    }

    fn try_open(server: &Handle, path: &Path, stopped: Receiver<()>) -> io::Result<Ctl> {
        // One that is there is of a server that crashed.
        match fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        let requests = Arc::new(Semaphore::new(CTL_CLIENTS));
        let (ours, for_thread, server) = (listener.try_clone()?, Arc::clone(&requests), server.clone());
        let accepting = thread::start("ctl", CLIENT_STACK, move || accept(&ours, &server, &for_thread, &stopped))?;
        Ok(Ctl { listener, path: path.to_owned(), requests, accepting: Some(accepting) })
    }

    /// Accepts nothing more, and waits until the last answer has been given, at most until `deadline`.
    pub(super) fn close(mut self, deadline: Instant) {
        // Only this wakes a blocked accept.
        let _ = SockRef::from(&self.listener).shutdown(std::net::Shutdown::Both);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        self.requests.close();
        if !self.requests.wait_idle_until(deadline) {
            log::debug!("console closed before its last answer");
        }
        let _ = fs::remove_file(&self.path);
    }
}

fn accept(listener: &UnixListener, server: &Handle, requests: &Arc<Semaphore>, stopped: &Receiver<()>) {
    let mut count = 0_u64;
    // Nothing is ever sent: the channel ends when the server is asked to stop.
    while stopped.try_recv() != Err(crossbeam_channel::TryRecvError::Disconnected) {
        match listener.accept() {
            Ok((stream, _)) => {
                // Every request that holds a permit has ended by then.
                let Some(permit) = requests.acquire_owned_until(Instant::now() + 2 * CTL_TIME) else { continue };
                let server = server.clone();
                count += 1;
                // A thread that is refused closes the connection, and whoever asked says that there was no answer.
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
    if !may(socket_peercred(stream)?.uid, geteuid()) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let request = read_line(stream, Instant::now() + CTL_TIME)?;
    let (form, line) = request.split_once(' ').unwrap_or((&request, ""));
    let answer =
        command::console(line).and_then(|act| server.admin().execute(act, &Actor::Console, &server.0.shared.accounts));
    let verdict = if answer.is_ok() { "ok" } else { "refused" };
    let body = if form == "json" { json(&answer) } else { plain(answer) };
    write_all_until(stream, format!("{verdict}\n{}\n", body.trim_end()).as_bytes(), Instant::now() + CTL_TIME)
}

/// The owner of the process and the owner of the machine.
fn may(peer: Uid, own: Uid) -> bool {
    peer == own || peer.is_root()
}

fn plain(answer: Result<AdminAnswer, UserError>) -> String {
    let event = Event::new(answer.map_or_else(EventKind::Refused, EventKind::AdminReply));
    String::from_utf8_lossy(PLAIN.encode(&event)).into_owned()
}

/// One line, made harmless as at every other door.
fn read_line(mut stream: &UnixStream, deadline: Instant) -> io::Result<String> {
    let (mut line, mut buffer) = (Vec::new(), [0; 1024]);
    while !line.contains(&b'\n') {
        stream.set_read_timeout(Some(left(deadline)?))?;
        let n = stream.read(&mut buffer)?;
        line.extend_from_slice(&buffer[..n]);
        if n == 0 || line.len() > CTL_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    text::decode(line).map(|text| text.trim().to_owned()).map_err(|_| io::ErrorKind::InvalidData.into())
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owners_of_the_process_and_of_the_machine_may() {
        let (own, other) = (Uid::from_raw(1_000), Uid::from_raw(1_001));
        assert!(may(own, own) && may(Uid::ROOT, own));
        assert!(!may(other, own) && !may(other, Uid::ROOT));
    }
}
