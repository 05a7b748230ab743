//! Presence: online, away and back, and when a user was last seen.

use parlor::model::DuplicateLogin;

use crate::support::{TestServer, eventually};

#[test]
fn an_away_user_is_marked_and_senders_are_told() {
    let server = TestServer::start();
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    bob.ask("/away lunch, back at two", &["You are away: lunch, back at two"]);
    alice.ask("/users", &["Online users:", "alice", "bob (away: lunch, back at two)"]);
    alice.ask("/msg bob soup?", &["[to bob]: soup?", "*** bob is away: lunch, back at two"]);
    bob.expect("[alice]: soup?");
    bob.ask("/back", &["You are back."]);
    alice.ask("/users", &["Online users:", "alice", "bob"]);
    alice.ask("/msg bob now?", &["[to bob]: now?"]);
    bob.expect("[alice]: now?");
    bob.ask("/away", &["You are away: gone for a while"]);
    bob.ask("/back now", &["Usage: /back"]);
    alice.quiet();
}

#[test]
fn away_covers_all_sessions_and_ends_with_the_last() {
    let server = TestServer::with(|config| config.duplicate_login = DuplicateLogin::Allow);
    let mut phone = server.login("alice");
    let mut desk = server.login("alice");
    phone.ask("/away x", &["You are away: x"]);
    desk.expect("You are away: x");
    for mut session in [phone, desk] {
        session.send("/quit");
        session.expect_end();
    }
    eventually("alice has left", || server.handle.hub().session_count() == 0);
    server.login("alice").ask("/users", &["Online users:", "alice"]);
}

#[test]
fn the_away_text_is_bounded() {
    let server = TestServer::start();
    let mut alice = server.login("alice");
    alice.send(&format!("/away {}", "x".repeat(4000)));
    alice.expect(&format!("You are away: {}…", "x".repeat(100)));
}

#[test]
fn whois_shows_login_idle_time_and_shared_groups() {
    let server = TestServer::start();
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    for group in ["red", "tea"] {
        bob.ask(&format!("/create_group {group}"), &[&format!("Group {group} created.")]);
    }
    alice.ask("/join_group tea", &["You joined the group tea."]);
    bob.expect("*** alice has joined the group tea.");
    alice.send("/whois BOB");
    let line = alice.line();
    assert!(
        line.starts_with("bob has been online since 20")
            && line.ends_with(" UTC, idle for 0 min, groups you share: tea."),
        "{line}"
    );
    bob.ask("/away tea", &["You are away: tea"]);
    alice.send("/whois bob");
    let line = alice.line();
    assert!(line.ends_with(", idle for 0 min, away (tea), groups you share: tea."), "{line}");
    bob.send("/quit");
    alice.expect("*** bob has left the chat.");
    alice.send("/whois bob");
    let line = alice.line();
    assert!(line.starts_with("bob is offline, last seen 20") && line.ends_with(" UTC."), "{line}");
    alice.ask("/whois charlie", &["charlie is offline."]);
    alice.ask("/whois nobody", &["Error: User 'nobody' does not exist."]);
    alice.ask("/whois", &["Usage: /whois <username>"]);
}

#[test]
fn presence_has_fields_for_programs() {
    let server = TestServer::start();
    let [mut bot, mut bob] = server.login_all(["alice", "bob"]);
    bot.ask("/mode machine", &["mode name=machine"]);
    bob.ask("/away tea time", &["You are away: tea time"]);
    bot.ask("/users", &["users names=alice,bob away=bob"]);
    bot.send("/msg bob x");
    bot.line_with("sent ");
    bot.expect("user_away user=bob text=tea time");
    bob.expect("[alice]: x");
    bot.send("/whois bob");
    let line = bot.line();
    assert!(
        line.starts_with("whois name=bob online=true since=20") && line.ends_with(" idle=0 shared= text=tea time"),
        "{line}"
    );
    bot.ask("/whois charlie", &["whois name=charlie online=false"]);
    bot.ask("/away", &["away text=gone for a while"]);
    bot.ask("/back", &["away text="]);
}
