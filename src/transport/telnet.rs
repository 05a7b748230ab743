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
/// The lowest command; a lower byte after an IAC is data.
const SE: u8 = 240;

const ECHO: u8 = 1;
const TIMING_MARK: u8 = 6;

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
    Sub,
    SubCommand,
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
        let Some(&byte) = bytes.first() else { return (0, Step::Nothing) };
        let (next, taken, step) = match (self.state, byte) {
            (State::Data, IAC) => (State::Command, 1, Step::Nothing),
            (State::Command, IAC) => (State::Data, 1, Step::Data),
            (State::Data, _) | (State::Command, 0..SE) => (State::Data, until_iac(bytes), Step::Data),
            (State::Command, command) => {
                self.seen = true;
                let (next, step) = after_command(command);
                (next, 1, step)
            }
            (State::Option(verb), option) => {
                self.negotiate(verb, option);
                (State::Data, 1, Step::Nothing)
            }
            // No option is ever agreed to, so a sub-negotiation means nothing: it is skipped, not stored.
            (State::Sub, IAC) => (State::SubCommand, 1, Step::Nothing),
            (State::Sub, _) => (State::Sub, until_iac(bytes), Step::Nothing),
            (State::SubCommand, SE) => (State::Data, 1, Step::Nothing),
            (State::SubCommand, _) => (State::Sub, 1, Step::Nothing),
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

fn after_command(command: u8) -> (State, Step) {
    match command {
        WILL | WONT | DO | DONT => (State::Option(command), Step::Nothing),
        SB => (State::Sub, Step::Nothing),
        INTERRUPT | BREAK => (State::Data, Step::Interrupt),
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
