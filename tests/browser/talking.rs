//! People who talk: registering, groups, history, receipts, typing.

use super::{ENTER, at_the_door, open, say, server, server_with, sign_in};

#[test]
fn two_browsers_and_a_netcat_are_in_one_conversation() {
    let server = server();
    let mut bob = server.login("bob");
    let (alice, eve) = (at_the_door(&server), at_the_door(&server));
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    sign_in(&eve, "eve");
    bob.expect("*** eve has joined the chat.");
    alice.press("New group");
    alice.type_into("dialog [name=name]", "lunch");
    alice.press("Create");
    alice.sees("#title", "lunch");
    eve.type_into("#filter", "lun");
    open(&eve, "#lunch");
    eve.press("Join this group");
    alice.sees("#log", "eve has joined");
    bob.ask("/join lunch", &["You joined the group lunch."]);
    say(&alice, "soup today?");
    bob.expect("[Group lunch][alice]: soup today?");
    eve.sees("#log", "soup today?");
    bob.ask("/g lunch yes & <b>no</b>", &["[Group lunch][bob]: yes & <b>no</b>"]);
    alice.sees("#log", "yes & <b>no</b>");
    open(&eve, "@bob");
    say(&eve, "psst");
    bob.expect("[eve]: psst");
    bob.ask("/msg eve what?", &["[to eve]: what?"]);
    eve.sees("#log", "what?");
    bob.quiet();
    alice.picture("panther-desktop");
}

#[test]
fn people_register_and_a_name_is_given_once() {
    let server = server();
    let (first, second) = (at_the_door(&server), at_the_door(&server));
    for (browser, name) in [(&first, "zoe"), (&second, "ZOE")] {
        browser.press("Register");
        browser.type_into("#name", name);
        browser.type_into("#secret", "secret-1");
        browser.type_into("#again", "secret-1");
        browser.click("#enter");
        if name == "zoe" {
            browser.until("document.body.dataset.ready");
        }
    }
    second.sees("#door-note", "This name is taken.");
    second.press("Sign in");
    second.run("document.getElementById('name').value = '';");
    second.type_into("#name", "bob");
    second.type_into("#secret", &format!("wrong{ENTER}"));
    second.sees("#door-note", "Wrong name or password.");
    second.picture("panther-door");
    assert_eq!(first.text("#me"), "zoe");
    first.click("#b-menu");
    first.press("Sign out");
    first.until("!document.getElementById('door').hidden");
}

#[test]
fn history_comes_on_scrolling_up_and_goes_when_it_is_cleared() {
    let server = server_with(|config| config.limits.rate = 0);
    let [mut bob, mut before] = server.login_all(["bob", "alice"]);
    for n in 0..320 {
        bob.ask(&format!("/msg alice number {n}."), &[&format!("[to alice]: number {n}.")]);
        before.expect(&format!("[bob]: number {n}."));
    }
    before.send("/quit");
    bob.expect("*** alice has left the chat.");
    let alice = at_the_door(&server);
    sign_in(&alice, "alice");
    open(&alice, "@bob");
    alice.sees("#log", "number 319.");
    assert!(!alice.text("#log").contains("number 0."));
    for _ in 0..8 {
        let before = alice.run("return document.querySelectorAll('.msg').length;").as_u64().unwrap();
        if before == 320 {
            break;
        }
        alice.run("document.getElementById('log').scrollTop = 0;");
        alice.until(&format!("document.querySelectorAll('.msg').length > {before}"));
    }
    let shown = alice.run("return [...document.querySelectorAll('.msg .text')].map((one) => one.textContent);");
    let all: Vec<String> = (0..320).map(|n| format!("number {n}.")).collect();
    assert_eq!(shown, serde_json::json!(all), "each once and in order");
    alice.click("#b-conv");
    alice.press("Clear this chat…");
    alice.press("Clear");
    alice.sees("#log", "Nothing has been said here yet.");
    alice.reload();
    sign_in(&alice, "alice");
    open(&alice, "@bob");
    alice.sees("#log", "Nothing has been said here yet.");
    bob.send("/search number in alice");
    assert_eq!(bob.line_with("Found"), "Found with alice:", "bob keeps his view");
}

#[test]
fn receipts_typing_and_unread_counts_are_shown() {
    let server = server();
    let (alice, eve) = (at_the_door(&server), at_the_door(&server));
    sign_in(&alice, "alice");
    sign_in(&eve, "eve");
    open(&alice, "@eve");
    say(&alice, "are you there?");
    alice.until("document.querySelector('.receipt.received')");
    eve.sees("[data-key=\"@alice\"]", "1");
    assert_eq!(eve.run("return document.title;"), "(1) Parlor");
    open(&eve, "@alice");
    alice.until("document.querySelector('.receipt.read')");
    eve.type_into("#text", "y");
    alice.sees("#typing", "eve is typing…");
    eve.type_into("#text", &format!("es{ENTER}"));
    alice.sees("#log", "yes");
    alice.misses("#typing", "eve");
    say(&alice, "/nonsense");
    alice.sees("#log", "Unknown command '/nonsense'");
}
