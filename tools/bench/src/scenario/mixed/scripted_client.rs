//! One user of the mixed scenario: which command comes next, and whether the answer is the right one.
//!
//! No sockets and no clock: lines come out, and what the server sends goes in.

use crate::connections::Event;
use crate::protocol::{Destination, Frame};
use crate::scenario::mixed::private_ledger::PrivateLedger;
use crate::verify::{Fault, Faults};

/// What all scripted clients share.
pub(super) struct Script<'s> {
    /// Their user names.
    pub(super) names: &'s [String],
    /// The groups that exist all the time.
    pub(super) groups: &'s [String],
    /// The seed of the random choices.
    pub(super) seed: u64,
}

/// What an event means for the current command of a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is not answered yet.
    Pending,
    /// It was answered correctly.
    Succeeded,
    /// It failed.
    Failed,
}

/// What a client expects from the server.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    /// Nothing: it is ready for the next command.
    Nothing,
    /// Its own message, as sent to this user or group; the name is empty for a broadcast.
    Echo { to: String, text: Vec<u8> },
    /// A confirmation.
    Done,
    /// A line with this beginning.
    Line(&'static [u8]),
    /// The end of its connection.
    Close,
    /// The answer to its login; `false` until it has logged in again.
    Login(bool),
}

/// One user.
pub(super) struct ScriptedClient<'s> {
    number: usize,
    script: &'s Script<'s>,
    rng: Rng,
    /// The groups the user is a member of.
    groups: Vec<String>,
    /// How many groups the user has created.
    created: u32,
    expected: Expected,
}

impl<'s> ScriptedClient<'s> {
    /// A client that is logged in.
    pub(super) fn new(number: usize, script: &'s Script<'s>) -> ScriptedClient<'s> {
        let rng = Rng::new(script.seed, number as u64);
        ScriptedClient { number, script, rng, groups: Vec::new(), created: 0, expected: Expected::Nothing }
    }

    /// Whether it is ready for the next command.
    pub(super) fn is_ready(&self) -> bool {
        self.expected == Expected::Nothing
    }

    /// Whether it has left and has to log in again.
    pub(super) fn is_away(&self) -> bool {
        self.expected == Expected::Login(false)
    }

    /// Notes that its login is on its way.
    pub(super) fn log_in(&mut self) {
        self.expected = Expected::Login(true);
    }

    /// Gives up waiting for an answer; the client has to log in again.
    pub(super) fn time_out(&mut self, faults: &mut Faults) {
        let what = format_args!("client {} got no answer, expected {:?}", self.number, self.expected);
        faults.record(Fault::WrongAnswer, what);
        self.groups.clear();
        self.expected = Expected::Login(false);
    }

    /// Chooses the next command and returns its line.
    pub(super) fn next_command(&mut self, private: &mut PrivateLedger) -> Vec<u8> {
        match self.rng.below(100) {
            0..35 => self.private_message(private),
            35..60 if !self.groups.is_empty() => self.group_message(private),
            60..64 => self.broadcast(private),
            64..72 => self.query("/users", b"Online users:"),
            72..78 => self.query("/groups_users", b"Groups and their members:"),
            78..82 => self.create_group(),
            82..88 if !self.groups.is_empty() => self.leave_group(),
            88..92 => {
                self.expected = Expected::Close;
                self.groups.clear();
                b"/quit\n".to_vec()
            }
            92..95 => {
                self.expected = Expected::Done;
                b"/ping bench\n".to_vec()
            }
            _ => self.join_group(),
        }
    }

    fn private_message(&mut self, private: &mut PrivateLedger) -> Vec<u8> {
        let others = self.script.names.len() - 1;
        let to = (self.number + 1 + self.rng.below(others as u64) as usize) % self.script.names.len();
        let name = self.script.names[to].clone();
        let text = private.next_text(self.number, Some(to));
        self.message(format!("/msg {name} "), name, text)
    }

    fn group_message(&mut self, private: &mut PrivateLedger) -> Vec<u8> {
        let group = self.groups[self.rng.below(self.groups.len() as u64) as usize].clone();
        let text = private.next_text(self.number, None);
        self.message(format!("/group_msg {group} "), group, text)
    }

    fn broadcast(&mut self, private: &mut PrivateLedger) -> Vec<u8> {
        let text = private.next_text(self.number, None);
        self.message("/broadcast ".to_owned(), String::new(), text)
    }

    /// A message, whose echo is the answer.
    fn message(&mut self, command: String, to: String, text: Vec<u8>) -> Vec<u8> {
        let line = [command.as_bytes(), &text, b"\n"].concat();
        self.expected = Expected::Echo { to, text };
        line
    }

    fn query(&mut self, command: &str, answer: &'static [u8]) -> Vec<u8> {
        self.expected = Expected::Line(answer);
        format!("{command}\n").into_bytes()
    }

    fn create_group(&mut self) -> Vec<u8> {
        // The name of a shared group is unique to this process; client and count make this one unique in it.
        let group = format!("{}-{}-{}", self.script.groups[0], self.number, self.created);
        self.created += 1;
        self.expected = Expected::Done;
        let line = format!("/create_group {group}\n").into_bytes();
        self.groups.push(group);
        line
    }

    fn join_group(&mut self) -> Vec<u8> {
        let joinable: Vec<&String> = self.script.groups.iter().filter(|group| !self.groups.contains(group)).collect();
        if joinable.is_empty() {
            return self.leave_group();
        }
        let group = joinable[self.rng.below(joinable.len() as u64) as usize].clone();
        self.expected = Expected::Done;
        let line = format!("/join_group {group}\n").into_bytes();
        self.groups.push(group);
        line
    }

    fn leave_group(&mut self) -> Vec<u8> {
        let group = self.groups.swap_remove(self.rng.below(self.groups.len() as u64) as usize);
        self.query(&format!("/leave_group {group}"), b"You left the group ")
    }

    /// Compares an event with what is expected.
    pub(super) fn on_event(&mut self, event: &Event<'_>, faults: &mut Faults) -> Step {
        let answered = match (&self.expected, event) {
            (Expected::Close, Event::Closed(_)) => {
                self.expected = Expected::Login(false);
                return Step::Pending;
            }
            (_, Event::Closed(why)) => {
                faults.record(Fault::Closed, format_args!("client {}: {why}", self.number));
                self.groups.clear();
                self.expected = Expected::Login(false);
                return Step::Failed;
            }
            (_, Event::Frame(Frame::Refused(why))) => {
                let why = String::from_utf8_lossy(why);
                let what = format_args!("client {} got {why:?}, expected {:?}", self.number, self.expected);
                faults.record(Fault::WrongAnswer, what);
                let was_login = matches!(self.expected, Expected::Login(_));
                self.expected = if was_login { Expected::Login(false) } else { Expected::Nothing };
                return Step::Failed;
            }
            (Expected::Done | Expected::Login(true), Event::Frame(Frame::Done)) => true,
            (Expected::Line(beginning), Event::Frame(Frame::Other(line))) => line.starts_with(beginning),
            (Expected::Echo { to, text }, Event::Frame(Frame::Message(message))) => {
                let addressed = match message.destination {
                    Destination::SentCopy(name) | Destination::Group(name) => name == to.as_bytes(),
                    Destination::Broadcast => to.is_empty(),
                    Destination::Private => false,
                };
                addressed && message.text == text
            }
            _ => false,
        };
        if answered {
            self.expected = Expected::Nothing;
            return Step::Succeeded;
        }
        Step::Pending
    }
}

/// A repeatable random number generator (xorshift64*).
struct Rng(u64);

impl Rng {
    fn new(seed: u64, client: u64) -> Rng {
        // Never zero, and far apart for neighbouring clients.
        Rng((seed ^ client.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15)) | 1)
    }

    /// A number below `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound.max(1)
    }
}
