//! The operator's page.

use parlor::model::Role;
use parlor::store::Entry;

use super::{at_the_door, server, sign_in};

#[test]
fn an_operator_sees_who_is_here_and_acts_with_a_reason() {
    let server = server();
    let role = Entry::Role { user: "alice".parse().unwrap(), role: Role::Admin };
    server.handle.hub().record(vec![role]).unwrap();
    let mut bob = server.login("bob");
    let alice = at_the_door(&server);
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    bob.send("/report alice bossy");
    alice.click("#b-menu");
    alice.press("Operator’s page");
    alice.sees("#operate", "sessions (2)");
    alice.sees("#operate", "reports (1)");
    alice.sees("#operate", "bossy");
    alice.sees("#operate", "Messages a second");
    alice.picture("panther-operator");
    alice.press("Announce…");
    alice.type_into("dialog [name=text]", "soup is served");
    alice.press("Tell everybody");
    bob.line_with("Announcement: soup is served");
    let row = "[...document.querySelectorAll('#operate tr')].find((row) => row.textContent.includes('bob'))";
    alice.run(&format!("{row}.querySelectorAll('button')[1].click();"));
    alice.type_into("dialog [name=time]", "10m");
    alice.type_into("dialog [name=why]", "loud");
    alice.press("Do it");
    assert!(bob.line_with("muted you").ends_with(": loud."));
    alice.sees("#operate", "penalties (1)");
    alice.press("Lift");
    bob.line_with("You may speak again.");
    alice.press("Done");
    alice.sees("#operate", "reports (0)");
    let user = at_the_door(&server);
    sign_in(&user, "eve");
    user.click("#b-menu");
    user.sees("dialog", "Sign out");
    assert!(!user.text("dialog").contains("Operator"), "for whom it is not meant there is none");
}
