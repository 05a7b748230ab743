//! The keyboard, and niceties that a browser may refuse.

use serde_json::json;

use super::{Browser, ENTER, at_the_door, in_the_box, open, say, server, sign_in};
use crate::support::{TestClient, TestServer};

const CTRL_K: &str = "\u{E009}k";
const ESCAPE: &str = "\u{E00C}";

fn with_bob_and_eve() -> (TestServer, [TestClient; 2], Browser) {
    let server = server();
    let [mut bob, mut eve] = server.login_all(["bob", "eve"]);
    let alice = at_the_door(&server);
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    eve.expect("*** alice has joined the chat.");
    (server, [bob, eve], alice)
}

#[test]
fn ctrl_k_and_enter_open_the_first_match_and_nothing_else() {
    let (_server, [mut bob, mut eve], alice) = with_bob_and_eve();
    bob.ask("/create_group bobcats", &["Group bobcats created."]);
    let listed = || alice.run("return [...document.querySelectorAll('#list .entry')].map((one) => one.dataset.key);");
    let title = || alice.text("#title");
    // The name itself goes before names that begin with it, and Everybody is filtered like the rest.
    alice.keys(CTRL_K);
    alice.type_into("#filter", "bob");
    alice.until("document.querySelectorAll('#list .entry').length === 2");
    assert_eq!(listed(), json!(["@bob", "#bobcats"]));
    alice.type_into("#filter", ENTER);
    alice.sees("#title", "bob");
    assert_eq!(title(), "bob");
    say(&alice, "for you alone");
    bob.expect("[alice]: for you alone");
    eve.quiet();
    // As fast as the keys come.
    alice.keys(CTRL_K);
    alice.type_into("#filter", &format!("eve{ENTER}"));
    alice.sees("#title", "eve");
    alice.keys(CTRL_K);
    alice.type_into("#filter", &format!("every{ENTER}"));
    alice.sees("#title", "Everybody");
    alice.keys(CTRL_K);
    alice.type_into("#filter", &format!("BOBC{ENTER}"));
    alice.sees("#title", "bobcats");
    // Where nothing is found, and where nothing was typed, Enter opens nothing.
    for nothing in ["xyz", "", " "] {
        alice.keys(CTRL_K);
        alice.type_into("#filter", &format!("{nothing}{ENTER}"));
        assert_eq!(title(), "bobcats", "{nothing:?}");
        alice.type_into("#filter", ESCAPE);
    }
    alice.until("document.querySelectorAll('#list .entry').length === 4");
    assert_eq!(listed(), json!(["*", "#bobcats", "@bob", "@eve"]));
}

#[test]
fn an_input_method_composes_without_sending_or_opening() {
    let (_server, [mut bob, _eve], alice) = with_bob_and_eve();
    open(&alice, "@bob");
    let enter = |field: &str, how: &str| {
        let event = format!("new KeyboardEvent('keydown', {{ key: 'Enter', bubbles: true, cancelable: true, {how} }})");
        alice.run(&format!("document.getElementById('{field}').dispatchEvent({event});"));
    };
    alice.type_into("#text", "kon");
    enter("text", "isComposing: true");
    enter("text", "keyCode: 229");
    alice.keys(CTRL_K);
    alice.type_into("#filter", "eve");
    enter("filter", "isComposing: true");
    enter("filter", "keyCode: 229");
    assert_eq!((alice.text("#title").as_str(), in_the_box(&alice).as_str()), ("bob", "kon"));
    bob.quiet();
    // What was sent before leaves the box only when the next text is composed.
    alice.type_into("#filter", ESCAPE);
    alice.run("document.getElementById('text').dispatchEvent(new CompositionEvent('compositionstart'));");
    alice.type_into("#text", &format!("nichiwa{ENTER}"));
    bob.expect("[alice]: konnichiwa");
    alice.sees("#log", "konnichiwa");
    assert_eq!(in_the_box(&alice), "konnichiwa");
    alice.run("document.getElementById('text').dispatchEvent(new CompositionEvent('compositionend'));");
    alice.until("!document.getElementById('text').value");
}

#[test]
fn a_nicety_that_fails_keeps_nothing_from_working() {
    let server = server();
    let mut bob = server.login("bob");
    let alice = Browser::start(1280, 800);
    // A browser on a telephone, which throws when notified, and which lets a page remember and copy nothing.
    alice.before_each_page(
        "window.Notification = class {
            static permission = 'granted';
            constructor() { window.thrown = (window.thrown ?? 0) + 1; throw new TypeError('Illegal constructor'); }
        };
        for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, { get() { throw new Error('SecurityError'); } });
        Object.defineProperty(navigator, 'clipboard', { value: undefined });
        document.execCommand = () => { throw new Error('no copying'); };",
    );
    alice.visit(&format!("http://{}/", server.web[0]));
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    bob.ask("/msg alice psst", &["[to alice]: psst"]);
    alice.sees("[data-key=\"@bob\"] .badge", "1");
    assert_eq!(alice.run("return window.thrown;"), 1);
    open(&alice, "@bob");
    alice.sees("#log", "psst");
    say(&alice, "hello");
    bob.expect("[alice]: hello");
    alice.click(".msg .more");
    alice.press("Copy");
    alice.sees("dialog", "This browser copies nothing by itself here.");
    assert_eq!(alice.run("return document.querySelector('dialog input').value;"), "psst");
}

#[test]
fn a_message_is_copied_with_and_without_a_clipboard() {
    let (_server, [mut bob, _eve], alice) = with_bob_and_eve();
    bob.ask("/msg alice to be copied", &["[to alice]: to be copied"]);
    open(&alice, "@bob");
    alice.sees("#log", "to be copied");
    let copy = || {
        alice.click(".msg .more");
        alice.press("Copy");
        alice.until("window.copied");
        let copied = alice.run("const it = window.copied; window.copied = null; return it;");
        assert_eq!(copied, "to be copied");
        assert_eq!(alice.run("return document.querySelector('dialog').open;"), false);
    };
    let clipboard = |value: &str| {
        alice.run(&format!("Object.defineProperty(navigator, 'clipboard', {{ configurable: true, value: {value} }});"));
    };
    clipboard("{ writeText: async (text) => { window.copied = text; } }");
    copy();
    // Plain http has no clipboard; and one that is there may refuse.
    alice.run("document.addEventListener('copy', () => { window.copied = document.activeElement.value; });");
    for refusing in ["undefined", "{ writeText: () => Promise.reject(new Error('denied')) }"] {
        clipboard(refusing);
        copy();
    }
}
