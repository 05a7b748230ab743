//! The bare loop: the least that a chat server with a thread per client can do, as a measure for what Parlor adds to it.
//! It speaks enough of Parlor's lines for the load tester.
//!
//! It believes every login, checks nothing, bounds nothing and logs nothing. A thread takes what one read brought,
//! appends it to the buffers of all recipients under one mutex, and then makes one write to each that does not wait.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use rustix::net::{SendFlags, send};

/// The stack of a client's thread, in bytes.
const STACK: usize = 128 * 1024;

/// The most that one read takes, in bytes.
const READ: usize = 16 * 1024;

/// One connected client.
struct Member {
    name: String,
    stream: TcpStream,
    /// What has still to be written to him.
    queued: Mutex<Vec<u8>>,
    /// Held by who writes to him: what was taken from the queue and has not gone out.
    writing: Mutex<Vec<u8>>,
}

/// What the one mutex protects.
#[derive(Default)]
struct Hall {
    users: HashMap<String, Arc<Member>>,
    groups: HashMap<String, Vec<Arc<Member>>>,
}

/// One thread's client and those to whom it has something to write.
struct Guest<'a> {
    me: Arc<Member>,
    hall: &'a Mutex<Hall>,
    touched: Vec<Arc<Member>>,
}

/// Serves until it is killed; the first line it prints says where.
pub(crate) fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("listening on {}", listener.local_addr().unwrap());
    let hall = Arc::new(Mutex::new(Hall::default()));
    for stream in listener.incoming() {
        let hall = Arc::clone(&hall);
        let stream = stream.unwrap();
        thread::Builder::new().stack_size(STACK).spawn(move || welcome(stream, &hall)).unwrap();
    }
}

/// Takes the first two lines for name and password, and serves the rest.
fn welcome(mut stream: TcpStream, hall: &Mutex<Hall>) {
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
    let me = Arc::new(Member { name: name.clone(), stream, queued, writing });
    hall.lock().users.insert(name, Arc::clone(&me));
    Guest { me, hall, touched: Vec::new() }.listen();
}

impl Guest<'_> {
    /// Handles whatever each read brings, until the client leaves.
    fn listen(mut self) {
        let (mut buffer, mut filled) = (vec![0; READ], 0);
        loop {
            match (&self.me.stream).read(&mut buffer[filled..]) {
                Ok(0) | Err(_) => return,
                Ok(n) => filled += n,
            }
            let whole = buffer[..filled].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            self.handle_all(str::from_utf8(&buffer[..whole]).unwrap());
            buffer.copy_within(whole..filled, 0);
            filled -= whole;
            // His own line comes last, as in Parlor.
            let me = Arc::clone(&self.me);
            self.touched.drain(..).filter(|member| member.name != me.name).for_each(|member| member.flush());
            me.flush();
        }
    }

    fn handle_all(&mut self, lines: &str) {
        let mut hall = self.hall.lock();
        for line in lines.lines() {
            let mut words = line.splitn(3, ' ');
            let (verb, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
            self.handle(&mut hall, verb, target, words.next().unwrap_or(""));
        }
    }

    fn handle(&mut self, hall: &mut Hall, verb: &str, target: &str, text: &str) {
        let Guest { me, touched, .. } = self;
        match verb {
            "/group_msg" => {
                let line = format!("[Group {target}][{}]: {text}\n", me.name);
                hall.groups[target].iter().for_each(|member| member.queue(&line, touched));
            }
            "/msg" => {
                hall.users[target].queue(&format!("[{}]: {text}\n", me.name), touched);
                me.queue(&format!("[to {target}]: {text}\n"), touched);
            }
            "/create_group" | "/join_group" => {
                hall.groups.entry(target.to_owned()).or_default().push(Arc::clone(me));
                let did = if verb == "/join_group" { "You joined the group" } else { "Group" };
                me.queue(&format!("{did} {target}.\n"), touched);
            }
            "/ping" => me.queue(&format!("Pong: {target}\n"), touched),
            _ => panic!("the bare loop knows no {verb}"),
        }
    }
}

impl Member {
    fn queue(self: &Arc<Member>, line: &str, touched: &mut Vec<Arc<Member>>) {
        let mut queued = self.queued.lock();
        if queued.is_empty() {
            touched.push(Arc::clone(self));
        }
        queued.extend_from_slice(line.as_bytes());
    }

    /// Writes what is queued, unless somebody is at it; he looks once more afterwards.
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
