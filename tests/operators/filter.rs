//! The word filter and reports.

use std::fs;

use parlor::model::Role;

use super::{line_from, promote};
use crate::support::{TestServer, timeless};

fn server() -> TestServer {
    let server = TestServer::with(|config| {
        let path = config.users.with_file_name("words");
        fs::write(&path, "darn replace\nsp*m refuse\nleak report\n").unwrap();
        config.word_filter = Some(path);
    });
    promote(&server, "alice", Role::Admin);
    server
}

#[test]
fn the_filter_is_applied_once_per_message() {
    let server = server();
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    bob.ask("/msg alice Darn, darned", &["[to alice]: ****, darned"]);
    alice.expect("[bob]: ****, darned");
    bob.ask("/broadcast buy SPAAM now", &["Error: Not sent: your message contains a blocked word."]);
    bob.ask("/talk alice", &["Plain text now goes to alice; /talk alone ends that."]);
    bob.ask("/me is darn late", &["[to alice] * bob is **** late"]);
    alice.expect("[bob] * bob is **** late");
    bob.ask("/me likes spam", &["Error: Not sent: your message contains a blocked word."]);
    bob.ask("/msg alice a leak!", &["[to alice]: a leak!"]);
    alice.expect("*** Report 1: the word filter matched bob: leak");
    alice.expect("[bob]: a leak!");
    bob.ask("/msg alice one more leak", &["[to alice]: one more leak"]);
    alice.expect("[bob]: one more leak");
    let words = server.dir.path().join("words");
    fs::write(&words, "other refuse\n").unwrap();
    alice.ask("/reload", &["Reloaded 1007 users and 1 filter pattern."]);
    bob.ask("/msg alice darn", &["[to alice]: darn"]);
    alice.expect("[bob]: darn");
    fs::write(&words, "other refuse\nx\n").unwrap();
    alice.send("/reload");
    let answer = alice.line();
    assert!(answer.starts_with("Error: Not everything was reloaded: word-filter: "), "{answer}");
    bob.ask("/msg alice other", &["Error: Not sent: your message contains a blocked word."]);
}

#[test]
fn a_report_reaches_operators_now_or_at_their_next_look() {
    let server = server();
    promote(&server, "eve", Role::Moderator);
    let [mut alice, mut bob, mut frank] = server.login_all(["alice", "bob", "frank"]);
    frank.ask("/msg bob you fool", &["[to bob]: you fool"]);
    bob.expect("[frank]: you fool");
    bob.ask("/report #1 rude", &["Report 1 filed. 1 operator is online."]);
    alice.expect("*** Report 1: bob reports frank:#1: rude [you fool]");
    bob.ask("/report frank", &["Report 2 filed. 1 operator is online."]);
    alice.expect("*** Report 2: bob reports frank");
    bob.ask("/report zoe", &["Error: User 'zoe' does not exist."]);
    bob.ask("/report #9", &["Error: Message #9 does not exist, or you may not see it."]);
    frank.quiet();
    let mut eve = server.login("eve");
    eve.send("/reports");
    line_from(&mut eve, "number");
    let row = timeless(&eve.line());
    assert_eq!(row.split_whitespace().collect::<Vec<_>>()[..5], ["1", "{time}", "UTC", "bob", "frank:#1"]);
    eve.line_with("frank");
    eve.ask("/reports done 1", &["Report 1 closed."]);
    eve.ask("/reports done 1", &["Error: Report 1 does not exist; /reports lists them."]);
    eve.ask("/reports done 2", &["Report 2 closed."]);
    eve.ask("/reports", &["There are no reports."]);
    eve.quiet();
}
