//! Rooms: who comes in, and what a reload leaves of them.

use super::{at_the_door, open, server, sign_in, sized};

#[test]
fn a_room_for_two_refuses_the_third_and_a_reload_leaves_it() {
    let server = server();
    let mut bob = server.login("bob");
    let alice = at_the_door(&server);
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    alice.press("Room");
    alice.run("document.querySelector('dialog [name=size]').value = 2;");
    alice.press("Make a room");
    alice.sees("#subtitle", "1 of 2 here");
    let code = alice.text("#title");
    bob.ask(&format!("/room join {code}"), &[&format!("You joined the room {code} (2/2).")]);
    alice.sees("#subtitle", "2 of 2 here");
    let guest = sized(&server, 390, 800);
    guest.press("Guest");
    guest.click("#enter");
    guest.until("document.body.dataset.ready");
    bob.expect("*** guest-1 has joined the chat.");
    guest.press("Room");
    guest.type_into("dialog [name=code]", &code);
    guest.press("Join");
    open(&guest, "*");
    guest.sees("#log", "is full");
    bob.ask(&format!("/g {code} between us"), &[&format!("[Group {code}][bob]: between us")]);
    alice.sees("#log", "between us");
    alice.picture("panther-room");
    alice.reload();
    alice.until("!document.getElementById('door').hidden && document.getElementById('app').hidden");
    bob.expect("*** alice has left the chat.");
    bob.expect("*** alice has left (1/2).");
    sign_in(&alice, "alice");
    assert!(!alice.text("#list").contains(&code));
}
