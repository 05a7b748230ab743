//! One user of the evening: what he does next, and whether the answer is the right one.
//!
//! No sockets and no clock: lines come out of it, and what the server says goes in.

use crate::fleet::News;
use crate::protocol::{Place, Said};
use crate::scenario::mixed::letters::Letters;
use crate::verify::{Fault, Faults};

/// What all players know.
pub(super) struct World<'w> {
    /// The players' names.
    pub(super) names: &'w [String],
    /// The groups that are always there.
    pub(super) groups: &'w [String],
    /// Where chance begins.
    pub(super) seed: u64,
}

/// What something heard means for what a player has done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing.
    Nothing,
    /// It is done.
    Done,
    /// It failed.
    Failed,
}

/// What a player waits for.
#[derive(Debug, PartialEq, Eq)]
enum Waits {
    /// For nothing.
    Not,
    /// For his own words.
    Echo { to: String, text: Vec<u8> },
    /// For a plain yes.
    Yes,
    /// For a line that begins so.
    Line(&'static [u8]),
    /// For the end of his connection.
    End,
    /// To be let in again; `false` until he has asked for it.
    Entrance(bool),
}

/// One user.
pub(super) struct Player<'w> {
    number: usize,
    world: &'w World<'w>,
    dice: Dice,
    /// The groups he is in.
    groups: Vec<String>,
    made: u32,
    waits: Waits,
}

impl<'w> Player<'w> {
    /// A player who is logged in.
    pub(super) fn new(number: usize, world: &'w World<'w>) -> Player<'w> {
        let dice = Dice::new(world.seed, number as u64);
        Player { number, world, dice, groups: Vec::new(), made: 0, waits: Waits::Not }
    }

    /// Whether he waits for nothing.
    pub(super) fn rests(&self) -> bool {
        self.waits == Waits::Not
    }

    /// Whether he has left and has still to come back.
    pub(super) fn is_gone(&self) -> bool {
        self.waits == Waits::Entrance(false)
    }

    /// He comes back.
    pub(super) fn come(&mut self) {
        self.waits = Waits::Entrance(true);
    }

    /// He does not wait any longer, and comes back as if he had left.
    pub(super) fn give_up(&mut self, faults: &mut Faults) {
        faults.note(Fault::WrongAnswer, format_args!("client {} had no answer: {:?}", self.number, self.waits));
        self.groups.clear();
        self.waits = Waits::Entrance(false);
    }

    /// The next thing he does: what he sends for it.
    pub(super) fn next(&mut self, letters: &mut Letters) -> Vec<u8> {
        match self.dice.below(100) {
            0..35 => self.tell(letters),
            35..60 if !self.groups.is_empty() => self.say(letters),
            60..64 => self.shout(letters),
            64..72 => self.ask("/users", b"Online users:"),
            72..78 => self.ask("/groups_users", b"Groups and their members:"),
            78..82 => self.create(),
            82..88 if !self.groups.is_empty() => self.leave(),
            88..92 => {
                self.waits = Waits::End;
                self.groups.clear();
                b"/quit\n".to_vec()
            }
            92..95 => {
                self.waits = Waits::Yes;
                b"/ping bench\n".to_vec()
            }
            _ => self.join(),
        }
    }

    fn tell(&mut self, letters: &mut Letters) -> Vec<u8> {
        let others = self.world.names.len() - 1;
        let to = (self.number + 1 + self.dice.below(others as u64) as usize) % self.world.names.len();
        let name = self.world.names[to].clone();
        let text = letters.write(self.number, Some(to));
        self.speak(format!("/msg {name} "), name, text)
    }

    fn say(&mut self, letters: &mut Letters) -> Vec<u8> {
        let group = self.groups[self.dice.below(self.groups.len() as u64) as usize].clone();
        let text = letters.write(self.number, None);
        self.speak(format!("/group_msg {group} "), group, text)
    }

    fn shout(&mut self, letters: &mut Letters) -> Vec<u8> {
        let text = letters.write(self.number, None);
        self.speak("/broadcast ".to_owned(), String::new(), text)
    }

    /// A line of words, to be heard again.
    fn speak(&mut self, verb: String, to: String, text: Vec<u8>) -> Vec<u8> {
        let line = [verb.as_bytes(), &text, b"\n"].concat();
        self.waits = Waits::Echo { to, text };
        line
    }

    fn ask(&mut self, question: &str, answer: &'static [u8]) -> Vec<u8> {
        self.waits = Waits::Line(answer);
        format!("{question}\n").into_bytes()
    }

    fn create(&mut self) -> Vec<u8> {
        // The process is in the names of the others; his own number and count make this one his.
        let group = format!("{}-{}-{}", self.world.groups[0], self.number, self.made);
        self.made += 1;
        self.waits = Waits::Yes;
        let line = format!("/create_group {group}\n").into_bytes();
        self.groups.push(group);
        line
    }

    fn join(&mut self) -> Vec<u8> {
        let free: Vec<&String> = self.world.groups.iter().filter(|group| !self.groups.contains(group)).collect();
        if free.is_empty() {
            return self.leave();
        }
        let group = free[self.dice.below(free.len() as u64) as usize].clone();
        self.waits = Waits::Yes;
        let line = format!("/join_group {group}\n").into_bytes();
        self.groups.push(group);
        line
    }

    fn leave(&mut self) -> Vec<u8> {
        let group = self.groups.swap_remove(self.dice.below(self.groups.len() as u64) as usize);
        self.ask(&format!("/leave_group {group}"), b"You left the group ")
    }

    /// Something happened on his connection.
    pub(super) fn hear(&mut self, news: &News<'_>, faults: &mut Faults) -> Heard {
        let done = match (&self.waits, news) {
            (Waits::End, News::Ended(_)) => {
                self.waits = Waits::Entrance(false);
                return Heard::Nothing;
            }
            (_, News::Ended(why)) => {
                faults.note(Fault::Closed, format_args!("client {}: {why}", self.number));
                self.groups.clear();
                self.waits = Waits::Entrance(false);
                return Heard::Failed;
            }
            (_, News::Said(Said::Refused(why))) => {
                let why = String::from_utf8_lossy(why);
                faults.note(Fault::WrongAnswer, format_args!("client {}: {why:?} to {:?}", self.number, self.waits));
                let entering = matches!(self.waits, Waits::Entrance(_));
                self.waits = if entering { Waits::Entrance(false) } else { Waits::Not };
                return Heard::Failed;
            }
            (Waits::Yes | Waits::Entrance(true), News::Said(Said::Done)) => true,
            (Waits::Line(line), News::Said(Said::Other(said))) => said.starts_with(line),
            (Waits::Echo { to, text }, News::Said(Said::Message(message))) => {
                let placed = match message.place {
                    Place::Sent(name) | Place::Group(name) => name == to.as_bytes(),
                    Place::Everybody => to.is_empty(),
                    Place::Private => false,
                };
                placed && message.text == text
            }
            _ => false,
        };
        if done {
            self.waits = Waits::Not;
            return Heard::Done;
        }
        Heard::Nothing
    }
}

/// Chance that can be repeated (xorshift64*).
struct Dice(u64);

impl Dice {
    fn new(seed: u64, number: u64) -> Dice {
        // Never zero, and far apart for neighbours.
        Dice((seed ^ number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15)) | 1)
    }

    /// A number below `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound.max(1)
    }
}
