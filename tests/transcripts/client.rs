//! A client in a transcript: a real socket and its unread input.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use crate::support::{WELCOME, password, timeless};

const HINT: &str = "Type /help for the commands; Ctrl-R shows a half-typed line again.";

/// Lines that end in a space instead of a line end.
const PROMPTS: [&str; 6] =
    ["Enter username:", "Enter password:", "Your password:", "Old password:", "New password:", "Repeat password:"];

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Lines,
    Telnet,
    Raw,
}

pub(super) struct Client {
    pub(super) stream: TcpStream,
    kind: Kind,
    pub(super) logged_in: bool,
    /// Which words its answers to `/ping` begin with.
    pub(super) pong: &'static str,
    unread: Vec<u8>,
    /// Lines may come before the next one that is expected.
    skipping: bool,
}

impl Client {
    pub(super) fn new(stream: TcpStream, kind: Kind) -> Client {
        Client { stream, kind, logged_in: false, pong: "Pong: ", unread: Vec::new(), skipping: false }
    }

    fn end_of_line(&self) -> &'static str {
        match self.kind {
            Kind::Lines => "\n",
            Kind::Telnet => "\r\n",
            Kind::Raw => "",
        }
    }

    fn write(&mut self, text: &str) -> Result<(), String> {
        self.stream.write_all(text.as_bytes()).map_err(|e| format!("cannot be sent: {e}"))
    }

    pub(super) fn say(&mut self, text: &str) -> Result<(), String> {
        self.write(&format!("{text}{}", self.end_of_line()))
    }

    pub(super) fn pipe(&mut self, lines: &str) -> Result<(), String> {
        let end = self.end_of_line();
        let script: String = lines.split(" | ").map(|line| format!("{line}{end}")).collect();
        self.write(&script)?;
        self.stream.shutdown(Shutdown::Write).map_err(|e| e.to_string())
    }

    pub(super) fn log_in(&mut self, name: &str) -> Result<(), String> {
        let hidden = self.kind == Kind::Telnet;
        self.hear("Enter username:")?;
        self.say(name)?;
        if hidden {
            self.hear("(typing is hidden)")?;
        }
        self.hear("Enter password:")?;
        self.say(password(name))?;
        if hidden {
            self.hear("(typing is shown)")?;
        }
        self.hear(WELCOME)?;
        self.hear(HINT)
    }

    /// Expects this line next, after the lines that may be skipped.
    pub(super) fn hear(&mut self, what: &str) -> Result<(), String> {
        if what == "..." {
            self.skipping = true;
            return Ok(());
        }
        let skipping = std::mem::take(&mut self.skipping);
        loop {
            let heard = self.hear_next(what);
            let skipped = if skipping && heard.is_err() { self.next_line().len() } else { 0 };
            if skipped == 0 {
                return heard;
            }
            self.unread.drain(..skipped);
        }
    }

    /// This line comes, at once or behind others, which are still to be heard.
    pub(super) fn hear_among(&mut self, what: &str) -> Result<(), String> {
        let line = format!("{what}{}", if self.kind == Kind::Telnet { "\r\n" } else { "\n" }).into_bytes();
        loop {
            let mut start = 0;
            for end in (1..=self.unread.len()).filter(|end| self.unread[end - 1] == b'\n') {
                if self.unread[start..end] == line {
                    self.unread.drain(start..end);
                    return Ok(());
                }
                start = end;
            }
            if !self.read() {
                return Err(format!("expected {} at some place, got {}", quoted(&line), quoted(&self.unread)));
            }
        }
    }

    fn hear_next(&mut self, what: &str) -> Result<(), String> {
        let end = if self.kind == Kind::Telnet { "\r\n" } else { "\n" };
        let expected = match what {
            "(typing is hidden)" => b"\xFF\xFB\x01".to_vec(),
            "(typing is shown)" => b"\xFF\xFC\x01\r\n".to_vec(),
            what if PROMPTS.contains(&what) => format!("{what} ").into_bytes(),
            line => {
                let line = line.replace("{address}", &self.stream.local_addr().unwrap().to_string());
                let varies = ["{time}", "{at}", "{id}"].iter().any(|part| line.contains(part));
                if varies { self.alike(&line, end)? } else { format!("{line}{end}").into_bytes() }
            }
        };
        while self.unread.len() < expected.len() && expected.starts_with(&self.unread) && self.read() {}
        if !self.unread.starts_with(&expected) {
            return Err(format!("expected {}, got {}", quoted(&expected), quoted(self.next_line())));
        }
        self.unread.drain(..expected.len());
        self.logged_in |= what == WELCOME;
        match what {
            "mode name=machine" => self.pong = "pong text=",
            what if what.starts_with("Mode: plain") => self.pong = "Pong: ",
            _ => {}
        }
        Ok(())
    }

    /// The code or token in the next line, which says that one is made.
    pub(super) fn made(&mut self, what: &str, expected: &str) -> Result<String, String> {
        while !self.unread.contains(&b'\n') && self.read() {}
        let came = String::from_utf8_lossy(self.next_line()).into_owned();
        let place = expected.split(' ').position(|word| word == what).unwrap_or_default();
        let value = came.trim_end().split(' ').nth(place).unwrap_or_default().to_owned();
        let is_code = value.len() == 4 && value.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if (what == "{code}" && is_code) || (what == "{token}" && value.starts_with("parlor_")) {
            self.hear(&expected.replace(what, &value)).map(|()| value)
        } else {
            Err(format!("no {what} in {came:?}"))
        }
    }

    /// The next line, if it is the expected one with some time and some number in their places.
    fn alike(&mut self, expected: &str, end: &str) -> Result<Vec<u8>, String> {
        while !self.unread.contains(&b'\n') && self.read() {}
        let came = String::from_utf8_lossy(self.next_line()).into_owned();
        if is_alike(came.strip_suffix(end).unwrap_or_default(), expected) {
            return Ok(came.into_bytes());
        }
        Err(format!("expected {:?}, got {came:?}", format!("{expected}{end}")))
    }

    /// Says that it will send nothing more.
    pub(super) fn finish(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    pub(super) fn end(mut self) -> Result<(), String> {
        while self.unread.is_empty() && self.read() {}
        // A read that did not wait says whether the end has come.
        let ended = self.unread.is_empty() && self.stream.peek(&mut [0]).is_ok_and(|n| n == 0);
        if ended {
            Ok(())
        } else {
            Err(format!("expected the end of the connection, got {}", quoted(self.next_line())))
        }
    }

    fn next_line(&mut self) -> &[u8] {
        while !self.unread.is_empty() && !self.unread.contains(&b'\n') && self.read() {}
        let end = self.unread.iter().position(|b| *b == b'\n').map_or(self.unread.len(), |at| at + 1);
        &self.unread[..end]
    }

    /// Reads more; false at the end, and when nothing comes.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(n) => {
                self.unread.extend_from_slice(&buffer[..n]);
                n > 0
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => true,
            Err(_) => false,
        }
    }
}

/// Whether a line matches the expected one, in which `{time}` stands for a time and `{id}` for a number.
fn is_alike(line: &str, expected: &str) -> bool {
    let Some((before, rest)) = expected.split_once('{') else { return line == expected };
    let (name, rest) = rest.split_once('}').unwrap();
    let Some(line) = line.strip_prefix(before) else { return false };
    let digits = || line.bytes().take_while(u8::is_ascii_digit).count();
    let length = match name {
        "time" if timeless(line).starts_with("{time}") => "2026-11-20 17:03".len(),
        "at" if is_moment(line) => "2026-11-20T17:03:12.402117Z".len(),
        "id" if digits() > 0 => digits(),
        _ => return false,
    };
    is_alike(&line[length..], rest)
}

/// Whether a line begins with a time as programs are told it.
fn is_moment(line: &str) -> bool {
    let form = "dddd-dd-ddTdd:dd:dd.ddddddZ";
    let same = |(c, f): (char, char)| if f == 'd' { c.is_ascii_digit() } else { c == f };
    line.len() >= form.len() && line.chars().zip(form.chars()).all(same)
}

fn quoted(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => format!("{text:?}"),
        Err(_) => format!("\"{}\"", bytes.escape_ascii()),
    }
}
