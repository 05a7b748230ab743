//! Row 25: acknowledged messages are stored, and arrive once and in order, over kill -9 at any moment.

use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{Dice, figure, paced, scale};
use crate::support::{Daemon, PATIENCE};

/// How many players there are, and how many of them stay; the others come and go.
const PLAYERS: usize = 20;
const STAYING: usize = 14;

/// How often each player sends a message: 500 a second in all.
const PACE: Duration = Duration::from_millis(40);

const GROUP: &str = "all-staying";

/// Everything that one player has seen and sent.
#[derive(Default)]
struct History {
    /// Messages of others, in the order in which they came.
    heard: Vec<Heard>,
    /// Messages that came in a login cut short by the kill. The server had no time to note that, so they may come again.
    cut_short: Vec<Heard>,
    /// The texts of the player's echoes, which say that these messages are stored.
    acknowledged: Vec<String>,
    player: usize,
}

/// A message that came to a player.
struct Heard {
    text: String,
    id: Option<u64>,
}

impl History {
    /// Notes a line in plain or in machine mode, as lines before `/mode machine` are plain.
    fn note(&mut self, line: &str) {
        let field = |name: &str| line.split(' ').find_map(|word| word.strip_prefix(name));
        let id = field("id=").or(line.strip_prefix('#').and_then(|rest| rest.split(' ').next()));
        let Some(at) = line.find("m-") else { return };
        let text = line[at..].to_owned();
        let own = text.starts_with(&format!("m-{}-", self.player));
        if line.starts_with("sent ") || own {
            assert!(id.is_some(), "acknowledged without an id: {line}");
            self.acknowledged.push(text);
        } else {
            self.heard.push(Heard { text, id: id.map(|id| id.parse().unwrap()) });
        }
    }
}

/// A player's connection, which one thread reads and writes.
struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Connection {
    /// Logs in, and returns once all missed messages have come.
    fn take(addr: SocketAddr, player: usize, history: &mut History) -> Option<Connection> {
        let stream = TcpStream::connect(addr).ok()?;
        stream.set_nodelay(true).unwrap();
        let mut connection = Connection { stream, unread: Vec::new() };
        let hello =
            format!("user{player}\npw\n/mode machine\n/create_group {GROUP}\n/join_group {GROUP}\n/ping drained\n");
        let hello = if player < STAYING { hello } else { format!("user{player}\npw\n/mode machine\n/ping drained\n") };
        connection.stream.write_all(hello.as_bytes()).ok()?;
        let (deadline, before) = (Instant::now() + PATIENCE, history.heard.len());
        let mut drained = false;
        while !drained {
            assert!(Instant::now() < deadline, "user{player} is never done with the login");
            if !connection.read(Instant::now() + PATIENCE, |line| {
                drained |= line == "pong text=drained";
                history.note(line);
            }) {
                history.cut_short.extend(history.heard.drain(before..));
                return None;
            }
        }
        Some(connection)
    }

    /// Reads once, until `until` at the latest, and passes on whole lines; `false` when the connection has ended.
    fn read(&mut self, until: Instant, mut each: impl FnMut(&str)) -> bool {
        let wait = until.saturating_duration_since(Instant::now()).max(Duration::from_micros(100));
        self.stream.set_read_timeout(Some(wait)).unwrap();
        let mut buffer = [0; 16384];
        match self.stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(n) => self.unread.extend_from_slice(&buffer[..n]),
            Err(e) => return matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
        }
        let Some(end) = self.unread.iter().rposition(|b| *b == b'\n') else { return true };
        let whole: Vec<u8> = self.unread.drain(..=end).collect();
        whole[..end].split(|b| *b == b'\n').for_each(|line| each(&String::from_utf8_lossy(line)));
        true
    }

    /// Whether a search finds this message.
    fn has_in_history(&mut self, text: &str) -> bool {
        self.stream.write_all(format!("/search {}\n/ping searched\n", text.replace('-', " ")).as_bytes()).unwrap();
        let (mut found, mut done) = (false, false);
        while !done {
            let open = self.read(Instant::now() + PATIENCE, |line| {
                found |= line.starts_with("past ") && line.ends_with(&format!("text={text}"));
                done |= line == "pong text=searched";
            });
            assert!(open, "the connection ended");
        }
        found
    }

    fn read_to_end(&mut self, mut each: impl FnMut(&str)) {
        while self.read(Instant::now() + PATIENCE, &mut each) {}
    }
}

/// One player in one round: talks until the server is killed, and comes and goes unless it is one of those that stay.
struct Player<'a> {
    number: usize,
    round: usize,
    addr: SocketAddr,
    dice: Dice,
    history: &'a mut History,
    said: usize,
}

impl Player<'_> {
    /// Plays one round. `ready` is told when the player is logged in, and `go` ends when all are.
    fn play(mut self, ready: &Sender<()>, go: &Receiver<()>) {
        let mut connection = Connection::take(self.addr, self.number, self.history);
        ready.send(()).unwrap();
        let _ = go.recv();
        let mut next = Instant::now() + PACE * u32::try_from(self.number).unwrap() / PLAYERS as u32;
        while let Some(current) = &mut connection {
            let history = &mut *self.history;
            if !current.read(next, |line| history.note(line)) {
                return;
            }
            if Instant::now() < next {
                continue;
            }
            next += PACE;
            if self.number >= STAYING && self.dice.below(12) == 0 {
                self.leave(current);
                paced(Instant::now() + Duration::from_millis(self.dice.below(120) as u64));
                connection = Connection::take(self.addr, self.number, self.history);
                continue;
            }
            let line = self.line();
            // That the server is gone is noticed when reading, after what it has written.
            let _ = current.stream.write_all(line.as_bytes());
        }
    }

    fn leave(&mut self, connection: &mut Connection) {
        if self.dice.below(2) == 0 {
            let _ = connection.stream.write_all(b"/quit\n");
        } else {
            let _ = connection.stream.shutdown(Shutdown::Write);
        }
        let history = &mut *self.history;
        connection.read_to_end(|line| history.note(line));
    }

    /// A command with the next message, whose text has sender, round, number and recipient: `m-3-r1-7-to-12`.
    fn line(&mut self) -> String {
        self.said += 1;
        let head = format!("m-{}-r{}-{}", self.number, self.round, self.said);
        match self.dice.below(10) {
            0 => format!("/broadcast {head}-to-everybody\n"),
            1 | 2 if self.number < STAYING => format!("/group_msg {GROUP} {head}-to-staying\n"),
            _ => {
                let to = (self.number + 1 + self.dice.below(PLAYERS - 1)) % PLAYERS;
                format!("/msg user{to} {head}-to-{to}\n")
            }
        }
    }
}

/// Plays one round, and kills the server in the middle of it.
fn round(daemon: &mut Daemon, histories: &mut [History], round: usize, dice: &mut Dice) {
    let (ready, all_ready) = bounded(PLAYERS);
    let (start, go) = bounded::<()>(0);
    let addr = daemon.addr;
    std::thread::scope(|scope| {
        for (number, history) in histories.iter_mut().enumerate() {
            let (ready, go, dice) = (ready.clone(), go.clone(), Dice(dice.next() | 1));
            let player = Player { number, round, addr, dice, history, said: 0 };
            scope.spawn(move || player.play(&ready, &go));
        }
        (0..PLAYERS).for_each(|_| all_ready.recv().unwrap());
        drop(start);
        paced(Instant::now() + Duration::from_millis(200 + dice.below(800) as u64));
        daemon.kill();
    });
}

/// Everything that is wrong with what the players saw.
fn check(histories: &[History]) -> Vec<String> {
    let mut wrong = Vec::new();
    let seen: Vec<HashMap<&str, usize>> = histories.iter().map(|history| history.count()).collect();
    for history in histories {
        for text in &history.acknowledged {
            let to = text.rsplit('-').next().unwrap();
            let from: usize = text.split('-').nth(1).unwrap().parse().unwrap();
            let recipients: Vec<usize> = match to {
                "everybody" | "staying" => (0..STAYING).filter(|n| *n != from).collect(),
                to => vec![to.parse().unwrap()],
            };
            let cut_short = |n: usize| histories[n].cut_short.iter().any(|heard| heard.text == *text);
            let lost = recipients.iter().filter(|n| !seen[**n].contains_key(text.as_str()) && !cut_short(**n));
            wrong.extend(lost.map(|n| format!("lost: {text} never came to user{n}")));
        }
    }
    for (n, history) in histories.iter().enumerate() {
        wrong.extend(history.disorder().map(|what| format!("user{n}: {what}")));
        let twice = seen[n].iter().filter(|(_, count)| **count > 1);
        wrong.extend(twice.map(|(text, count)| format!("twice: {text} came {count} times to user{n}")));
    }
    wrong
}

impl History {
    fn count(&self) -> HashMap<&str, usize> {
        let mut counts = HashMap::new();
        self.heard.iter().for_each(|heard| *counts.entry(heard.text.as_str()).or_default() += 1);
        counts
    }

    /// Ids that do not rise, and messages of one sender in the wrong order.
    fn disorder(&self) -> impl Iterator<Item = String> {
        let (mut last_id, mut last_of, mut found) = (0, HashMap::new(), Vec::new());
        for Heard { text, id } in &self.heard {
            let mut parts = text.split('-').skip(1);
            let from = parts.next().unwrap().to_owned();
            let place =
                (parts.next().unwrap()[1..].parse::<usize>().unwrap(), parts.next().unwrap().parse::<usize>().unwrap());
            if last_of.insert(from, place).is_some_and(|before| before > place) {
                found.push(format!("out of order: {text}"));
            }
            if id.is_some_and(|id| id <= last_id) {
                found.push(format!("id {id:?} after {last_id}: {text}"));
            }
            last_id = id.unwrap_or(last_id);
        }
        found.into_iter()
    }
}

#[test]
fn acknowledged_messages_survive_kill_9_once_and_in_order() {
    let rounds = scale(3, 300);
    let options = ["--data", "data", "--rate", "0", "--max-unauthenticated", "1000"];
    let mut daemon = Daemon::start(&options);
    let mut histories: Vec<History> = (0..PLAYERS).map(|player| History { player, ..History::default() }).collect();
    let mut dice = Dice(25);
    for number in 1..=rounds {
        round(&mut daemon, &mut histories, number, &mut dice);
        daemon.restart(&options);
        let wrong = check(&histories);
        let misplaced: HashSet<&String> = wrong.iter().filter(|what| !what.starts_with("lost")).collect();
        assert!(misplaced.is_empty(), "after round {number}: {misplaced:#?}");
    }
    let mut connections: Vec<Connection> = Vec::new();
    for (number, history) in histories.iter_mut().enumerate() {
        connections.push(Connection::take(daemon.addr, number, history).expect("a player cannot log in"));
    }
    // Messages that were not written before a kill have come at a login by now.
    let lost = check(&histories);
    assert!(lost.is_empty(), "{lost:#?}");
    let acknowledged: usize = histories.iter().map(|history| history.acknowledged.len()).sum();
    let heard: usize = histories.iter().map(|history| history.heard.len()).sum();
    figure("25", &format!("{rounds} kills, {acknowledged} acknowledged, {heard} heard; lost, twice, out of order: 0"));
    assert!(acknowledged > rounds * 50, "only {acknowledged} messages were acknowledged");
}
