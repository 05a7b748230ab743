//! What is refused is not lost, and what is not allowed is not offered.

use parlor::model::{DuplicateLogin, Registration};
use serde_json::json;

use super::{
    Browser, ENTER, at_the_door, in_the_box, on_a_wire, open, operate, say, server, server_with, sign_in, write_into,
};
use crate::support::TestServer;

/// A server with bob in it, who has made the group tea, and alice in a page, who is in it.
fn in_a_group() -> (TestServer, crate::support::TestClient, Browser) {
    let server = server_with(|config| {
        config.duplicate_login = DuplicateLogin::Allow;
        config.word_filter = Some(config.users.with_file_name("words"));
        std::fs::write(config.users.with_file_name("words"), "turnip refuse\n").unwrap();
    });
    let mut bob = server.login("bob");
    bob.ask("/create_group tea", &["Group tea created."]);
    let alice = on_a_wire(server.web[0]);
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    alice.type_into("#filter", "tea");
    open(&alice, "#tea");
    alice.press("Join this group");
    bob.expect("*** alice has joined the group tea.");
    (server, bob, alice)
}

#[test]
fn a_refused_text_stays_in_its_box_with_the_reason() {
    let (server, mut bob, alice) = in_a_group();
    let refused = |text: &str, why: &str| {
        say(&alice, text);
        alice.sees("#refused", why);
        assert_eq!(in_the_box(&alice), text);
        assert_eq!(alice.run("return document.querySelectorAll('.msg.own').length;"), 0);
    };
    operate(&server, "mute user alice 2h loud");
    alice.sees("#log", "An operator has muted you until");
    refused("between us", "You are muted for another");
    alice.sees("#refused", "loud");
    operate(&server, "unmute user alice");
    alice.sees("#log", "You may speak again");
    // It is sent once it may be, and then leaves the box; the reason leaves with the first change.
    alice.type_into("#text", "!");
    alice.until("!document.getElementById('refused').innerText");
    alice.type_into("#text", ENTER);
    bob.expect("[Group tea][alice]: between us!");
    alice.until("!document.getElementById('text').value");
    say(&alice, "a turnip");
    alice.sees("#refused", "blocked word");
    assert_eq!(in_the_box(&alice), "a turnip");
    // Each conversation has a box of its own.
    open(&alice, "@bob");
    assert_eq!((in_the_box(&alice), alice.text("#refused")), (String::new(), String::new()));
    say(&alice, "hello");
    bob.expect("[alice]: hello");
    open(&alice, "#tea");
    assert_eq!(in_the_box(&alice), "a turnip");
    alice.sees("#refused", "blocked word");
    alice.clear("#text");
    // What is typed while something is on its way stays behind it.
    for n in 0..20 {
        say(&alice, &format!("number {n}"));
    }
    for n in 0..20 {
        bob.expect(&format!("[Group tea][alice]: number {n}"));
    }
    alice.until("!document.getElementById('text').value");
    say(&alice, "/msg nobody hello");
    alice.sees("#refused", "User 'nobody' does not exist.");
    assert_eq!(in_the_box(&alice), "/msg nobody hello");
}

#[test]
fn a_text_is_measured_in_bytes_as_the_server_does() {
    let server = server();
    let mut bob = server.login("bob");
    let alice = at_the_door(&server);
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    open(&alice, "@bob");
    let long = "\u{416}".repeat(3_500);
    write_into(&alice, "#text", &long);
    alice.type_into("#text", ENTER);
    alice.sees("#refused", "Too long: 7,000 bytes. Here are at most 4,0");
    assert_eq!(in_the_box(&alice), long);
    let most = |browser: &Browser| -> usize {
        let why = browser.text("#refused").replace(',', "");
        why.split("at most ").nth(1).unwrap().trim_end_matches('.').parse().unwrap()
    };
    // As many bytes as there may be, and one more.
    let fits = most(&alice);
    write_into(&alice, "#text", &"y".repeat(fits));
    alice.type_into("#text", ENTER);
    let heard = bob.line();
    assert_eq!(heard.trim_end().len(), "[alice]: ".len() + fits, "{}", heard.len());
    alice.until("!document.getElementById('text').value");
    write_into(&alice, "#text", &"z".repeat(fits + 1));
    alice.type_into("#text", ENTER);
    alice.sees("#refused", "Too long");
    assert!((fits - 1..=fits).contains(&most(&alice)), "{} and {fits}", most(&alice));
    bob.quiet();
}

#[test]
fn a_group_one_is_not_in_offers_nothing_to_write() {
    let (_server, mut bob, alice) = in_a_group();
    let composer = "document.getElementById('composer').checkVisibility()";
    write_into(&alice, "#text", "half a thought");
    bob.ask("/kick alice tea out", &["*** alice was kicked from the group tea by bob: out"]);
    alice.until(&format!("!{composer}"));
    alice.sees("#log", "Join this group");
    // What was written is still there when one is back.
    alice.press("Join this group");
    alice.until(composer);
    assert_eq!(in_the_box(&alice), "half a thought");
    bob.expect("*** alice has joined the group tea.");
    // Where only owners and admins talk, others are not asked to.
    bob.send("/group tea announce");
    bob.line_with("bob changed the group tea");
    alice.until(&format!("!{composer}"));
    alice.sees("#log", "Only owners and admins of this group talk here.");
    bob.send("/promote alice tea");
    alice.until(composer);
    bob.send("/demote alice tea");
    alice.until(&format!("!{composer}"));
    bob.send("/group tea -announce");
    alice.until(composer);
}

#[test]
fn a_text_sent_to_a_group_that_was_left_elsewhere_is_kept() {
    let (server, mut bob, alice) = in_a_group();
    // The page does not hear that alice has left.
    alice.run("window.deaf = /group_left/;");
    server.login("alice").ask("/leave_group tea", &["You left the group tea."]);
    bob.expect("*** alice has left the group tea.");
    say(&alice, "are you still there?");
    alice.sees("#refused", "You are not a member of group 'tea'.");
    assert_eq!(in_the_box(&alice), "are you still there?");
    assert_eq!(alice.run("return document.querySelectorAll('.msg.own').length;"), 0);
}

#[test]
fn a_refused_form_can_be_changed() {
    let (_server, mut bob, alice) = in_a_group();
    alice.press("New group");
    alice.type_into("dialog [name=name]", "tea");
    alice.type_into("dialog [name=topic]", "leaves & pots");
    alice.press("Create");
    alice.sees("dialog .why", "already exists");
    assert_eq!(alice.run("return document.querySelector('dialog [name=topic]').value;"), "leaves & pots");
    alice.type_into("dialog [name=name]", &format!("2{ENTER}"));
    alice.sees("#title", "tea2");
    assert_eq!(alice.run("return document.querySelector('dialog').open;"), false);
    alice.click("#b-conv");
    alice.press("Invite…");
    alice.type_into("dialog [name=who]", &format!("nobody{ENTER}"));
    alice.sees("dialog .why", "User 'nobody' does not exist.");
    alice.clear("dialog [name=who]");
    alice.type_into("dialog [name=who]", &format!("bob{ENTER}"));
    bob.line_with("alice invites you to the group tea2");
}

#[test]
fn only_what_is_open_is_offered_at_the_door() {
    let shown = |registration, guests| {
        let server = server_with(|config| (config.registration, config.guests) = (registration, guests));
        let browser = at_the_door(&server);
        // The server has answered by now, or does so before the picture of the door changes.
        browser.until("performance.getEntriesByName(location.origin + '/api/server').some((one) => one.responseEnd)");
        let tabs = browser.run(
            "return new Promise((done) => setTimeout(() => done([...document.querySelectorAll('[role=tab]')].filter((one) => one.checkVisibility()).map((one) => one.textContent)), 50));",
        );
        (server, browser, tabs)
    };
    assert_eq!(shown(Registration::Closed, false).2, json!([]));
    assert_eq!(shown(Registration::Closed, true).2, json!(["Sign in", "Guest"]));
    assert_eq!(shown(Registration::Open, false).2, json!(["Sign in", "Register"]));
    let (server, browser, tabs) = shown(Registration::Invite, true);
    assert_eq!(tabs, json!(["Sign in", "Register", "Guest"]));
    browser.press("Register");
    assert_eq!(browser.run("return document.getElementById('invite').checkVisibility();"), true);
    assert_eq!(browser.run("return document.getElementById('invite').required;"), true);
    drop(server);
    let (_server, browser, _) = shown(Registration::Open, false);
    browser.press("Register");
    assert_eq!(browser.run("return document.getElementById('invite').checkVisibility();"), false);
}

#[test]
fn a_name_with_a_space_registers_nobody() {
    let server = server();
    let browser = at_the_door(&server);
    browser.press("Register");
    for name in ["Mary Ann", "Mary\u{a0}Ann", "-mary", "m\u{e4}ry", &"m".repeat(33)] {
        write_into(&browser, "#name", name);
        write_into(&browser, "#secret", "secret-1");
        write_into(&browser, "#again", "secret-1");
        browser.click("#enter");
        browser.sees("#door-note", "A name may contain only letters, digits, _ . and -");
        assert_eq!(browser.run("return document.getElementById('name').value;"), name);
        browser.press("Sign in");
        browser.press("Register");
    }
    let users = std::fs::read_to_string(server.dir.path().join("users.txt")).unwrap();
    assert!(!users.contains("Mary") && !users.contains("mmm"), "nobody was registered");
    write_into(&browser, "#name", "Mary");
    browser.click("#enter");
    browser.until("document.body.dataset.ready");
    assert_eq!(browser.text("#me"), "Mary");
}

#[test]
fn what_cannot_be_taken_back_asks_first() {
    let (_server, mut bob, alice) = in_a_group();
    bob.send("/transfer alice tea");
    alice.sees("#log", "bob is admin now");
    let asked = |choose: &dyn Fn(), word: &str| {
        choose();
        alice.sees("dialog", word);
        alice.press("✕");
        alice.until("!document.querySelector('dialog').open");
    };
    let give = || {
        alice.click("#b-conv");
        alice.press("bob admin");
        alice.press("Transfer the group to bob…");
    };
    let leave = || {
        alice.click("#b-conv");
        alice.press("Leave the group…");
    };
    asked(&give, "bob becomes the owner of tea");
    asked(&leave, "You hear no more of what is said there.");
    bob.send("/group tea");
    bob.line_with("members: 2, owners: alice,");
    give();
    alice.press("Transfer");
    bob.line_with("owner of the group tea");
    leave();
    alice.press("Leave");
    bob.line_with("alice has left the group tea");
    alice.press("Room");
    alice.press("Create room");
    alice.sees("#subtitle", "1 of 4 here");
    alice.click("#b-conv");
    alice.press("Leave the room…");
    alice.sees("dialog", "Whoever is the last to leave ends it.");
    alice.press("✕");
    alice.sees("#subtitle", "1 of 4 here");
}
