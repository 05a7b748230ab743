//! Turns a client's bytes into input: filters telnet commands out, assembles lines, splits reads without line ends.
//!
//! There is no I/O and no clock here: the session feeds it what it read and says when a pause is over.
//! It must not know users or commands; whether a name is complete is for the session to judge.

use std::collections::VecDeque;
use std::mem;

use super::framing::{Assembler, Input, LegacyCommands};
use super::telnet::{Step, TelnetFilter};
use crate::model::limits;

/// How messages of this client end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// No name has arrived yet.
    Undecided,
    /// A line end.
    Lines,
    /// The end of the read: the client sends no line ends.
    Raw,
}

/// The input side of one connection.
///
/// After each [`feed`](LineSource::feed), call [`next_input`](LineSource::next_input) until it returns nothing; only then
/// are the answers of the other methods valid.
#[derive(Debug)]
pub(crate) struct LineSource {
    /// The client may be a terminal: telnet is filtered, and a client without line ends is understood.
    terminal: Option<&'static LegacyCommands>,
    telnet: TelnetFilter,
    assembler: Assembler,
    framing: Framing,
    chatting: bool,
    /// The next message answers a question: it is not split.
    answering: bool,
    /// The bytes fed so far; handled up to `at`, known to be data up to `data_end`.
    read: Vec<u8>,
    at: usize,
    data_end: usize,
    /// What a raw client's bytes have amounted to and nobody has taken yet.
    pieces: VecDeque<Input>,
    /// The read filled its buffer: there is more of it.
    more: bool,
    /// The pending line is complete although it has no end.
    settled: bool,
    /// A name was taken without a line end and nothing has arrived since: the line end may merely be late.
    after_raw_name: bool,
    /// The name arrived alone in a read and ended in CR LF.
    telnet_like: bool,
}

impl LineSource {
    /// A source for a client that may be a terminal: telnet commands are filtered, control characters edit the line, and a
    /// client without line ends is understood; its reads are split at `commands`. Lines may have `line_limit` bytes
    /// including their end.
    pub(crate) fn terminal(line_limit: usize, commands: &'static LegacyCommands) -> LineSource {
        LineSource::new(Some(commands), Framing::Undecided, Assembler::new(line_limit, true))
    }

    /// A source for a program that ends each line and means every byte as it is. Lines may have `line_limit` bytes including
    /// their end.
    pub(crate) fn lines(line_limit: usize) -> LineSource {
        LineSource::new(None, Framing::Lines, Assembler::new(line_limit, false))
    }

    fn new(terminal: Option<&'static LegacyCommands>, framing: Framing, assembler: Assembler) -> LineSource {
        LineSource {
            terminal,
            telnet: TelnetFilter::default(),
            assembler,
            framing,
            chatting: false,
            answering: false,
            read: Vec::new(),
            at: 0,
            data_end: 0,
            pieces: VecDeque::new(),
            more: false,
            settled: false,
            after_raw_name: false,
            telnet_like: false,
        }
    }

    /// Takes the bytes of one read. With `more`, the read filled its buffer, and the next one goes on with it.
    pub(crate) fn feed(&mut self, bytes: &[u8], more: bool) {
        self.more = more;
        if !self.flooded() {
            self.read.drain(..self.at);
            self.data_end -= self.at;
            self.at = 0;
            self.read.extend_from_slice(bytes);
            if self.terminal.is_none() {
                self.data_end = self.read.len();
            }
        }
    }

    /// The next input; `None` when more bytes are needed or the client has [`flooded`](LineSource::flooded) us.
    pub(crate) fn next_input(&mut self) -> Option<Input> {
        if let Some(piece) = self.pieces.pop_front() {
            return Some(piece);
        }
        while self.at < self.read.len() && !self.flooded() {
            let input = if self.at < self.data_end { self.take_data() } else { self.take_telnet() };
            if let Some(input) = input.or_else(|| self.pieces.pop_front()) {
                return Some(input);
            }
        }
        self.forget_read();
        self.implied_end()
    }

    /// Tells the source that the client closed its side cleanly: an unterminated rest counts as a line.
    pub(crate) fn finish(&mut self) {
        self.settled = true;
    }

    /// Whether so many bytes arrived without a line end that the connection must be closed.
    pub(crate) fn flooded(&self) -> bool {
        self.assembler.flooded()
    }

    /// A name or password without a line end that may be complete; `None` once the client sends lines or is chatting.
    pub(crate) fn partial(&self) -> Option<&[u8]> {
        let partial = self.assembler.partial();
        (self.framing != Framing::Lines && !self.chatting && !partial.is_empty()).then_some(partial)
    }

    /// Whether [`limits::RAW_PAUSE`] without a byte would complete something: a partial, or an over-long raw message.
    pub(crate) fn wants_pause(&self) -> bool {
        self.framing != Framing::Lines && self.assembler.pending() && !self.flooded()
    }

    /// Takes the pending bytes as complete, because they match a name or password or because the pause is over.
    ///
    /// They become the next input, and a client whose name arrived this way is a raw one.
    pub(crate) fn settle(&mut self) {
        if self.wants_pause() {
            self.after_raw_name = self.framing == Framing::Undecided;
            self.framing = Framing::Raw;
            self.settled = true;
        }
    }

    /// A password without a line end that may be complete, if commands follow it in the same read.
    pub(crate) fn partial_before_commands(&self) -> Option<&[u8]> {
        let commands = self.terminal.filter(|_| self.framing == Framing::Raw && !self.chatting)?;
        self.assembler.first_raw(commands)
    }

    /// Takes [`partial_before_commands`](LineSource::partial_before_commands) as the next input. The commands stay.
    pub(crate) fn settle_before_commands(&mut self) {
        if let Some(commands) = self.terminal {
            self.pieces.extend(self.assembler.end_first_raw(commands));
        }
    }

    /// Tells the source that the login is over: from now on each read of a raw client is a message.
    pub(crate) fn begin_chat(&mut self) {
        self.chatting = true;
    }

    /// Tells the source whether the next message answers a question. An answer is never split, whatever it looks like.
    pub(crate) fn expect_answer(&mut self, expected: bool) {
        self.answering = expected;
    }

    /// How messages of this client end.
    pub(crate) fn framing(&self) -> Framing {
        self.framing
    }

    /// Whether telnet commands may be sent to the client: it sent one, or its name arrived alone in a read ending in CR LF.
    pub(crate) fn counts_as_telnet(&self) -> bool {
        self.telnet.saw_telnet() || self.telnet_like
    }

    /// Whether the client's first line ended in CR LF.
    pub(crate) fn ends_in_crlf(&self) -> bool {
        self.assembler.first_ended_in_crlf()
    }

    /// Telnet replies to be written to the client; empty if there are none.
    pub(crate) fn take_replies(&mut self) -> Vec<u8> {
        self.telnet.take_replies()
    }

    /// The bytes that make a telnet client stop echoing what its user types.
    pub(crate) fn hide_input(&mut self) -> &'static [u8] {
        self.telnet.hide_input()
    }

    /// The bytes that undo [`hide_input`](LineSource::hide_input).
    pub(crate) fn show_input(&mut self) -> &'static [u8] {
        self.telnet.show_input()
    }

    /// Whether the client was asked to hide typing and has not refused.
    pub(crate) fn is_hiding(&self) -> bool {
        self.telnet.is_hiding()
    }

    fn take_data(&mut self) -> Option<Input> {
        let data = &self.read[self.at..self.data_end];
        let late_end = mem::take(&mut self.after_raw_name) && matches!(data[0], b'\n' | b'\r');
        let knew_crlf = self.ends_in_crlf();
        let (taken, input) = match self.splits_at() {
            Some(commands) if !late_end => (self.assembler.take_raw(data, commands, &mut self.pieces), None),
            None if self.framing == Framing::Raw && !self.chatting => self.assembler.take_answer(data),
            _ => self.assembler.take(data),
        };
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
        if self.telnet.saw_telnet() {
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

    /// Frees the read buffer: an idle client must not hold the memory of its longest read.
    fn forget_read(&mut self) {
        self.read.clear();
        self.read.shrink_to(limits::READ_MIN);
        self.pieces = VecDeque::new();
        self.at = 0;
        self.data_end = 0;
    }

    /// The message that ends here although it has no line end.
    fn implied_end(&mut self) -> Option<Input> {
        let settled = mem::take(&mut self.settled);
        if self.flooded() {
            return None;
        }
        match self.splits_at() {
            Some(commands) if settled => self.assembler.end_raw(commands, &mut self.pieces),
            Some(commands) => self.assembler.end_raw_read(commands, self.more, &mut self.pieces),
            None if settled => return self.assembler.end(),
            None if self.answers_raw() => return self.assembler.end_of_read(),
            None => {}
        }
        self.pieces.pop_front()
    }

    /// The commands at which messages are split, if this client's are.
    fn splits_at(&self) -> Option<&'static LegacyCommands> {
        self.terminal.filter(|_| self.chatting && !self.answering && self.framing == Framing::Raw)
    }

    /// Whether the end of a read ends an answer.
    fn answers_raw(&self) -> bool {
        self.chatting && self.framing == Framing::Raw
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
