//! The operator's page.

use std::fs;

use parlor::logging;
use parlor::model::{LogSettings, Role};
use parlor::store::Entry;

use super::{Browser, at_the_door, open, server, sign_in};
use crate::support::{TestClient, TestServer, timeless};

/// Gives alice the role of an admin.
pub(super) fn promote(server: &TestServer) {
    let role = Entry::Role { user: "alice".parse().unwrap(), role: Role::Admin };
    server.handle.hub().record(vec![role]).unwrap();
}

/// Lets the server have a log, which tests write themselves.
pub(super) fn with_log(server: &TestServer) -> impl Fn(&str) + use<> {
    let settings = LogSettings { log_dir: server.dir.path().to_owned(), ..LogSettings::default() };
    let path = settings.log_dir.join("parlord.log");
    server.handle.on_log_tail(move |lines| logging::tail(&settings, lines));
    move |text| fs::write(&path, text).unwrap()
}

pub(super) fn go_there(browser: &Browser) {
    browser.click("#b-menu");
    browser.press("Administration");
    browser.sees("#operate", "sessions (");
}

/// A server with bob, who has made a group, and alice, an admin, in a page.
fn with_a_group() -> (TestServer, TestClient, Browser) {
    let server = server();
    promote(&server);
    let mut bob = server.login("bob");
    bob.ask("/create_group lunch limit=20 private topic=Soup at one", &["Group lunch created."]);
    let alice = at_the_door(&server);
    sign_in(&alice, "alice");
    (server, bob, alice)
}

/// Presses a button of the row that says this.
fn press_in_row(browser: &Browser, row: &str, label: &str) {
    let button = format!(
        "[...document.querySelectorAll('#operate tr')].filter((row) => row.textContent.includes('{row}'))
            .flatMap((row) => [...row.querySelectorAll('button')]).find((one) => one.textContent === '{label}')"
    );
    browser.until(&button);
    browser.run(&format!("{button}.click();"));
}

/// Gives a reason, without which nothing is done.
fn because(browser: &Browser, why: &str) {
    browser.press("Confirm");
    assert_eq!(browser.run("return document.querySelector('dialog').open;"), true, "it asks for a reason");
    browser.type_into("dialog [name=why]", why);
    browser.press("Confirm");
}

#[test]
fn an_operator_sees_sessions_and_gives_reasons() {
    let (server, mut bob, alice) = with_a_group();
    bob.expect("*** alice has joined the chat.");
    bob.send("/report alice bossy");
    go_there(&alice);
    alice.sees("#operate", "sessions (2)");
    alice.sees("#of-groups", "Soup at one");
    alice.sees("#operate", "reports (1)");
    alice.sees("#operate", "bossy");
    alice.sees("#operate", "Messages per second");
    alice.press("Announce…");
    alice.type_into("dialog [name=text]", "soup is served");
    alice.press("Announce");
    bob.line_with("Announcement: soup is served");
    press_in_row(&alice, "bob", "Mute");
    alice.type_into("dialog [name=time]", "10m");
    because(&alice, "loud");
    assert!(bob.line_with("muted you").ends_with(": loud."));
    alice.sees("#operate", "penalties (1)");
    press_in_row(&alice, "mute", "Lift");
    because(&alice, "he is sorry");
    bob.expect("*** You are no longer muted: he is sorry.");
    press_in_row(&alice, "bossy", "Close");
    because(&alice, "true");
    alice.sees("#operate", "reports (0)");
    let user = at_the_door(&server);
    sign_in(&user, "eve");
    user.click("#b-menu");
    user.sees("dialog", "Sign out");
    assert!(!user.text("dialog").contains("Administration"), "only operators see it");
}

#[test]
fn every_command_of_an_operator_asks_for_a_reason() {
    let server = server();
    promote(&server);
    let mut bob = server.login("bob");
    bob.ask("/create_group club", &["Group club created."]);
    bob.ask("/broadcast rude words", &["[Broadcast][bob]: rude words"]);
    let alice = at_the_door(&server);
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    open(&alice, "*");
    alice.sees("#log", "rude words");
    alice.click(".msg .more");
    alice.press("Delete for everyone…");
    alice.type_into("dialog [name=why]", "rude");
    alice.press("Delete");
    bob.expect("*** alice deleted #1.");
    // The menu of a user has the operator's commands everywhere.
    open(&alice, "@bob");
    alice.click("#b-conv");
    alice.press("Administration…");
    alice.press("Mute bob…");
    because(&alice, "first");
    assert!(bob.line_with("muted you").ends_with("for good: first."));
    alice.press("Reload users and word filter…");
    because(&alice, "new users");
    alice.sees("#told", "reloaded");
    press_in_row(&alice, "club", "Delete");
    because(&alice, "off topic");
    bob.expect("*** The group club was deleted by an operator: off topic.");
    alice.press("Stop the server…");
    because(&alice, "new disk");
    bob.expect("*** The server shuts down in 5m: new disk.");
    alice.press("Cancel shutdown…");
    because(&alice, "it can wait");
    bob.expect("*** The shutdown is cancelled.");
    press_in_row(&alice, "bob", "Ban");
    alice.type_into("dialog [name=time]", "7d");
    because(&alice, "spam");
    bob.expect("*** An operator ended your session: spam");
    alice.sees("#of-penalties", "spam");
    alice.press("Rename a user…");
    alice.type_into("dialog [name=user]", "eve");
    alice.type_into("dialog [name=name]", "eva");
    because(&alice, "she asked for it");
    alice.sees("#told", "renamed");
    let mut eva = server.connect();
    eva.give_name_and_password("eva", crate::support::password("eve"));
    eva.expect("Welcome to the chat server!");
    eva.line_with("/help");
    press_in_row(&alice, "eva", "End");
    because(&alice, "update your bot");
    eva.expect("*** An operator ended your session: update your bot");
    let mut bob = server.connect();
    bob.give_name_and_password("bob", crate::support::password("bob"));
    assert!(timeless(&bob.line()).contains("you are banned until {time} UTC: spam"));
}

#[test]
fn the_operators_page_follows_the_end_of_the_log() {
    let (server, mut bob, alice) = with_a_group();
    bob.send("/report eve sells things to everybody\n/ping told");
    bob.line_with("Pong: told");
    go_there(&alice);
    alice.sees("#of-log", "this server writes no log");
    let write = with_log(&server);
    let line = |n: u64| {
        let (minute, second) = (n / 60, n % 60);
        format!(
            "2026-11-20 17:{minute:02}:{second:02}.402 +00:00 INFO  session-{n} login user=user{n} addr=127.0.0.1 port={}\n",
            40_000 + n
        )
    };
    write(&(1..100).map(line).collect::<String>());
    alice.sees("#of-log", "log (last 50 lines)");
    alice.sees("#of-log", "user=user99 ");
    assert!(!alice.text("#of-log").contains("user=user49 "), "no more lines than there may be");
    write(&(1..=100).map(line).collect::<String>());
    alice.sees("#of-log", "user=user100 ");
    alice.until("document.querySelectorAll('#of-log').length === 1");
    alice.run("document.getElementById('operate').scrollTop = 0;");
    alice.picture("panther-operator");
    alice.run("document.documentElement.dataset.theme = 'midnight';");
    alice.picture("midnight-operator");
    assert_eq!(alice.run("return document.getElementById('operate').scrollWidth > innerWidth;"), false);
    alice.press("✕");
    alice.until("document.getElementById('operate').hidden");
}
