//! Everything between the bytes of a client and what he said: telnet out, lines together, glued messages apart.
//!
//! There is no I/O here and no clock: the session feeds what it read, and says when a pause is over.
//! It must not know users or commands; whether a name is complete is for the session to judge.

use super::framing::{Assembler, Input};
use super::legacy_framing;
use super::telnet::{Step, TelnetFilter};
use crate::model::limits;
use std::{mem, vec};

/// What ends a message of this client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// No name has come yet.
    Undecided,
    /// A line end.
    Lines,
    /// The end of the read: he sends no line ends.
    Raw,
}

/// The input side of one connection.
///
/// After each [`feed`](LineSource::feed) take everything with [`next_input`](LineSource::next_input) until there is none;
/// only then do the other questions have an answer.
#[derive(Debug)]
pub struct LineSource {
    telnet: TelnetFilter,
    assembler: Assembler,
    framing: Framing,
    chatting: bool,
    /// The next message is an answer: it is taken whole.
    answering: bool,
    /// What was fed; handled up to `at`, known to be data up to `data_end`.
    read: Vec<u8>,
    at: usize,
    data_end: usize,
    /// The rest of a raw message that was several.
    pieces: vec::IntoIter<Vec<u8>>,
    /// The pending line is complete, although it has no end.
    settled: bool,
    /// A name without line end was taken, and nothing has come since: its line end may only be late.
    after_raw_name: bool,
    /// The name came alone and in CR LF.
    telnet_like: bool,
}

impl LineSource {
    /// A source for a new connection, with lines of at most `line_limit` bytes with their end.
    pub fn new(line_limit: usize) -> LineSource {
        LineSource {
            telnet: TelnetFilter::default(),
            assembler: Assembler::new(line_limit),
            framing: Framing::Undecided,
            chatting: false,
            answering: false,
            read: Vec::new(),
            at: 0,
            data_end: 0,
            pieces: vec::IntoIter::default(),
            settled: false,
            after_raw_name: false,
            telnet_like: false,
        }
    }

    /// Hands over the bytes of one read.
    pub fn feed(&mut self, bytes: &[u8]) {
        if !self.flooded() {
            self.read.drain(..self.at);
            self.data_end -= self.at;
            self.at = 0;
            self.read.extend_from_slice(bytes);
        }
    }

    /// The next thing the client said; `None` when more bytes are needed, or the client [`flooded`](LineSource::flooded) us.
    pub fn next_input(&mut self) -> Option<Input> {
        if let Some(piece) = self.pieces.next() {
            return Some(Input::Line(piece));
        }
        while self.at < self.read.len() && !self.flooded() {
            let input = if self.at < self.data_end { self.take_data() } else { self.take_telnet() };
            if input.is_some() {
                return self.unglue(input);
            }
        }
        self.forget_read();
        let input = self.implied_end();
        self.unglue(input)
    }

    /// Says that the client closed his side cleanly: what he left without a line end counts as a line.
    pub fn finish(&mut self) {
        self.settled = true;
    }

    /// Whether so many bytes came without a line end that the connection is to be closed.
    pub fn flooded(&self) -> bool {
        self.assembler.flooded()
    }

    /// A name or password that has no line end yet and may be all there is; `None` once lines or chatting began.
    pub fn partial(&self) -> Option<&[u8]> {
        let partial = self.assembler.partial();
        (self.framing != Framing::Lines && !self.chatting && !partial.is_empty()).then_some(partial)
    }

    /// Whether [`limits::RAW_PAUSE`] without a byte would complete something: a partial, or an over-long raw message.
    pub fn wants_pause(&self) -> bool {
        self.framing != Framing::Lines && self.assembler.pending() && !self.flooded()
    }

    /// Takes what is pending as complete, because it is known or because the pause is over.
    ///
    /// The partial comes as the next input then, and a client whose name came this way is a raw one.
    pub fn settle(&mut self) {
        if self.wants_pause() {
            self.after_raw_name = self.framing == Framing::Undecided;
            self.framing = Framing::Raw;
            self.settled = true;
        }
    }

    /// Says that the login is over: from now on each read of a raw client is a message.
    pub fn begin_chat(&mut self) {
        self.chatting = true;
    }

    /// Says whether the next message is an answer to a question. Then nothing is cut from it, whatever it reads like.
    pub fn expect_answer(&mut self, expected: bool) {
        self.answering = expected;
    }

    /// What ends a message of this client.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Whether the client sent a telnet command.
    pub fn is_telnet(&self) -> bool {
        self.telnet.saw_telnet()
    }

    /// Whether the client may be spoken telnet to: he did so, or his name came alone in a read and ended in CR LF.
    pub fn counts_as_telnet(&self) -> bool {
        self.is_telnet() || self.telnet_like
    }

    /// Whether the client's first line ended in CR LF.
    pub fn ends_in_crlf(&self) -> bool {
        self.assembler.first_ended_in_crlf()
    }

    /// Telnet answers to be written to the client; empty if there are none.
    pub fn take_replies(&mut self) -> Vec<u8> {
        self.telnet.take_replies()
    }

    /// The bytes that make a telnet client stop showing what is typed.
    pub fn hide_input(&mut self) -> &'static [u8] {
        self.telnet.hide_input()
    }

    /// The bytes that take [`hide_input`](LineSource::hide_input) back.
    pub fn show_input(&mut self) -> &'static [u8] {
        self.telnet.show_input()
    }

    /// Whether what is typed is hidden just now.
    pub fn is_hiding(&self) -> bool {
        self.telnet.is_hiding()
    }

    fn take_data(&mut self) -> Option<Input> {
        let data = &self.read[self.at..self.data_end];
        let late_end = mem::take(&mut self.after_raw_name) && matches!(data[0], b'\n' | b'\r');
        let knew_crlf = self.ends_in_crlf();
        let (taken, input) = self.assembler.take(data);
        self.at += taken;
        if self.ends_in_crlf() && !knew_crlf {
            self.telnet_like = self.at == self.read.len();
        }
        if late_end || (self.framing == Framing::Undecided && input.is_some()) {
            self.framing = Framing::Lines;
        }
        input.filter(|_| !late_end)
    }

    fn take_telnet(&mut self) -> Option<Input> {
        let (taken, step) = self.telnet.step(&self.read[self.at..]);
        if step == Step::Data {
            self.data_end = self.at + taken;
            return None;
        }
        self.at += taken;
        self.data_end = self.at;
        self.assembler.count(taken);
        if self.is_telnet() {
            self.framing = Framing::Lines;
        }
        match step {
            Step::Data | Step::Nothing => return None,
            Step::EraseChar => self.assembler.erase_char(),
            Step::EraseLine => self.assembler.erase_line(),
            Step::AreYouThere => return Some(Input::AreYouThere),
            Step::Interrupt => {
                self.assembler.erase_line();
                return Some(Input::Interrupt);
            }
        }
        None
    }

    /// Frees what was read: an idle client shall not hold the memory of his longest read.
    fn forget_read(&mut self) {
        self.read.clear();
        self.read.shrink_to(limits::READ_MIN);
        self.pieces = vec::IntoIter::default();
        self.at = 0;
        self.data_end = 0;
    }

    /// The message that ends here although no line end came.
    fn implied_end(&mut self) -> Option<Input> {
        let settled = mem::take(&mut self.settled);
        match self.framing {
            _ if self.flooded() => None,
            _ if settled => self.assembler.end(),
            Framing::Raw if self.chatting => self.assembler.end_of_read(),
            _ => None,
        }
    }

    fn splits(&self) -> bool {
        self.chatting && !self.answering && self.framing == Framing::Raw
    }

    fn unglue(&mut self, input: Option<Input>) -> Option<Input> {
        match input {
            Some(Input::Line(message)) if self.splits() && !message.is_empty() => {
                let pieces: Vec<Vec<u8>> = legacy_framing::split(&message).into_iter().map(<[u8]>::to_vec).collect();
                self.pieces = pieces.into_iter();
                self.pieces.next().map(Input::Line)
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
