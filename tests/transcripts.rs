//! Plays the recorded conversations in `tests/transcripts/` against a server and demands them letter by letter.
//!
//! The format is made to be read; `tests/transcripts/README.md` says it once more, with an example:
//!
//! | line | what it does |
//! | --- | --- |
//! | `# …` | a comment |
//! | `setting duplicate-login = replace` | a setting of the server, before all clients; also `motd`, `registration`, `guests` |
//! | `setting admin = alice` | who has a role, `admin` or `moderator`; one name each |
//! | `alice connects (lines)` | a client; `lines` sends LF, `telnet` CR LF, `raw` no line ends at all |
//! | `alice logs in (raw)` | the same, with both prompts answered and the welcome read |
//! | `alice> /users` | alice sends this |
//! | `alice< [bob]: hi` | the next line alice gets is this one; `{address}` stands for her own address, `{time}` for a time such as `2026-11-20 17:03`, `{id}` for a number, `{code}` for the code of the room made last |
//! | `alice< Enter username:` | the prompts end in a space instead of a line end |
//! | `bob< (typing is hidden)`, `bob< (typing is shown)` | the telnet commands around a password |
//! | `alice pipes alice \| password123 \| /users` | these lines in one write, and the end, as a script does |
//! | `alice closes`, `alice crashes` | she goes: cleanly, or with a reset |
//! | `alice is closed` | the server has closed her connection, with nothing more said |
//!
//! A blank line ends a block: then nobody who is logged in may have got a line that is not written here. Two rounds of
//! `/ping`, which are not shown, make sure of that. Each is played twice: with messages in memory, and in a database.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use parlor::model::{DuplicateLogin, Registration, Role};
use parlor::store::Entry;

use crate::support::{PATIENCE, TestServer, WELCOME, password, timeless};

const HINT: &str = "Type /help for the commands; Ctrl-R shows a half-typed line again.";

/// Lines that end in a space instead of a line end.
const PROMPTS: [&str; 6] =
    ["Enter username:", "Enter password:", "Your password:", "Old password:", "New password:", "The same again:"];

#[test]
fn every_transcript_plays_as_it_is_written() {
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

#[test]
fn a_transcript_that_is_not_so_is_refused_where_it_is_not_so() {
    let wrong = |text: &str| play(text, Duration::from_millis(500), Store::Memory).unwrap_err();
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
    assert_eq!(wrong(&format!("{start}bob> hi")), (3, "bob is not connected".to_owned()));
    assert_eq!(wrong("alice sings"), (1, "no such step: alice sings".to_owned()));
    assert_eq!(wrong("setting colour = blue"), (1, "no such setting: colour = blue".to_owned()));
}

/// Where and why a play went wrong.
type Flaw = (usize, String);

/// Where the server keeps its messages; nobody may see a difference.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Store {
    Memory,
    Database,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Lines,
    Telnet,
    Raw,
}

struct Client {
    stream: TcpStream,
    kind: Kind,
    logged_in: bool,
    unread: Vec<u8>,
}

struct Stage {
    server: TestServer,
    clients: BTreeMap<String, Client>,
    /// The code of the room that was made last.
    code: Option<String>,
    patience: Duration,
}

fn play(text: &str, patience: Duration, store: Store) -> Result<(), Flaw> {
    let steps: Vec<(usize, &str)> = (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('#')).collect();
    let is_setting = |(_, step): &&(usize, &str)| step.starts_with("setting ") || step.is_empty();
    let (settings, acts) = steps.split_at(steps.iter().take_while(is_setting).count());
    let (mut flaw, mut roles) = (None, Vec::new());
    let server = TestServer::with(|config| {
        if store == Store::Database {
            config.data = Some(config.users.with_file_name("data"));
        }
        for (line, step) in settings.iter().filter(|(_, step)| !step.is_empty()) {
            let setting = step.trim_start_matches("setting ");
            match setting.split_once(" = ") {
                Some(("duplicate-login", "allow")) => config.duplicate_login = DuplicateLogin::Allow,
                Some(("duplicate-login", "refuse")) => config.duplicate_login = DuplicateLogin::Refuse,
                Some(("duplicate-login", "replace")) => config.duplicate_login = DuplicateLogin::Replace,
                Some(("registration", "open")) => config.registration = Registration::Open,
                Some(("admin", name)) => roles.push((name.parse().unwrap(), Role::Admin)),
                Some(("moderator", name)) => roles.push((name.parse().unwrap(), Role::Moderator)),
                Some(("guests", "on")) => config.guests = true,
                Some(("motd", text)) => config.motd = Some(text.into()),
                _ => flaw = Some((*line, format!("no such setting: {setting}"))),
            }
        }
    });
    let roles = roles.into_iter().map(|(user, role)| Entry::Role { user, role }).collect();
    server.handle.hub().record(roles).unwrap();
    let mut stage = Stage { server, clients: BTreeMap::new(), code: None, patience };
    flaw.map_or(Ok(()), Err)?;
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
        if what.starts_with("Room {code} created ") {
            self.code = Some(self.client(who.trim_end_matches('<'))?.code(what)?);
            return Ok(());
        }
        let what = &self.code.as_ref().map_or(what.to_owned(), |code| what.replace("{code}", code));
        if let Some(who) = who.strip_suffix('>') {
            return self.client(who)?.say(what);
        }
        if let Some(who) = who.strip_suffix('<') {
            return self.client(who)?.hear(what);
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
            "closes" => self.take(who).map(drop),
            "crashes" => self.take(who).map(|client| {
                socket2::SockRef::from(&client.stream).set_linger(Some(Duration::ZERO)).unwrap();
            }),
            "is" if what == "is closed" => self.take(who)?.end(),
            _ => Err(format!("no such step: {step}")),
        }
    }

    fn connect(&mut self, who: &str, kind: Kind) -> Result<(), String> {
        let stream = TcpStream::connect(self.server.addr).map_err(|e| e.to_string())?;
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(self.patience)).unwrap();
        let client = Client { stream, kind, logged_in: false, unread: Vec::new() };
        match self.clients.insert(who.to_owned(), client) {
            Some(_) => Err(format!("{who} is connected already; other names may be chosen freely")),
            None => Ok(()),
        }
    }

    fn client(&mut self, who: &str) -> Result<&mut Client, String> {
        self.clients.get_mut(who).ok_or_else(|| format!("{who} is not connected"))
    }

    fn take(&mut self, who: &str) -> Result<Client, String> {
        self.clients.remove(who).ok_or_else(|| format!("{who} is not connected"))
    }

    /// Nobody has got anything that was not read: the first round of pings sees to it that all is done, the second
    /// that all has arrived.
    fn quiet(&mut self) -> Result<(), String> {
        for round in ["first", "second"] {
            for (who, client) in self.clients.iter_mut().filter(|(_, client)| client.logged_in) {
                client.say(&format!("/ping {round}"))?;
                let answer = format!("Pong: {round}");
                client.hear(&answer).map_err(|why| match why.rsplit_once(", got ") {
                    Some((_, got)) => format!("{who} got a line that is not written here: {got}"),
                    None => why,
                })?;
            }
        }
        Ok(())
    }
}

impl Client {
    fn end_of_line(&self) -> &'static str {
        match self.kind {
            Kind::Lines => "\n",
            Kind::Telnet => "\r\n",
            Kind::Raw => "",
        }
    }

    fn write(&mut self, text: &str) -> Result<(), String> {
        self.stream.write_all(text.as_bytes()).map_err(|e| format!("cannot be sent: {e}"))
    }

    fn say(&mut self, text: &str) -> Result<(), String> {
        self.write(&format!("{text}{}", self.end_of_line()))
    }

    fn pipe(&mut self, lines: &str) -> Result<(), String> {
        let end = self.end_of_line();
        let script: String = lines.split(" | ").map(|line| format!("{line}{end}")).collect();
        self.write(&script)?;
        self.stream.shutdown(Shutdown::Write).map_err(|e| e.to_string())
    }

    fn log_in(&mut self, name: &str) -> Result<(), String> {
        let hidden = self.kind == Kind::Telnet;
        self.hear("Enter username:")?;
        self.say(name)?;
        if hidden {
            self.hear("(typing is hidden)")?;
        }
        self.hear("Enter password:")?;
        self.say(password(name))?;
        if hidden {
            self.hear("(typing is shown)")?;
        }
        self.hear(WELCOME)?;
        self.hear(HINT)
    }

    /// The next that comes is this.
    fn hear(&mut self, what: &str) -> Result<(), String> {
        let end = if self.kind == Kind::Telnet { "\r\n" } else { "\n" };
        let expected = match what {
            "(typing is hidden)" => b"\xFF\xFB\x01".to_vec(),
            "(typing is shown)" => b"\xFF\xFC\x01\r\n".to_vec(),
            what if PROMPTS.contains(&what) => format!("{what} ").into_bytes(),
            line if line.contains("{time}") || line.contains("{id}") => self.alike(line, end)?,
            line => {
                let address = self.stream.local_addr().unwrap().to_string();
                format!("{}{end}", line.replace("{address}", &address)).into_bytes()
            }
        };
        while self.unread.len() < expected.len() && expected.starts_with(&self.unread) && self.read() {}
        if !self.unread.starts_with(&expected) {
            return Err(format!("expected {}, got {}", quoted(&expected), quoted(self.next_line())));
        }
        self.unread.drain(..expected.len());
        self.logged_in |= what == WELCOME;
        Ok(())
    }

    /// The code in the next line, which says that a room is made.
    fn code(&mut self, expected: &str) -> Result<String, String> {
        while !self.unread.contains(&b'\n') && self.read() {}
        let came = String::from_utf8_lossy(self.next_line()).into_owned();
        let code = came.split(' ').nth(1).unwrap_or_default().to_owned();
        let is_code = code.len() == 4 && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if is_code {
            self.hear(&expected.replace("{code}", &code)).map(|()| code)
        } else {
            Err(format!("no code in {came:?}"))
        }
    }

    /// The next line, if it is the expected one with some time and some number in their places.
    fn alike(&mut self, expected: &str, end: &str) -> Result<Vec<u8>, String> {
        while !self.unread.contains(&b'\n') && self.read() {}
        let came = String::from_utf8_lossy(self.next_line()).into_owned();
        if is_alike(came.strip_suffix(end).unwrap_or_default(), expected) {
            return Ok(came.into_bytes());
        }
        Err(format!("expected {:?}, got {came:?}", format!("{expected}{end}")))
    }

    fn end(mut self) -> Result<(), String> {
        while self.unread.is_empty() && self.read() {}
        // A read that did not wait says whether the end has come.
        let ended = self.unread.is_empty() && self.stream.peek(&mut [0]).is_ok_and(|n| n == 0);
        if ended {
            Ok(())
        } else {
            Err(format!("expected the end of the connection, got {}", quoted(self.next_line())))
        }
    }

    fn next_line(&mut self) -> &[u8] {
        while !self.unread.is_empty() && !self.unread.contains(&b'\n') && self.read() {}
        let end = self.unread.iter().position(|b| *b == b'\n').map_or(self.unread.len(), |at| at + 1);
        &self.unread[..end]
    }

    /// Reads more; false at the end, and when nothing comes.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(n) => {
                self.unread.extend_from_slice(&buffer[..n]);
                n > 0
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => true,
            Err(_) => false,
        }
    }
}

/// Whether a line is what is expected, where `{time}` stands for a time and `{id}` for a number.
fn is_alike(line: &str, expected: &str) -> bool {
    let Some((before, rest)) = expected.split_once('{') else { return line == expected };
    let (name, rest) = rest.split_once('}').unwrap();
    let Some(line) = line.strip_prefix(before) else { return false };
    let digits = || line.bytes().take_while(u8::is_ascii_digit).count();
    let length = match name {
        "time" if timeless(line).starts_with("{time}") => "2026-11-20 17:03".len(),
        "id" if digits() > 0 => digits(),
        _ => return false,
    };
    is_alike(&line[length..], rest)
}

fn quoted(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => format!("{text:?}"),
        Err(_) => format!("\"{}\"", bytes.escape_ascii()),
    }
}
