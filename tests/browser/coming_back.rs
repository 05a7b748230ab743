//! Reconnecting pages: after a lost connection and after a reload.

use parlor::model::DuplicateLogin;

use super::{Browser, at_the_door, open, say, server_with, sign_in};
use crate::support::{Daemon, TestClient, password};

const OPTIONS: [&str; 4] = ["--data", "data", "--rate", "0"];

/// A daemon that can come back with its page at the same address, which is returned too; bob in it, and alice in a page.
fn bob_and_a_page() -> (Daemon, String, TestClient, Browser) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let web = format!("127.0.0.1:{port}");
    let daemon = Daemon::start(&[&OPTIONS[..], &["--web", &web]].concat());
    let mut bob = daemon.login("bob");
    let alice = Browser::start(1280, 800);
    alice.visit(&format!("http://{web}/"));
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    (daemon, web, bob, alice)
}

#[test]
fn after_a_restart_nothing_is_missing_or_duplicated() {
    let (mut daemon, web, mut bob, alice) = bob_and_a_page();
    let mut said = Vec::new();
    let mut tell = |bob: &mut TestClient, n: u32| {
        said.push(format!("number {n}."));
        bob.send(&format!("/msg alice number {n}."));
        bob.line_with(&format!("[to alice]: number {n}."));
    };
    (0..5).for_each(|n| tell(&mut bob, n));
    open(&alice, "@bob");
    alice.sees("#log", "number 4.");
    daemon.kill();
    alice.until("!document.getElementById('offline').hidden");
    alice.type_into("#text", "half a thought");
    // Something is said while the page cannot be there.
    daemon.restart(&OPTIONS);
    let mut bob = daemon.login("bob");
    (5..40).for_each(|n| tell(&mut bob, n));
    daemon.signal("TERM");
    assert!(daemon.wait().success());
    daemon.restart(&[&OPTIONS[..], &["--web", &web]].concat());
    alice.until("document.getElementById('offline').hidden && document.body.dataset.ready === '2'");
    let mut bob = daemon.login("bob");
    (40..43).for_each(|n| tell(&mut bob, n));
    alice.sees("#log", "number 42.");
    let shown = alice.run("return [...document.querySelectorAll('.msg .text')].map((one) => one.textContent);");
    assert_eq!(shown, serde_json::json!(said), "each once and in order");
    assert_eq!(alice.run("return document.querySelectorAll('.gap').length;"), 0);
    say(&alice, " is whole now");
    bob.line_with("[alice]: half a thought is whole now");
}

#[test]
fn a_gap_is_shown_and_can_be_filled() {
    let (mut daemon, web, mut bob, alice) = bob_and_a_page();
    bob.ask("/broadcast first", &["[Broadcast][bob]: first"]);
    open(&alice, "*");
    alice.sees("#log", "first");
    daemon.kill();
    daemon.restart(&OPTIONS);
    let mut bob = daemon.login("bob");
    for n in 0..530 {
        bob.ask(&format!("/broadcast number {n}."), &[&format!("[Broadcast][bob]: number {n}.")]);
    }
    daemon.signal("TERM");
    assert!(daemon.wait().success());
    daemon.restart(&[&OPTIONS[..], &["--web", &web]].concat());
    alice.until("document.body.dataset.ready === '2'");
    alice.sees("#log", "Some messages are missing");
    alice.run("document.querySelector('.gap').scrollIntoView();");
    alice.picture("panther-gap");
    alice.press("Some messages are missing: load them");
    alice.misses("#log", "Some messages are missing");
    alice.until("document.querySelectorAll('.msg').length === 531");
}

#[test]
fn signing_out_revokes_the_token_of_a_remembered_login() {
    let server = server_with(|config| config.duplicate_login = DuplicateLogin::Allow);
    let mut bob = server.login("bob");
    let browser = at_the_door(&server);
    browser.type_into("#name", "bob");
    browser.type_into("#secret", password("bob"));
    browser.click("#stay");
    browser.click("#enter");
    browser.until("localStorage.getItem('parlor.stay')");
    bob.send("/token list");
    assert_eq!(bob.line(), "Your tokens:");
    assert!(bob.line().starts_with("web-"));
    assert!(!browser.run("return JSON.stringify(localStorage);").to_string().contains(password("bob")));
    browser.reload();
    browser.until("document.body.dataset.ready");
    assert_eq!(browser.text("#me"), "bob");
    browser.click("#b-menu");
    browser.press("Login tokens…");
    browser.sees("dialog", "web-");
    browser.run("document.querySelector('dialog').close();");
    browser.click("#b-menu");
    browser.press("Sign out");
    browser.until("!document.getElementById('door').hidden");
    bob.ask("/token list", &["You have no tokens; /token new <name> creates one."]);
    assert_eq!(browser.run("return localStorage.getItem('parlor.stay');"), serde_json::Value::Null);
    browser.reload();
    assert_eq!(browser.run("return document.getElementById('door').hidden;"), false);
}

#[test]
fn a_token_revoked_on_another_page_signs_out_at_once() {
    let server = server_with(|config| config.duplicate_login = DuplicateLogin::Allow);
    let (home, abroad) = (at_the_door(&server), at_the_door(&server));
    abroad.type_into("#name", "bob");
    abroad.type_into("#secret", password("bob"));
    abroad.click("#stay");
    abroad.click("#enter");
    abroad.until("localStorage.getItem('parlor.stay')");
    abroad.reload();
    abroad.until("document.body.dataset.ready");
    sign_in(&home, "bob");
    home.click("#b-menu");
    home.press("Login tokens…");
    home.press("Revoke…");
    home.press("Revoke");
    abroad.sees("#door-note", "The token of this session was revoked.");
    abroad.reload();
    abroad.sees("#door-note", "Wrong name or password.");
    assert_eq!(abroad.run("return localStorage.getItem('parlor.stay');"), serde_json::Value::Null);
}
