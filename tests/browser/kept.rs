//! What a page still knows after a reload, and what it comes back with.

use parlor::model::{DuplicateLogin, WebOrigin};
use serde_json::json;

use super::cable::Cable;
use super::{
    Browser, at_the_door, in_the_box, on_a_wire, open, operate, say, server, server_with, sign_in, write_into,
};
use crate::support::{TestServer, password};

/// A server behind a cable, and a page at its end whose wire can be tampered with.
fn on_a_cable() -> (TestServer, Cable, Browser) {
    let mut cable = Cable::new();
    let server = server_with(|config| {
        config.web_origin = vec![WebOrigin::parse(&format!("http://{}", cable.addr)).unwrap()];
        config.duplicate_login = DuplicateLogin::Allow;
    });
    cable.plug(server.web[0]);
    let browser = on_a_wire(cable.addr);
    (server, cable, browser)
}

/// Loses the connection, and waits until the page is back.
fn come_back(server: &TestServer, cable: &mut Cable, browser: &Browser) {
    let before = browser.run("return Number(document.body.dataset.ready);");
    cable.pull();
    browser.until("!document.getElementById('offline').hidden");
    browser.run("window.deaf = window.mute = null;");
    cable.plug(server.web[0]);
    browser.until(&format!("Number(document.body.dataset.ready) > {before}"));
}

#[test]
fn what_was_sent_is_known_by_its_tag_after_coming_back() {
    let (server, mut cable, alice) = on_a_cable();
    let mut bob = server.login("bob");
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    open(&alice, "@bob");
    let texts = || alice.run("return [...document.querySelectorAll('.msg .text')].map((one) => one.textContent);");
    // The echo is lost with the connection, and the server has cleaned the text.
    alice.run("window.deaf = /./;");
    write_into(&alice, "#text", "a\tb\u{202e}c");
    alice.type_into("#text", super::ENTER);
    bob.expect("[alice]: a bc");
    come_back(&server, &mut cable, &alice);
    alice.until("!document.getElementById('text').value");
    assert_eq!((texts(), alice.text("#refused").as_str()), (json!(["a bc"]), ""));
    // The message itself is lost, although the same was said before.
    alice.run("window.mute = true;");
    write_into(&alice, "#text", "a\tb\u{202e}c");
    alice.type_into("#text", super::ENTER);
    come_back(&server, &mut cable, &alice);
    alice.sees("#refused", "Not sent: the connection was lost.");
    assert_eq!((texts(), in_the_box(&alice).as_str()), (json!(["a bc"]), "a\tb\u{202e}c"));
    // Of two, one arrives.
    alice.clear("#text");
    alice.run("window.deaf = /./;");
    say(&alice, "one");
    bob.line_with("[alice]: one");
    alice.run("window.mute = true;");
    say(&alice, "two");
    come_back(&server, &mut cable, &alice);
    alice.sees("#refused", "Not sent: the connection was lost.");
    assert_eq!((texts(), in_the_box(&alice).as_str()), (json!(["a bc", "one"]), "two"));
    alice.type_into("#text", super::ENTER);
    assert_eq!(bob.line_with("[alice]: "), "[alice]: two", "nothing was sent twice");
}

#[test]
fn who_registered_comes_back_by_logging_in() {
    let (server, mut cable, browser) = on_a_cable();
    browser.press("Register");
    browser.type_into("#name", "zoe");
    browser.type_into("#secret", "secret-1");
    browser.type_into("#again", "secret-1");
    browser.click("#enter");
    browser.until("document.body.dataset.ready");
    for _ in 0..2 {
        come_back(&server, &mut cable, &browser);
        assert_eq!(browser.text("#me"), "zoe");
        assert_eq!(browser.run("return document.getElementById('door').hidden;"), true);
    }
}

#[test]
fn who_changed_the_password_comes_back_with_the_new_one() {
    let (server, mut cable, alice) = on_a_cable();
    sign_in(&alice, "alice");
    alice.click("#b-menu");
    alice.press("Change password…");
    for secret in [password("alice"), "brand-new-1", "brand-new-1"] {
        alice.until("document.querySelector('dialog[open] [name=secret]')?.value === ''");
        alice.type_into("dialog [name=secret]", secret);
        alice.press("Continue");
    }
    alice.sees("[data-key=\"*\"]", "Everybody");
    open(&alice, "*");
    alice.sees("#log", "Your password was changed.");
    come_back(&server, &mut cable, &alice);
    assert_eq!(alice.text("#me"), "alice");
}

#[test]
fn receipts_and_the_open_conversation_survive_a_reload() {
    let server = server_with(|config| config.duplicate_login = DuplicateLogin::Allow);
    let mut bob = server.login("bob");
    bob.ask("/create_group tea", &["Group tea created."]);
    let alice = at_the_door(&server);
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    open(&alice, "@bob");
    for text in ["one", "two", "three"] {
        say(&alice, text);
        bob.expect(&format!("[alice]: {text}"));
    }
    say(&alice, "/msg eve later");
    bob.ask("/read 2", &["Marked #2 as read."]);
    let marks = || alice.run("return [...document.querySelectorAll('.receipt')].map((one) => one.title);");
    alice.until("document.querySelector('.receipt.read')");
    alice.until("document.querySelectorAll('.receipt').length === 3 && !document.querySelector('.receipt.stored')");
    assert_eq!(marks(), json!(["received", "read", "received"]));
    alice.reload();
    sign_in(&alice, "alice");
    assert_eq!(alice.text("#title"), "bob");
    assert_eq!(marks(), json!(["received", "read", "received"]));
    open(&alice, "@eve");
    assert_eq!(marks(), json!(["stored"]));
    // A group is open again as long as one is in it.
    alice.type_into("#filter", "tea");
    open(&alice, "#tea");
    alice.press("Join this group");
    alice.until("document.getElementById('composer').checkVisibility()");
    let mut phone = server.login("alice");
    alice.reload();
    sign_in(&alice, "alice");
    alice.sees("#title", "tea");
    phone.ask("/leave_group tea", &["You left the group tea."]);
    alice.reload();
    sign_in(&alice, "alice");
    assert_eq!(alice.text("#title"), "Parlor");
    // Somebody else in the same tab sees nothing of that.
    open(&alice, "@bob");
    alice.reload();
    sign_in(&alice, "eve");
    assert_eq!(alice.text("#title"), "Parlor");
}

#[test]
fn the_reason_and_the_end_of_a_ban_are_shown_and_stay() {
    let server = server();
    let alice = at_the_door(&server);
    alice.type_into("#name", "alice");
    alice.type_into("#secret", password("alice"));
    alice.click("#stay");
    alice.click("#enter");
    alice.until("localStorage.getItem('parlor.stay')");
    let eve = at_the_door(&server);
    sign_in(&eve, "eve");
    operate(&server, "ban user alice 2h sells things");
    operate(&server, "ban user eve off topic");
    for (browser, end) in [(&alice, " until "), (&eve, " for good: off topic")] {
        browser.sees("#door-note", end);
        for _ in 0..2 {
            browser.sees("#door-note", "You are banned from this server");
            browser.sees("#door-note", end);
            browser.reload();
        }
    }
    alice.sees("#door-note", ": sells things");
    sign_in_only(&eve, "eve");
    eve.sees("#door-note", "for good: off topic");
    operate(&server, "unban user eve");
    eve.clear("#name");
    sign_in(&eve, "eve");
    operate(&server, "disconnect eve wash your hands");
    eve.sees("#door-note", "You were disconnected by an operator. wash your hands");
    eve.reload();
    eve.sees("#door-note", "wash your hands");
    // Whoever leaves knows why.
    sign_in(&eve, "eve");
    eve.click("#b-menu");
    eve.press("Sign out");
    eve.until("!document.getElementById('door').hidden");
    eve.reload();
    assert_eq!(eve.text("#door-note"), "");
}

/// As [`sign_in`], where that does not work.
fn sign_in_only(browser: &Browser, name: &str) {
    browser.type_into("#name", name);
    browser.type_into("#secret", password(name));
    browser.click("#enter");
}

#[test]
fn a_banned_address_is_told_until_when_and_why() {
    let server = server();
    let alice = at_the_door(&server);
    sign_in(&alice, "alice");
    operate(&server, "ban addr 127.0.0.1 2h flood");
    alice.sees("#door-note", "You are banned from this server. flood");
    alice.reload();
    alice.sees("body", "Your address is banned until");
    alice.sees("body", "flood");
}

#[test]
fn the_message_of_the_day_is_shown_and_stays() {
    let server = server_with(|config| {
        let path = config.users.with_file_name("motd");
        std::fs::write(&path, "Be kind.\n<b>Soup</b> at one.\n").unwrap();
        config.motd = Some(path);
    });
    let mut bob = server.login("bob");
    let alice = at_the_door(&server);
    sign_in(&alice, "alice");
    bob.line_with("alice has joined");
    alice.sees("#log", "Be kind.\n<b>Soup</b> at one.");
    open(&alice, "@bob");
    alice.misses("#log", "Be kind.");
    alice.sees("#motd", "Be kind.\n<b>Soup</b> at one.");
    alice.reload();
    sign_in(&alice, "alice");
    assert_eq!(alice.text("#title"), "bob");
    alice.sees("#motd", "Be kind.");
    let phone = super::sized(&server, 390, 800);
    sign_in(&phone, "eve");
    phone.sees("#motd", "Be kind.");
}
