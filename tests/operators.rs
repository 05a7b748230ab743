//! Operators: roles, bans and mutes, the console, the word filter, and the audit log.

mod bans;
mod console;
mod filter;
mod interrupted;
mod logs;
mod renaming;
mod roles;
mod stopping;

use parlor::model::Role;
use parlor::store::Entry;

use crate::support::{TestClient, TestServer};

/// Gives a user a role in an in-process server.
fn promote(server: &TestServer, user: &str, role: Role) {
    server.handle.hub().record(vec![Entry::Role { user: user.parse().unwrap(), role }]).unwrap();
}

/// A server with a logged-in admin.
fn with_admin(name: &str) -> (TestServer, TestClient) {
    let server = TestServer::start();
    promote(&server, name, Role::Admin);
    let admin = server.login(name);
    (server, admin)
}

/// Reads lines up to the one with this prefix, and removes the times in it.
fn line_from(client: &mut TestClient, start: &str) -> String {
    loop {
        let line = client.line();
        if line.starts_with(start) {
            return line;
        }
    }
}
