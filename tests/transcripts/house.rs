//! Where a transcript is played: a server in this process, or a daemon in one of its own, to which everybody comes through `nc`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command};

use parlor::config::Config;
use parlor::logging;
use parlor::model::{DuplicateLogin, LogSettings, Registration, Role, StoreAddress};
use parlor::store::Entry;

use super::Flaw;
use crate::daemon::{folder, run_with};
use crate::support::{Daemon, TestServer, USERS};

/// The store and process that a transcript runs with; clients must not see a difference.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Store {
    Memory,
    Database,
    /// In a database, of a process of its own.
    Daemon,
}

pub(super) enum House {
    Here(TestServer),
    Far { daemon: Box<Daemon>, ncs: BTreeMap<String, Child>, restarts: usize },
}

const DATA: [&str; 2] = ["--data", "data"];

impl House {
    /// A server with these settings, each with the line in which it stands.
    pub(super) fn open(settings: &[(usize, String)], store: Store) -> Result<House, Flaw> {
        if store == Store::Daemon {
            return far(settings);
        }
        let (mut flaw, mut roles, mut words, mut log) = (None, Vec::new(), String::new(), String::new());
        let server = TestServer::with(|config| {
            if store == Store::Database {
                config.data = StoreAddress::Folder(config.users.with_file_name("data"));
            }
            for (line, setting) in settings {
                match setting.split_once(" = ") {
                    Some(("word-filter", pattern)) => words += &format!("{pattern}\n"),
                    Some(("log", line)) => log += &format!("{line}\n"),
                    Some((word, name)) if role(word).is_some() => roles.extend(role(word).map(|role| (name, role))),
                    Some((name, value)) if set(config, name, value).is_some() => {}
                    _ => flaw = Some((*line, format!("no such setting: {setting}"))),
                }
            }
            if !words.is_empty() {
                let path = config.users.with_file_name("words.txt");
                fs::write(&path, &words).unwrap();
                config.word_filter = Some(path);
            }
        });
        let given = roles.into_iter().map(|(user, role)| Entry::Role { user: user.parse().unwrap(), role });
        server.handle.hub().record(given.collect()).unwrap();
        if !log.is_empty() {
            let settings = LogSettings { log_dir: server.dir.path().to_owned(), ..LogSettings::default() };
            fs::write(settings.log_dir.join("parlord.log"), log).unwrap();
            server.handle.on_log_tail(move |lines| logging::tail(&settings, lines));
        }
        flaw.map_or(Ok(House::Here(server)), Err)
    }

    /// Whether it is another process.
    pub(super) fn is_far(&self) -> bool {
        matches!(self, House::Far { .. })
    }

    /// A connection to the server, or to the standard input and output of an `nc` that has one.
    pub(super) fn connect(&mut self, who: &str) -> io::Result<TcpStream> {
        match self {
            House::Here(server) => TcpStream::connect(server.addr),
            House::Far { daemon, ncs, .. } => {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
                let ours = TcpStream::connect(listener.local_addr()?)?;
                let theirs: OwnedFd = listener.accept()?.0.into();
                let mut nc = Command::new("nc");
                nc.args([daemon.addr.ip().to_string(), daemon.addr.port().to_string()]);
                let child = nc.stdin(theirs.try_clone()?).stdout(theirs).spawn()?;
                end(ncs.insert(who.to_owned(), child));
                Ok(ours)
            }
        }
    }

    /// Ends a user's `nc`, if there is one.
    pub(super) fn hang_up(&mut self, who: &str) {
        if let House::Far { ncs, .. } = self {
            end(ncs.remove(who));
        }
    }

    /// Kills the server, or every other time stops it, and starts it again; false where it is not a process of its own.
    pub(super) fn restart(&mut self) -> bool {
        let House::Far { daemon, ncs, restarts } = self else { return false };
        *restarts += 1;
        if *restarts % 2 == 1 {
            daemon.kill();
        } else {
            daemon.signal("TERM");
            assert_eq!(daemon.wait().code(), Some(0));
        }
        std::mem::take(ncs).into_values().for_each(|nc| end(Some(nc)));
        daemon.restart(&DATA);
        true
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let House::Far { ncs, .. } = self {
            std::mem::take(ncs).into_values().for_each(|nc| end(Some(nc)));
        }
    }
}

fn end(child: Option<Child>) {
    if let Some(mut child) = child {
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// A daemon; of settings it needs no more than roles so far.
fn far(settings: &[(usize, String)]) -> Result<House, Flaw> {
    let dir = folder(USERS);
    for (line, setting) in settings {
        let Some((word, name)) = setting.split_once(" = ").filter(|(word, _)| role(word).is_some()) else {
            return Err((*line, format!("no such setting of a daemon: {setting}")));
        };
        assert_eq!(run_with(dir.path(), &["user", "role", name, word], &[], "").code, 0);
    }
    Ok(House::Far { daemon: Box::new(Daemon::start_in(dir, &DATA)), ncs: BTreeMap::new(), restarts: 0 })
}

fn role(word: &str) -> Option<Role> {
    [Role::Admin, Role::Moderator].into_iter().find(|role| role.as_str() == word)
}

fn set(config: &mut Config, name: &str, value: &str) -> Option<()> {
    match (name, value) {
        ("duplicate-login", "allow") => config.duplicate_login = DuplicateLogin::Allow,
        ("duplicate-login", "refuse") => config.duplicate_login = DuplicateLogin::Refuse,
        ("duplicate-login", "replace") => config.duplicate_login = DuplicateLogin::Replace,
        ("registration", "open") => config.registration = Registration::Open,
        ("guests", "on") => config.guests = true,
        ("motd", text) => {
            let path = config.users.with_file_name("motd.txt");
            fs::write(&path, text).unwrap();
            config.motd = Some(path);
        }
        ("line-limit", bytes) => config.limits.line_limit = bytes.parse().ok()?,
        ("max-groups", count) => config.limits.max_groups = count.parse().ok()?,
        ("max-memberships", count) => config.limits.max_memberships = count.parse().ok()?,
        _ => return None,
    }
    Some(())
}
