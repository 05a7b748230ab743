//! Plays the recorded conversations in `tests/transcripts/` against a server and demands them letter by letter.
//!
//! The format is made to be read; `tests/transcripts/README.md` says it once more, with an example:
//!
//! | line | effect |
//! | --- | --- |
//! | `# …` | a comment |
//! | `setting duplicate-login = replace` | a setting of the server, before all clients; also `motd`, `registration`, `guests`, `line-limit`, `max-groups`, `max-memberships` |
//! | `setting word-filter = darn replace` | a line of the word filter |
//! | `setting log = …` | a line of the log |
//! | `setting admin = alice` | the role `admin` or `moderator` of one user |
//! | `alice connects (lines)` | a client; `lines` sends LF, `telnet` CR LF, `raw` no line ends at all |
//! | `alice logs in (raw)` | the same, with both prompts answered and the welcome read |
//! | `alice> /users` | alice sends this |
//! | `alice< [bob]: hi` | the next line alice gets is this one; `{address}` stands for her own address, `{time}` for a time such as `2026-11-20 17:03`, `{at}` for one such as `2026-11-20T17:03:12.402117Z`, `{id}` for a number, `{code}` for the code of the room made last, `{token}` for the token made last |
//! | `alice< ...` | lines that are of no matter here, up to the next one that is written down |
//! | `alice~ *** bob has left the chat.` | this is among the next lines that alice gets, before or after those written below |
//! | `alice< Enter username:` | the prompts end in a space instead of a line end |
//! | `bob< (typing is hidden)`, `bob< (typing is shown)` | the telnet commands around a password |
//! | `alice pipes alice \| password123 \| /users` | these lines in one write, and the end, as a script does |
//! | `the server restarts` | where it is played through `nc` against a process of its own, that is killed or stopped and starts again, and all log in again |
//! | `alice closes`, `alice crashes` | she goes: cleanly, or with a reset |
//! | `alice is closed` | the server has closed her connection, with nothing more said |
//!
//! A blank line ends a block: no logged-in client may have received a line that is not written here. Two rounds of
//! `/ping`, which are not shown, make sure of that. Each is played twice: with messages in memory, and in a database.

mod client;
mod house;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::support::PATIENCE;
use client::{Client, Kind};
use house::{House, Store};

#[test]
fn every_transcript_replays_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let files: Vec<&PathBuf> = files.iter().filter(|path| path.extension().is_some_and(|e| e == "txt")).collect();
    assert!(files.len() >= 8, "only {} transcripts", files.len());
    let plays = &|path: &PathBuf, store: Store| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let played = play(&fs::read_to_string(path).unwrap(), PATIENCE, store);
        played.map_err(|(line, why)| format!("{name}:{line}, messages in {store:?}: {why}"))
    };
    let failures: Vec<String> = thread::scope(|scope| {
        let all = files.iter().flat_map(|path| [(path, Store::Memory), (path, Store::Database)]);
        let playing: Vec<_> = all.map(|(path, store)| scope.spawn(move || plays(path, store))).collect();
        playing.into_iter().filter_map(|one| one.join().unwrap().err()).collect()
    });
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// Between two steps: the server is killed, or stopped, and comes back.
const RESTART: &str = "the server restarts";

#[test]
fn five_roles_replay_through_nc_over_kills_and_stops() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/five_roles.txt");
    let text = fs::read_to_string(path).unwrap();
    assert!(text.lines().filter(|line| *line == RESTART).count() >= 4);
    assert_eq!(play(&text, PATIENCE, Store::Daemon), Ok(()));
}

#[test]
fn a_wrong_transcript_fails_at_the_wrong_line() {
    let wrong = |text: &str| play(text, Duration::from_secs(2), Store::Memory).unwrap_err();
    let start = "alice logs in (lines)\n# comment\n";
    let (line, why) = wrong(&format!("{start}alice> /ping a\nalice< Pong: b\n"));
    assert_eq!((line, why.as_str()), (4, "expected \"Pong: b\\n\", got \"Pong: a\\n\""));
    let (line, why) = wrong(&format!("{start}alice> /ping a\n\nalice> /ping b\n"));
    assert_eq!((line, why.as_str()), (4, "alice got a line that is not written here: \"Pong: a\\n\""));
    let (line, why) = wrong(&format!("{start}alice< hello"));
    assert_eq!((line, why.as_str()), (3, "expected \"hello\\n\", got \"\""));
    let (line, why) = wrong(&format!("{start}alice is closed"));
    assert_eq!((line, why.as_str()), (3, "expected the end of the connection, got \"\""));
    let (line, why) = wrong(&format!("{start}alice> /ping #1 now\nalice< Pong: #{{id}} {{time}}\n"));
    assert_eq!((line, why.as_str()), (4, "expected \"Pong: #{id} {time}\\n\", got \"Pong: #1 now\\n\""));
    let right = format!("{start}alice> /ping #12 2026-11-20 17:03, x\nalice< Pong: #{{id}} {{time}}, x\n");
    assert_eq!(play(&right, PATIENCE, Store::Memory), Ok(()));
    let right =
        format!("{start}alice> /ping a\nalice> /ping b\nalice> /ping c\nalice~ Pong: b\nalice< ...\nalice< Pong: c\n");
    assert_eq!(play(&right, PATIENCE, Store::Memory), Ok(()));
    let (line, why) = wrong(&format!("{start}alice> /ping a\nalice~ Pong: b\n"));
    assert_eq!((line, why.as_str()), (4, "expected \"Pong: b\\n\" at some place, got \"Pong: a\\n\""));
    let (line, why) = wrong(&format!("{start}alice> /ping a\nalice< ...\nalice< Pong: b\n"));
    assert_eq!((line, why.as_str()), (5, "expected \"Pong: b\\n\", got \"\""));
    assert_eq!(wrong(&format!("{start}bob> hi")), (3, "bob is not connected".to_owned()));
    assert_eq!(wrong("alice sings"), (1, "no such step: alice sings".to_owned()));
    assert_eq!(wrong("setting colour = blue"), (1, "no such setting: colour = blue".to_owned()));
}

/// Where and why a play went wrong.
type Flaw = (usize, String);

struct Stage {
    house: House,
    clients: BTreeMap<String, Client>,
    /// The code of the room that was made last, and the token.
    made: BTreeMap<&'static str, String>,
    patience: Duration,
}

fn play(text: &str, patience: Duration, store: Store) -> Result<(), Flaw> {
    let steps: Vec<(usize, &str)> = (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('#')).collect();
    let is_setting = |(_, step): &&(usize, &str)| step.starts_with("setting ") || step.is_empty();
    let (settings, acts) = steps.split_at(steps.iter().take_while(is_setting).count());
    let said = |(line, step): &(usize, &str)| (*line, step.trim_start_matches("setting ").to_owned());
    let settings: Vec<_> = settings.iter().filter(|(_, step)| !step.is_empty()).map(said).collect();
    let house = House::open(&settings, store)?;
    let mut stage = Stage { house, clients: BTreeMap::new(), made: BTreeMap::new(), patience };
    let mut last = 0;
    for (line, step) in acts {
        last = *line;
        stage.act(step).map_err(|why| (last, why))?;
    }
    stage.quiet().map_err(|why| (last, why))
}

impl Stage {
    fn act(&mut self, step: &str) -> Result<(), String> {
        let (who, what) = step.split_once(' ').unwrap_or((step, ""));
        if let Some(who) = who.strip_suffix('<') {
            let made = match what {
                "{token}" => Some("{token}"),
                _ => what.starts_with("Room {code} created ").then_some("{code}"),
            };
            if let Some(made) = made {
                let value = self.client(who)?.made(made, what)?;
                self.made.insert(made, value);
                return Ok(());
            }
        }
        let what = &self.made.iter().fold(what.to_owned(), |what, (name, value)| what.replace(name, value));
        if let Some(who) = who.strip_suffix('>') {
            return self.client(who)?.say(what);
        }
        if let Some(who) = who.strip_suffix('<') {
            return self.client(who)?.hear(what);
        }
        if let Some(who) = who.strip_suffix('~') {
            return self.client(who)?.hear_among(what);
        }
        if step == RESTART {
            return self.restart();
        }
        let kind = match what.rsplit_once(' ') {
            Some((_, "(telnet)")) => Kind::Telnet,
            Some((_, "(raw)")) => Kind::Raw,
            _ => Kind::Lines,
        };
        match what.split(' ').next().unwrap_or("") {
            _ if step.is_empty() => self.quiet(),
            "connects" => self.connect(who, kind),
            "logs" => {
                self.connect(who, kind)?;
                self.client(who)?.log_in(who)
            }
            "pipes" => self.client(who)?.pipe(what.trim_start_matches("pipes ")),
            "closes" => {
                self.house.hang_up(who);
                self.take(who).map(drop)
            }
            "crashes" => self.take(who).map(|client| {
                socket2::SockRef::from(&client.stream).set_linger(Some(Duration::ZERO)).unwrap();
            }),
            "is" if what == "is closed" => {
                let client = self.take(who)?;
                if self.house.is_far() {
                    // This nc ends when neither side says anything more.
                    client.finish();
                }
                client.end()
            }
            _ => Err(format!("no such step: {step}")),
        }
    }

    fn connect(&mut self, who: &str, kind: Kind) -> Result<(), String> {
        let stream = self.house.connect(who).map_err(|e| e.to_string())?;
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(self.patience)).unwrap();
        let client = Client::new(stream, kind);
        match self.clients.insert(who.to_owned(), client) {
            Some(_) => Err(format!("{who} is connected already; other names may be chosen freely")),
            None => Ok(()),
        }
    }

    /// Kills and restarts the server; all clients log in again in turn. Does nothing with an in-process server: the clients
    /// must not see a difference.
    fn restart(&mut self) -> Result<(), String> {
        if !self.house.restart() {
            return Ok(());
        }
        let names: Vec<String> = std::mem::take(&mut self.clients).into_keys().collect();
        for (at, name) in names.iter().enumerate() {
            self.connect(name, Kind::Lines)?;
            self.client(name)?.log_in(name)?;
            for earlier in &names[..at] {
                self.client(earlier)?.hear(&format!("*** {name} has joined the chat."))?;
            }
        }
        self.quiet()
    }

    fn client(&mut self, who: &str) -> Result<&mut Client, String> {
        self.clients.get_mut(who).ok_or_else(|| format!("{who} is not connected"))
    }

    fn take(&mut self, who: &str) -> Result<Client, String> {
        self.clients.remove(who).ok_or_else(|| format!("{who} is not connected"))
    }

    /// No client has unread lines: the first round of pings ensures that everything is done, the second
    /// that all has arrived.
    fn quiet(&mut self) -> Result<(), String> {
        for round in ["first", "second"] {
            for (who, client) in self.clients.iter_mut().filter(|(_, client)| client.logged_in) {
                client.say(&format!("/ping {round}"))?;
                let answer = format!("{}{round}", client.pong);
                client.hear(&answer).map_err(|why| match why.rsplit_once(", got ") {
                    Some((_, got)) => format!("{who} got a line that is not written here: {got}"),
                    None => why,
                })?;
            }
        }
        Ok(())
    }
}
