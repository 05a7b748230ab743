//! Conversations: registration, groups, history, receipts, typing.

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
fn a_name_can_be_registered_once() {
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
fn history_loads_on_scrolling_up_and_can_be_cleared() {
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
    alice.sees("#log", "No messages yet.");
    alice.reload();
    sign_in(&alice, "alice");
    open(&alice, "@bob");
    alice.sees("#log", "No messages yet.");
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
    alice.sees("#refused", "Unknown command '/nonsense'");
    assert_eq!(alice.run("return document.getElementById('text').value;"), "/nonsense", "it is still there");
}

#[test]
fn a_group_is_created_managed_and_left_by_its_menus() {
    let server = server();
    let [mut bob, mut eve] = server.login_all(["bob", "eve"]);
    let alice = at_the_door(&server);
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    let menu = |item: &str| {
        alice.click("#b-conv");
        alice.press(item);
    };
    let about = |member: &str, act: &str| {
        alice.click("#b-conv");
        alice.press(member);
        alice.press(act);
    };
    alice.press("New group");
    alice.type_into("dialog [name=name]", "crew");
    alice.click("dialog [name=private]");
    alice.type_into("dialog [name=topic]", "ships & sails");
    alice.press("Create");
    alice.sees("#subtitle", "ships & sails");
    menu("Invite…");
    alice.type_into("dialog [name=who]", "bob");
    alice.press("Invite");
    bob.expect("*** alice invites you to the group crew; /accept #crew joins it.");
    bob.ask("/accept #crew", &["You joined the group crew."]);
    alice.sees("#log", "bob has joined");
    alice.sees("#subtitle", "2 members");
    about("bob", "Promote bob");
    bob.expect("*** alice made bob an admin of the group crew.");
    alice.sees("#log", "bob is admin now, by alice.");
    about("bob admin", "Mute bob");
    alice.type_into("dialog [name=time]", "10m");
    alice.type_into("dialog [name=why]", "loud");
    alice.press("Mute");
    assert!(bob.line_with("You were muted in the group crew by alice until").ends_with(": loud"));
    menu("Bans and mutes…");
    alice.sees("dialog", "bob is muted by alice until");
    alice.press("Lift");
    bob.expect("*** alice unmuted you in the group crew.");
    menu("Settings…");
    alice.run("document.querySelector('dialog [name=topic]').value = '';");
    alice.type_into("dialog [name=topic]", "anchors");
    alice.press("Save");
    assert!(bob.line_with("alice changed the group crew").ends_with("Topic: anchors"));
    alice.sees("#subtitle", "anchors");
    about("bob admin", "Kick bob");
    alice.type_into("dialog [name=why]", "mutiny");
    alice.press("Kick");
    bob.expect("*** You were kicked from the group crew by alice: mutiny");
    alice.sees("#subtitle", "1 member ");
    menu("Leave the group…");
    alice.sees("dialog", "You are its last member");
    alice.press("Leave");
    alice.sees("#log", "You left the group.");
    eve.send("/groups");
    eve.line_with("There are no groups yet");
}

#[test]
fn typed_commands_are_answered_on_the_page() {
    let server = server();
    let mut bob = server.login("bob");
    let alice = at_the_door(&server);
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    bob.ask("/create_group rust topic=crabs", &["Group rust created."]);
    open(&alice, "*");
    for (line, answer) in [
        ("/whoami", "groups: none"),
        ("/users", "users: alice, bob"),
        ("/groups", "names: rust"),
        ("/group rust", "text: crabs"),
        ("/whois bob", "online: true"),
        ("/whois zoe", "User 'zoe' does not exist."),
        ("/away at lunch", "You are away: at lunch"),
        ("/ignore", "You ignore nobody."),
        ("/help ping", "/ping"),
    ] {
        alice.clear("#text");
        say(&alice, line);
        alice.sees("#log", answer);
    }
    alice.click("#b-menu");
    alice.press("I’m back");
    alice.sees("#log", "You are back.");
    open(&alice, "@bob");
    say(&alice, "/me waves");
    bob.expect("[alice] * alice waves");
    say(&alice, "//not a command");
    bob.expect("[alice]: /not a command");
}

#[test]
fn a_search_result_opens_in_its_conversation() {
    let server = server();
    let mut bob = server.login("bob");
    bob.ask("/broadcast tomato soup for all", &["[Broadcast][bob]: tomato soup for all"]);
    bob.ask(
        "/msg alice tomato salad",
        &["[to alice]: tomato salad", "*** alice is not online; your message is kept until the next login."],
    );
    let alice = at_the_door(&server);
    sign_in(&alice, "alice");
    alice.sees("[data-key=\"@bob\"]", "1");
    alice.click("#b-search");
    alice.type_into("dialog [name=words]", &format!("tomato{ENTER}"));
    alice.sees("dialog", "tomato salad");
    alice.until("document.querySelectorAll('dialog .found').length === 2");
    alice.click("dialog .found");
    alice.sees("#title", "bob");
    alice.sees("#log", "tomato salad");
    alice.click("#b-search");
    alice.type_into("dialog [name=words]", &format!("turnip{ENTER}"));
    alice.sees("dialog", "No message contains all of these words.");
}

#[test]
fn the_list_shows_who_is_away_and_when_others_were_online() {
    let server = server();
    let [mut bob, mut eve] = server.login_all(["bob", "eve"]);
    bob.send("/away at lunch\n/ping away");
    bob.line_with("Pong: away");
    eve.ask(
        "/msg alice hello",
        &["[to alice]: hello", "*** alice is not online; your message is kept until the next login."],
    );
    eve.send("/quit");
    bob.expect("*** eve has left the chat.");
    let alice = at_the_door(&server);
    sign_in(&alice, "alice");
    alice.until("document.querySelector('[data-key=\"@bob\"] .dot.away')");
    alice.until("document.querySelector('[data-key=\"@eve\"] .dot.off')");
    alice.until("document.querySelector('[data-key=\"@eve\"]').ariaLabel.includes('last seen')");
    open(&alice, "@eve");
    alice.sees("#subtitle", "Last seen");
    open(&alice, "@bob");
    alice.sees("#subtitle", "Away: at lunch");
}

#[test]
fn notifications_need_permission_and_are_silent() {
    let server = server();
    let mut bob = server.login("bob");
    let alice = at_the_door(&server);
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    // Headless browsers show none, so one that writes them down stands in.
    let stand_in = "window.notes = []; window.Notification = class {
        static permission = 'default';
        static requestPermission() { Notification.permission = 'granted'; }
        constructor(title, { body, silent }) { notes.push([title, body, silent]); }
    };";
    alice.run(stand_in);
    bob.ask("/msg alice psst", &["[to alice]: psst"]);
    alice.sees("[data-key=\"@bob\"]", "1");
    assert_eq!(alice.run("return notes;"), serde_json::json!([]), "nobody asked for them");
    alice.click("#b-menu");
    alice.press("Turn on notifications…");
    bob.ask("/msg alice are you there?", &["[to alice]: are you there?"]);
    alice.until("notes.length");
    assert_eq!(alice.run("return notes;"), serde_json::json!([["bob", "are you there?", true]]));
    assert_eq!(alice.run("return document.title;"), "(2) Parlor");
}
