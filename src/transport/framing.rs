//! Assembles lines from data bytes, with any line ending, and lets users edit the line they are typing.
//!
//! A line is complete or absent: nothing is cut off and nothing is split. The one exception is [`LegacyCommands`], for
//! clients that send no line ends. It must not know telnet, text encodings or what commands do.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::mem;

use memchr::memchr_iter;

use crate::model::limits;
use crate::model::line::without_keys;

const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7F;
const CTRL_U: u8 = 0x15;
const CTRL_W: u8 = 0x17;

/// One thing a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// A line or raw message without its end: arbitrary bytes, not yet known to be text.
    Line(Vec<u8>),
    /// A line above the limit, which was discarded.
    TooLong {
        /// Length of the line with its end, as far as it was received; a CRLF counts as one byte here.
        bytes: u64,
    },
    /// The user pressed the interrupt key; the line being typed is discarded.
    Interrupt,
    /// The user asks for a sign of life.
    AreYouThere,
}

impl Input {
    /// Its length in bytes, as far as it was kept.
    pub(crate) fn size(&self) -> usize {
        match self {
            Input::Line(line) => line.len(),
            Input::TooLong { .. } | Input::Interrupt | Input::AreYouThere => 0,
        }
    }
}

/// How far the line is above the limit.
#[derive(Debug, Default)]
enum Excess {
    #[default]
    None,
    /// Too long. This many bytes were not kept; of a raw message the last ones are, because a command may begin in them.
    Bytes(u64),
}

/// How much of an over-long raw message is kept: more than the longest command at which reads are split.
const RAW_TAIL: usize = 64;

/// The end of the very first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FirstEnd {
    Unseen,
    Cr,
    CrLf,
    Other,
}

/// Turns bytes into lines for one connection.
#[derive(Debug)]
pub(super) struct Assembler {
    limit: usize,
    /// Control characters edit the line, as they do on a terminal.
    editing: bool,
    /// The limit is applied later.
    keeps_all: bool,
    line: Vec<u8>,
    excess: Excess,
    /// Bytes received since the last line end, whether or not they are part of the line.
    received: u64,
    /// The last byte was a CR that ended a line: an LF or NUL that follows belongs to it.
    after_cr: bool,
    first_end: FirstEnd,
}

impl Assembler {
    /// An assembler for lines of at most `limit` bytes, including their end. With `editing`, control characters edit them.
    pub(super) fn new(limit: usize, editing: bool) -> Assembler {
        Assembler {
            limit,
            editing,
            keeps_all: false,
            line: Vec::new(),
            excess: Excess::None,
            received: 0,
            after_cr: false,
            first_end: FirstEnd::Unseen,
        }
    }

    /// Takes data up to the end of the first line in it. Returns how many bytes it took, which is 0 only for no data.
    pub(super) fn take(&mut self, data: &[u8]) -> (usize, Option<Input>) {
        let (taken, ended) = self.take_unfinished(data);
        (taken, if ended { self.finish_line(1) } else { None })
    }

    /// Takes data up to the end of the first line in it, which is not finished yet. Returns how many bytes it took, and
    /// whether the line has ended.
    fn take_unfinished(&mut self, data: &[u8]) -> (usize, bool) {
        let mut at = self.skip_rest_of_line_end(data);
        if at > 0 {
            return (at, false);
        }
        while at < data.len() && !self.flooded() {
            let printable = printable_prefix(&data[at..]);
            if printable > 0 {
                self.append(&data[at..at + printable]);
                at += printable;
                continue;
            }
            let byte = data[at];
            at += 1;
            match byte {
                b'\n' | b'\r' => {
                    self.line_end(byte);
                    return (at + self.skip_rest_of_line_end(&data[at..]), true);
                }
                _ => self.control(byte),
            }
        }
        (at, false)
    }

    /// Like [`take`](Assembler::take), for an answer that commands may follow without a line end: the limit is applied when
    /// it ends, and [`limits::FLOOD_BYTES`] until then.
    pub(super) fn take_answer(&mut self, data: &[u8]) -> (usize, Option<Input>) {
        self.keeps_all = true;
        let (taken, ended) = self.take_unfinished(data);
        self.keeps_all = false;
        (taken, if ended { self.finish_line(1) } else { None })
    }

    /// Ends the pending line without a line end, because the client will not send one. Nothing pending gives nothing.
    pub(super) fn end(&mut self) -> Option<Input> {
        self.received = 0;
        if self.pending() { self.finish_line(0) } else { None }
    }

    /// Like [`take`](Assembler::take), for a client without line ends: a line may hold several messages, so the limit is
    /// applied to each of those, which are added to `messages`. It takes at most one line limit's worth of bytes, which
    /// bounds what is kept.
    pub(super) fn take_raw(&mut self, data: &[u8], at: &LegacyCommands, messages: &mut VecDeque<Input>) -> usize {
        let data = &data[..data.len().min(self.limit)];
        self.keeps_all = true;
        let (taken, ended) = self.take_unfinished(data);
        self.keeps_all = false;
        if ended {
            self.split_raw(at, true, messages);
            if self.line.is_empty() && messages.is_empty() {
                messages.push_back(Input::Line(Vec::new()));
            }
        } else if self.line.len() > self.limit {
            self.split_raw(at, false, messages);
        }
        taken
    }

    /// Ends an answer where the read ended, unless it is over-long.
    pub(super) fn end_of_read(&mut self) -> Option<Input> {
        match self.excess {
            Excess::None => self.end(),
            Excess::Bytes(_) => None,
        }
    }

    /// Ends the messages of a client without line ends where its read ended. The last one goes on with the next read, or
    /// ends with the next pause, if it is over-long, if it ends within a letter, or if there is `more` of the read.
    ///
    /// An over-long message must wait: reported any earlier, the client would send its next message while the rest of this
    /// one is still on its way.
    pub(super) fn end_raw_read(&mut self, at: &LegacyCommands, more: bool, messages: &mut VecDeque<Input>) {
        let waits = more || !matches!(self.excess, Excess::None) || ends_within_a_letter(&self.line);
        self.split_raw(at, !waits, messages);
    }

    /// Ends all messages of a client without line ends.
    pub(super) fn end_raw(&mut self, at: &LegacyCommands, messages: &mut VecDeque<Input>) {
        self.split_raw(at, true, messages);
    }

    /// Splits what has arrived into messages. Unless it is `complete`, the last of them is kept.
    fn split_raw(&mut self, at: &LegacyCommands, complete: bool, messages: &mut VecDeque<Input>) {
        let line = mem::take(&mut self.line);
        let mut dropped = match mem::take(&mut self.excess) {
            Excess::None => 0,
            Excess::Bytes(bytes) => bytes,
        };
        let mut pieces = if complete { at.split(&line) } else { at.split_unfinished(&line) };
        let rest = if complete { None } else { pieces.pop() };
        for piece in &pieces {
            let bytes = mem::take(&mut dropped) + piece.len() as u64;
            messages.push_back(match bytes <= self.limit as u64 {
                true => Input::Line(piece.to_vec()),
                false => Input::TooLong { bytes },
            });
        }
        if complete && dropped > 0 {
            messages.push_back(Input::TooLong { bytes: dropped });
        }
        if complete || !pieces.is_empty() {
            self.received = rest.map_or(0, <[u8]>::len) as u64;
        }
        let Some(rest) = rest else { return };
        if dropped + rest.len() as u64 > self.limit as u64 {
            let cut = rest.len().saturating_sub(RAW_TAIL);
            self.excess = Excess::Bytes(dropped + cut as u64);
            self.line = rest[cut..].to_vec();
        } else {
            self.line = rest.to_vec();
        }
    }

    /// Takes the first message out of what a client without line ends has sent before its login, if there are several.
    pub(super) fn end_first_raw(&mut self, at: &LegacyCommands) -> Option<Input> {
        let first = self.first_raw(at)?.to_vec();
        self.line.drain(..first.len());
        Some(Input::Line(first))
    }

    /// The first message of several in the unfinished line.
    pub(super) fn first_raw(&self, at: &LegacyCommands) -> Option<&[u8]> {
        let pieces = at.split(&self.line);
        pieces.first().copied().filter(|_| pieces.len() > 1)
    }

    /// Counts received bytes that are not data.
    pub(super) fn count(&mut self, bytes: usize) {
        self.received += bytes as u64;
    }

    /// Whether [`limits::FLOOD_BYTES`] arrived without a line end; from then on nothing is assembled.
    pub(super) fn flooded(&self) -> bool {
        self.received >= limits::FLOOD_BYTES
    }

    /// Whether a line has begun and not ended.
    pub(super) fn pending(&self) -> bool {
        !self.line.is_empty() || !matches!(self.excess, Excess::None)
    }

    /// The unfinished line so far; empty also when it is over-long.
    pub(super) fn partial(&self) -> &[u8] {
        &self.line
    }

    /// Whether the very first line ended in CR LF.
    pub(super) fn first_ended_in_crlf(&self) -> bool {
        self.first_end == FirstEnd::CrLf
    }

    /// Erases the last character of the line, and the keys pressed after it that are no characters.
    pub(super) fn erase_char(&mut self) {
        self.erase_keys();
        for _ in 0..char::MAX.len_utf8() {
            match self.line.pop() {
                Some(0x80..=0xBF) => {}
                _ => break,
            }
        }
    }

    /// Erases the line. An over-long line stays over-long until its end; otherwise its rest would pass for a line.
    pub(super) fn erase_line(&mut self) {
        self.line.clear();
    }

    /// Erases the key presses in the line that a terminal has sent as escape sequences.
    fn erase_keys(&mut self) {
        if let Ok(Cow::Owned(text)) = str::from_utf8(&self.line).map(without_keys) {
            self.line = text.into_bytes();
        }
    }

    fn erase_word(&mut self) {
        self.erase_keys();
        let end = self.line.trim_ascii_end().len();
        let start = self.line[..end].iter().rposition(u8::is_ascii_whitespace).map_or(0, |space| space + 1);
        self.line.truncate(start);
    }

    /// Handles a control character that ends no line: an editing key, or data.
    fn control(&mut self, byte: u8) {
        match (&self.excess, byte) {
            (Excess::None, BACKSPACE | DELETE | CTRL_U | CTRL_W) if self.editing => self.count(1),
            _ => return self.append(&[byte]),
        }
        match byte {
            CTRL_U => self.erase_line(),
            CTRL_W => self.erase_word(),
            _ => self.erase_char(),
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        match &mut self.excess {
            _ if self.keeps_all => self.line.extend_from_slice(bytes),
            Excess::None if self.line.len() + bytes.len() <= self.limit => self.line.extend_from_slice(bytes),
            Excess::None => {
                self.excess = Excess::Bytes((self.line.len() + bytes.len()) as u64);
                self.line = Vec::new();
            }
            Excess::Bytes(so_far) => *so_far += bytes.len() as u64,
        }
    }

    fn line_end(&mut self, byte: u8) {
        self.received = 0;
        self.after_cr = byte == b'\r';
        if self.first_end == FirstEnd::Unseen {
            self.first_end = if self.after_cr { FirstEnd::Cr } else { FirstEnd::Other };
        }
    }

    /// Finishes the line, whose end was `end` bytes long.
    fn finish_line(&mut self, end: usize) -> Option<Input> {
        let length = self.line.len() + end;
        match mem::take(&mut self.excess) {
            Excess::None if length <= self.limit => Some(Input::Line(mem::take(&mut self.line))),
            Excess::None => {
                self.line = Vec::new();
                Some(Input::TooLong { bytes: length as u64 })
            }
            Excess::Bytes(bytes) => {
                self.line = Vec::new();
                Some(Input::TooLong { bytes: bytes + length as u64 })
            }
        }
    }

    /// How many bytes at the front of `data` (one or none) belong to a CR that has already ended its line.
    fn skip_rest_of_line_end(&mut self, data: &[u8]) -> usize {
        let Some(&byte) = data.first().filter(|_| self.after_cr) else { return 0 };
        self.after_cr = false;
        if self.first_end == FirstEnd::Cr {
            self.first_end = if byte == b'\n' { FirstEnd::CrLf } else { FirstEnd::Other };
        }
        usize::from(matches!(byte, b'\n' | 0))
    }
}

/// How many bytes precede the first control character. Scanning is most of what a line costs, so it goes in blocks without
/// a branch inside, which the compiler turns into vector instructions.
fn printable_prefix(data: &[u8]) -> usize {
    let control = |&byte: &u8| byte < b' ' || byte == DELETE;
    let plain = |block: &&[u8; 16]| !block.iter().fold(false, |found, byte| found | control(byte));
    let start = 16 * data.as_chunks().0.iter().take_while(plain).count();
    start + data[start..].iter().position(control).unwrap_or(data.len() - start)
}

/// Commands at which a read without line ends is split, without their slashes.
#[derive(Debug)]
pub(crate) struct LegacyCommands {
    /// Recognised anywhere in a read by the space after the word.
    pub with_arguments: &'static [&'static str],
    /// Distinguishable from text only at the very end of a piece.
    pub alone: &'static [&'static str],
}

impl LegacyCommands {
    /// Splits one read of a client without line ends into the messages it sent in quick succession, in order and none empty.
    /// Together they are `message`.
    ///
    /// This is a heuristic. A cut is made before a command that directly follows anything but white space: people write
    /// `try /msg bob`, while two sends that arrive in one read look like `hello/msg bob`.
    pub(super) fn split<'a>(&self, message: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = self.split_unfinished(message);
        if let Some(last) = pieces.pop() {
            self.split_tail(last, &mut pieces);
        }
        pieces
    }

    /// Like [`split`](LegacyCommands::split), for messages of which the last may go on.
    pub(super) fn split_unfinished<'a>(&self, message: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        let mut rest = message;
        // A command begins with its slash.
        while let Some(cut) = memchr_iter(b'/', rest).find(|&at| follows_text(rest, at) && self.starts(&rest[at..])) {
            self.split_tail(&rest[..cut], &mut pieces);
            rest = &rest[cut..];
        }
        if !rest.is_empty() {
            pieces.push(rest);
        }
        pieces
    }

    /// Whether these bytes start with a command that has arguments.
    fn starts(&self, bytes: &[u8]) -> bool {
        let Some(bytes) = bytes.strip_prefix(b"/") else { return false };
        let words = self.with_arguments.iter();
        words.filter_map(|word| bytes.strip_prefix(word.as_bytes())).any(|rest| rest.starts_with(b" "))
    }

    fn split_tail<'a>(&self, piece: &'a [u8], pieces: &mut Vec<&'a [u8]>) {
        let first = pieces.len();
        let mut rest = piece;
        while let Some(cut) = self.trailing_command(rest) {
            pieces.push(&rest[cut..]);
            rest = &rest[..cut];
        }
        if !rest.is_empty() {
            pieces.push(rest);
        }
        pieces[first..].reverse();
    }

    /// Where a command without arguments begins, if the piece ends with one.
    fn trailing_command(&self, piece: &[u8]) -> Option<usize> {
        // Programs that send a buffer whole send the NULs behind the text.
        let piece = &piece[..piece.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)];
        let rests = self.alone.iter().filter_map(|word| piece.strip_suffix(word.as_bytes()));
        let cut = rests.filter_map(|rest| rest.strip_suffix(b"/")).map(<[u8]>::len).next()?;
        follows_text(piece, cut).then_some(cut)
    }
}

/// Whether a command at this position would directly follow something. A slash alone is nothing: two slashes at the front
/// are a message that begins with one.
fn follows_text(bytes: &[u8], at: usize) -> bool {
    at > 0 && !bytes[at - 1].is_ascii_whitespace() && bytes[..at] != *b"/"
}

/// Whether these bytes end with the beginning of a UTF-8 letter.
fn ends_within_a_letter(bytes: &[u8]) -> bool {
    let last = &bytes[bytes.len().saturating_sub(char::MAX.len_utf8())..];
    // An error without a length is an end that came too early.
    (0..last.len()).any(|at| last[at] >= 0xC0 && str::from_utf8(&last[at..]).is_err_and(|e| e.error_len().is_none()))
}

#[cfg(test)]
pub(super) mod tests;
