//! Assembles lines from data bytes, with any line ending, and lets users edit the line they are typing.
//!
//! A line is complete or absent: nothing is cut off and nothing is split. The one exception is [`LegacyCommands`], for
//! clients that send no line ends. It must not know telnet, text encodings or what commands do.

use std::mem;

use crate::model::limits;

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
    /// Too long, with this many bytes so far, none of which are kept.
    Bytes(u64),
}

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
            line: Vec::new(),
            excess: Excess::None,
            received: 0,
            after_cr: false,
            first_end: FirstEnd::Unseen,
        }
    }

    /// Takes data up to the end of the first line in it. Returns how many bytes it took, which is 0 only for no data.
    pub(super) fn take(&mut self, data: &[u8]) -> (usize, Option<Input>) {
        let mut at = self.skip_rest_of_line_end(data);
        if at > 0 {
            return (at, None);
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
                    let input = self.line_end(byte);
                    return (at + self.skip_rest_of_line_end(&data[at..]), input);
                }
                _ => self.control(byte),
            }
        }
        (at, None)
    }

    /// Ends the pending line without a line end, because the client will not send one. Nothing pending gives nothing.
    pub(super) fn end(&mut self) -> Option<Input> {
        self.received = 0;
        if self.pending() { self.finish_line(0) } else { None }
    }

    /// Ends a message where the read ended. More of an over-long message may follow, so that one ends with the next pause:
    /// reported any earlier, the client would send its next message while this one still swallows everything.
    pub(super) fn end_of_read(&mut self) -> Option<Input> {
        match self.excess {
            Excess::None => self.end(),
            Excess::Bytes(_) => None,
        }
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

    /// Erases the last character of the line.
    pub(super) fn erase_char(&mut self) {
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

    fn erase_word(&mut self) {
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
            Excess::None if self.line.len() + bytes.len() <= self.limit => self.line.extend_from_slice(bytes),
            Excess::None => {
                self.excess = Excess::Bytes((self.line.len() + bytes.len()) as u64);
                self.line = Vec::new();
            }
            Excess::Bytes(so_far) => *so_far += bytes.len() as u64,
        }
    }

    fn line_end(&mut self, byte: u8) -> Option<Input> {
        self.received = 0;
        self.after_cr = byte == b'\r';
        if self.first_end == FirstEnd::Unseen {
            self.first_end = if self.after_cr { FirstEnd::Cr } else { FirstEnd::Other };
        }
        self.finish_line(1)
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
            Excess::Bytes(bytes) => Some(Input::TooLong { bytes: bytes + end as u64 }),
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
        let mut pieces = Vec::new();
        let mut rest = message;
        while let Some(cut) = (1..rest.len()).find(|&at| follows_text(rest, at) && self.starts(&rest[at..])) {
            self.split_tail(&rest[..cut], &mut pieces);
            rest = &rest[cut..];
        }
        self.split_tail(rest, &mut pieces);
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
        let rests = self.alone.iter().filter_map(|word| piece.strip_suffix(word.as_bytes()));
        let cut = rests.filter_map(|rest| rest.strip_suffix(b"/")).map(<[u8]>::len).next()?;
        follows_text(piece, cut).then_some(cut)
    }
}

fn follows_text(bytes: &[u8], at: usize) -> bool {
    at > 0 && !bytes[at - 1].is_ascii_whitespace()
}

#[cfg(test)]
pub(super) mod tests;
