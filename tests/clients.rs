//! The real programs: nc, telnet and their relatives, each at a terminal of its own.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use rexpect::session::PtySession;

use crate::support::{Daemon, PATIENCE, TestServer, eventually};

const HINT: &str = "Ctrl-R shows a half-typed line again.";

fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
}

/// Whether a program is there; a busybox need not have every applet.
fn works(program: &str) -> bool {
    let (name, applet) = program.split_once(' ').map_or((program, None), |(name, applet)| (name, Some(applet)));
    let has = |applet: &str| {
        let listed = Command::new(name).arg("--list").output();
        listed.is_ok_and(|listed| String::from_utf8_lossy(&listed.stdout).lines().any(|line| line == applet))
    };
    installed(name) && applet.is_none_or(has)
}

fn demand(program: &str, package: &str) {
    assert!(
        installed(program),
        "this test needs the program `{program}`: install the package {package}, or run `make test`"
    );
}

/// A program at a terminal that echoes typing, connected to the server.
fn at_terminal(addr: SocketAddr, program: &str) -> PtySession {
    let (host, port) = (addr.ip(), addr.port());
    let command =
        if program == "socat" { format!("socat STDIO TCP:{host}:{port}") } else { format!("{program} {host} {port}") };
    shell_at_terminal(&command)
}

fn shell_at_terminal(line: &str) -> PtySession {
    let mut command = Command::new("sh");
    // The terminals of rexpect start without echo, where nothing would need to be hidden.
    command.args(["-c", &format!("stty echo; exec {line}")]);
    let patience = u64::try_from(PATIENCE.as_millis()).unwrap();
    let mut session = rexpect::session::spawn_command(command, Some(patience)).unwrap();
    session.process_mut().set_kill_timeout(Some(2000));
    session
}

/// Waits for `text`, and returns what the terminal showed before it.
fn see(session: &mut PtySession, text: &str) -> String {
    session.exp_string(text).unwrap_or_else(|e| panic!("{text:?} was never shown: {e}"))
}

fn type_line(session: &mut PtySession, line: &str) {
    session.send_line(line).unwrap();
}

/// Logs in, and returns what the terminal showed between the two prompts and after the second.
fn log_in(session: &mut PtySession, name: &str, password: &str) -> (String, String) {
    see(session, "Enter username: ");
    type_line(session, name);
    let between = see(session, "Enter password: ");
    type_line(session, password);
    let after = see(session, "Welcome to the chat server!");
    see(session, HINT);
    (between, after)
}

fn nc(addr: SocketAddr, name: &str, password: &str) -> PtySession {
    demand("nc", "netcat-openbsd");
    let mut session = at_terminal(addr, "nc");
    log_in(&mut session, name, password);
    session
}

fn telnet(server: &TestServer, name: &str, password: &str) -> PtySession {
    demand("telnet", "inetutils-telnet");
    let mut session = at_terminal(server.addr, "telnet");
    log_in(&mut session, name, password);
    session
}

/// Some programs, among them OpenBSD's netcat and ncat, stay at their terminal after the server has closed; Ctrl-D ends
/// them. Others have ended by then, and there is nobody to read it.
fn end_nc(mut session: PtySession) {
    type_line(&mut session, "/quit");
    let _ = session.send_control('d');
    session.exp_eof().unwrap_or_else(|e| panic!("it did not end after /quit and Ctrl-D: {e}"));
}

fn end(mut session: PtySession) {
    type_line(&mut session, "/quit");
    session.exp_eof().unwrap_or_else(|e| panic!("the program did not end after /quit: {e}"));
}

/// The output of a program that gets all its input at once.
fn pipe(server: &TestServer, program: &str, options: &[&str], input: &str) -> String {
    let mut command = Command::new(program);
    command.args(options).args([server.addr.ip().to_string(), server.addr.port().to_string()]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn nc_and_telnet_talk_to_each_other() {
    let server = TestServer::start();
    let mut alice = nc(server.addr, "alice", "password123");
    let mut bob = telnet(&server, "bob", "qwerty456");
    see(&mut alice, "*** bob has joined the chat.");
    type_line(&mut alice, "/msg bob hello telnet");
    see(&mut alice, "[to bob]: hello telnet");
    see(&mut bob, "[alice]: hello telnet");
    type_line(&mut bob, "/msg alice hello nc");
    see(&mut bob, "[to alice]: hello nc");
    see(&mut alice, "[bob]: hello nc");
    end(bob);
    see(&mut alice, "*** bob has left the chat.");
    end_nc(alice);
}

#[test]
fn telnet_shows_the_name_and_hides_the_password() {
    demand("telnet", "inetutils-telnet");
    let server = TestServer::start();
    let mut session = at_terminal(server.addr, "telnet");
    let (between, after) = log_in(&mut session, "alice", "password123");
    assert_eq!(between, "alice\r\n", "the name should be shown");
    assert_eq!(after.trim(), "", "nothing of the password should be shown");
    // Typing is shown again afterwards.
    type_line(&mut session, "/ping 1");
    assert!(see(&mut session, "Pong: 1").ends_with("/ping 1\r\n"));
    end(session);
}

#[test]
fn telnet_shows_typing_again_after_a_wrong_password() {
    demand("telnet", "inetutils-telnet");
    let server = TestServer::start();
    let mut session = at_terminal(server.addr, "telnet");
    see(&mut session, "Enter username: ");
    type_line(&mut session, "alice");
    see(&mut session, "Enter password: ");
    type_line(&mut session, "secret-guess");
    let shown = see(&mut session, "Authentication failed.");
    assert!(!shown.contains("secret-guess"), "{shown}");
    session.exp_eof().unwrap();
}

#[test]
fn telnet_hides_every_answer_to_a_command_that_asks() {
    let server = TestServer::start();
    let mut alice = telnet(&server, "alice", "password123");
    type_line(&mut alice, "/passwd");
    for (question, answer) in
        [("Old password: ", "password123"), ("New password: ", "new-secret"), ("Repeat password: ", "new-secret")]
    {
        see(&mut alice, question);
        type_line(&mut alice, answer);
    }
    let shown = see(&mut alice, "Your password was changed.");
    assert_eq!(shown.trim(), "", "nothing of the answers should be shown");
    type_line(&mut alice, "/ping 1");
    assert!(see(&mut alice, "Pong: 1").ends_with("/ping 1\r\n"));
    // Ctrl-C leaves the questions, not the chat.
    type_line(&mut alice, "/passwd");
    see(&mut alice, "Old password: ");
    alice.send_control('c').unwrap();
    see(&mut alice, "Cancelled. No changes were made.");
    type_line(&mut alice, "/ping 2");
    assert!(see(&mut alice, "Pong: 2").ends_with("/ping 2\r\n"));
    end(alice);
}

#[test]
fn after_ctrl_c_telnet_goes_on_chatting() {
    let server = TestServer::start();
    let mut alice = telnet(&server, "alice", "password123");
    for n in 0..3 {
        alice.send("/broadcast never to be sent").unwrap();
        alice.flush().unwrap();
        alice.send_control('c').unwrap();
        see(&mut alice, "*** To leave, type /quit.");
        type_line(&mut alice, &format!("/ping {n}"));
        see(&mut alice, &format!("Pong: {n}"));
    }
    end(alice);
}

#[test]
fn a_script_in_one_line_of_shell_works() {
    demand("nc", "netcat-openbsd");
    let server = TestServer::start();
    let expected = "Enter username: Enter password: Welcome to the chat server!\n\
        Type /help for the commands; Ctrl-R shows a half-typed line again.\nOnline users:\nalice\n";
    assert_eq!(pipe(&server, "nc", &["-N"], "alice\npassword123\n/users\n/quit\n"), expected);
    assert_eq!(pipe(&server, "nc", &["-N"], "alice\npassword123\n/users"), expected);
    assert!(pipe(&server, "nc", &["-N"], "alice\nwrong\n").ends_with("Authentication failed.\n"));
}

#[test]
fn other_netcats_work_if_installed() {
    let server = TestServer::start();
    for program in ["nc.openbsd", "nc.traditional", "busybox nc", "ncat", "socat"] {
        if !works(program) {
            continue;
        }
        let mut session = at_terminal(server.addr, program);
        log_in(&mut session, "alice", "password123");
        type_line(&mut session, "/msg alice hi");
        see(&mut session, "[alice]: hi");
        see(&mut session, "[to alice]: hi");
        end_nc(session);
        eventually(&format!("{program} has left"), || server.handle.hub().session_count() == 0);
    }
}

#[test]
fn messages_to_offline_users_survive_a_kill() {
    let options = ["--data", "data"];
    let mut daemon = Daemon::start(&options);
    let mut alice = nc(daemon.addr, "alice", "password123");
    for text in ["are you there?", "well, until later"] {
        type_line(&mut alice, &format!("/msg bob {text}"));
        see(&mut alice, &format!("[to bob]: {text}"));
        see(&mut alice, "*** bob is not online; your message is kept until the next login.");
    }
    daemon.kill();
    daemon.restart(&options);
    let mut bob = nc(daemon.addr, "bob", "qwerty456");
    see(&mut bob, "*** 2 messages came while you were away:\r\n");
    bob.exp_regex(r"#1 \d{4}-\d\d-\d\d \d\d:\d\d \[alice\]: are you there\?\r\n").unwrap();
    bob.exp_regex(r"#2 \d{4}-\d\d-\d\d \d\d:\d\d \[alice\]: well, until later\r\n").unwrap();
    type_line(&mut bob, "/msg alice now I am");
    see(&mut bob, "[to alice]: now I am");
    end_nc(bob);
    let mut again = nc(daemon.addr, "bob", "qwerty456");
    type_line(&mut again, "/ping done");
    let between = see(&mut again, "Pong: done");
    assert!(!between.contains("came while"), "each message comes once: {between}");
    end_nc(again);
}
