//! Filters telnet commands out of a client's bytes and refuses every option the client offers.
//!
//! It works for any split of the stream and never speaks first: a peer that knows no telnet sees none.
//! It must not know lines, users or passwords.

use std::mem;

use memchr::memchr;

use crate::model::limits;

const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const ERASE_LINE: u8 = 248;
const ERASE_CHAR: u8 = 247;
const ARE_YOU_THERE: u8 = 246;
const INTERRUPT: u8 = 244;
const BREAK: u8 = 243;
const SE: u8 = 240;
/// Ctrl-\ of a client in line mode (RFC 1184).
const ABORT: u8 = 238;
/// The lowest command, EOF of RFC 1184. A lower byte after an IAC is data, and so is the one between the two RFCs' commands.
const LOWEST: u8 = 236;
const UNUSED: u8 = 239;

const ECHO: u8 = 1;
const TIMING_MARK: u8 = 6;
/// The size of the client's window (RFC 1073), which is binary: a line end may be a part of it.
const NAWS: u8 = 31;
const NAWS_BYTES: u8 = 4;
/// The number of binary bytes of a sub-negotiation that is text.
const TEXT: u8 = u8::MAX;

/// Unsent replies beyond this many bytes are dropped; only a peer that is read and never written to gets this far.
const REPLY_BYTES: usize = limits::FLOOD_BYTES as usize;

/// The meaning of the bytes taken by [`TelnetFilter::step`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// All of them are data.
    Data,
    /// They belong to a command that the filter handles itself.
    Nothing,
    /// The user pressed the interrupt key (IP or BREAK).
    Interrupt,
    /// The user asks for a sign of life.
    AreYouThere,
    /// Erase the last character.
    EraseChar,
    /// Erase the line.
    EraseLine,
}

#[derive(Debug, Clone, Copy, Default)]
enum State {
    #[default]
    Data,
    Command,
    Option(u8),
    /// A sub-negotiation begins.
    SubOption,
    /// In a sub-negotiation, of which this many bytes are still to come; [`TEXT`] if that is not known.
    Sub(u8),
    SubCommand(u8),
}

/// The telnet state of one connection.
#[derive(Debug, Default)]
pub(super) struct TelnetFilter {
    state: State,
    seen: bool,
    /// Options the peer offered with WILL and we refused.
    offered: Options,
    /// Options the peer demanded with DO and we refused.
    wanted: Options,
    /// Our last word was WILL ECHO, not WONT ECHO.
    hiding: bool,
    /// How many WILL ECHO the peer has yet to answer: a late answer is no demand of its own.
    unanswered: u8,
    /// The peer's last word on our echo was DO: a DONT that follows refuses no offer, but answers a WONT or is the peer's
    /// own wish.
    accepted: bool,
    replies: Vec<u8>,
}

impl TelnetFilter {
    /// Takes bytes off the front of `bytes`; returns how many and what they mean. It takes none only if there are none.
    pub(super) fn step(&mut self, bytes: &[u8]) -> (usize, Step) {
        loop {
            let (taken, step) = self.step_once(bytes);
            if taken > 0 || bytes.is_empty() {
                return (taken, step);
            }
        }
    }

    fn step_once(&mut self, bytes: &[u8]) -> (usize, Step) {
        let Some(&byte) = bytes.first() else { return (0, Step::Nothing) };
        let (next, taken, step) = match (self.state, byte) {
            (State::Data, IAC) => (State::Command, 1, Step::Nothing),
            (State::Command, IAC) => (State::Data, 1, Step::Data),
            (State::Command | State::SubCommand(_), command) if is_command(command) => {
                self.seen = true;
                let (next, step) = after_command(command);
                (next, 1, step)
            }
            (State::Data | State::Command, _) => (State::Data, until_iac(bytes), Step::Data),
            (State::Option(verb), option) => {
                self.negotiate(verb, option);
                (State::Data, 1, Step::Nothing)
            }
            // No option is ever agreed to, so a sub-negotiation means nothing: it is skipped, not stored. Clients that do not
            // escape a 255 in it never end it, so the next command and the next line end do, too.
            (State::SubOption, NAWS) => (State::Sub(NAWS_BYTES), 1, Step::Nothing),
            (State::SubOption, option) => (State::Sub(TEXT), usize::from(option != IAC), Step::Nothing),
            (State::Sub(left), IAC) => (State::SubCommand(left), 1, Step::Nothing),
            // A size that ends in an unescaped 255 has lost its IAC before the SE.
            (State::Sub(0), SE) => (State::Data, 1, Step::Nothing),
            (State::Sub(0 | TEXT), b'\r' | b'\n') => (State::Data, until_iac(bytes), Step::Data),
            (State::Sub(TEXT), _) => (State::Sub(TEXT), until_line_end(bytes), Step::Nothing),
            (State::Sub(left), _) => (State::Sub(left.saturating_sub(1)), 1, Step::Nothing),
            // The 255 was a byte of its own, whether or not it was escaped.
            (State::SubCommand(left), byte) => {
                let left = if left == TEXT { TEXT } else { left.saturating_sub(1) };
                (State::Sub(left), usize::from(byte == IAC), Step::Nothing)
            }
        };
        self.state = next;
        (taken, step)
    }

    /// Whether the peer has sent a telnet command.
    pub(super) fn saw_telnet(&self) -> bool {
        self.seen
    }

    /// Replies to the peer's negotiation; empty if there are none.
    pub(super) fn take_replies(&mut self) -> Vec<u8> {
        mem::take(&mut self.replies)
    }

    /// The bytes that make the peer's terminal stop echoing; only for a peer that speaks telnet.
    pub(super) fn hide_input(&mut self) -> &'static [u8] {
        self.hiding = true;
        self.unanswered = self.unanswered.saturating_add(1);
        &[IAC, WILL, ECHO]
    }

    /// The bytes that undo [`hide_input`](TelnetFilter::hide_input).
    pub(super) fn show_input(&mut self) -> &'static [u8] {
        self.hiding = false;
        &[IAC, WONT, ECHO]
    }

    /// Whether the peer was last asked to stop echoing and has not refused.
    pub(super) fn is_hiding(&self) -> bool {
        self.hiding
    }

    fn negotiate(&mut self, verb: u8, option: u8) {
        match verb {
            WILL => {
                if self.offered.insert(option) {
                    self.reply(DONT, option);
                }
            }
            WONT => self.offered.remove(option),
            DO => self.on_do(option),
            _ => self.on_dont(option),
        }
    }

    fn on_do(&mut self, option: u8) {
        match option {
            ECHO if self.unanswered > 0 => {
                self.unanswered -= 1;
                self.accepted = true;
            }
            ECHO if self.accepted => {}
            // After Ctrl-C, telnet discards all output until this is answered, every time.
            TIMING_MARK => self.reply(WONT, option),
            _ => {
                if self.wanted.insert(option) {
                    self.reply(WONT, option);
                }
            }
        }
    }

    fn on_dont(&mut self, option: u8) {
        self.wanted.remove(option);
        if option != ECHO {
            return;
        }
        if !mem::take(&mut self.accepted) {
            self.unanswered = self.unanswered.saturating_sub(1);
        } else if self.hiding && self.unanswered == 0 {
            self.hiding = false;
            self.reply(WONT, option);
        }
    }

    fn reply(&mut self, verb: u8, option: u8) {
        if self.replies.len() < REPLY_BYTES {
            self.replies.extend_from_slice(&[IAC, verb, option]);
        }
    }
}

fn is_command(byte: u8) -> bool {
    byte >= LOWEST && byte != UNUSED && byte != IAC
}

fn after_command(command: u8) -> (State, Step) {
    match command {
        WILL | WONT | DO | DONT => (State::Option(command), Step::Nothing),
        SB => (State::SubOption, Step::Nothing),
        INTERRUPT | BREAK | ABORT => (State::Data, Step::Interrupt),
        ARE_YOU_THERE => (State::Data, Step::AreYouThere),
        ERASE_CHAR => (State::Data, Step::EraseChar),
        ERASE_LINE => (State::Data, Step::EraseLine),
        _ => (State::Data, Step::Nothing),
    }
}

/// How many bytes precede the first IAC.
fn until_iac(bytes: &[u8]) -> usize {
    memchr(IAC, bytes).unwrap_or(bytes.len())
}

/// How many bytes precede the first IAC or line end.
fn until_line_end(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| matches!(*byte, IAC | b'\r' | b'\n')).unwrap_or(bytes.len())
}

/// A set of telnet options.
#[derive(Debug, Default)]
struct Options([u64; 4]);

impl Options {
    /// Adds an option; returns whether it was new.
    fn insert(&mut self, option: u8) -> bool {
        let (word, bit) = (&mut self.0[usize::from(option / 64)], 1 << (option % 64));
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    fn remove(&mut self, option: u8) {
        self.0[usize::from(option / 64)] &= !(1 << (option % 64));
    }
}

#[cfg(test)]
mod tests;
