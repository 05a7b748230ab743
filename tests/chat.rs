//! Talking: who sees what, letter by letter.

use crate::support::TestServer;

#[test]
fn a_private_message_reaches_its_recipient_and_comes_back_as_echo() {
    let server = TestServer::start();
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    alice.send("/msg bob hi  there");
    alice.expect("[to bob]: hi  there");
    bob.expect("[alice]: hi  there");
    alice.quiet();
    bob.quiet();
}
