//! Assembles lines from data bytes, whatever their line ends, and lets the user edit the line he is typing.
//!
//! A line is whole or it is not there: nothing is cut and nothing is split. It must not know telnet, text or commands.

use crate::model::limits;
use std::mem;

const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7F;
const CTRL_U: u8 = 0x15;
const CTRL_W: u8 = 0x17;

/// One thing a client said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A line or raw message without its end; any bytes, not yet known to be text.
    Line(Vec<u8>),
    /// A line above the limit, which was thrown away.
    TooLong {
        /// Its length with its end, as far as it had come; a CRLF counts as one byte here.
        bytes: u64,
    },
    /// The user wants what he is doing stopped; the line he was typing is gone.
    Interrupt,
    /// The user asks for a sign of life.
    AreYouThere,
}

impl Input {
    /// How many bytes of the client's it is.
    pub fn size(&self) -> usize {
        match self {
            Input::Line(line) => line.len(),
            _ => 0,
        }
    }
}

/// How far the line is above the limit.
#[derive(Debug, Default)]
enum Excess {
    #[default]
    None,
    /// It is over-long and has this many bytes so far, none of which is kept.
    Bytes(u64),
}

/// What ended the very first line.
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
    line: Vec<u8>,
    excess: Excess,
    /// Bytes from the wire since the last line end, whether or not they are in the line.
    received: u64,
    /// The last byte was a CR, which ended a line: an LF or NUL now belongs to it.
    after_cr: bool,
    first_end: FirstEnd,
}

impl Assembler {
    /// An assembler for lines of at most `limit` bytes with their end.
    pub(super) fn new(limit: usize) -> Assembler {
        Assembler {
            limit,
            line: Vec::new(),
            excess: Excess::None,
            received: 0,
            after_cr: false,
            first_end: FirstEnd::Unseen,
        }
    }

    /// Takes data, at most up to the end of the first line in it, and says how many bytes that were; none only of none.
    pub(super) fn take(&mut self, data: &[u8]) -> (usize, Option<Input>) {
        let mut at = self.swallow(data);
        if at > 0 {
            return (at, None);
        }
        while at < data.len() && !self.flooded() {
            let plain = plain_run(&data[at..]);
            if plain > 0 {
                self.append(&data[at..at + plain]);
                at += plain;
                continue;
            }
            let byte = data[at];
            at += 1;
            match byte {
                b'\n' | b'\r' => {
                    let input = self.line_end(byte);
                    return (at + self.swallow(&data[at..]), input);
                }
                _ => self.control(byte),
            }
        }
        (at, None)
    }

    /// Ends the line without a line end: the client will not send one. Nothing pending gives nothing.
    pub(super) fn end(&mut self) -> Option<Input> {
        self.received = 0;
        if self.pending() { self.close(0) } else { None }
    }

    /// Ends a message where the read ended; but of an over-long one more may come, so that ends with the next pause. Told
    /// sooner, the client would send his next message while this one still swallows all that comes.
    pub(super) fn end_of_read(&mut self) -> Option<Input> {
        match self.excess {
            Excess::None => self.end(),
            Excess::Bytes(_) => None,
        }
    }

    /// Counts bytes of the wire that are no data.
    pub(super) fn count(&mut self, bytes: usize) {
        self.received += bytes as u64;
    }

    /// Whether [`limits::FLOOD_BYTES`] have come without a line end; nothing is assembled any more then.
    pub(super) fn flooded(&self) -> bool {
        self.received >= limits::FLOOD_BYTES
    }

    /// Whether a line was begun and not ended.
    pub(super) fn pending(&self) -> bool {
        !self.line.is_empty() || !matches!(self.excess, Excess::None)
    }

    /// What the unended line holds so far; empty also if it is over-long.
    pub(super) fn partial(&self) -> &[u8] {
        &self.line
    }

    /// Whether the first line of all ended in CR LF.
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

    /// Erases the line. An over-long one stays over-long up to its end, or its rest would pass for a line.
    pub(super) fn erase_line(&mut self) {
        self.line.clear();
    }

    fn erase_word(&mut self) {
        let end = self.line.trim_ascii_end().len();
        let start = self.line[..end].iter().rposition(u8::is_ascii_whitespace).map_or(0, |space| space + 1);
        self.line.truncate(start);
    }

    /// A control character that ends no line: the editing keys, or data.
    fn control(&mut self, byte: u8) {
        match (&self.excess, byte) {
            (Excess::None, BACKSPACE | DELETE | CTRL_U | CTRL_W) => self.count(1),
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
        self.close(1)
    }

    /// Ends the line, whose end was `end` bytes long.
    fn close(&mut self, end: usize) -> Option<Input> {
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

    /// How many bytes at the front of `data` (one or none) still belong to a CR that has already ended its line.
    fn swallow(&mut self, data: &[u8]) -> usize {
        let Some(&byte) = data.first().filter(|_| self.after_cr) else { return 0 };
        self.after_cr = false;
        if self.first_end == FirstEnd::Cr {
            self.first_end = if byte == b'\n' { FirstEnd::CrLf } else { FirstEnd::Other };
        }
        usize::from(matches!(byte, b'\n' | 0))
    }
}

/// How many bytes come before the first control character. Looked at in blocks without a branch inside, which makes
/// the compiler use vector instructions: this is most of what a line costs.
fn plain_run(data: &[u8]) -> usize {
    let control = |&byte: &u8| byte < b' ' || byte == DELETE;
    let plain = |block: &&[u8; 16]| !block.iter().fold(false, |found, byte| found | control(byte));
    let start = 16 * data.as_chunks().0.iter().take_while(plain).count();
    start + data[start..].iter().position(control).unwrap_or(data.len() - start)
}

#[cfg(test)]
mod tests;
