//! Earlier messages: shown, searched, cleared and deleted, and hidden from everybody who may not see them.

use parlor::model::DuplicateLogin;

use crate::support::{TestClient, TestServer, eventually, timeless};

/// Ends a session, and waits until it is gone.
fn leave(server: &TestServer, mut client: TestClient) {
    let before = server.handle.hub().session_count();
    client.send("/quit");
    client.expect_end();
    eventually("the session has left", || server.handle.hub().session_count() < before);
}

#[test]
fn history_shows_what_each_user_sent_and_received() {
    let server = TestServer::start();
    let [mut alice, mut bob, mut eve] = server.login_all(["alice", "bob", "eve"]);
    alice.ask("/history", &["History is empty."]);
    alice.ask("/history bob", &["History with bob is empty."]);
    alice.ask("/msg bob hi", &["[to bob]: hi"]);
    bob.expect("[alice]: hi");
    bob.ask("/msg alice hello  you", &["[to alice]: hello  you"]);
    alice.expect("[bob]: hello  you");
    alice.ask("/create_group tea", &["Group tea created."]);
    alice.ask("/g tea alone?", &["[Group tea][alice]: alone?"]);
    eve.ask("/broadcast soup", &["[Broadcast][eve]: soup"]);
    [&mut alice, &mut bob].into_iter().for_each(|client| client.expect("[Broadcast][eve]: soup"));
    let all = [
        "History:",
        "#1 {time} [to bob]: hi",
        "#2 {time} [bob]: hello  you",
        "#3 {time} [Group tea][alice]: alone?",
        "#4 {time} [Broadcast][eve]: soup",
    ];
    alice.ask_past("/history", &all);
    alice.ask_past("/history BOB", &["History with bob:", all[1], all[2]]);
    alice.ask_past("/history #TEA", &["History of #tea:", all[3]]);
    bob.ask_past(
        "/history alice",
        &["History with alice:", "#1 {time} [alice]: hi", "#2 {time} [to alice]: hello  you"],
    );
    alice.ask("/talk bob", &["Plain text now goes to bob; /talk alone ends that."]);
    alice.ask_past("/history", &["History with bob:", all[1], all[2]]);
    alice.ask_past("/history all", &all);
    alice.ask("/talk #tea", &["Plain text now goes to #tea; /talk alone ends that."]);
    alice.ask_past("/history", &["History of #tea:", all[3]]);
    [alice, bob, eve].iter_mut().for_each(TestClient::quiet);
}

#[test]
fn a_long_history_is_paged_and_each_page_names_the_next() {
    let server = TestServer::with(|config| config.limits.rate = 0);
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    for n in 1..=45 {
        alice.ask(&format!("/msg bob {n}"), &[&format!("[to bob]: {n}")]);
        bob.expect(&format!("[alice]: {n}"));
    }
    let mut seen = Vec::new();
    let mut question = "/history bob".to_owned();
    for count in [20, 20, 5] {
        alice.send(&question);
        let title = alice.line();
        assert!(title.starts_with("History with bob") && title.ends_with(':'), "{title}");
        let page: Vec<String> = (0..count).map(|_| alice.line()).collect();
        seen.splice(..0, page);
        if count == 20 {
            question = alice.line().strip_prefix("There is more: ").unwrap().to_owned();
        }
    }
    alice.quiet();
    let expected: Vec<String> = (1..=45).map(|n| format!("#{n} {{time}} [to bob]: {n}")).collect();
    assert_eq!(seen.iter().map(|line| timeless(line)).collect::<Vec<_>>(), expected);
    alice.ask_past(
        "/history all 2",
        &["History:", &expected[43], &expected[44], "There is more: /history all 2 before #44"],
    );
    alice.ask_past("/history 2 before 3", &["History before #3:", &expected[0], &expected[1]]);
    alice.ask_past("/history bob BEFORE #2", &["History with bob before #2:", &expected[0]]);
    alice.ask("/history bob before 1", &["History with bob before #1 is empty."]);
}

#[test]
fn a_history_has_at_most_five_hundred_messages_at_once() {
    let server = TestServer::with(|config| config.limits.rate = 0);
    let mut alice = server.login("alice");
    for chunk in (1..=520).collect::<Vec<_>>().chunks(40) {
        alice.send_raw(chunk.iter().map(|n| format!("/broadcast {n}\n")).collect::<String>());
        chunk.iter().for_each(|n| alice.expect(&format!("[Broadcast][alice]: {n}")));
    }
    alice.send("/history 99999999999999999999999");
    alice.expect("History:");
    (21..=520).for_each(|n| assert_eq!(timeless(&alice.line()), format!("#{n} {{time}} [Broadcast][alice]: {n}")));
    alice.expect("There is more: /history all 500 before #21");
    alice.quiet();
}

#[test]
fn bad_arguments_are_answered_with_what_is_wrong() {
    let server = TestServer::start();
    let mut alice = server.login("alice");
    let usage = "Usage: /history [<username>|#<group>|all] [<count>] [before <id>]";
    alice.ask_all(&[
        ("/history bob 0", usage),
        ("/history bob x", usage),
        ("/history bob before soup", usage),
        ("/history nobody", "Error: User 'nobody' does not exist."),
        ("/history _x", "Error: User '_x' does not exist."),
        ("/history #nowhere", "Error: Group 'nowhere' does not exist."),
        ("/history #_x", "Error: Group '_x' does not exist."),
        ("/search", "Usage: /search <words> [in <username>|#<group>]"),
        ("/search soup in nobody", "No message contains all of these words."),
        ("/search soup in #nowhere", "Error: Group 'nowhere' does not exist."),
        ("/clear", "Usage: /clear <username>|#<group>|all, or alone after /talk has chosen a conversation"),
        ("/clear nobody", "Error: User 'nobody' does not exist."),
        ("/delete", "Usage: /delete <id> [<reason>]"),
        ("/delete soup", "Usage: /delete <id> [<reason>]"),
        ("/delete 7", "Error: Message #7 does not exist, or you may not see it."),
    ]);
    alice.quiet();
}

#[test]
fn search_finds_all_words_in_any_case_and_order() {
    let server = TestServer::start();
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    alice.ask("/msg bob Tomato soup, today!", &["[to bob]: Tomato soup, today!"]);
    alice.ask("/broadcast soup in town?", &["[Broadcast][alice]: soup in town?"]);
    bob.expect("[alice]: Tomato soup, today!");
    bob.expect("[Broadcast][alice]: soup in town?");
    let (first, second) = ("#1 {time} [alice]: Tomato soup, today!", "#2 {time} [Broadcast][alice]: soup in town?");
    bob.ask_past("/search SOUP", &["Found:", first, second]);
    bob.ask_past("/search today  tomato", &["Found:", first]);
    bob.ask_past("/search toma", &["Found:", first]);
    bob.ask_past("/search soup IN alice", &["Found with alice:", first]);
    bob.ask_past("/search in town soup", &["Found:", second]);
    bob.ask_past("/search in town", &["Found:", second]);
    bob.ask_all(&[
        ("/search tomato town", "No message contains all of these words."),
        ("/search toms", "No message contains all of these words."),
        ("/search !?", "No message contains all of these words."),
    ]);
    bob.quiet();
}

#[test]
fn search_shows_the_newest_twenty() {
    let server = TestServer::start();
    let mut alice = server.login("alice");
    (1..=25).for_each(|n| alice.ask(&format!("/broadcast soup {n}"), &[&format!("[Broadcast][alice]: soup {n}")]));
    alice.send("/search soup");
    alice.expect("Found:");
    (6..=25).for_each(|n| assert_eq!(timeless(&alice.line()), format!("#{n} {{time}} [Broadcast][alice]: soup {n}")));
    alice.quiet();
}

#[test]
fn clearing_affects_only_the_users_own_view() {
    let server = TestServer::start();
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    alice.ask("/create_group tea", &["Group tea created."]);
    alice.ask_all(&[("/msg bob one", "[to bob]: one"), ("/g tea two", "[Group tea][alice]: two")]);
    bob.expect("[alice]: one");
    alice.ask("/clear bob", &["Cleared: you no longer see earlier messages with bob."]);
    alice.ask("/history bob", &["History with bob is empty."]);
    alice.ask("/search one", &["No message contains all of these words."]);
    alice.ask_past("/history", &["History:", "#2 {time} [Group tea][alice]: two"]);
    bob.ask_past("/history alice", &["History with alice:", "#1 {time} [alice]: one"]);
    bob.ask("/msg alice three", &["[to alice]: three"]);
    alice.expect("[bob]: three");
    alice.ask_past("/history bob", &["History with bob:", "#3 {time} [bob]: three"]);
    alice.ask("/talk #tea", &["Plain text now goes to #tea; /talk alone ends that."]);
    alice.ask("/clear", &["Cleared: you no longer see earlier messages in #tea."]);
    alice.ask_past("/history all", &["History:", "#3 {time} [bob]: three"]);
    alice.ask("/clear all", &["Cleared: you no longer see any earlier messages."]);
    alice.ask("/history all", &["History is empty."]);
    alice.ask("/delete 2", &["Error: Message #2 does not exist, or you may not see it."]);
    alice.quiet();
    bob.quiet();
}

#[test]
fn deleting_leaves_a_tombstone_and_notifies_both_users() {
    let server = TestServer::with(|config| config.duplicate_login = DuplicateLogin::Allow);
    let [mut alice, mut bob, eve] = server.login_all(["alice", "bob", "eve"]);
    let mut phone = server.login("alice");
    alice.ask("/msg bob secret", &["[to bob]: secret"]);
    phone.expect("[to bob]: secret");
    bob.expect("[alice]: secret");
    bob.ask("/delete 1", &["Error: Message #1 is not yours; only its author can delete it."]);
    alice.ask("/delete #1", &["*** alice deleted #1."]);
    phone.expect("*** alice deleted #1.");
    bob.expect("*** alice deleted #1.");
    phone.ask("/delete 1", &["*** alice deleted #1."]);
    bob.ask_past("/history", &["History:", "#1 {time} [alice] (deleted)"]);
    alice.ask_past("/history", &["History:", "#1 {time} [to bob] (deleted)"]);
    bob.ask("/search secret", &["No message contains all of these words."]);
    [alice, bob, eve, phone].iter_mut().for_each(TestClient::quiet);
}

#[test]
fn deleting_notifies_everybody_who_could_see_the_message() {
    let server = TestServer::start();
    let [mut alice, mut bob, mut eve] = server.login_all(["alice", "bob", "eve"]);
    alice.ask("/create_group tea", &["Group tea created."]);
    bob.ask("/join_group tea", &["You joined the group tea."]);
    alice.expect("*** bob has joined the group tea.");
    bob.ask("/g tea hm", &["[Group tea][bob]: hm"]);
    alice.expect("[Group tea][bob]: hm");
    bob.ask("/delete 1", &["*** bob deleted #1."]);
    alice.expect("*** bob deleted #1.");
    bob.ask("/g tea more", &["[Group tea][bob]: more"]);
    alice.expect("[Group tea][bob]: more");
    bob.ask("/leave_group tea", &["You left the group tea."]);
    alice.expect("*** bob has left the group tea.");
    bob.ask("/delete 2", &["*** bob deleted #2."]);
    alice.expect("*** bob deleted #2.");
    eve.ask("/broadcast x", &["[Broadcast][eve]: x"]);
    eve.ask("/delete 3", &["*** eve deleted #3."]);
    for client in [&mut alice, &mut bob] {
        client.expect("[Broadcast][eve]: x");
        client.expect("*** eve deleted #3.");
    }
    bob.ask("/msg bob note to self", &["[bob]: note to self", "[to bob]: note to self"]);
    bob.ask("/delete 4", &["*** bob deleted #4."]);
    [alice, bob, eve].iter_mut().for_each(TestClient::quiet);
}

#[test]
fn only_members_see_a_groups_messages_of_their_time() {
    let server = TestServer::start();
    let [mut alice, mut bob, mut eve] = server.login_all(["alice", "bob", "eve"]);
    alice.ask_all(&[("/create_group tea", "Group tea created."), ("/g tea before", "[Group tea][alice]: before")]);
    bob.ask("/join_group tea", &["You joined the group tea."]);
    alice.expect("*** bob has joined the group tea.");
    alice.ask("/g tea during", &["[Group tea][alice]: during"]);
    bob.expect("[Group tea][alice]: during");
    bob.ask("/leave_group tea", &["You left the group tea."]);
    alice.expect("*** bob has left the group tea.");
    alice.ask("/g tea after", &["[Group tea][alice]: after"]);
    for question in ["/history #tea", "/history #tea before 99"] {
        bob.send(question);
        bob.line_with("History of #tea");
        bob.expect_past(&["#2 {time} [Group tea][alice]: during"]);
    }
    for word in ["before", "after"] {
        bob.ask(&format!("/search {word}"), &["No message contains all of these words."]);
        bob.ask(&format!("/search {word} in #tea"), &["No message contains all of these words."]);
    }
    for id in [1, 3] {
        let hidden = format!("Error: Message #{id} does not exist, or you may not see it.");
        bob.ask(&format!("/delete {id}"), &[&hidden]);
        bob.ask(&format!("/read {id}"), &[&hidden]);
    }
    bob.ask("/delete 2", &["Error: Message #2 is not yours; only its author can delete it."]);
    bob.ask("/read 2", &["Error: Message #2 is not a private message to you."]);
    eve.ask("/history #tea", &["History of #tea is empty."]);
    eve.ask("/search during in #tea", &["No message contains all of these words."]);
    // A group that is gone is known only to those who were in it.
    alice.ask("/leave_group tea", &["You left the group tea. It is empty now and was deleted."]);
    bob.ask_past("/history #TEA", &["History of #tea:", "#2 {time} [Group tea][alice]: during"]);
    eve.ask("/history #tea", &["Error: Group 'tea' does not exist."]);
    // A new group of the same name is the same conversation, but new members do not see the old messages.
    eve.ask("/create_group tea", &["Group tea created."]);
    eve.ask("/history #tea", &["History of #tea is empty."]);
    [alice, bob, eve].iter_mut().for_each(TestClient::quiet);
}

#[test]
fn private_messages_are_hidden_from_others() {
    let server = TestServer::start();
    let [mut alice, mut bob, mut eve] = server.login_all(["alice", "bob", "eve"]);
    alice.ask("/msg bob the code is swordfish", &["[to bob]: the code is swordfish"]);
    bob.expect("[alice]: the code is swordfish");
    let hidden = "Error: Message #1 does not exist, or you may not see it.";
    eve.ask_all(&[
        ("/history", "History is empty."),
        ("/history alice", "History with alice is empty."),
        ("/history bob before 2", "History with bob before #2 is empty."),
        ("/search swordfish", "No message contains all of these words."),
        ("/search swordfish in bob", "No message contains all of these words."),
        ("/delete 1", hidden),
        ("/read 1", hidden),
        ("/delete 2", "Error: Message #2 does not exist, or you may not see it."),
    ]);
    eve.quiet();
    bob.ask_past("/history", &["History:", "#1 {time} [alice]: the code is swordfish"]);
}

#[test]
fn a_deleted_account_is_marked_and_its_messages_stay() {
    let server = TestServer::start();
    let [mut alice, mut bob, mut eve] = server.login_all(["alice", "bob", "eve"]);
    alice.ask("/msg bob hi", &["[to bob]: hi"]);
    bob.expect("[alice]: hi");
    bob.ask("/msg alice bye", &["[to alice]: bye"]);
    alice.expect("[bob]: bye");
    bob.ask("/broadcast bye all", &["[Broadcast][bob]: bye all"]);
    [&mut alice, &mut eve].into_iter().for_each(|client| client.expect("[Broadcast][bob]: bye all"));
    let file = server.dir.path().join("users.txt");
    let users = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, users.replace("bob:qwerty456\n", "")).unwrap();
    server.handle.reload().unwrap();
    alice.ask("/msg bob still there?", &["Error: User 'bob' does not exist."]);
    let lines = ["#1 {time} [to bob (deleted)]: hi", "#2 {time} [bob (deleted)]: bye"];
    alice.ask_past("/history BOB", &["History with bob:", lines[0], lines[1]]);
    alice.ask_past("/search bye in bob", &["Found with bob:", lines[1]]);
    eve.ask_past("/history", &["History:", "#3 {time} [Broadcast][bob (deleted)]: bye all"]);
    eve.ask("/history bob", &["Error: User 'bob' does not exist."]);
    alice.ask("/clear bob", &["Cleared: you no longer see earlier messages with bob."]);
    alice.ask("/history bob", &["Error: User 'bob' does not exist."]);
    leave(&server, bob);
}

#[test]
fn history_in_machine_mode_has_fields() {
    let server = TestServer::start();
    let [mut bot, mut bob] = server.login_all(["alice", "bob"]);
    bob.ask_all(&[("/msg alice one", "[to alice]: one"), ("/broadcast two", "[Broadcast][bob]: two")]);
    bot.line_with("two");
    bot.ask("/mode machine", &["mode name=machine"]);
    bot.ask("/history bob", &["history of=bob count=1"]);
    let line = bot.line();
    assert!(line.starts_with("past id=1 at=20") && line.ends_with("Z from=bob to=alice text=one"), "{line}");
    bot.ask("/history 1", &["history of=all count=1"]);
    let line = bot.line();
    assert!(line.starts_with("past id=2 at=20") && line.ends_with("Z from=bob text=two"), "{line}");
    bot.expect("earlier of=all before=2 count=1");
    bot.ask_all(&[
        ("/history bob before 1", "history of=bob before=1 count=0"),
        ("/search three", "found of=all count=0"),
        ("/clear bob", "cleared of=bob"),
        ("/delete 2", "error code=not_yours text=Error: Message #2 is not yours; only its author can delete it."),
    ]);
    bob.ask("/delete 2", &["*** bob deleted #2."]);
    bot.expect("deleted id=2 by=bob");
    bot.ask("/history", &["history of=all count=1"]);
    let line = bot.line();
    assert!(line.ends_with("Z from=bob deleted=true"), "{line}");
}
