//! Servers that do one thing wrong: the load tester has to notice, name it, and fail.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::{bench_at, figure, text};

/// What a server does to the lines that one of its clients is to get.
type Change = fn(&mut Vec<String>);

/// A chat server that is right but for what `change` does: it takes each delivery for the last client, and those before
/// it that were held back, and leaves in the list what is to be held back still.
struct Faulty {
    hall: Mutex<Hall>,
    change: Change,
}

#[derive(Default)]
struct Hall {
    names: Vec<String>,
    streams: HashMap<String, TcpStream>,
    /// What the last client is to get.
    held: Vec<String>,
    deliveries: usize,
}

/// How many deliveries of the last client are right before something goes wrong.
const RIGHT: usize = 5;

fn serve(change: Change) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let server = Arc::new(Faulty { hall: Mutex::default(), change });
    thread::spawn(move || {
        for stream in listener.incoming() {
            let server = Arc::clone(&server);
            thread::spawn(move || server.client(stream.unwrap()));
        }
    });
    addr
}

impl Faulty {
    fn client(&self, mut stream: TcpStream) {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        let (Some(name), Some(_)) = (lines.next(), lines.next()) else { return };
        {
            let mut hall = self.hall.lock().unwrap();
            hall.names.push(name.clone());
            hall.streams.insert(name.clone(), stream.try_clone().unwrap());
        }
        stream.write_all(b"Welcome to the chat server!\n").unwrap();
        for line in lines {
            self.handle(&name, &line);
        }
    }

    fn handle(&self, name: &str, line: &str) {
        let mut hall = self.hall.lock().unwrap();
        let mut words = line.splitn(3, ' ');
        let (verb, target, text) = (words.next().unwrap(), words.next().unwrap_or(""), words.next().unwrap_or(""));
        let line = match verb {
            "/group_msg" => {
                let line = format!("[Group {target}][{name}]: {text}\n");
                return self.deliver(&mut hall, &line);
            }
            "/ping" => format!("Pong: {target}\n"),
            _ => format!("Group {target} created.\n"),
        };
        // Who has gone hears nothing more.
        let _ = (&hall.streams[name]).write_all(line.as_bytes());
    }

    fn deliver(&self, hall: &mut Hall, line: &str) {
        let Some((last, others)) = hall.names.split_last() else { return };
        others.iter().for_each(|name| drop((&hall.streams[name]).write_all(line.as_bytes())));
        hall.deliveries += 1;
        hall.held.push(line.to_owned());
        if hall.deliveries > RIGHT {
            let mut held = std::mem::take(&mut hall.held);
            (self.change)(&mut held);
            hall.held = held;
        }
        let ready: Vec<String> = hall.held.extract_if(.., |line| !line.starts_with(HOLD)).collect();
        ready.iter().for_each(|line| drop((&hall.streams[last]).write_all(line.as_bytes())));
        hall.held.iter_mut().for_each(|line| *line = line.trim_start_matches(HOLD).to_owned());
    }
}

/// Stands before a line that waits for the next one.
const HOLD: char = '\u{1}';

/// A run against such a server fails, and says this.
fn fails(change: Change, senders: &str, word: &str) {
    let addr = serve(change);
    let options = ["fanout", "--members", "4", "--senders", senders, "--window", "2", "--patience", "3", "--json"];
    let run = bench_at(addr, &options);
    let json = text(&run.stdout);
    assert_eq!(run.status.code(), Some(3), "{json}{}", text(&run.stderr));
    assert!(json.contains("\"passed\":false") && json.contains(&format!("\"{word}: ")), "{json}");
    assert!(figure(&json, "faults") >= 1.0, "{json}");
}

#[test]
fn a_server_without_faults_passes() {
    let run = bench_at(serve(|_| ()), &["fanout", "--members", "4", "--senders", "2", "--window", "2"]);
    assert_eq!(run.status.code(), Some(0), "{}{}", text(&run.stdout), text(&run.stderr));
}

#[test]
fn a_server_that_drops_a_message_fails() {
    fails(|lines| lines.truncate(0), "1", "lost");
}

#[test]
fn a_server_that_sends_a_message_twice_fails() {
    fails(|lines| lines.extend_from_within(..), "1", "duplicate");
}

#[test]
fn a_server_that_lets_messages_change_places_fails() {
    // Every second one waits for the one behind it.
    let swap: Change = |lines| match &mut lines[..] {
        [only] => only.insert(0, HOLD),
        more => more.reverse(),
    };
    fails(swap, "1", "out of order");
}

#[test]
fn a_server_that_shows_two_members_two_orders_fails() {
    // Only messages of different senders change places.
    let swap: Change = |lines| match &mut lines[..] {
        [only] => only.insert(0, HOLD),
        more if more[0].split(']').nth(1) != more[1].split(']').nth(1) => more.reverse(),
        _ => {}
    };
    fails(swap, "2", "order mismatch");
}

#[test]
fn a_server_that_changes_a_text_fails() {
    fails(|lines| lines.iter_mut().for_each(|line| *line = line.replace("xx", "xy")), "1", "altered");
}
