//! Shared test support: a server in this process, a daemon in its own, and clients that wait for expected output.
//!
//! No test sleeps. Every wait ends at [`PATIENCE`] and reports expected and actual output.

pub mod failing_database;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parlor::config::Config;
use parlor::model::StoreAddress;
use parlor::server::{Handle, Server};
use parlor::transport::memory::{self, MemoryPeer};
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

/// Does not compile unless each variant of an enum is in the list; one may be there several times.
macro_rules! every_variant {
    ($Enum:ident: $($Variant:ident),+) => {
        #[allow(unreachable_patterns, reason = "a variant may be listed several times")]
        const _: fn(&$Enum) = |value| match value {
            $($Enum::$Variant { .. } => {})+
        };
    };
}
pub(crate) use every_variant;

/// How long any wait of a test may take: far more than it ever needs.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The first lines after a login.
pub const WELCOME: &str = "Welcome to the chat server!";
/// The line after the welcome.
pub const HINT: &str = "Type /help for the commands; Ctrl-R shows a half-typed line again.";

/// The users of every test server: these, and `user0:pw` to `user999:pw`.
pub const USERS: &str = "alice:password123\nbob:qwerty456\ncharlie:pass789\ndavid:helloWorld!\neve:trustno1\nfrank:letmein\ngrace:p@ssw0rd:2\n";

/// The password of a user of [`USERS`].
pub fn password(name: &str) -> &str {
    let own = USERS.lines().filter_map(|line| line.split_once(':')).find(|(user, _)| *user == name);
    own.map_or("pw", |(_, password)| password)
}

/// Writes [`USERS`] and the numbered ones into `dir`.
pub fn write_users(dir: &Path) -> PathBuf {
    let numbered: String = (0..1000).map(|n| format!("user{n}:pw\n")).collect();
    let path = dir.join("users.txt");
    fs::write(&path, format!("{USERS}{numbered}")).unwrap();
    path
}

/// Polls until `done` returns true; panics with `what` if it never does.
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        std::thread::yield_now();
    }
}

/// A server in this process, on a port of its own; stopped when dropped.
pub struct TestServer {
    pub addr: SocketAddr,
    /// Where its web pages are.
    pub web: Vec<SocketAddr>,
    /// Where its metrics are.
    pub metrics: Vec<SocketAddr>,
    pub handle: Handle,
    pub dir: TempDir,
    running: Option<JoinHandle<()>>,
}

impl TestServer {
    /// A server with the default settings.
    pub fn start() -> TestServer {
        TestServer::with(|_| ())
    }

    /// A server with default settings modified by `change`, without a data folder.
    pub fn with(change: impl FnOnce(&mut Config)) -> TestServer {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config { listen: vec!["127.0.0.1:0".parse().unwrap()], ..Config::default() };
        config.users = write_users(dir.path());
        config.data = StoreAddress::Memory;
        // How long a new password must be has tests of its own; most others use short ones.
        config.min_password_length = 1;
        change(&mut config);
        let server = Server::bind(&config).unwrap();
        let (addr, web, handle) = (server.addresses()[0], server.web_addresses(), server.handle());
        let metrics = server.metrics_addresses();
        let running = std::thread::spawn(move || server.run().unwrap());
        TestServer { addr, web, metrics, handle, dir, running: Some(running) }
    }

    /// A connection that has said nothing yet.
    pub fn connect(&self) -> TestClient {
        TestClient::connect(self.addr)
    }

    /// A connection from this loopback address, which plays another host.
    pub fn connect_from(&self, host: [u8; 4]) -> TestClient {
        TestClient::connect_from(self.addr, host.into())
    }

    /// A logged-in client in line mode, with the welcome read.
    pub fn login(&self, name: &str) -> TestClient {
        let mut client = self.connect();
        client.login(name);
        client
    }

    /// Logged-in clients, each of which has read the arrivals of those after it.
    pub fn login_all<const N: usize>(&self, names: [&str; N]) -> [TestClient; N] {
        let mut clients: Vec<TestClient> = Vec::new();
        for name in names {
            clients.push(self.login(name));
            let earlier = clients.len() - 1;
            clients[..earlier].iter_mut().for_each(|c| c.expect(&format!("*** {name} has joined the chat.")));
        }
        clients.try_into().ok().unwrap()
    }

    /// A client over the in-memory link, logged in in line mode, with the welcome read.
    pub fn memory_login(&self, name: &str) -> MemoryClient {
        let mut client = self.memory_connect();
        client.expect_bytes("Enter username: ");
        client.send(&format!("{name}\n"));
        client.expect_bytes("Enter password: ");
        client.send(&format!("{}\n", password(name)));
        client.expect_bytes(&format!("{WELCOME}\n{HINT}\n"));
        client
    }

    /// A client over the in-memory link that has said nothing yet.
    pub fn memory_connect(&self) -> MemoryClient {
        let (link, peer) = memory::pair();
        self.handle.serve(Box::new(link));
        MemoryClient { peer, unread: Vec::new() }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.handle.stop();
        let ended = self.running.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || matches!(ended, Some(Ok(()))), "the server did not stop cleanly");
    }
}

/// A client over a real socket.
pub struct TestClient {
    stream: TcpStream,
    unread: Vec<u8>,
    pings: AtomicU64,
}

impl TestClient {
    pub fn connect(addr: SocketAddr) -> TestClient {
        TestClient::over(TcpStream::connect(addr).unwrap())
    }

    pub fn connect_from(addr: SocketAddr, host: IpAddr) -> TestClient {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::new(host, 0).into()).unwrap();
        socket.connect(&addr.into()).unwrap();
        TestClient::over(socket.into())
    }

    pub fn over(stream: TcpStream) -> TestClient {
        stream.set_nodelay(true).unwrap();
        TestClient { stream, unread: Vec::new(), pings: AtomicU64::new(0) }
    }

    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends bytes as they are, in one write.
    pub fn send_raw(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends a line with its line end, in one write.
    pub fn send(&mut self, line: &str) {
        self.send_raw(format!("{line}\n"));
    }

    /// Says that nothing more will be sent.
    pub fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Breaks the connection with a reset, as a crash of the client's machine does.
    pub fn reset(self) {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Logs in in line mode and reads the welcome.
    pub fn login(&mut self, name: &str) {
        self.give_name_and_password(name, password(name));
        self.expect(WELCOME);
        self.expect(HINT);
    }

    /// Answers both prompts.
    pub fn give_name_and_password(&mut self, name: &str, password: &str) {
        self.expect_bytes("Enter username: ");
        self.send(name);
        self.expect_bytes("Enter password: ");
        self.send(password);
    }

    /// Expects exactly these bytes next; later bytes stay unread.
    pub fn expect_bytes(&mut self, expected: impl AsRef<[u8]>) {
        let expected = expected.as_ref();
        self.fill(|unread| unread.len() >= expected.len() || !expected.starts_with(unread), expected);
        let came: Vec<u8> = self.unread.drain(..expected.len().min(self.unread.len())).collect();
        assert_eq!(String::from_utf8_lossy(&came), String::from_utf8_lossy(expected));
        assert_eq!(came.escape_ascii().to_string(), expected.escape_ascii().to_string());
    }

    /// The next line, with its LF, is exactly this one.
    pub fn expect(&mut self, line: &str) {
        self.expect_bytes(format!("{line}\n"));
    }

    /// The next line, whatever it is, without its LF.
    pub fn line(&mut self) -> String {
        self.fill(|unread| unread.contains(&b'\n'), b"a line");
        let end = self.unread.iter().position(|b| *b == b'\n').expect("the connection ended within a line");
        let line: Vec<u8> = self.unread.drain(..=end).collect();
        String::from_utf8(line[..end].to_vec()).unwrap()
    }

    /// Reads until a line contains `part`, and returns that line.
    pub fn line_with(&mut self, part: &str) -> String {
        loop {
            let line = self.line();
            if line.contains(part) {
                return line;
            }
        }
    }

    /// The next bytes, at least one unless the connection ends.
    pub fn first_bytes(&mut self) -> Vec<u8> {
        let _ = self.read_some();
        std::mem::take(&mut self.unread)
    }

    /// The server closes the connection, with nothing more said.
    pub fn expect_end(&mut self) {
        let rest = self.read_to_end();
        assert_eq!(String::from_utf8_lossy(&rest), "", "the connection should end here");
    }

    /// Everything until the server closes the connection, cleanly or not.
    pub fn read_to_end(&mut self) -> Vec<u8> {
        while self.read_some() {}
        std::mem::take(&mut self.unread)
    }

    /// Asks for a sign of life and requires that nothing else comes before it: all that was said has arrived.
    pub fn quiet(&mut self) {
        let token = format!("quiet-{}", self.pings.fetch_add(1, Ordering::Relaxed));
        self.send(&format!("/ping {token}"));
        self.expect(&format!("Pong: {token}"));
    }

    fn fill(&mut self, enough: impl Fn(&[u8]) -> bool, expected: &[u8]) {
        while !enough(&self.unread) {
            let came = String::from_utf8_lossy(&self.unread).into_owned();
            let expected = String::from_utf8_lossy(expected);
            assert!(self.read_some(), "the connection ended; expected {expected:?}, came {came:?}");
        }
    }

    fn read_some(&mut self) -> bool {
        let mut buffer = [0; 65536];
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        match self.stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(n) => {
                self.unread.extend_from_slice(&buffer[..n]);
                true
            }
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => false,
            // A read with a timeout is not restarted by itself, for instance when the process was stopped and goes on.
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => true,
            Err(e) => panic!("{e}; unread {:?}", String::from_utf8_lossy(&self.unread)),
        }
    }
}

/// A client over the in-memory link: each send is one read of the server, and its gate makes it a slow reader.
pub struct MemoryClient {
    pub peer: MemoryPeer,
    unread: Vec<u8>,
}

impl MemoryClient {
    /// Sends bytes that the server gets in one read.
    pub fn send(&self, bytes: &str) {
        self.peer.send(bytes.as_bytes());
    }

    /// The next bytes are exactly these.
    pub fn expect_bytes(&mut self, expected: &str) {
        while self.unread.len() < expected.len() {
            let came = self.peer.receive(Instant::now() + PATIENCE).unwrap();
            let unread = String::from_utf8_lossy(&self.unread).into_owned();
            assert!(!came.is_empty(), "the connection ended; expected {expected:?}, came {unread:?}");
            self.unread.extend(came);
        }
        let came: Vec<u8> = self.unread.drain(..expected.len()).collect();
        assert_eq!(String::from_utf8_lossy(&came), expected);
    }

    /// The next line, with its LF, is exactly this one.
    pub fn expect(&mut self, line: &str) {
        self.expect_bytes(&format!("{line}\n"));
    }

    /// The next line, whatever it is, without its LF.
    pub fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.unread.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return String::from_utf8(line[..end].to_vec()).unwrap();
            }
            let came = self.peer.receive(Instant::now() + PATIENCE).unwrap();
            assert!(!came.is_empty(), "the connection ended within a line");
            self.unread.extend(came);
        }
    }

    /// Everything until the server ends the connection.
    pub fn read_to_end(&mut self) -> Vec<u8> {
        loop {
            let came = self.peer.receive(Instant::now() + PATIENCE).unwrap();
            if came.is_empty() {
                return std::mem::take(&mut self.unread);
            }
            self.unread.extend(came);
        }
    }
}

/// `parlord` in a process of its own, in a folder of its own; killed when dropped.
pub struct Daemon {
    pub addr: SocketAddr,
    pub dir: TempDir,
    pub child: Child,
}

impl Daemon {
    /// Starts it with a users file, with the logs in its folder, and waits until it listens.
    pub fn start(options: &[&str]) -> Daemon {
        let dir = tempfile::tempdir().unwrap();
        write_users(dir.path());
        Daemon::start_in(dir, options)
    }

    /// Starts it in this folder.
    pub fn start_in(dir: TempDir, options: &[&str]) -> Daemon {
        Daemon::start_as(parlord(dir.path()), dir, options)
    }

    /// Starts it as this command, which works in this folder.
    pub fn start_as(command: Command, dir: TempDir, options: &[&str]) -> Daemon {
        let (child, addr) = Daemon::spawn(command, options);
        Daemon { addr, dir, child }
    }

    fn spawn(mut command: Command, options: &[&str]) -> (Child, SocketAddr) {
        // Most tests do not need a data folder.
        let memory: &[&str] = if options.contains(&"--data") { &[] } else { &["--data", "none"] };
        command.args(["--listen", "127.0.0.1:0"]).args(memory).args(options).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let addr = line.trim().strip_prefix("listening on ").expect(&line).parse().unwrap();
        (child, addr)
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again in its folder; it has ended.
    pub fn restart(&mut self, options: &[&str]) {
        (self.child, self.addr) = Daemon::spawn(parlord(self.dir.path()), options);
    }

    pub fn connect(&self) -> TestClient {
        TestClient::connect(self.addr)
    }

    /// A logged-in client in line mode, with the welcome read.
    pub fn login(&self, name: &str) -> TestClient {
        let mut client = self.connect();
        client.login(name);
        client
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the daemon did not end");
            std::thread::yield_now();
        }
    }

    /// Everything in its log files.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("logs/parlord.log")).unwrap_or_default()
    }

    /// Waits until its log contains `part`.
    pub fn await_log(&self, part: &str) {
        eventually(&format!("{part:?} in the log"), || self.log().contains(part));
    }
}

impl Daemon {
    /// Kills it, and gives its folder back.
    pub fn into_dir(mut self) -> TempDir {
        self.kill();
        std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command `parlord` in a folder, free of this environment's settings and silent on standard error.
pub fn parlord(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parlord"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PARLOR_")) {
        command.env_remove(name);
    }
    command.current_dir(dir).stdin(Stdio::null()).stderr(Stdio::null());
    command
}

impl TestClient {
    /// Sends each line and requires exactly the one next to it as the answer.
    pub fn ask_all(&mut self, questions: &[(&str, &str)]) {
        for (line, answer) in questions {
            self.send(line);
            self.expect(answer);
        }
    }

    /// Sends a line and requires exactly these as the answer.
    pub fn ask(&mut self, line: &str, answer: &[&str]) {
        self.send(line);
        answer.iter().for_each(|line| self.expect(line));
    }
}

impl MemoryClient {
    /// The next bytes are exactly these, of which some may be no text.
    pub fn expect_exact(&mut self, expected: &[u8]) {
        while self.unread.len() < expected.len() && expected.starts_with(&self.unread) {
            let came = self.peer.receive(Instant::now() + PATIENCE).unwrap();
            assert!(!came.is_empty(), "the connection ended; expected \"{}\"", expected.escape_ascii());
            self.unread.extend(came);
        }
        let came: Vec<u8> = self.unread.drain(..expected.len().min(self.unread.len())).collect();
        assert_eq!(came.escape_ascii().to_string(), expected.escape_ascii().to_string());
    }

    /// Asks for a sign of life and requires that nothing else comes before it.
    pub fn quiet(&mut self) {
        self.send("/ping quiet\n");
        self.expect("Pong: quiet");
    }
}

impl TestClient {
    /// The connection and the bytes read but not consumed.
    pub fn into_parts(self) -> (TcpStream, Vec<u8>) {
        (self.stream, self.unread)
    }

    /// Whether the server ends the connection by `deadline`; output before that is discarded.
    pub fn ended_by(&mut self, deadline: Instant) -> bool {
        let mut buffer = [0; 65536];
        loop {
            let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            self.stream.set_read_timeout(Some(left)).unwrap();
            match self.stream.read(&mut buffer) {
                Ok(0) => return true,
                Ok(_) if Instant::now() >= deadline => return false,
                Ok(_) => {}
                Err(e) => return e.kind() != std::io::ErrorKind::WouldBlock,
            }
        }
    }
}

/// A line with each time in it, such as `2026-11-20 17:03`, replaced by `{time}`.
pub fn timeless(line: &str) -> String {
    let form = "dddd-dd-dd dd:dd";
    let fits = |text: &str| {
        let same = |(c, f): (char, char)| if f == 'd' { c.is_ascii_digit() } else { c == f };
        text.len() == form.len() && text.chars().zip(form.chars()).all(same)
    };
    let at = (0..line.len()).find(|at| line.get(*at..at + form.len()).is_some_and(fits));
    at.map_or(line.to_owned(), |at| format!("{}{{time}}{}", &line[..at], timeless(&line[at + form.len()..])))
}

impl TestClient {
    /// The next lines are exactly these, with `{time}` for a time.
    pub fn expect_past(&mut self, lines: &[&str]) {
        for expected in lines {
            assert_eq!(timeless(&self.line()), *expected);
        }
    }

    /// Sends a line and requires exactly these as the answer, with `{time}` for a time.
    pub fn ask_past(&mut self, line: &str, answer: &[&str]) {
        self.send(line);
        self.expect_past(answer);
    }
}
