//! Rooms: joining them, and every way of leaving them.

use parlor::model::{DuplicateLogin, WebOrigin};

use super::cable::Cable;
use super::{Browser, at_the_door, open, say, server, server_with, sign_in, sized};
use crate::support::{TestClient, TestServer, password};

/// Makes a room through the page, and gives its code.
fn make_room(browser: &Browser, topic: &str, size: u32) -> String {
    browser.press("Room");
    browser.type_into("dialog [name=topic]", topic);
    browser.run(&format!("document.querySelector('dialog [name=size]').value = {size};"));
    browser.press("Create room");
    browser.sees("#subtitle", &format!("1 of {size} here"));
    let line = browser.text("#subtitle");
    line.split(' ').nth(1).unwrap().to_owned()
}

fn join(client: &mut TestClient, code: &str, said: &str) {
    client.ask(&format!("/room join {code}"), &[&format!("You joined the room {code} {said}")]);
}

#[test]
fn a_room_shows_its_name_code_and_members_live() {
    let server = server();
    let mut bob = server.login("bob");
    let alice = at_the_door(&server);
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    alice.press("Room");
    alice.picture("panther-rooms");
    alice.press("✕");
    let code = make_room(&alice, "Lunch at one", 3);
    assert_eq!(alice.text("#title"), "Lunch at one");
    assert!(alice.text("#subtitle").contains(&format!("Room {code} · 1 of 3 here")));
    join(&mut bob, &code, "(2/3). Topic: Lunch at one");
    alice.sees("#subtitle", "2 of 3 here");
    alice.sees(&format!("[data-key=\"#{}\"]", code.to_lowercase()), "2/3");
    // Another page, by the dialog that asks for the code, in small letters.
    let phone = sized(&server, 390, 800);
    phone.press("Guest");
    phone.click("#enter");
    phone.until("document.body.dataset.ready");
    bob.expect("*** guest-1 has joined the chat.");
    phone.press("Room");
    phone.type_into("dialog [name=code]", &code.to_lowercase());
    phone.press("Join");
    phone.sees("#title", "Lunch at one");
    phone.sees("#subtitle", "3 of 3 here");
    alice.sees("#subtitle", "3 of 3 here");
    bob.expect("*** guest-1 has joined (3/3).");
    bob.ask(&format!("/g {code} between us"), &[&format!("[Group {code}][bob]: between us")]);
    alice.sees("#log", "between us");
    phone.sees("#log", "between us");
    say(&alice, "The table by the window?");
    bob.expect(&format!("[Group {code}][alice]: The table by the window?"));
    say(&phone, "See you there!");
    alice.sees("#log", "See you there!");
    bob.expect(&format!("[Group {code}][guest-1]: See you there!"));
    alice.picture("panther-room");
    phone.picture("panther-phone-room");
    bob.ask("/room leave", &[&format!("You left the room {code}.")]);
    alice.sees("#subtitle", "2 of 3 here");
}

#[test]
fn a_room_for_two_refuses_the_third_and_a_reload_leaves_it() {
    let server = server();
    let mut bob = server.login("bob");
    let alice = at_the_door(&server);
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    let code = make_room(&alice, "", 2);
    assert_eq!(alice.text("#title"), code, "without a name it is called by its code");
    join(&mut bob, &code, "(2/2).");
    alice.sees("#subtitle", "2 of 2 here");
    let guest = sized(&server, 390, 800);
    guest.press("Guest");
    guest.click("#enter");
    guest.until("document.body.dataset.ready");
    bob.expect("*** guest-1 has joined the chat.");
    guest.press("Room");
    guest.type_into("dialog [name=code]", &code);
    guest.press("Join");
    guest.sees("dialog", "is full");
    alice.reload();
    alice.until("!document.getElementById('door').hidden && document.getElementById('app').hidden");
    bob.expect("*** alice has left the chat.");
    bob.expect("*** alice has left (1/2).");
    sign_in(&alice, "alice");
    assert!(!alice.text("#list").contains(&code));
}

#[test]
fn a_remembered_login_leaves_no_ghost_in_a_room_on_reload() {
    let server = server_with(|config| config.duplicate_login = DuplicateLogin::Allow);
    let mut bob = server.login("bob");
    let alice = at_the_door(&server);
    alice.type_into("#name", "alice");
    alice.type_into("#secret", password("alice"));
    alice.click("#stay");
    alice.click("#enter");
    alice.until("localStorage.getItem('parlor.stay')");
    bob.expect("*** alice has joined the chat.");
    let code = make_room(&alice, "Ghosts", 2);
    join(&mut bob, &code, "(2/2). Topic: Ghosts");
    alice.reload();
    alice.until("document.body.dataset.ready");
    bob.expect("*** alice has left the chat.");
    bob.expect("*** alice has left (1/2).");
    bob.expect("*** alice has joined the chat.");
    assert_eq!(alice.text("#title"), "Parlor", "nothing is open");
    assert!(!alice.text("#list").contains("Ghosts"));
}

#[test]
fn every_way_of_leaving_a_room_is_seen_at_once() {
    let mut cable = Cable::new();
    let server =
        server_with(|config| config.web_origin = vec![WebOrigin::parse(&format!("http://{}", cable.addr)).unwrap()]);
    cable.plug(server.web[0]);
    let mut bob = server.login("bob");
    let alice = Browser::start(1280, 800);
    alice.visit(&format!("http://{}/", cable.addr));
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    // By the menu.
    let code = make_room(&alice, "First", 2);
    join(&mut bob, &code, "(2/2). Topic: First");
    alice.click("#b-conv");
    alice.press("Leave the room…");
    alice.press("Leave");
    bob.expect("*** alice has left (1/2).");
    alice.misses("#list", "First");
    bob.ask("/room leave", &[&format!("You left the room {code}. It is empty now and was deleted.")]);
    // By a lost connection: the page says so, comes back, and is not in the room.
    let code = make_room(&alice, "Second", 2);
    join(&mut bob, &code, "(2/2). Topic: Second");
    cable.pull();
    bob.expect("*** alice has left the chat.");
    bob.expect("*** alice has left (1/2).");
    alice.until("!document.getElementById('offline').hidden");
    cable.plug(server.web[0]);
    bob.expect("*** alice has joined the chat.");
    alice.sees("dialog", "you left Second");
    assert!(!alice.text("#list").contains("Second"));
    alice.press(&format!("Rejoin {code}"));
    bob.expect("*** alice has joined (2/2).");
    alice.sees("#subtitle", "2 of 2 here");
    // By closing the tab.
    alice.close_tab();
    bob.expect("*** alice has left the chat.");
    bob.expect("*** alice has left (1/2).");
    bob.ask("/room leave", &[&format!("You left the room {code}. It is empty now and was deleted.")]);
    expect_nothing_of(&server, &code);
}

/// Of a room that is gone nothing is left on the server.
fn expect_nothing_of(server: &TestServer, code: &str) {
    assert_eq!(server.handle.hub().group_count(), 0);
    let mut eve = server.login("eve");
    eve.ask(&format!("/room join {code}"), &[&format!("Error: Room '{code}' does not exist.")]);
    eve.send("/search Second");
    assert_eq!(eve.line(), "No message contains all of these words.");
}

#[test]
fn a_second_page_of_the_same_user_knows_the_room_by_its_name() {
    let server = server_with(|config| config.duplicate_login = DuplicateLogin::Allow);
    let (one, two) = (at_the_door(&server), at_the_door(&server));
    sign_in(&one, "alice");
    let code = make_room(&one, "Tea", 4);
    sign_in(&two, "alice");
    two.sees("#list", "Tea");
    open(&two, &format!("#{}", code.to_lowercase()));
    two.sees("#subtitle", &format!("Room {code} · 1 of 4 here"));
    one.reload();
    one.until("!document.getElementById('door').hidden");
    two.sees("#subtitle", "1 of 4 here");
}
