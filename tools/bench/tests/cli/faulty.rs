//! Servers that do one thing wrong: the load tester has to notice it, name it and fail.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::{bench_at, figure, text};

/// What a server does to the lines for one of its clients.
type Change = fn(&mut Vec<String>);

/// A chat server that is correct except for `change`, which gets each delivery to the last client together with those
/// held back before, and marks with [`HOLD`] those to hold back further.
struct FaultyServer {
    state: Mutex<State>,
    change: Change,
}

#[derive(Default)]
struct State {
    names: Vec<String>,
    streams: HashMap<String, TcpStream>,
    /// Lines held back from the last client.
    held: Vec<String>,
    deliveries: usize,
}

/// How many deliveries to the last client are correct before `change` is applied.
const CORRECT: usize = 5;

fn serve(change: Change) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let server = Arc::new(FaultyServer { state: Mutex::default(), change });
    thread::spawn(move || {
        for stream in listener.incoming() {
            let server = Arc::clone(&server);
            thread::spawn(move || server.client(stream.unwrap()));
        }
    });
    addr
}

impl FaultyServer {
    fn client(&self, mut stream: TcpStream) {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        let (Some(name), Some(_)) = (lines.next(), lines.next()) else { return };
        {
            let mut state = self.state.lock().unwrap();
            state.names.push(name.clone());
            state.streams.insert(name.clone(), stream.try_clone().unwrap());
        }
        stream.write_all(b"Welcome to the chat server!\n").unwrap();
        for line in lines {
            self.handle(&name, &line);
        }
    }

    fn handle(&self, name: &str, line: &str) {
        let mut state = self.state.lock().unwrap();
        let mut words = line.splitn(3, ' ');
        let (command, target, text) = (words.next().unwrap(), words.next().unwrap_or(""), words.next().unwrap_or(""));
        let line = match command {
            "/group_msg" => {
                let line = format!("[Group {target}][{name}]: {text}\n");
                return self.deliver(&mut state, &line);
            }
            "/ping" => format!("Pong: {target}\n"),
            _ => format!("Group {target} created.\n"),
        };
        // The client may have left.
        let _ = (&state.streams[name]).write_all(line.as_bytes());
    }

    fn deliver(&self, state: &mut State, line: &str) {
        let Some((last, others)) = state.names.split_last() else { return };
        others.iter().for_each(|name| drop((&state.streams[name]).write_all(line.as_bytes())));
        state.deliveries += 1;
        state.held.push(line.to_owned());
        if state.deliveries > CORRECT {
            let mut held = std::mem::take(&mut state.held);
            (self.change)(&mut held);
            state.held = held;
        }
        let ready: Vec<String> = state.held.extract_if(.., |line| !line.starts_with(HOLD)).collect();
        ready.iter().for_each(|line| drop((&state.streams[last]).write_all(line.as_bytes())));
        state.held.iter_mut().for_each(|line| *line = line.trim_start_matches(HOLD).to_owned());
    }
}

/// Marks a line that is held back until the next one.
const HOLD: char = '\u{1}';

/// Asserts that a run against such a server fails with this fault.
fn assert_fails(change: Change, senders: &str, fault: &str) {
    let addr = serve(change);
    let options = ["fanout", "--members", "4", "--senders", senders, "--window", "2", "--patience", "3", "--json"];
    let run = bench_at(addr, &options);
    let json = text(&run.stdout);
    assert_eq!(run.status.code(), Some(3), "{json}{}", text(&run.stderr));
    assert!(json.contains("\"passed\":false") && json.contains(&format!("\"{fault}: ")), "{json}");
    assert!(figure(&json, "faults") >= 1.0, "{json}");
}

#[test]
fn a_server_without_faults_passes() {
    let run = bench_at(serve(|_| ()), &["fanout", "--members", "4", "--senders", "2", "--window", "2"]);
    assert_eq!(run.status.code(), Some(0), "{}{}", text(&run.stdout), text(&run.stderr));
}

#[test]
fn a_server_that_drops_a_message_fails() {
    assert_fails(|lines| lines.truncate(0), "1", "lost");
}

#[test]
fn a_server_that_sends_a_message_twice_fails() {
    assert_fails(|lines| lines.extend_from_within(..), "1", "duplicate");
}

#[test]
fn a_server_that_reorders_messages_fails() {
    // Every other line waits for the next one.
    let swap: Change = |lines| match &mut lines[..] {
        [only] => only.insert(0, HOLD),
        more => more.reverse(),
    };
    assert_fails(swap, "1", "out of order");
}

#[test]
fn a_server_that_shows_members_different_orders_fails() {
    // Only messages of different senders are swapped.
    let swap: Change = |lines| match &mut lines[..] {
        [only] => only.insert(0, HOLD),
        more if more[0].split(']').nth(1) != more[1].split(']').nth(1) => more.reverse(),
        _ => {}
    };
    assert_fails(swap, "2", "order mismatch");
}

#[test]
fn a_server_that_changes_a_text_fails() {
    assert_fails(|lines| lines.iter_mut().for_each(|line| *line = line.replace("xx", "xy")), "1", "altered");
}
