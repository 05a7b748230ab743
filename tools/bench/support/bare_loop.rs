//! The bare loop: the least a chat server with one thread per client can do, as a yardstick for what Parlor adds to it.
//! It speaks enough of Parlor's protocol for the load tester.
//!
//! It accepts every login, checks nothing, limits nothing and logs nothing. A client's thread handles all lines of one
//! read under one mutex, appends the messages to the buffers of their recipients, and then makes one non-blocking write
//! to each of them.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use rustix::net::{SendFlags, send};

/// Stack size of a client's thread, in bytes.
const STACK: usize = 128 * 1024;

/// Size of a read buffer, in bytes.
const READ_BUFFER: usize = 16 * 1024;

/// A connected client.
struct Client {
    name: String,
    stream: TcpStream,
    /// Bytes to write to it.
    // lock tier 2: after the state's or `writing`
    queued: Mutex<Vec<u8>>,
    /// Bytes taken from the queue that the socket has not taken yet; locked by the thread that writes.
    // lock tier 1: only tried, and never with the state's
    writing: Mutex<Vec<u8>>,
}

/// All users and groups, protected by one mutex.
#[derive(Default)]
struct State {
    users: HashMap<String, Arc<Client>>,
    groups: HashMap<String, Vec<Arc<Client>>>,
}

/// The session of one client, on a thread of its own.
struct Session<'a> {
    me: Arc<Client>,
    // lock tier 1: released before anything is written
    state: &'a Mutex<State>,
    /// Clients with queued bytes.
    to_flush: Vec<Arc<Client>>,
}

/// Serves until it is killed. The first line it prints says where it listens.
pub(crate) fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("listening on {}", listener.local_addr().unwrap());
    let state = Arc::new(Mutex::new(State::default()));
    for stream in listener.incoming() {
        let state = Arc::clone(&state);
        let stream = stream.unwrap();
        thread::Builder::new().stack_size(STACK).spawn(move || serve_client(stream, &state)).unwrap();
    }
}

/// Takes the first two lines as name and password, and handles the rest.
fn serve_client(mut stream: TcpStream, state: &Mutex<State>) {
    stream.set_nodelay(true).unwrap();
    let mut lines = Vec::new();
    while lines.iter().filter(|byte| **byte == b'\n').count() < 2 {
        let mut byte = [0];
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        lines.extend(byte);
    }
    let name = String::from_utf8(lines).unwrap().lines().next().unwrap().to_owned();
    stream.write_all(b"Welcome to the chat server!\n").unwrap();
    let (queued, writing) = (Mutex::default(), Mutex::default());
    let me = Arc::new(Client { name: name.clone(), stream, queued, writing });
    state.lock().users.insert(name, Arc::clone(&me));
    Session { me, state, to_flush: Vec::new() }.listen();
}

impl Session<'_> {
    /// Handles lines until the client leaves.
    fn listen(mut self) {
        let (mut buffer, mut filled) = (vec![0; READ_BUFFER], 0);
        loop {
            match (&self.me.stream).read(&mut buffer[filled..]) {
                Ok(0) | Err(_) => return,
                Ok(n) => filled += n,
            }
            let complete = buffer[..filled].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            self.handle_all(str::from_utf8(&buffer[..complete]).unwrap());
            buffer.copy_within(complete..filled, 0);
            filled -= complete;
            // The echo comes last, as in Parlor.
            let me = Arc::clone(&self.me);
            self.to_flush.drain(..).filter(|client| client.name != me.name).for_each(|client| client.flush());
            me.flush();
        }
    }

    fn handle_all(&mut self, lines: &str) {
        let mut state = self.state.lock();
        for line in lines.lines() {
            let mut words = line.splitn(3, ' ');
            let (command, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
            self.handle(&mut state, command, target, words.next().unwrap_or(""));
        }
    }

    fn handle(&mut self, state: &mut State, command: &str, target: &str, text: &str) {
        let Session { me, to_flush, .. } = self;
        match command {
            "/group_msg" => {
                let line = format!("[Group {target}][{}]: {text}\n", me.name);
                state.groups[target].iter().for_each(|client| client.queue(&line, to_flush));
            }
            "/msg" => {
                state.users[target].queue(&format!("[{}]: {text}\n", me.name), to_flush);
                me.queue(&format!("[to {target}]: {text}\n"), to_flush);
            }
            "/create_group" | "/join_group" => {
                state.groups.entry(target.to_owned()).or_default().push(Arc::clone(me));
                let did = if command == "/join_group" { "You joined the group" } else { "Group" };
                me.queue(&format!("{did} {target}.\n"), to_flush);
            }
            "/ping" => me.queue(&format!("Pong: {target}\n"), to_flush),
            _ => panic!("the bare loop does not know {command}"),
        }
    }
}

impl Client {
    fn queue(self: &Arc<Client>, line: &str, to_flush: &mut Vec<Arc<Client>>) {
        let mut queued = self.queued.lock();
        if queued.is_empty() {
            to_flush.push(Arc::clone(self));
        }
        queued.extend_from_slice(line.as_bytes());
    }

    /// Writes what is queued, unless another thread is writing; that one looks again afterwards.
    fn flush(&self) {
        while let Some(mut rest) = self.writing.try_lock() {
            if rest.is_empty() {
                std::mem::swap(&mut *rest, &mut self.queued.lock());
            } else {
                rest.append(&mut self.queued.lock());
            }
            let sent = send(&self.stream, &rest, SendFlags::DONTWAIT | SendFlags::NOSIGNAL).unwrap_or(0);
            rest.drain(..sent);
            drop(rest);
            if self.queued.lock().is_empty() {
                return;
            }
        }
    }
}
