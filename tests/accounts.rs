//! Accounts that users register, change and delete themselves, and guests, who have none.

mod deletion;
mod failing;
mod guests;
mod passwd;
mod registration;
mod secrets;
mod tokens;

use std::fs;

use crate::support::{MemoryClient, TestClient, TestServer, WELCOME};

pub(crate) const HIDE: &[u8] = b"\xFF\xFB\x01";
pub(crate) const SHOW: &[u8] = b"\xFF\xFC\x01\r\n";
const HINT: &str = "Type /help for the commands; Ctrl-R shows a half-typed line again.";

/// The questions of the server, and their answers.
type Answers<'a> = &'a [(&'a str, &'a str)];

/// Answers each question with a line.
fn answer(client: &mut TestClient, answers: Answers<'_>) {
    for (question, answer) in answers {
        client.expect_bytes(question);
        client.send(answer);
    }
}

/// Changes a password; the result is not read.
fn passwd(client: &mut TestClient, old: &str, new: &str, again: &str) {
    client.send("/passwd");
    answer(client, &[("Old password: ", old), ("New password: ", new), ("Repeat password: ", again)]);
}

/// Logs in with this secret and reads the welcome.
fn login_as(server: &TestServer, name: &str, secret: &str) -> TestClient {
    let mut client = server.connect();
    client.give_name_and_password(name, secret);
    client.expect(WELCOME);
    client.expect(HINT);
    client
}

/// A client that ends its lines as telnet does, logged in, with the welcome read.
fn telnet(server: &TestServer, name: &str, password: &str) -> MemoryClient {
    let mut client = server.memory_connect();
    client.expect_bytes("Enter username: ");
    client.send(&format!("{name}\r\n"));
    client.expect_exact(&[HIDE, b"Enter password: "].concat());
    client.send(&format!("{password}\r\n"));
    client.expect_exact(&[SHOW, format!("{WELCOME}\r\n{HINT}\r\n").as_bytes()].concat());
    client
}

/// A client that sends no line ends, logged in, with the welcome read.
fn raw(server: &TestServer, name: &str, password: &str) -> MemoryClient {
    let mut client = server.memory_connect();
    for (question, answer) in [("Enter username: ", name), ("Enter password: ", password)] {
        client.expect_bytes(question);
        client.send(answer);
    }
    client.expect_bytes(&format!("{WELCOME}\n{HINT}\n"));
    client
}

/// The line of a user in the users file.
fn line_of(server: &TestServer, name: &str) -> String {
    let file = fs::read_to_string(server.dir.path().join("users.txt")).unwrap();
    file.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap_or_default().to_owned()
}
